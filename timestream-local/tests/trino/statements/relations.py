"""Joins, set operations, UNNEST, subqueries, order and limits."""

from .tables import NULLS, ROWS, table

UNNESTED = [
    "ARRAY[1, 2, 3]", "ARRAY[1, NULL]", "CAST(ARRAY[] AS array(bigint))", "CAST(NULL AS array(bigint))", "ARRAY['a', 'é']", "sequence(3, 1)", "ARRAY[ARRAY[1], ARRAY[2, 3]]", "split('a,b', ',')",
    "ARRAY[1.5, -0.0]", "ARRAY[true]", "sequence(DATE '2021-01-30', DATE '2021-02-02')", "repeat('x', 3)", "ARRAY[TIMESTAMP '2021-01-01 00:00:00.5']",
]
ROWS_UNNESTED = ["ARRAY[ROW(1, 'a'), ROW(2, NULL)]", "ARRAY[ROW(1.5, true)]", "zip(ARRAY[1, 2], ARRAY['x', 'y'])", "ARRAY[ROW(1, 2), NULL]"]
PLAIN = [
    "SELECT 1 WHERE false", "SELECT 1 WHERE NULL", "SELECT * FROM (VALUES (1, 'a')) AS t (x, y)", "SELECT t.*, x FROM (VALUES (1, 'a')) AS t (x, y)", "SELECT x FROM (VALUES 1, 1, 2) AS t (x) ORDER BY x",
    "VALUES 1, 2.5", "VALUES (1, 'a'), (2, NULL)", "VALUES 1, 'a'", "VALUES (1, 2), (3)", "VALUES NULL", "SELECT x FROM (VALUES 1)", "SELECT nope FROM (VALUES 1) AS t (x)", "SELECT count(*) FROM (VALUES 1, NULL) AS t (x) WHERE x = NULL",
    "SELECT (SELECT 1), (SELECT 1 WHERE false)", "SELECT (SELECT x FROM (VALUES 1, 2) AS t (x))", "SELECT (SELECT 1, 2)", "SELECT EXISTS (SELECT 1), EXISTS (SELECT 1 WHERE false), NOT EXISTS (SELECT 1)",
    "SELECT 1 IN (SELECT 1), 1 IN (SELECT 2), 1 NOT IN (SELECT 2)", "SELECT x IN (SELECT y FROM (VALUES 1, NULL) AS u (y)) FROM (VALUES 1, 2, NULL) AS t (x)", "SELECT x NOT IN (SELECT y FROM (VALUES 1, NULL) AS u (y)) FROM (VALUES 1, 2) AS t (x)",
    "SELECT NULL IN (SELECT 1 WHERE false), 1 NOT IN (SELECT 1 WHERE false)", "WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT x, y FROM a, b", "WITH a (p, q) AS (VALUES (1, 2)) SELECT q, p FROM a",
    "WITH a AS (SELECT 1 AS x) SELECT * FROM a AS s CROSS JOIN a AS t", "WITH a AS (SELECT 1 AS x) SELECT (SELECT max(x) FROM a)", "SELECT sum(x) FROM (SELECT x FROM (VALUES 1, 2, 3) AS t (x) ORDER BY x DESC LIMIT 2)",
    "SELECT x, count(*) FROM (VALUES 1, 2, 1) AS t (x) GROUP BY x HAVING count(*) > 1", "SELECT x FROM (VALUES 1) AS t (x) GROUP BY y", "SELECT x, y FROM (VALUES (1, 2)) AS t (x, y) GROUP BY x", "SELECT x + 1 FROM (VALUES 1, 2) AS t (x) GROUP BY x + 1 ORDER BY 1",
    "SELECT max(x) FROM (VALUES 1) AS t (x) WHERE max(x) = 1", "SELECT sum(max(x)) FROM (VALUES 1) AS t (x)", "SELECT x FROM (VALUES 1) AS t (x) ORDER BY 2", "SELECT x FROM (VALUES 1) AS t (x) ORDER BY z", "SELECT x FROM (VALUES 1) AS t (x) LIMIT -1",
    "SELECT x AS a, x AS a FROM (VALUES 1) AS t (x)", "SELECT x AS a FROM (VALUES 2, 1) AS t (x) ORDER BY a + 1", "SELECT x FROM (VALUES 1) AS a (x), (VALUES 2) AS b (x)", "SELECT a.x FROM (VALUES 1) AS a (x), (VALUES 2) AS b (x)",
    "SELECT DISTINCT x FROM (VALUES (1, 2), (1, 3)) AS t (x, y) ORDER BY y", "SELECT * FROM (VALUES 1) AS t (x, y)", "SELECT -x FROM (VALUES 1, NULL) AS t (x) ORDER BY 1", "SELECT count(*) FROM (SELECT 1 UNION ALL SELECT 2)",
    "SELECT x FROM (VALUES 3, 1, 2) AS t (x) ORDER BY x LIMIT 2", "SELECT x FROM (VALUES 3, 1, 2) AS t (x) ORDER BY x LIMIT 1 OFFSET 1", "SELECT x FROM (VALUES 3, 1) AS t (x) ORDER BY x LIMIT 0", "SELECT x FROM (VALUES 1) AS t (x) ORDER BY x LIMIT 5 OFFSET 3",
    "SELECT x FROM (VALUES 3, 1, 2) AS t (x) ORDER BY -x LIMIT ALL", "SELECT true FROM (VALUES 1) AS t (x) HAVING count(*) = 1", "SELECT 1 FROM (VALUES 1, 2) AS t (x) HAVING sum(x) > 5", "SELECT count(*), 7 FROM (VALUES 1) AS t (x) GROUP BY ()",
]


