"""Calls of each scalar function, with values of its types."""

import itertools
import math

from .values import POOLS

# Each function, with the pools that its arguments come from. One with several signatures has several rows.
FUNCTIONS = [
    *[(name, ["double"]) for name in (
        "abs acos asin atan cbrt ceil ceiling cos cosh degrees exp floor is_finite is_infinite is_nan ln log10 log2 radians round "
        "sign sin sqrt tan tanh truncate human_readable_seconds from_unixtime").split()],
    *[(name, ["bigint"]) for name in "abs ceil floor round sign bitwise_not from_unixtime from_milliseconds".split()],
    *[(name, ["integer"]) for name in "abs ceil ceiling floor round sign sqrt exp radians chr".split()],
    *[(name, ["double", "double"]) for name in "atan2 log mod pow power".split()],
    *[(name, ["bigint", "bigint"]) for name in "bitwise_and bitwise_or bitwise_xor mod".split()],
    ("mod", ["integer", "integer"]),
    ("power", ["integer", "small"]),
    ("round", ["double", "small"]),
    ("round", ["bigint", "small"]),
    ("round", ["integer", "small"]),
    ("bit_count", ["bigint", "bits"]),
    ("to_base", ["bigint", "radix"]),
    ("from_base", ["digits", "radix"]),
    ("width_bucket", ["double", "double", "double", "small"]),
    ("from_nanoseconds", ["bigint"]),
    *[(name, ["varchar"]) for name in (
        "length lower ltrim reverse rtrim trim upper codepoint parse_duration from_iso8601_timestamp from_iso8601_date date").split()],
    ("codepoint", ["part"]),
    ("chr", ["bigint"]),
    *[(name, ["varchar", "part"]) for name in "replace starts_with strpos split concat".split()],
    *[(name, ["part", "part"]) for name in "hamming_distance levenshtein_distance".split()],
    ("levenshtein_distance", ["varchar", "varchar"]),
    ("concat", ["varchar", "part", "varchar"]),
    ("replace", ["varchar", "part", "part"]),
    ("strpos", ["varchar", "part", "small"]),
    ("split", ["varchar", "part", "small"]),
    ("split_part", ["varchar", "part", "small"]),
    *[(name, ["varchar", "small", "part"]) for name in ("lpad", "rpad")],
    *[(name, ["varchar", "small"]) for name in ("substr", "substring")],
    *[(name, ["varchar", "small", "small"]) for name in ("substr", "substring")],
    *[(name, ["subject", "pattern"]) for name in (
        "regexp_like regexp_extract regexp_extract_all regexp_split regexp_replace").split()],
    *[(name, ["subject", "pattern", "small"]) for name in ("regexp_extract", "regexp_extract_all")],
    ("regexp_replace", ["subject", "pattern", "replacement"]),
    *[(name, ["timestamp"]) for name in (
        "date day day_of_month day_of_week day_of_year dow doy hour last_day_of_month millisecond minute month quarter second "
        "to_iso8601 to_unixtime week week_of_year year year_of_week yow").split()],
    *[(name, ["date"]) for name in (
        "day day_of_month day_of_week day_of_year dow doy last_day_of_month month quarter to_iso8601 week week_of_year year "
        "year_of_week yow").split()],
    *[(name, ["interval day to second"]) for name in "to_milliseconds day hour minute second millisecond".split()],
    *[(name, ["interval year to month"]) for name in ("year", "month")],
    ("date_trunc", ["unit", "timestamp"]),
    ("date_trunc", ["unit", "date"]),
    ("date_add", ["unit", "small", "timestamp"]),
    ("date_add", ["unit", "small", "date"]),
    ("date_diff", ["unit", "timestamp", "timestamp"]),
    ("date_diff", ["unit", "date", "date"]),
    ("sequence", ["small", "small"]),
    ("sequence", ["small", "small", "small"]),
    ("sequence", ["date", "date", "interval day to second"]),
    ("sequence", ["timestamp", "timestamp", "interval year to month"]),
    ("sequence", ["date", "date", "interval year to month"]),
    *[("coalesce", [kind, kind]) for kind in ("double", "varchar", "timestamp", "boolean")],
    ("coalesce", ["bigint", "double", "integer"]),
    *[("nullif", [kind, kind]) for kind in ("double", "bigint", "varchar", "boolean", "date")],
    ("if", ["boolean", "varchar", "part"]),
    ("if", ["boolean", "bigint"]),
    ("if", ["boolean", "integer", "double"]),
    *[(name, [kind, kind]) for name in ("greatest", "least") for kind in ("double", "varchar", "timestamp", "date", "boolean")],
    *[(name, ["bigint", "double", "integer"]) for name in ("greatest", "least")],
    *[(name, ["bigint"]) for name in ("typeof",)],
    ("typeof", ["double"]),
    ("typeof", ["date"]),
    ("typeof", ["boolean"]),
    ("typeof", ["interval day to second"]),
    ("typeof", ["array(double)"]),
    *[(name, ["array(bigint)"]) for name in (
        "array_distinct array_max array_min array_sort cardinality reverse").split()],
    *[(name, ["array(varchar)"]) for name in (
        "array_distinct array_max array_min array_sort cardinality reverse").split()],
    *[(name, [kind]) for name in "array_max array_min array_sort array_distinct".split()
      for kind in ("array(double)", "array(boolean)", "array(timestamp)", "array(date)")],
    *[(name, [kind, kind]) for name in "array_except array_intersect array_union arrays_overlap concat".split()
      for kind in ("array(bigint)", "array(varchar)", "array(double)")],
    *[(name, ["array(bigint)", "small"]) for name in (
        "array_position array_remove contains element_at concat").split()],
    *[(name, ["array(varchar)", "part"]) for name in "array_position array_remove contains array_join".split()],
    *[("array_join", [kind, "part", "part"]) for kind in ("array(bigint)", "array(double)", "array(varchar)", "array(boolean)")],
    ("element_at", ["array(varchar)", "small"]),
    ("slice", ["array(bigint)", "small", "small"]),
    ("slice", ["array(varchar)", "small", "small"]),
    ("repeat", ["varchar", "small"]),
    ("repeat", ["double", "small"]),
    ("zip", ["array(bigint)", "array(varchar)"]),
    ("zip", ["array(bigint)", "array(varchar)", "array(boolean)"]),
    ("row", ["bigint", "varchar", "double"]),
]

