"""Aggregates, groups and windows over small tables of VALUES."""

ROWS = {
    "k": ["'a'", "'b'", "'c'", "NULL"],
    "x": ["1", "2", "3", "5", "-4", "0", "NULL"],
    "y": ["1.5", "2.5", "-0.25", "10.0", "0.0", "NULL"],
    "b": ["true", "false", "NULL"],
    "s": ["'p'", "'q'", "'é'", "''", "NULL"],
    "t": ["TIMESTAMP '2021-01-01 00:00:00'", "TIMESTAMP '2021-01-01 00:01:00'", "TIMESTAMP '2021-01-02 00:00:00.5'", "NULL"],
    "d": ["DATE '2021-01-01'", "DATE '2020-02-29'", "NULL"],
}
TYPES = {"k": "varchar", "x": "bigint", "y": "double", "b": "boolean", "s": "varchar", "t": "timestamp", "d": "date"}
ANY = ["k", "x", "y", "b", "s", "t", "d"]
NUMBERS = ["x", "y"]
OF_NUMBERS = ["avg", "geometric_mean", "kurtosis", "skewness", "stddev", "stddev_pop", "stddev_samp", "sum", "var_pop", "var_samp", "variance"]
OF_PAIRS = ["corr", "covar_pop", "covar_samp", "regr_intercept", "regr_slope"]
PERCENTAGES = ["0.5", "0.0", "1.0", "0.25", "0.9", "ARRAY[0.1, 0.5, 0.99]", "2.0"]
FILTERS = ["x > 1", "k = 'a'", "y IS NOT NULL", "b", "x IS NULL", "x + y > 2", "false"]
RANKS = ["row_number()", "rank()", "dense_rank()", "percent_rank()", "cume_dist()", "ntile(2)", "ntile(3)", "ntile(100)"]
FRAMES = [
    "", "ROWS UNBOUNDED PRECEDING", "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING", "ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING", "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING", "RANGE UNBOUNDED PRECEDING",
    "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", "RANGE BETWEEN CURRENT ROW AND CURRENT ROW", "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING", "ROWS 2 PRECEDING", "ROWS CURRENT ROW",
    "ROWS BETWEEN 5 PRECEDING AND 3 PRECEDING", "ROWS BETWEEN 2 FOLLOWING AND 1 FOLLOWING",
]
DISTANCES = ["RANGE BETWEEN 1 PRECEDING AND CURRENT ROW", "RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING", "RANGE 3 PRECEDING", "RANGE BETWEEN CURRENT ROW AND 4 FOLLOWING", "RANGE BETWEEN 1 FOLLOWING AND 3 FOLLOWING"]
LENGTHS = ["RANGE BETWEEN INTERVAL '1' minute PRECEDING AND CURRENT ROW", "RANGE INTERVAL '1' day PRECEDING", "RANGE BETWEEN INTERVAL '12' hour PRECEDING AND INTERVAL '36' hour FOLLOWING"]
NULLS = ["", " DESC", " NULLS FIRST", " DESC NULLS FIRST", " NULLS LAST", " DESC NULLS LAST"]


def table(rng, columns, count):
    """A relation of such columns behind `n`, which numbers its rows."""
    rows = []
    for number in range(count):
        # The first row has no NULL, so that each column has its type.
        values = [rng.choice(ROWS[column][: None if number else -1]) for column in columns]
        rows.append(f"({', '.join([str(number + 1), *values])})")
    return f"(VALUES {', '.join(rows)}) AS r (n, {', '.join(columns)})"


