//! What other rooms keep in the file beside databases and tables: JSON by kind and id. Nothing here reads it.
//!
//! Older programs do not look at its table, so that it needs no new version of the layout.

use rusqlite::{Connection, params};

use super::failure::Failure;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS documents(
    kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(kind, id)) WITHOUT ROWID;";

/// A document to be kept.
#[derive(Debug)]
pub(crate) struct Document {
    /// What it is.
    pub(crate) kind: &'static str,
    /// Which one it is.
    pub(crate) id: String,
    /// What it says; nothing for one that goes.
    pub(crate) body: Option<String>,
}

/// Makes the table where it is missing.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLE)
}

/// Keeps a document in the place of the one before, or removes it.
pub(super) fn put(connection: &Connection, document: &Document) -> Result<(), Failure> {
    let Document { kind, id, body } = document;
    match body {
        Some(body) => {
            let sql = "INSERT OR REPLACE INTO documents(kind, id, body) VALUES(?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute(params![kind, id, body])?
        }
        None => connection
            .prepare_cached("DELETE FROM documents WHERE kind = ?1 AND id = ?2")?
            .execute(params![kind, id])?,
    };
    Ok(())
}

/// All documents of a kind: id and body, by id.
pub(super) fn all(connection: &Connection, kind: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare("SELECT id, body FROM documents WHERE kind = ?1 ORDER BY id")?;
    statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
