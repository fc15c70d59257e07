#!/usr/bin/env bash
# A statement cache that prepares each statement again whenever it is used.
#
# SQLite 3.54 looks at the value of a parameter in `column = ?` when it plans a query that has an ORDER BY, a join or one
# min() or max(): 0 and 1 are thought to be common values, others rare. The statement then counts as outdated once such
# a parameter turns from 0 or 1 into another number or back. But sqlite3_clear_bindings() outdates it always, and wrappers
# with a cache of statements call that whenever a statement goes back into the cache. So the cache saves nothing: each
# use parses and plans the SQL again, silently, ten times the cost of a lookup. The same holds, and held in earlier
# versions, for a bound LIMIT. SQLITE_DBCONFIG_ENABLE_QPSG ends it: plans no longer depend on bound values.
#
# Versions: rusqlite 0.43.0 (libsqlite3-sys 0.40.0, SQLite 3.54.1), apsw 3.54.1.0.
# Seen, of 100 uses each of a cached statement, SQLITE_STMTSTATUS_REPREPARE at the end:
SEEN
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cargo init --quiet --name reprepared .
cargo add --quiet rusqlite@=0.43.0 --features bundled
cargo update --quiet --precise 0.40.0 libsqlite3-sys
cat > src/main.rs <<'RUST'
use rusqlite::{Connection, StatementStatus, config::DbConfig};

const STATEMENTS: [(&str, &str); 5] = [
    ("plain", "SELECT time FROM samples WHERE series = ?1"),
    ("ORDER BY", "SELECT time FROM samples WHERE series = ?1 ORDER BY time"),
    ("max()", "SELECT max(time) FROM samples WHERE series = ?1"),
    ("join", "SELECT s.time FROM samples s JOIN samples o USING (time) WHERE s.series = ?1"),
    ("LIMIT", "SELECT time FROM samples WHERE series > 5 LIMIT ?1"),
];

fn main() -> rusqlite::Result<()> {
    for qpsg in [false, true] {
        let connection = Connection::open_in_memory()?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, qpsg)?;
        connection.execute_batch("CREATE TABLE samples(series, time, PRIMARY KEY(series, time))")?;
        for (name, sql) in STATEMENTS {
            let uses = |kept: bool| -> rusqlite::Result<i32> {
                let mut last = 0;
                let mut own = connection.prepare(sql)?;
                for series in 100..200 {
                    if kept {
                        own.exists([series])?;
                        last = own.get_status(StatementStatus::RePrepare);
                    } else {
                        let mut cached = connection.prepare_cached(sql)?;
                        cached.exists([series])?;
                        last = cached.get_status(StatementStatus::RePrepare);
                    }
                }
                Ok(last)
            };
            println!("rusqlite{} {name}: {} cached, {} kept", if qpsg { " QPSG" } else { "" }, uses(false)?, uses(true)?);
        }
    }
    Ok(())
}
RUST
cargo run --quiet | tee seen

python3 -m venv venv
venv/bin/pip install --quiet apsw==3.54.1.0
cat > seen.py <<'PYTHON'
import apsw

for qpsg in (0, 1):
    connection = apsw.Connection(":memory:")
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, qpsg)
    connection.execute("CREATE TABLE samples(series, time, PRIMARY KEY(series, time))")
    for name, sql in {
        "plain": "SELECT time FROM samples WHERE series = ?1",
        "ORDER BY": "SELECT time FROM samples WHERE series = ?1 ORDER BY time",
        "LIMIT": "SELECT time FROM samples WHERE series > 5 LIMIT ?1",
    }.items():
        last = 0
        def traced(event):
            global last
            last = event["stmt_status"]["SQLITE_STMTSTATUS_REPREPARE"]
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, traced)
        for series in range(100, 200):
            connection.execute(sql, (series,)).fetchall()
        print(f"apsw{' QPSG' if qpsg else ''} {name}: {last}")
PYTHON
venv/bin/python seen.py | tee -a seen
