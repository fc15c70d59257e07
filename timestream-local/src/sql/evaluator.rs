//! Expressions that are evaluated apart from the statement that has them: the bodies of lambdas.
//!
//! Each is the text of a SELECT without FROM. It is run on a connection in memory, which each thread has for itself and
//! which has the functions that statements call. A body may so call lambdas again.

use std::cell::RefCell;
use std::rc::Rc;

use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode};

use super::failure::Failure;

/// Steps of SQLite's machine between two checks whether to go on.
const STEPS: i32 = 20_000;
/// Bodies that are kept ready.
const MAX_READY: usize = 64;
/// Bytes of a text or an array in a body.
const MAX_VALUE_BYTES: i32 = 64 << 20;

thread_local! {
    static CONNECTION: RefCell<Option<Rc<Connection>>> = const { RefCell::new(None) };
    static STOP: RefCell<Option<Rc<dyn Fn() -> bool>>> = const { RefCell::new(None) };
}

/// Registers functions on a connection.
pub(super) type Register = fn(&Connection) -> rusqlite::Result<()>;

/// Ends what this thread evaluates, with an error, once `stop` says so.
pub(crate) fn end_evaluation_when(stop: impl Fn() -> bool + 'static) {
    STOP.set(Some(Rc::new(stop)));
}

/// Whether this thread's query was cancelled, or has run for too long.
pub(super) fn has_to_stop() -> bool {
    let stop = STOP.with_borrow(Clone::clone);
    stop.is_some_and(|stop| stop())
}

/// This thread's connection. `register` gives a new one its functions.
pub(super) fn connection(register: Register) -> Result<Rc<Connection>, Failure> {
    if let Some(connection) = CONNECTION.with_borrow(Clone::clone) {
        return Ok(connection);
    }
    let open = || {
        let mut connection = Connection::open_in_memory()?;
        register(&connection)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
        connection.set_prepared_statement_cache_capacity(MAX_READY);
        connection.progress_handler(STEPS, Some(has_to_stop))?;
        Ok(Rc::new(connection))
    };
    let connection = open().map_err(failed)?;
    CONNECTION.set(Some(Rc::clone(&connection)));
    Ok(connection)
}

fn failed(error: rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => "The query was cancelled, or ran for longer than an hour.".into(),
        _ => Failure(error.to_string()),
    }
}

/// A body with all that it takes but its arguments.
pub(super) struct Body<'c> {
    statement: CachedStatement<'c>,
    arguments: usize,
}

impl<'c> Body<'c> {
    /// The body of a text with `arguments` arguments. `taken` are the values behind them.
    pub(super) fn new(
        connection: &'c Connection,
        text: ValueRef<'_>,
        arguments: usize,
        taken: &[ValueRef<'_>],
    ) -> Result<Self, Failure> {
        let text = text.as_str().map_err(|error| Failure(error.to_string()))?;
        let statement = connection.prepare_cached(text).map_err(failed)?;
        let mut body = Body { statement, arguments };
        for (index, value) in taken.iter().enumerate() {
            body.bind(arguments + index, *value)?;
        }
        Ok(body)
    }

    /// Its value for arguments.
    pub(super) fn value(&mut self, arguments: &[ValueRef<'_>]) -> Result<Value, Failure> {
        for (index, value) in arguments.iter().enumerate().take(self.arguments) {
            self.bind(index, *value)?;
        }
        let mut rows = self.statement.raw_query();
        let row = rows.next().map_err(failed)?.ok_or_else(|| Failure::from("A lambda has no value"))?;
        row.get(0).map_err(failed)
    }

    /// Binds a parameter, unless it stands behind the last one that the text has.
    fn bind(&mut self, index: usize, value: ValueRef<'_>) -> Result<(), Failure> {
        if index >= self.statement.parameter_count() {
            return Ok(());
        }
        self.statement.raw_bind_parameter(index + 1, ToSqlOutput::Borrowed(value)).map_err(failed)
    }
}
