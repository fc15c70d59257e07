#!/usr/bin/env bash
# FROM a, b RIGHT JOIN c has other rows in SQLite than in DuckDB: the comma binds as tightly as a join.
#
# In standard SQL the comma binds looser than any JOIN, so `a, b RIGHT JOIN c` is all of a, each with (b RIGHT JOIN c).
# SQLite takes both from left to right: (a, b) RIGHT JOIN c, as if the comma were CROSS JOIN. With inner and left joins
# that makes no difference, so it never showed until SQLite got RIGHT and FULL JOIN in 3.39. A row of c without a
# partner then comes once with NULL for a, in the place of once for each row of a. Even where a is empty, rows come.
# No error or warning tells it. Parentheses around the joins behind a comma give the same rows in both, and the names of
# the tables inside stay visible in SQLite too. Whoever translates SQL of Trino or DuckDB for SQLite, or runs the same
# text on both, must write them. Our embedded Timestream did not.
#
# Versions: apsw 3.54.1.0 (SQLite 3.54.1), duckdb 2.0.1.
# Seen, with a = (1), (2); b = (10); c = (10), (20); joined where b.k = c.k; columns a.x, b.k, c.k:
#   a, b RIGHT JOIN c, as well as a, b FULL JOIN c:
#     SQLite (NULL, NULL, 20), (1, 10, 10), (2, 10, 10)
#     DuckDB (1, NULL, 20), (1, 10, 10), (2, NULL, 20), (2, 10, 10)
#   a, (b RIGHT JOIN c), both: DuckDB's four rows
#   count(*) of the first without rows of a: SQLite 2, DuckDB 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet apsw==3.54.1.0 duckdb==2.0.1
cat > "$folder/joins.py" <<'PYTHON'
import apsw
import duckdb

TABLES = "WITH a (x) AS (VALUES (1), (2)), b (k) AS (VALUES (10)), c (k) AS (VALUES (10), (20))"
FLAT = [(None, None, 20), (1, 10, 10), (2, 10, 10)]
NESTED = [(1, None, 20), (1, 10, 10), (2, None, 20), (2, 10, 10)]
ENGINES = {
    "SQLite": lambda sql: list(apsw.Connection(":memory:").execute(sql)),
    "DuckDB": lambda sql: duckdb.sql(sql).fetchall(),
}


def rows(engine, what, source):
    found = ENGINES[engine](f"{TABLES} SELECT {what} FROM {source}")
    return sorted(found, key=lambda row: [(value is not None, value) for value in row])


for kind in ("RIGHT", "FULL"):
    joined = f"b {kind} JOIN c ON b.k = c.k"
    for engine, expected in (("SQLite", FLAT), ("DuckDB", NESTED)):
        found = rows(engine, "a.x, b.k, c.k", f"a, {joined}")
        print(f"a, {joined}: {engine} {found}")
        assert found == expected
        assert rows(engine, "a.x, b.k, c.k", f"a, ({joined})") == NESTED
empty = "(SELECT * FROM a WHERE x > 9) AS none, b RIGHT JOIN c ON b.k = c.k"
counts = [rows(engine, "count(*)", empty) for engine in ENGINES]
print(f"without rows of a: {counts}")
assert counts == [[(2,)], [(0,)]]
PYTHON
"$folder/venv/bin/python" "$folder/joins.py"
