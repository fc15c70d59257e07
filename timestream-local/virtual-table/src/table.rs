//! The virtual table, and its cursors.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use rusqlite::vtab::{
    Context, Filters, IndexInfo, Module, VTab, VTabConnection, VTabCursor, sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error, Result};

use super::bounds::{Asked, Bound};
use super::{Relation, Rows};

/// What SQLite is told that a read costs: rows of a key within bounds, of a key, and all. Only their order matters.
const COSTS: [f64; 3] = [1e3, 1e4, 1e12];

/// The columns by which rows are asked for.
const KEYS: u32 = 2;
/// The last letter of a plan that asks for no other column.
const WITHOUT_VALUES: char = 'n';

/// Makes a relation readable on a connection, as a table of this name.
///
/// # Errors
/// SQLite's, for example if the name has a NUL.
pub fn register<R: Relation>(connection: &Connection, name: &str, relation: R) -> Result<()> {
    let module = const { &Module::<'_, Table<R>>::eponymous_only_module() };
    connection.create_module(name, module, Some(Arc::new(relation)))
}

#[repr(C)]
struct Table<R> {
    base: sqlite3_vtab,
    relation: Arc<R>,
    connection: Rc<Connection>,
}

// SAFETY: the struct is `repr(C)` and its first item is `sqlite3_vtab`, as the trait demands.
#[allow(unsafe_code, reason = "rusqlite's trait is unsafe")]
unsafe impl<'vtab, R: Relation> VTab<'vtab> for Table<R> {
    type Aux = Arc<R>;
    type Cursor = Cursor<'vtab, R>;

    fn connect(
        db: &mut VTabConnection,
        aux: Option<&Arc<R>>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _arguments: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let relation = Arc::clone(aux.ok_or_else(|| module_error("a table without a relation"))?);
        let mut columns = relation.columns();
        // Where a column may be NULL, SQLite's min() asks for no order, and goes through all rows.
        columns.iter_mut().take(KEYS as usize).for_each(|column| column.push_str(" NOT NULL"));
        let schema = CString::new(format!("CREATE TABLE x({})", columns.join(", ")))
            .map_err(|_| module_error("a column with a NUL in its name"))?;
        // SAFETY: SQLite disconnects its virtual tables before it closes the connection, and this table and its
        // cursors are the only owners of what is made here. So it, and the statements that it caches, are gone by
        // then. It does not close the connection when it is dropped. It is used by the thread that runs the query only.
        #[allow(unsafe_code, reason = "rows are read with the connection that runs the query")]
        let connection = unsafe { Connection::from_handle(db.handle())? };
        let table = Table { base: sqlite3_vtab::default(), relation, connection: Rc::new(connection) };
        Ok((Cow::Owned(schema), table))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let mut plan = String::new();
        for (constraint, mut usage) in info.constraints_and_usages() {
            let bound = Bound::of(constraint.column(), &constraint.operator());
            if let Some(bound) = bound.filter(|_| constraint.is_usable()) {
                plan.push(bound.letter());
                usage.set_argv_index(c_int::try_from(plan.len()).unwrap_or(c_int::MAX));
                usage.set_omit(true);
            }
        }
        let has_key = plan.contains(Bound::Key.letter());
        let is_bounded = plan.len() > 1;
        let [bounded, whole, all] = COSTS;
        let cost = if !has_key { all } else { if is_bounded { bounded } else { whole } };
        info.set_estimated_cost(cost);
        info.set_estimated_rows(cost as i64);
        let mut order = info.order_bys().map(|by| (by.column(), by.is_order_by_desc()));
        let is_ordered = has_key && order.all(|by| matches!(by, (0, _) | (1, false)));
        info.set_order_by_consumed(is_ordered);
        if info.col_used() >> KEYS == 0 {
            plan.push(WITHOUT_VALUES);
        }
        info.set_idx_str(&plan);
        Ok(true)
    }

    fn open(&'vtab mut self) -> Result<Self::Cursor> {
        Ok(Cursor {
            base: sqlite3_vtab_cursor::default(),
            connection: Rc::clone(&self.connection),
            rows: self.relation.rows(),
            ended: true,
            table: PhantomData,
        })
    }
}

#[repr(C)]
struct Cursor<'vtab, R: Relation> {
    base: sqlite3_vtab_cursor,
    connection: Rc<Connection>,
    rows: R::Rows,
    ended: bool,
    table: PhantomData<&'vtab Table<R>>,
}

// SAFETY: the struct is `repr(C)` and its first item is `sqlite3_vtab_cursor`, as the trait demands.
#[allow(unsafe_code, reason = "rusqlite's trait is unsafe")]
unsafe impl<R: Relation> VTabCursor for Cursor<'_, R> {
    fn filter(&mut self, _: c_int, plan: Option<&str>, values: &Filters<'_>) -> Result<()> {
        let plan = plan.unwrap_or_default();
        let bounds = plan.strip_suffix(WITHOUT_VALUES);
        let mut asked = Asked { values: bounds.is_none(), ..Asked::ALL };
        for (bound, value) in Bound::plan(bounds.unwrap_or(plan)).zip(values.iter()) {
            asked.narrow(bound.ok_or_else(|| module_error("a plan that can't be read"))?, value);
        }
        self.ended = asked.is_nothing();
        if self.ended {
            return Ok(());
        }
        self.rows.seek(&self.connection, asked)?;
        self.next()
    }

    fn next(&mut self) -> Result<()> {
        self.ended = !self.rows.next(&self.connection)?;
        Ok(())
    }

    fn eof(&self) -> bool {
        self.ended
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        self.rows.write(usize::try_from(column).unwrap_or(usize::MAX), context)
    }

    /// Nothing asks for it: the columns tell rows apart.
    fn rowid(&self) -> Result<i64> {
        Err(module_error("the rows have no number"))
    }
}

fn module_error(what: &str) -> Error {
    Error::ModuleError(what.to_owned())
}
