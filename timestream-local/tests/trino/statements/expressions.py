"""Random expressions, some levels deep, over the columns of a table."""

from .tables import TYPES, table

# What makes a value of each type, with the types of its arguments in braces.
FORMS = {
    "bigint": [
        "({bigint} + {bigint})", "({bigint} - {bigint})", "({bigint} * {bigint})", "({bigint} / {bigint})", "({bigint} % {bigint})", "(-{bigint})", "abs({bigint})", "length({varchar})", "coalesce({bigint}, {bigint})",
        "if({boolean}, {bigint}, {bigint})", "CASE WHEN {boolean} THEN {bigint} ELSE {bigint} END", "nullif({bigint}, {bigint})", "greatest({bigint}, {bigint})", "least({bigint}, {bigint})", "year({timestamp})", "month({date})",
        "date_diff('hour', {timestamp}, {timestamp})", "strpos({varchar}, {varchar})", "TRY_CAST({varchar} AS bigint)", "CAST(round({double}) AS bigint)", "bitwise_xor({bigint}, {bigint})", "cardinality(ARRAY[{bigint}, {bigint}])",
        "element_at(ARRAY[{bigint}, {bigint}], 2)", "day_of_year({timestamp})", "sign({bigint})", "CASE {bigint} WHEN 1 THEN {bigint} WHEN 2 THEN {bigint} END", "reduce(ARRAY[{bigint}, {bigint}], 0, (s, e) -> s + e, s -> s)",
        "levenshtein_distance({varchar}, {varchar})", "mod({bigint}, 3)", "try({bigint} / {bigint})", "array_max(ARRAY[{bigint}, {bigint}])",
    ],
    "double": [
        "({double} + {double})", "({double} - {double})", "({double} * {double})", "({double} / {bigint})", "({bigint} * {double})", "(-{double})", "abs({double})", "round({double}, 1)", "floor({double})", "ceil({double})", "CAST({bigint} AS double)",
        "coalesce({double}, {double})", "if({boolean}, {double}, {bigint})", "nullif({double}, {double})", "greatest({double}, {double})", "truncate({double})", "sign({double})", "to_unixtime({timestamp})", "TRY_CAST({varchar} AS double)", "(0.5 + {bigint})",
    ],
    "varchar": [
        "({varchar} || {varchar})", "upper({varchar})", "lower({varchar})", "substr({varchar}, 2)", "substr({varchar}, {bigint}, 2)", "reverse({varchar})", "replace({varchar}, 'p', {varchar})", "CAST({bigint} AS varchar)", "CAST({date} AS varchar)",
        "CAST({boolean} AS varchar)", "coalesce({varchar}, {varchar})", "if({boolean}, {varchar}, {varchar})", "nullif({varchar}, {varchar})", "trim({varchar})", "lpad({varchar}, 4, '*')", "CASE WHEN {boolean} THEN {varchar} END", "date_format({timestamp}, '%Y-%m')",
        "regexp_replace({varchar}, '[a-p]', '_')", "split_part({varchar}, 'a', 1)", "array_join(ARRAY[{varchar}, {varchar}], ',')", "greatest({varchar}, {varchar})", "to_base(abs({bigint}), 2)", "concat({varchar}, '-', {varchar})", "typeof({double})",
    ],
    "boolean": [
        "({bigint} = {bigint})", "({bigint} < {bigint})", "({double} >= {double})", "({varchar} <> {varchar})", "({varchar} < {varchar})", "({boolean} AND {boolean})", "({boolean} OR {boolean})", "(NOT {boolean})", "({bigint} IS NULL)", "({varchar} IS NOT NULL)",
        "({bigint} BETWEEN {bigint} AND {bigint})", "({bigint} IN (1, {bigint}, {bigint}))", "({varchar} LIKE '%a%')", "({bigint} IS DISTINCT FROM {bigint})", "({timestamp} < {timestamp})", "({date} = {date})", "contains(ARRAY[{bigint}, {bigint}], {bigint})",
        "starts_with({varchar}, 'a')", "regexp_like({varchar}, '^[a-c]')", "coalesce({boolean}, {boolean})", "({double} = {bigint})", "({varchar} NOT IN ('a', {varchar}))", "any_match(ARRAY[{bigint}, {bigint}], e -> e > 1)", "if({boolean}, {boolean})",
    ],
    "timestamp": [
        "({timestamp} + INTERVAL '1' day)", "date_trunc('month', {timestamp})", "date_add('month', 1, {timestamp})", "coalesce({timestamp}, TIMESTAMP '2021-05-06 00:00:00')", "CAST({date} AS timestamp)", "if({boolean}, {timestamp}, {timestamp})", "greatest({timestamp}, {timestamp})",
    ],
    "date": ["date({timestamp})", "({date} + INTERVAL '1' month)", "last_day_of_month({date})", "date_add('day', {bigint}, {date})", "coalesce({date}, DATE '2024-02-29')", "date_trunc('year', {date})"],
}
LITERALS = {
    "bigint": ["0", "1", "2", "7", "-3", "CAST(10 AS bigint)"],
    "double": ["0.0", "1.5", "-2.25", "100.0"],
    "varchar": ["'a'", "''", "'Pé'", "'12'", "'-7'"],
    "boolean": ["true", "false"],
    "timestamp": ["TIMESTAMP '2021-03-04 05:06:07.5'", "TIMESTAMP '2000-01-01 00:00:00'"],
    "date": ["DATE '2021-03-04'", "DATE '2000-01-31'"],
}


def expression(rng, kind, columns, depth):
    """An expression of a type, of so many levels at most."""
    leaves = [column for column in columns if TYPES[column] == kind]
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(leaves) if leaves and rng.random() < 0.7 else rng.choice(LITERALS[kind])
    form = rng.choice(FORMS[kind])
    for inner in FORMS:
        while "{" + inner + "}" in form:
            form = form.replace("{" + inner + "}", expression(rng, inner, columns, depth - 1), 1)
    return form


def statements(rng):
    """Expressions over the rows of a table, and over none."""
    kinds = list(FORMS)
    for index in range(420):
        columns = rng.sample(list(TYPES), 3)
        expressions = [expression(rng, kinds[(index + step) % len(kinds)], columns, rng.choice([1, 2, 2, 3])) for step in range(rng.choice([1, 2]))]
        where = f" WHERE {expression(rng, 'boolean', columns, 2)}" if rng.random() < 0.2 else ""
        yield f"SELECT n, {', '.join(expressions)} FROM {table(rng, columns, 4)}{where} ORDER BY n"
    for index in range(150):
        yield f"SELECT {expression(rng, kinds[index % len(kinds)], [], 3)}"
    for index in range(80):
        columns = rng.sample(list(TYPES), 3)
        key = expression(rng, rng.choice(["bigint", "varchar", "boolean", "date"]), columns, 2)
        value = expression(rng, "bigint", columns, 2)
        yield f"SELECT {key}, count(*), sum({value}), max({value}) FROM {table(rng, columns, 6)} GROUP BY 1 ORDER BY 1"
