"""Operators, comparisons, casts, conditions and literals."""

from .scalars import joined
from .values import POOLS

ARITHMETIC = [
    ("double", "double"), ("bigint", "bigint"), ("integer", "integer"), ("integer", "bigint"), ("bigint", "double"),
    ("integer", "double"),
]
DATES = [
    ("timestamp", "+", "interval day to second"), ("timestamp", "-", "interval day to second"),
    ("timestamp", "+", "interval year to month"), ("timestamp", "-", "interval year to month"),
    ("date", "+", "interval year to month"), ("date", "-", "interval year to month"), ("date", "+", "interval day to second"),
    ("date", "-", "interval day to second"), ("interval day to second", "+", "interval day to second"),
    ("interval day to second", "-", "interval day to second"), ("interval day to second", "*", "small"),
    ("interval day to second", "/", "small"), ("interval year to month", "*", "small"),
    ("interval year to month", "+", "interval year to month"), ("interval day to second", "*", "double"),
    ("interval year to month", "/", "small"), ("timestamp", "-", "timestamp"), ("interval day to second", "+", "timestamp"),
]
COMPARED = ["double", "bigint", "varchar", "boolean", "timestamp", "date", "interval day to second"]
MIXED = [("bigint", "double"), ("integer", "bigint"), ("timestamp", "date"), ("varchar", "bigint"), ("boolean", "integer")]

TEXTS = {
    "double": "1.5 |-2e3|1e400|+1.| .5|NaN|Infinity|-Infinity|inf|0x10|1e|1d|1_0||1,5|-0|.|1.7976931348623157E308|4.9E-324|abc",
    "bigint": "12|-12|+12| 12|12 |1.0|9223372036854775807|9223372036854775808|-9223372036854775808||x|0012|1e3|--1",
    "integer": "12|-12|+12| 12|2147483647|2147483648|-2147483648||x|0|007",
    "boolean": "true|false|TRUE|t|f|T|1|0|yes|no||True | true|on",
    "timestamp": (
        "2021-01-01 00:00:00|2021-01-01|2021-01-01 12:34|2021-01-01 12:34:56.5|2021-1-2 3:4:5|2021-02-29 00:00:00|2021-01-01T00:00:00"
        "|2021-01-01 24:00:00|2021-01-01 23:59:60| 2021-01-01|2021-01-01 |x||2021-01-01 00:00:00.123456789|2021-13-01|21-01-01"
        "|2021-01-01 00:00:00.1234567891|2021-01-01 12|2021-01-01 12:|2021-01-01 1:02:03"
    ),
    "date": "2021-01-01|2021-02-29|2021-1-2| 2021-01-01 |2021-01-01 00:00:00|x||2024-02-29|2021-13-01|20210101|2021-01|+2021-01-01",
}
CASTS = {
    "varchar": ["double", "bigint", "integer", "boolean", "timestamp", "date", "interval day to second", "varchar"],
    "double": ["bigint", "integer", "boolean", "double"],
    "bigint": ["double", "integer", "boolean"],
    "integer": ["double", "bigint", "boolean"],
    "boolean": ["double", "bigint", "integer"],
    "timestamp": ["date", "timestamp"],
    "date": ["timestamp", "date"],
    "array(varchar)": ["array(bigint)", "array(double)", "array(boolean)"],
    "array(bigint)": ["array(double)", "array(varchar)", "array(boolean)"],
    "array(double)": ["array(bigint)", "array(varchar)"],
}
ROUNDED = ["0.5", "-0.5", "1.5", "2.5", "-2.5", "2147483647.4", "2147483647.5", "-2147483648.5", "9223372036854774784.0", "0.49999999999999994"]

