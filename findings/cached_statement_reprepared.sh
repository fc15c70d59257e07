#!/usr/bin/env bash
# A statement cache that prepares each statement again whenever it is used.
#
# SQLite 3.54 looks at the value of a parameter in `column = ?` when it plans a query that has an ORDER BY, a join, or one
# min() or max(): 0 and 1 are thought to be common values, others rare. The statement then counts as outdated once such
# a parameter turns from 0 or 1 into another number, or back. But sqlite3_clear_bindings() outdates it whatever the
# values were, and rusqlite calls that whenever a statement goes back into its cache. So prepare_cached() saves nothing:
# each use parses and plans the SQL again. No result and no error tells, only SQLITE_STMTSTATUS_REPREPARE and the time;
# our reads of short series took twice as long. A statement that is kept, and bound anew, is not prepared again; with a
# bound LIMIT even that one is, at each other value. SQLITE_DBCONFIG_ENABLE_QPSG ends both: then no plan depends on bound
# values. Our storage sets it on all its connections.
#
# Versions: rusqlite 0.43.0, libsqlite3-sys 0.40.0 (SQLite 3.54.1).
# Seen, how often a statement was prepared again in 100 uses with the values 100 to 199, taken from the cache each time,
# and kept:
#   plain: 0 cached, 0 kept
#   ORDER BY: 99 cached, 0 kept
#   max(): 99 cached, 0 kept
#   join: 99 cached, 0 kept
#   LIMIT: 100 cached, 100 kept
#   QPSG, all of them: 0 cached, 0 kept
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
            println!("{}{name}: {} cached, {} kept", if qpsg { "QPSG " } else { "" }, uses(false)?, uses(true)?);
        }
    }
    Ok(())
}
RUST
cargo run --quiet | tee seen

diff seen - <<'SEEN' || { echo "the behaviour has changed" >&2; exit 1; }
plain: 0 cached, 0 kept
ORDER BY: 99 cached, 0 kept
max(): 99 cached, 0 kept
join: 99 cached, 0 kept
LIMIT: 100 cached, 100 kept
QPSG plain: 0 cached, 0 kept
QPSG ORDER BY: 0 cached, 0 kept
QPSG max(): 0 cached, 0 kept
QPSG join: 0 cached, 0 kept
QPSG LIMIT: 0 cached, 0 kept
SEEN
