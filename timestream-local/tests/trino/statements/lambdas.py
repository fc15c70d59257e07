"""Lambdas, and the functions that take them."""

from .values import POOLS

ARRAYS = {
    "bigint": [*POOLS["array(bigint)"], "ARRAY[5, -1, 0, 2147483648]"],
    "double": POOLS["array(double)"],
    "varchar": POOLS["array(varchar)"],
}
MAPPED = {
    "bigint": ["x + 1", "x * x", "-x", "x > 1", "CAST(x AS varchar)", "coalesce(x, 0)", "x IS NULL", "if(x > 1, 'big', 'small')", "10 / x", "ARRAY[x, x]", "ROW(x, 'a')", "x + y", "try(1 / x)", "repeat(x, 2)", "7", "NULL"],
    "double": ["x * 2", "round(x)", "x + y", "CAST(x AS varchar)", "is_infinite(x)", "nullif(x, 0)", "x = 0"],
    "varchar": ["upper(x)", "length(x)", "x || 'z'", "x = 'a'", "x LIKE 'a%'", "concat(x, x)", "split(x, 'a')", "coalesce(x, '?')", "x IN ('a', NULL)", "length(x) + y"],
}
TESTS = {
    "bigint": ["x > 1", "x % 2 = 1", "x IS NULL", "true", "NULL", "x = y", "x <> 2", "x BETWEEN 1 AND 2", "10 / x > 1"],
    "double": ["x > 0", "is_finite(x)", "x IS NOT NULL", "x < y"],
    "varchar": ["x = 'a'", "length(x) > 0", "x IS NOT NULL", "x LIKE '%a%'", "x > 'a'"],
}
REDUCED = {
    "bigint": ["0, (s, x) -> s + x, s -> s", "0, (s, x) -> s + coalesce(x, 0), s -> s * 2", "1, (s, x) -> s * x, s -> CAST(s AS varchar)", "'', (s, x) -> s || CAST(x AS varchar), s -> s", "CAST(NULL AS bigint), (s, x) -> coalesce(s, x), s -> s",
               "CAST(ROW(0, 0) AS ROW(a bigint, b bigint)), (s, x) -> CAST(ROW(s.a + x, s.b + 1) AS ROW(a bigint, b bigint)), s -> s.b", "0.0, (s, x) -> s + x, s -> s / 2", "9223372036854775800, (s, x) -> s + x, s -> s", "ARRAY[0], (s, x) -> s || ARRAY[1], s -> cardinality(s)"],
    "double": ["0.0, (s, x) -> s + x, s -> s", "0.0, (s, x) -> greatest(s, x), s -> round(s)", "0, (s, x) -> s + 1, s -> s"],
    "varchar": ["'', (s, x) -> s || x, s -> s", "'', (s, x) -> s || coalesce(x, '-'), s -> length(s)", "0, (s, x) -> s + length(x), s -> s"],
}
SORTS = ["(a, b) -> if(a < b, 1, if(a = b, 0, -1))", "(a, b) -> CASE WHEN a IS NULL THEN 1 WHEN b IS NULL THEN -1 WHEN a < b THEN -1 WHEN a = b THEN 0 ELSE 1 END", "(a, b) -> 0"]
ZIPS = ["(a, b) -> a + b", "(a, b) -> coalesce(a, 0) * coalesce(b, 1)", "(a, b) -> ROW(a, b)", "(a, b) -> a = b", "(a, b) -> CAST(a AS varchar)"]
PLAIN = [
    "SELECT transform(ARRAY[ARRAY[1, 2], ARRAY[3]], a -> transform(a, x -> x + 1))", "SELECT transform(ARRAY[1], x -> transform(ARRAY[10], y -> x + y))", "SELECT filter(ARRAY[ARRAY[1], ARRAY[]], a -> cardinality(a) > 0)",
    "SELECT transform(ARRAY[1, 2], x -> z)", "SELECT transform(ARRAY[1], (x, y) -> x)", "SELECT filter(ARRAY[1], x -> x)", "SELECT transform(1, x -> x)", "SELECT reduce(ARRAY[1], 'a', (s, x) -> x, s -> s)", "SELECT transform(ARRAY[1], x -> count(x))",
    "SELECT transform(ARRAY[ROW(1, 'a')], r -> r)", "SELECT transform(CAST(ARRAY[ROW(1, 'a')] AS array(row(p bigint, q varchar))), r -> r.p + length(r.q))", "SELECT transform(zip(ARRAY[1], ARRAY['a']), r -> r[2])", "SELECT ROW(1, 'a')[1]",
    "SELECT any_match(ARRAY[1], x -> 1 / 0 = 1)", "SELECT all_match(ARRAY[], x -> true), none_match(ARRAY[], x -> true), any_match(ARRAY[], x -> true)", "SELECT array_join(transform(sequence(1, 5), x -> x * x), '-')",
    "SELECT element_at(filter(sequence(1, 100), x -> x % 7 = 0), -1)", "SELECT reduce(sequence(1, 20), 1, (s, x) -> s * x, s -> s)", "SELECT transform(split('b,a', ','), x -> ROW(x, length(x)))", "SELECT X -> X",
    "SELECT array_sort(ARRAY[3, 1, 2], (a, b) -> a - b)", "SELECT array_sort(ARRAY['bb', 'a', 'ccc'], (a, b) -> if(length(a) < length(b), -1, 1))", "SELECT array_sort(ARRAY[2, 1], (a, b) -> NULL)",
]


def statements(rng):
    """All functions with lambdas over arrays of each type."""
    y = {"bigint": "1", "double": "0.5", "varchar": "1"}
    for kind, arrays in ARRAYS.items():
        for body in MAPPED[kind]:
            for array in rng.sample(arrays, 4):
                yield f"SELECT transform({array}, x -> {body})" + (f" FROM (VALUES {y[kind]}) AS t (y)" if "y" in body.split() else "")
        for body in TESTS[kind]:
            for name in ("filter", "any_match", "all_match", "none_match"):
                for array in rng.sample(arrays, 2):
                    yield f"SELECT {name}({array}, x -> {body})" + (f" FROM (VALUES {y[kind]}) AS t (y)" if "y" in body.split() else "")
        for body in REDUCED[kind]:
            for array in rng.sample(arrays, 4):
                yield f"SELECT reduce({array}, {body})"
        for body in SORTS:
            for array in rng.sample(arrays, 2):
                yield f"SELECT array_sort({array}, {body})"
    for body in ZIPS:
        for _ in range(4):
            yield f"SELECT zip_with({rng.choice(ARRAYS['bigint'])}, {rng.choice(ARRAYS['bigint'])}, {body})"
    yield from PLAIN