EXTRA = {
    "bits": ["64", "8", "32", "2", "1", "65"],
    "radix": ["2", "10", "16", "36", "37", "1"],
    "digits": ["'ff'", "'101'", "'-7f'", "'Z'", "''", "'7fffffffffffffff'", "'8000000000000000'", "'+5'", "' 1'"],
    "replacement": ["'$0'", "'<$1>'", "''", "'x'", "'\\$'", "'é'", "'$9'"],
}

# Statements of functions that take nothing, or whose answer is random.
PLAIN = [
    "SELECT e(), pi(), infinity(), -infinity()",
    "SELECT random() BETWEEN 0 AND 1, rand() < 1, random(10) < 10, random(5, 7) IN (5, 6), rand(1)",
    "SELECT random(0)", "SELECT random(-1)", "SELECT random(3, 3)", "SELECT rand(7, 5)",
    "SELECT array_sort(shuffle(ARRAY[3, 1, 2, NULL])), cardinality(shuffle(sequence(1, 50)))",
    "SELECT shuffle(ARRAY[1]), shuffle(CAST(ARRAY[] AS array(varchar))), shuffle(CAST(NULL AS array(bigint)))",
    "SELECT now() = current_timestamp, now() >= TIMESTAMP '2021-01-01 00:00:00', current_date = date(now())",
    "SELECT current_timezone()", "SELECT typeof(NULL), typeof(ARRAY[1, 2.5]), typeof(ARRAY[]), typeof(ROW(1, true))",
    "SELECT date_diff('minute', now() - INTERVAL '90' minute, now()), localtimestamp > DATE '2021-01-01'",
    "SELECT flatten(ARRAY[ARRAY[1, 2], ARRAY[3], ARRAY[], NULL])", "SELECT flatten(ARRAY[ARRAY['a'], NULL, ARRAY[NULL]])",
    "SELECT flatten(CAST(ARRAY[] AS array(array(bigint))))", "SELECT flatten(ARRAY[1])",
    "SELECT coalesce(NULL, NULL)", "SELECT coalesce(NULL, 1, 1/0)", "SELECT if(true, 1, 1/0), if(NULL, 'a', 'b')",
    "SELECT try(1/0), try(CAST('x' AS bigint)), try(1 + 1)", "SELECT coalesce(try(9223372036854775807 + 1), -1)",
    "SELECT repeat(NULL, 2)", "SELECT repeat(ARRAY[1], 2)", "SELECT repeat('x', 10001)", "SELECT sequence(1, 10001)",
    "SELECT nullif(1, 1.0), nullif(2, 1.0), nullif(NULL, 1), nullif(1, NULL)", "SELECT greatest(1), least('b', 'a', 'c')",
    "SELECT position('b' IN 'abc'), position('' IN 'abc'), position('x' IN 'abc')",
    "SELECT substring('abcdef' FROM 2 FOR 3), substring('abcdef' FROM -2)", "SELECT extract(year FROM DATE '2024-02-29')",
]


def joined(rng, pools, most):
    """Up to so many combinations of values, each value at least once where there is room."""
    pools = [EXTRA.get(pool) or POOLS[pool] for pool in pools]
    if math.prod(map(len, pools)) <= most:
        return list(itertools.product(*pools))
    columns = [rng.sample(pool, len(pool)) for pool in pools]
    combinations = [tuple(column[index % len(column)] for column in columns) for index in range(most)]
    return list(dict.fromkeys(combinations))


def statements(rng):
    """Calls of all functions."""
    for name, pools in FUNCTIONS:
        for values in joined(rng, pools, 22 if len(pools) == 1 else 15):
            yield f"SELECT {name}({', '.join(values)})"
    yield from PLAIN