def condition(rng, one, two):
    """A condition of a join."""
    return rng.choice([f"a.{one} = b.{one}", f"a.{one} = b.{one} AND a.n < b.n", f"a.{one} = b.{one} AND b.n > 1", f"a.{one} < b.{one}", "a.n = b.n", f"a.n = b.n OR a.{two} = b.{two}", "true", f"a.{one} IS NOT DISTINCT FROM b.{one}"])


def joins(rng):
    """Joins of two or three tables."""
    for kind in ("JOIN", "INNER JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT OUTER JOIN", "FULL OUTER JOIN"):
        for _ in range(16):
            columns = rng.sample(["k", "x", "s", "b", "d"], 2)
            one, two = [table(rng, columns, 4).replace("AS r", f"AS {name}") for name in "ab"]
            yield f"SELECT a.n, b.n, a.{columns[0]}, b.{columns[1]} FROM {one} {kind} {two} ON {condition(rng, *columns)}{rng.choice(['', '', ' WHERE a.n > 1', ' WHERE b.n IS NULL'])} ORDER BY 1, 2"
    for _ in range(20):
        column = rng.choice(["k", "x", "s"])
        one, two = [table(rng, [column], 3).replace("AS r", f"AS {name}") for name in "ab"]
        yield f"SELECT a.n, b.n, a.{column} FROM {one} {rng.choice(['CROSS JOIN', ','])} {two} ORDER BY 1, 2"
        kind = rng.choice(["JOIN", "LEFT JOIN"])
        yield f"SELECT {column}, a.n, b.n FROM {one} {kind} {two} USING ({column}) ORDER BY 2, 3"
        yield f"SELECT * FROM {one} {kind} {two} USING (n) ORDER BY 1"
        yield f"SELECT a.n, b.n, c.n FROM {one} LEFT JOIN {two} ON a.{column} = b.{column} {rng.choice(['JOIN', 'LEFT JOIN'])} (VALUES 1, 3) AS c (n) ON {rng.choice(['c.n = a.n', 'c.n = b.n'])} ORDER BY 1, 2, 3"
        yield f"SELECT count(*), sum(a.n) FROM {one} {kind} {two} ON a.{column} = b.{column}"