def aggregates(rng):
    """One call of each aggregate and sort of argument."""
    yield "count(*)"
    for name in ("count", "approx_distinct", "min", "max"):
        for column in ANY:
            yield f"{name}({column})"
    for column in ANY:
        yield f"count(DISTINCT {column})"
        yield f"max_by({column}, n)"
        yield f"min_by({column}, n)"
        yield f"max_by({column}, n, 2)"
        yield f"min({column}, 2)"
        yield f"cardinality(array_agg({column}))"
        yield f"array_sort(array_agg({column}))"
        yield f"array_sort(array_agg(DISTINCT {column}))"
    for name in ("any_value", "arbitrary"):
        yield f"{name}(1)"
        yield f"{name}(CAST(NULL AS double))"
    for name in ("bool_and", "bool_or", "every", "count_if"):
        yield f"{name}(b)"
        yield f"{name}(x > 1)"
    for name in OF_NUMBERS:
        for argument in ("x", "y", "x + 10", "abs(y) + 1", "DISTINCT x"):
            yield f"{name}({argument})"
    for name in OF_PAIRS:
        for pair in ("x, y", "y, x", "n, y", "y, y"):
            yield f"{name}({pair})"
    for percentage in PERCENTAGES:
        yield f"approx_percentile(CAST(x AS bigint), {percentage})"
        yield f"approx_percentile(y, {percentage})"
    yield "approx_percentile(x, 0.5)"
    yield "approx_percentile(x, n, 0.5)"
    yield "approx_percentile(y, 2, ARRAY[0.25, 0.75])"
    yield "approx_distinct(x, 0.01)"
    for wrong in ("sum(k)", "avg(b)", "sum(t)", "bool_and(x)", "count_if(x)", "max_by(x)", "corr(k, x)", "min(x, y)", "sum(DISTINCT y, x)"):
        yield wrong


def grouped(rng):
    """Aggregates over all rows, over groups and over none."""
    columns = ["k", "x", "y", "b", "s", "t", "d"]
    for call in aggregates(rng):
        used = [column for column in columns if column in call.replace("(", " ").replace(")", " ").replace(",", " ").split()]
        yield f"SELECT {call} FROM {table(rng, used or ['x'], rng.choice([3, 5, 8]))}"
        with_key = list(dict.fromkeys(["k", *used]))
        filters = [condition for condition in FILTERS if condition.split()[0] in with_key]
        clause = rng.choice(["", "", f" FILTER (WHERE {rng.choice(filters)})"])
        if "cardinality" not in call and "array_sort" not in call:
            yield f"SELECT k, {call}{clause} FROM {table(rng, with_key, 7)} GROUP BY k ORDER BY k"
        yield f"SELECT {call} FROM {table(rng, used or ['x'], 2)} WHERE n > 9"
    for _ in range(80):
        used = rng.sample(columns, 3)
        key, other, last = used
        having = rng.choice(["count(*) > 1", f"count({other}) > 0", f"max({last}) IS NOT NULL", "sum(n) > 3", f"{key} IS NOT NULL"])
        yield f"SELECT {key}, count({other}), min({last}), max(n) FROM {table(rng, used, 7)} GROUP BY {rng.choice([key, '1'])} HAVING {having} ORDER BY {rng.choice([key, '1'])}{rng.choice(NULLS)}"
        yield f"SELECT DISTINCT {key}, {other} FROM {table(rng, used, 6)} ORDER BY {key}{rng.choice(NULLS)}, {other}{rng.choice(NULLS)}"


def sets(rng):
    """GROUPING SETS, CUBE and ROLLUP."""
    forms = [
        "ROLLUP ({0}, {1})", "CUBE ({0}, {1})", "GROUPING SETS (({0}, {1}), ({1}), ())", "GROUPING SETS (({0}), ({1}))", "{0}, ROLLUP ({1})", "CUBE ({0}), {1}", "GROUPING SETS ((), ({0}), ({0}))",
        "ROLLUP ({0}), CUBE ({1})", "GROUPING SETS (({0}, {1}))", "ROLLUP (({0}, {1}))", "GROUPING SETS (())",
    ]
    for _ in range(9):
        for form in forms:
            one, two = rng.sample(["k", "b", "s", "d", "x"], 2)
            call = rng.choice(["count(*)", "sum(n)", f"count(DISTINCT {two})", f"min({one})", "avg(n)", "count(*) FILTER (WHERE n > 2)", f"max_by({one}, n)"])
            order = ", ".join(f"{number}{rng.choice(NULLS)}" for number in (1, 2, 3, 4))
            yield f"SELECT {one}, {two}, {call}, count(*) AS c FROM {table(rng, [one, two], 6)} GROUP BY {form.format(one, two)} ORDER BY {order}"


