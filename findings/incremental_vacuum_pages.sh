#!/usr/bin/env bash
# How many pages does `PRAGMA incremental_vacuum(500)` give back? It depends on the binding.
#
# The pragma has no columns, yet it yields a row for each page that it frees, and frees the next one only when it is
# stepped again. A binding that steps a statement without columns just once frees one page of the 500, reports no error,
# and a file that should shrink in the background never does.
#
# Versions: CPython's sqlite3 (3.11.7 here, SQLite 3.40.1), apsw 3.54.1.0, Go's modernc.org/sqlite 1.62.0.
# Seen, each of 977 free pages:
#   python execute          1 page
#   python execute+fetchall 1 page, 0 rows
#   python executescript    500 pages
#   apsw execute            1 page
#   apsw iterated           500 pages, 500 rows
#   go Exec                 500 pages
#   go Query                500 pages, 500 rows
# So in CPython, which takes a statement without columns for one that has nothing to fetch, fetchall() does not help, and
# only executescript() does. rusqlite's execute_batch() frees one page too; our storage steps the statement to its end.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet apsw==3.54.1.0
cat > pages.py <<'PYTHON'
import apsw, os, sqlite3

SETUP = ["PRAGMA auto_vacuum = incremental", "CREATE TABLE t(b)", "INSERT INTO t VALUES(zeroblob(4000000))", "DELETE FROM t"]
VACUUM = "PRAGMA incremental_vacuum(500)"

def seen(name, connection, rows, vacuum):
    for statement in SETUP:
        rows(connection, statement)
    free = lambda: rows(connection, "PRAGMA freelist_count")[0][0]
    before = free()
    got = vacuum(connection)
    print(f"{name}: {before - free()} pages" + (f", {len(got)} rows" if isinstance(got, list) else ""))

fetched = lambda connection, statement: connection.execute(statement).fetchall()
python = lambda file: sqlite3.connect(file, isolation_level=None)
seen("python execute", python("a"), fetched, lambda c: c.execute(VACUUM))
seen("python execute+fetchall", python("b"), fetched, lambda c: fetched(c, VACUUM))
seen("python executescript", python("c"), fetched, lambda c: c.executescript(VACUUM))
seen("apsw execute", apsw.Connection("d"), fetched, lambda c: c.execute(VACUUM))
seen("apsw iterated", apsw.Connection("e"), fetched, lambda c: fetched(c, VACUUM))
PYTHON
venv/bin/python pages.py | tee seen

mkdir go && cd go
cat > main.go <<'GO'
package main

import (
	"database/sql"
	"fmt"

	_ "modernc.org/sqlite"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func seen(name, file string, vacuum func(*sql.DB) string) {
	db, err := sql.Open("sqlite", file)
	must(err)
	db.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA auto_vacuum = incremental", "CREATE TABLE t(b)",
		"INSERT INTO t VALUES(zeroblob(4000000))", "DELETE FROM t"} {
		_, err := db.Exec(statement)
		must(err)
	}
	free := func() (pages int) {
		must(db.QueryRow("PRAGMA freelist_count").Scan(&pages))
		return
	}
	before := free()
	rows := vacuum(db)
	fmt.Printf("%s: %d pages%s\n", name, before-free(), rows)
}

func main() {
	const vacuum = "PRAGMA incremental_vacuum(500)"
	seen("go Exec", "a", func(db *sql.DB) string {
		_, err := db.Exec(vacuum)
		must(err)
		return ""
	})
	seen("go Query", "b", func(db *sql.DB) string {
		rows, err := db.Query(vacuum)
		must(err)
		count := 0
		for rows.Next() {
			count++
		}
		must(rows.Err())
		return fmt.Sprintf(", %d rows", count)
	})
}
GO
export GOPATH="$folder/gopath" GOFLAGS=-mod=mod
go mod init pages 2>/dev/null
go get modernc.org/sqlite@v1.62.0 2>/dev/null
go run . | tee -a ../seen
cd ..

diff seen - <<'SEEN' || { echo "the behaviour has changed" >&2; exit 1; }
python execute: 1 pages
python execute+fetchall: 1 pages, 0 rows
python executescript: 500 pages
apsw execute: 1 pages
apsw iterated: 500 pages, 500 rows
go Exec: 500 pages
go Query: 500 pages, 500 rows
SEEN