def combined(rng):
    """Set operations."""
    kinds = ["k", "x", "y", "b", "s", "d", "t"]
    operations = ["UNION", "UNION ALL", "UNION DISTINCT", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"]
    for operation in operations:
        for _ in range(14):
            column = rng.choice(kinds)
            one, two = [", ".join([ROWS[column][0], *rng.choices(ROWS[column], k=4)]) for _ in "ab"]
            yield f"VALUES {one} {operation} VALUES {two} ORDER BY 1{rng.choice(NULLS)}"
        for _ in range(5):
            one, two = rng.sample(kinds, 2)
            rows = [", ".join(f"({rng.choice(ROWS[one][:3])}, {rng.choice(ROWS[two][:2])})" for _ in range(5)) for _ in "ab"]
            yield f"SELECT p, q FROM (VALUES {rows[0]}) AS t (p, q) {operation} SELECT p, q FROM (VALUES {rows[1]}) AS t (p, q) ORDER BY 1, 2"
        yield f"SELECT 1 {operation} SELECT 2.5 ORDER BY 1"
        yield f"SELECT 1 {operation} SELECT 'a'"
        yield f"SELECT 1, 2 {operation} SELECT 1"
        yield f"SELECT NULL {operation} SELECT 1 ORDER BY 1"
    for _ in range(30):
        one, two, three = [", ".join(rng.choices(["1", "2", "3", "NULL"], k=3)) for _ in "abc"]
        first, second = rng.choices(operations, k=2)
        yield f"VALUES {one} {first} VALUES {two} {second} VALUES {three} ORDER BY 1{rng.choice(NULLS)}"
        yield f"SELECT count(*), sum(x) FROM (VALUES {one} {first} (VALUES {two} {second} VALUES {three})) AS t (x)"


def unnested(rng):
    """UNNEST."""
    for array in UNNESTED:
        yield f"SELECT x FROM UNNEST({array}) AS t (x)"
        yield f"SELECT x, n FROM UNNEST({array}) WITH ORDINALITY AS t (x, n) ORDER BY n"
        yield f"SELECT k, x, o FROM (VALUES 'p', 'q') AS s (k) CROSS JOIN UNNEST({array}) WITH ORDINALITY AS t (x, o) ORDER BY 1, 3"
        other = rng.choice(UNNESTED)
        yield f"SELECT x, y, n FROM UNNEST({array}, {other}) WITH ORDINALITY AS t (x, y, n) ORDER BY n"
        yield f"SELECT count(*), count(x) FROM UNNEST({array}) AS t (x)"
    for array in ROWS_UNNESTED:
        yield f"SELECT x, y FROM UNNEST({array}) AS t (x, y)"
        yield f"SELECT x, y, n FROM UNNEST({array}) WITH ORDINALITY AS t (x, y, n) ORDER BY n DESC"
        yield f"SELECT x, y, z FROM UNNEST({array}, ARRAY[7, 8, 9]) AS t (x, y, z) ORDER BY z"
    for _ in range(15):
        arrays = [f"ARRAY[{', '.join(rng.choices(['1', '2', '3', 'NULL'], k=rng.randint(1, 3)))}, 0]" for _ in range(3)]
        yield f"SELECT n, x FROM (VALUES (1, {arrays[0]}), (2, {arrays[1]}), (3, {arrays[2]})) AS s (n, a) CROSS JOIN UNNEST(a) AS t (x) ORDER BY 1, 2{rng.choice(NULLS)}"
        yield f"SELECT n, array_sort(array_agg(x + 1)) FROM (VALUES (1, {arrays[0]}), (2, {arrays[1]})) AS s (n, a) CROSS JOIN UNNEST(a) AS t (x) GROUP BY n ORDER BY n"
    yield "SELECT x FROM UNNEST(1) AS t (x)"
    yield "SELECT x FROM UNNEST(ARRAY[1]) AS t (x, y)"


def ordered(rng):
    """ORDER BY, LIMIT and OFFSET."""
    for _ in range(60):
        columns = rng.sample(["k", "x", "y", "b", "s", "t", "d"], 2)
        order = ", ".join(f"{rng.choice([column, f'r.{column}'])}{rng.choice(NULLS)}" for column in columns)
        limit = rng.choice(["", " LIMIT 3", " LIMIT 2 OFFSET 1", " OFFSET 4", " LIMIT 0"])
        yield f"SELECT n, {', '.join(columns)} FROM {table(rng, columns, 6)} ORDER BY {order}, n{limit}"
    for _ in range(20):
        column = rng.choice(["x", "y"])
        order = rng.choice([f"{column} * -1", f"abs({column})", f"coalesce({column}, 99)", f"{column} % 2, {column}", f"CASE WHEN {column} > 1 THEN 0 ELSE 1 END"])
        yield f"SELECT n, {column} + 1 FROM {table(rng, [column], 6)} WHERE {rng.choice(['n > 1', f'{column} IS NOT NULL', f'{column} > 0 OR n = 1', f'NOT {column} = 1'])} ORDER BY {order}, n"


def named(rng):
    """Joins by columns of the same name, whichever side has them, and of types that differ."""
    for kind in ("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"):
        for _ in range(10):
            column = rng.choice(["k", "x", "s", "d"])
            one, two = [table(rng, [column], 4).replace("AS r", f"AS {name}") for name in "ab"]
            yield f"SELECT {column}, a.n, b.n FROM {one} {kind} {two} USING ({column}) ORDER BY 1{rng.choice(NULLS)}, 2, 3"
            yield f"SELECT * FROM {one} {kind} {two} USING (n, {column}) ORDER BY 1, 2"
            yield f"SELECT {column}, count(*) FROM {one} {kind} {two} USING ({column}) GROUP BY {column} HAVING count(*) > 0 ORDER BY 1"
        for left, right in (("1, 2, NULL", "2.0, 3.5"), ("1, 2", "CAST(2 AS bigint), 3"), ("1.5, 2.0", "2, 3"), ("1", "'a'"), ("DATE '2021-01-01'", "TIMESTAMP '2021-01-01 00:00:00', TIMESTAMP '2021-01-02 00:00:00'")):
            yield f"SELECT k, p, q FROM (SELECT k, 'l' AS p FROM (VALUES {left}) AS t (k)) AS a {kind} (SELECT k, 'r' AS q FROM (VALUES {right}) AS t (k)) AS b USING (k) ORDER BY 1, 2, 3"
        yield f"SELECT k, x, y, z FROM (VALUES (1, 'a'), (2, 'b')) AS a (k, x) {kind} (VALUES (2, 'c'), (3, 'd')) AS b (k, y) USING (k) FULL JOIN (VALUES (3, 'e'), (4, 'f')) AS c (k, z) USING (k) ORDER BY 1"
        yield f"SELECT a.k FROM (VALUES 1) AS a (k) {kind} (VALUES 1) AS b (k) USING (k)"


def fetched(rng):
    """FETCH FIRST."""
    for _ in range(12):
        column = rng.choice(["x", "s", "d"])
        rows = rng.choice(["FIRST 2 ROWS", "NEXT 1 ROW", "FIRST ROW", "FIRST 100 ROWS", "NEXT ROWS", "FIRST 3 ROW"])
        yield f"SELECT n, {column} FROM {table(rng, [column], 6)} ORDER BY n{rng.choice(['', ' OFFSET 1', ' OFFSET 2 ROWS', ' OFFSET 1 ROW'])} FETCH {rows} ONLY"
    yield "VALUES 3, 1, 2 ORDER BY 1 FETCH FIRST 2 ROWS ONLY"
    yield "SELECT sum(x) FROM (SELECT x FROM (VALUES 3, 1, 2) AS t (x) ORDER BY x FETCH FIRST 2 ROWS ONLY)"
    yield "SELECT 1 FETCH FIRST 0 ROWS ONLY"
    yield "SELECT 1 LIMIT 1 FETCH FIRST 1 ROWS ONLY"


def statements(rng):
    """All of them."""
    yield from joins(rng)
    yield from combined(rng)
    yield from unnested(rng)
    yield from ordered(rng)
    yield from PLAIN
    yield from named(rng)
    yield from fetched(rng)