def windows(rng):
    """Window functions with partitions, orders and frames."""
    calls = []
    for column in ("x", "y", "s", "t", "b"):
        calls += [f"{name}({column})" for name in ("first_value", "last_value", "lag", "lead", "min", "max", "count")]
        calls += [f"lag({column}, 2)", f"lead({column}, 0)", f"nth_value({column}, 2)", f"lead({column}, 1, {ROWS[column][0]})"]
        calls += [f"{name}({column}) IGNORE NULLS" for name in ("first_value", "last_value", "lag", "lead")]
        calls += [f"nth_value({column}, 2) IGNORE NULLS", f"lag({column}, 2, {ROWS[column][1]}) IGNORE NULLS"]
    for column in NUMBERS:
        calls += [f"sum({column})", f"avg({column})"]
    calls += ["bool_and(b)", "bool_or(b)", "every(b)", "count_if(b)", "count(*)", "nth_value(x, 0)", "ntile(0)", "lag(x, -1)", "sum(s)", "foo(x)"]
    for call in calls + RANKS * 3:
        used = [column for column in "xystb" if f"({column}" in call] or ["x"]
        for _ in range(3):
            columns = list(dict.fromkeys(["k", *used]))
            partition = rng.choice(["", "PARTITION BY k ", "PARTITION BY n % 2 "])
            no_frame = call in RANKS or call.startswith(("lag", "lead"))
            # Peers would make the frames of rows random: n ends each order.
            key = rng.choice(["n", "n DESC", f"{used[0]}{rng.choice(NULLS)}, n", f"k{rng.choice(NULLS)}, n DESC"])
            frame = "" if no_frame else rng.choice(FRAMES)
            if call in ("rank()", "dense_rank()", "percent_rank()", "cume_dist()"):
                key = f"{rng.choice(columns)}{rng.choice(NULLS)}"
            yield f"SELECT n, {call} OVER ({partition}ORDER BY {key}{' ' if frame else ''}{frame}) FROM {table(rng, columns, 6)} ORDER BY n"
    for call in ("sum(n)", "count(*)", "min(x)", "avg(n)", "max(n)", "count(x)", "first_value(x)"):
        for frame in DISTANCES:
            yield f"SELECT n, {call} OVER (ORDER BY n {frame}) FROM {table(rng, ['x'], 6)} ORDER BY n"
            yield f"SELECT n, {'count(x)' if call == 'first_value(x)' else call} OVER (ORDER BY x{rng.choice(NULLS)} {frame}) FROM {table(rng, ['x'], 6)} ORDER BY n"
        for frame in LENGTHS:
            yield f"SELECT n, {'count(x)' if call == 'first_value(x)' else call} OVER (ORDER BY t{rng.choice(NULLS[:2])} {frame}) FROM {table(rng, ['x', 't'], 6)} ORDER BY n"
    for call in ("sum(x)", "count(*)", "max(s)", "rank()", "avg(y)"):
        yield f"SELECT n, {call} OVER () FROM {table(rng, ['x', 's', 'y'], 4)} ORDER BY n" if call != "rank()" else f"SELECT n, rank() OVER () FROM {table(rng, ['x'], 3)} ORDER BY n"
        yield f"SELECT n, {call} OVER w, row_number() OVER w FROM {table(rng, ['x', 's', 'y'], 5)} WINDOW w AS (ORDER BY n DESC) ORDER BY n"
        yield f"SELECT k, sum(n), sum(sum(n)) OVER (ORDER BY k), rank() OVER (ORDER BY count(*) DESC) FROM {table(rng, ['k'], 7)} GROUP BY k ORDER BY k"
    for _ in range(20):
        yield f"SELECT n FROM (SELECT n, row_number() OVER (PARTITION BY k ORDER BY x{rng.choice(NULLS)}, n) AS r FROM {table(rng, ['k', 'x'], 7)}) WHERE r = 1 ORDER BY n"


def statements(rng):
    """All of them."""
    yield from grouped(rng)
    yield from sets(rng)
    yield from windows(rng)