PLAIN = [
    "SELECT CAST(1 AS date)", "SELECT CAST(true AS timestamp)", "SELECT CAST(DATE '2021-01-01' AS bigint)", "SELECT CAST(ARRAY[1] AS bigint)",
    "SELECT CAST(ROW(1, 'a') AS ROW(x double, y varchar))", "SELECT CAST(ROW(1, '2') AS ROW(varchar, bigint))",
    "SELECT CAST(ROW(1, 2) AS ROW(a double, b bigint)).a", "SELECT TRY_CAST(ROW('x') AS ROW(bigint))", "SELECT CAST(ROW(1) AS ROW(a bigint, b bigint))",
    "SELECT CAST(NULL AS ROW(a bigint))", "SELECT CAST(ARRAY[ROW(1)] AS array(row(a varchar)))[1].a", "SELECT ROW(1, 'a', NULL)", "SELECT ROW(ROW(1), ARRAY[true])",
    "SELECT CAST(ARRAY[ARRAY[1, NULL], NULL] AS array(array(varchar)))", "SELECT TRY_CAST(ARRAY['1', 'x'] AS array(bigint))",
    "SELECT ARRAY[1, 2.5, NULL]", "SELECT ARRAY[1, 'a']", "SELECT ARRAY[]", "SELECT ARRAY[ARRAY[1], ARRAY[2.5]]",
    "SELECT ARRAY[1, 2, 3][1], ARRAY['a'][1]", "SELECT ARRAY[1][2]", "SELECT ARRAY[1][0]", "SELECT ARRAY[1][-1]", "SELECT ARRAY[1][NULL]",
    "SELECT CAST(NULL AS array(bigint))[1]", "SELECT ARRAY[1] || ARRAY[2, NULL], ARRAY[1] || 2, 1 || ARRAY[2]", "SELECT ARRAY[1] || 2.5",
    "SELECT ARRAY[ARRAY[1]] || ARRAY[2]", "SELECT 'a' || NULL", "SELECT 'a' || 1", "SELECT 1 || 2", "SELECT 'a' || 'b' || 'é'",
    "SELECT 1 + 'a'", "SELECT true + 1", "SELECT DATE '2021-01-01' + 1", "SELECT NOT 1", "SELECT 1 AND true", "SELECT -'a'", "SELECT - - 5",
    "SELECT 1 + 2 * 3 - 4 / 2 % 3", "SELECT (1 + 2) * 3, -(-(2)), 2 - -2", "SELECT 7 / 2 * 2.0, 7 / 2.0 * 2", "SELECT 1 = 1 = true", "SELECT 1 < 2 AND 2 < 3 OR false",
    "SELECT NOT true AND false, NOT (true AND false)", "SELECT NOT NULL", "SELECT 0x10", "SELECT 1e3, 1E-3, .5, 5., 1.e2", "SELECT 00012, 1e308, 1e309",
    "SELECT 9223372036854775808", "SELECT -9223372036854775809", "SELECT 2147483647 + 1", "SELECT -2147483648 - 1", "SELECT 2147483648 + 1",
    "SELECT DATE '2021-02-30'", "SELECT DATE 'x'", "SELECT TIMESTAMP '2021-01-01 25:00:00'", "SELECT TIMESTAMP 'x'", "SELECT TIMESTAMP '2021-01-01'",
    "SELECT TIMESTAMP '2021-01-01 01:02'", "SELECT TIMESTAMP '2021-1-1 1:2:3'", "SELECT DATE '2021-1-1'", "SELECT DOUBLE '1.5', BIGINT '7', INTEGER '-3', VARCHAR 'x'",
    "SELECT DOUBLE 'x'", "SELECT BIGINT '1.5'", "SELECT INTERVAL '1' day, INTERVAL '2' hour, INTERVAL '-3' minute, INTERVAL '4' second, INTERVAL '5' month, INTERVAL '6' year",
    "SELECT INTERVAL 'x' day", "SELECT INTERVAL '1.5' second", "SELECT INTERVAL -'2' day", "SELECT INTERVAL '1' day = INTERVAL '24' hour, INTERVAL '12' month = INTERVAL '1' year",
    "SELECT INTERVAL '1' day + INTERVAL '1' month", "SELECT -INTERVAL '1' day, -INTERVAL '2' month", "SELECT 'it''s', '', ' ', 'é😀'", "SELECT \"x\"", "SELECT true, FALSE, null",
    "SELECT TIMESTAMP '2021-01-31 00:00:00' + INTERVAL '1' month, TIMESTAMP '2021-03-31 00:00:00' - INTERVAL '1' month",
    "SELECT 1 IN (1, NULL), 2 IN (1, NULL), NULL IN (1), 2 NOT IN (1, NULL), 2 NOT IN (1, 3)", "SELECT 1 IN (1.0, 2), 'a' IN ('b', 'a')", "SELECT 1 IN ('a')",
    "SELECT 2 BETWEEN 1 AND 3, 2 NOT BETWEEN 1 AND 3, 2 BETWEEN 3 AND 1, 2 BETWEEN NULL AND 1, 2 BETWEEN NULL AND 3", "SELECT 'b' BETWEEN 'a' AND 'c', 1.5 BETWEEN 1 AND 2",
    "SELECT NULL IS NULL, 1 IS NULL, 1 IS NOT NULL, NULL IS NOT DISTINCT FROM NULL, 1 IS DISTINCT FROM NULL", "SELECT true IS NULL, NULL = NULL, NULL <> 1",
    "SELECT CASE WHEN NULL THEN 1 ELSE 2 END, CASE NULL WHEN NULL THEN 1 ELSE 2 END", "SELECT CASE 1 WHEN 1.0 THEN 'a' WHEN 2 THEN 'b' END", "SELECT CASE WHEN true THEN 1 ELSE 2.5 END",
    "SELECT CASE WHEN 1 = 1 THEN 'x' ELSE 1 END", "SELECT CASE WHEN 1 THEN 2 END", "SELECT CASE 'a' WHEN 1 THEN 2 END", "SELECT CASE WHEN false THEN 1/0 ELSE 2 END", "SELECT CASE WHEN false THEN 1 END",
    "SELECT CASE 3 WHEN 1 THEN 'a' WHEN 3 THEN 'c' ELSE 'z' END, CASE WHEN 1 > 2 THEN 'x' WHEN 2 > 1 THEN 'y' END", "SELECT false AND 1/0 = 1", "SELECT true OR 1/0 = 1",
]
LIKES = [
    ("'abc'", "'a%'"), ("'abc'", "'_b_'"), ("'abc'", "'ABC'"), ("''", "'%'"), ("''", "''"), ("'a%b'", "'a#%b' ESCAPE '#'"), ("'axb'", "'a#%b' ESCAPE '#'"),
    ("'a_b'", "'a\\_b' ESCAPE '\\'"), ("'é'", "'_'"), ("'😀x'", "'_x'"), ("'a' || chr(10) || 'b'", "'a%b'"), ("'a.c'", "'a.c'"), ("'abc'", "'a.c'"), ("'abc'", "'%%'"),
    ("'abc'", "'a#b' ESCAPE '#'"), ("'abc'", "'abc#' ESCAPE '#'"), ("'abc'", "'abc' ESCAPE ''"), ("'abc'", "'abc' ESCAPE 'xy'"), ("NULL", "'a'"), ("'a'", "NULL"),
    ("'a##b'", "'a####b' ESCAPE '#'"), ("'aab'", "'%ab'"), ("'abab'", "'%ab%ab'"), ("'[a]'", "'[a]'"), ("'日本'", "'日%'"),
]


