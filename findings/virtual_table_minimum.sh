#!/usr/bin/env bash
# min() of a virtual table's ordered column reads every row, unless the column is declared NOT NULL.
#
# A virtual table can tell SQLite in xBestIndex that its rows come in the order asked for, and SQLite then takes
# min(column) from the first row. But where the column may be NULL, SQLite 3.54 asks min() for an order in which NULLs
# come last, and such an order is not passed to xBestIndex: nOrderBy is 0. So the table can't say that it has the order,
# and all rows are read. ORDER BY column LIMIT 1 is passed, and reads one row. EXPLAIN QUERY PLAN shows no difference:
# it never has a sorter for min(). NOT NULL in the declaration of the table (sqlite3_declare_vtab) is enough for
# min() to read one row too, although SQLite enforces no constraint of a virtual table. A column named in a condition
# `column > 3` does not help, nor does IS NOT NULL in the WHERE. With a table of its own SQLite reads one row of an index
# either way. Our embedded Timestream, which asks for the first time in each bin of each series, read all samples
# once more for that.
#
# Versions: apsw 3.54.1.0 (SQLite 3.54.1).
# Seen, rows read of 1000:
#   n:          min 1000, min where n > 3: 997, min where n is not null: 1000, order by limit 1: 1
#   n NOT NULL: min 1, min where n > 3: 1, min where n is not null: 1, order by limit 1: 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet apsw==3.54.1.0
cat > "$folder/minimum.py" <<'PYTHON'
import apsw

GREATER = apsw.SQLITE_INDEX_CONSTRAINT_GT
read = 0


class Numbers:
    """Whole numbers from 1 to 1000, in order."""

    def __init__(self, declared):
        self.declared = declared

    def Connect(self, connection, module, database, table, *arguments):
        return f"CREATE TABLE x({self.declared})", Table()

    Create = Connect


class Table:
    def BestIndexObject(self, info):
        for constraint in range(info.nConstraint):
            if info.get_aConstraint_op(constraint) == GREATER and info.get_aConstraint_usable(constraint):
                info.set_aConstraintUsage_argvIndex(constraint, 1)
                info.idxNum = 1
        info.orderByConsumed = all(not info.get_aOrderBy_desc(by) for by in range(info.nOrderBy))
        return True

    def Open(self):
        return Cursor()

    def Disconnect(self):
        pass

    Destroy = Disconnect


class Cursor:
    def Filter(self, number, text, arguments):
        self.row = 1 + (arguments[0] if number else 0)
        self.count()

    def count(self):
        global read
        read += not self.Eof()

    def Eof(self):
        return self.row > 1000

    def Next(self):
        self.row += 1
        self.count()

    def Column(self, column):
        return self.row

    def Rowid(self):
        return self.row

    def Close(self):
        pass


QUERIES = [
    ("min", "SELECT min(n) FROM t", 1),
    ("min where n > 3:", "SELECT min(n) FROM t WHERE n > 3", 4),
    ("min where n is not null:", "SELECT min(n) FROM t WHERE n IS NOT NULL", 1),
    ("order by limit 1:", "SELECT n FROM t ORDER BY n LIMIT 1", 1),
]
for declared in ["n", "n NOT NULL"]:
    connection = apsw.Connection(":memory:")
    connection.create_module("t", Numbers(declared), use_bestindex_object=True, eponymous_only=True)
    seen = []
    for name, sql, least in QUERIES:
        read = 0
        (found,), = connection.execute(sql).fetchall()
        assert found == least, (sql, found)
        seen.append(f"{name} {read}")
    print(f"{declared + ':':<12}{', '.join(seen)}")
PYTHON
seen=$("$folder/venv/bin/python" "$folder/minimum.py")
echo "$seen"
[ "$seen" = "n:          min 1000, min where n > 3: 997, min where n is not null: 1000, order by limit 1: 1
n NOT NULL: min 1, min where n > 3: 1, min where n is not null: 1, order by limit 1: 1" ]
