//! A read-only SQLite table whose rows a Rust value gives, by a key and in order of a second column.
//!
//! It is a crate of its own because it holds the only unsafe code of the workspace: rusqlite's traits for virtual tables
//! are unsafe, and the rows are read with further statements on the connection that runs the query, so that both see
//! the same snapshot.

mod bounds;
mod table;

pub use bounds::Asked;
pub use rusqlite::vtab::Context;
pub use table::register;

/// A relation of rows, each with a key in the first column and a whole number in the second, by which the rows of a key
/// ascend. Neither is NULL.
pub trait Relation: Send + Sync + 'static {
    /// Reads rows.
    type Rows: Rows;

    /// The names of all columns.
    fn columns(&self) -> Vec<String>;

    /// A reader, which has not been asked for rows yet.
    fn rows(&self) -> Self::Rows;
}

/// Reads the rows of a [`Relation`].
pub trait Rows {
    /// Begins with the rows of what is asked. `connection` is the one that runs the query, here and in [`Rows::next`].
    ///
    /// # Errors
    /// An error ends the query.
    fn seek(&mut self, connection: &rusqlite::Connection, asked: Asked) -> rusqlite::Result<()>;

    /// Goes to the first row, and then to the next one each time. False when there is none.
    ///
    /// # Errors
    /// An error ends the query.
    fn next(&mut self, connection: &rusqlite::Connection) -> rusqlite::Result<bool>;

    /// Writes the cell of a column of the current row. What is not written is NULL.
    ///
    /// # Errors
    /// An error ends the query.
    fn write(&self, column: usize, context: &mut Context) -> rusqlite::Result<()>;
}

#[cfg(test)]
mod tests;