def statements(rng):
    """Expressions of all operators."""
    for one, two in ARITHMETIC:
        for operator in "+-*/%":
            for left, right in joined(rng, [one, two], 14):
                yield f"SELECT {left} {operator} ({right})"
    for one, operator, two in DATES:
        for left, right in joined(rng, [one, two], 8):
            yield f"SELECT {left} {operator} {right}"
    for one, two in [(kind, kind) for kind in COMPARED] + MIXED:
        for left, right in joined(rng, [one, two], 10):
            comparisons = [f"{left} {operator} {right}" for operator in ("=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM")]
            yield f"SELECT {', '.join(comparisons)}"
            yield f"SELECT {left} BETWEEN {right} AND {rng.choice(POOLS[one])}, {left} IN ({right}, {rng.choice(POOLS[two])})"
    for left, right in joined(rng, ["boolean", "boolean"], 9):
        yield f"SELECT {left} AND {right}, {left} OR {right}, NOT {left}, {left} = {right}"
    for target, sources in CASTS.items():
        for source in sources:
            for value in rng.sample(POOLS[source], min(len(POOLS[source]), 14)):
                yield f"SELECT {rng.choice(['CAST', 'CAST', 'TRY_CAST'])}({value} AS {target})"
    for target, texts in TEXTS.items():
        for text in texts.split("|"):
            yield f"SELECT CAST('{text}' AS {target})"
            yield f"SELECT TRY_CAST('{text}' AS {target})"
    for value in ROUNDED:
        yield f"SELECT TRY_CAST({value} AS bigint), TRY_CAST({value} AS integer), round({value})"
    for value, pattern in LIKES:
        yield f"SELECT {value} LIKE {pattern}"
        yield f"SELECT {value} NOT LIKE {pattern}"
    yield from PLAIN
