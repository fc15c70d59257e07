//! Queries whose rows are series, or bins of series.

use super::order::Order;

/// How the SQL of CREATE_TIME_SERIES begins.
pub(super) const CREATE_TIME_SERIES: &str = "ts_create_time_series(";

/// A query whose rows are series, or bins of series.
pub(super) struct Groups {
    /// The rows, with NULL in the place of each time series and count. Behind the columns `c0`, `c1`, … stand `i`, the number of
    /// the series, and `t`, a time in the bin before which none of its records is asked for.
    pub(super) sql: String,
    /// The places of the time series and counts among the columns, each with the SQL that reads it beside a row named `g`.
    pub(super) series: Vec<(usize, String)>,
}

impl Groups {
    /// The query with its time series. They are read row by row as the statement is stepped, behind any sort: SQLite
    /// keeps the order of a subquery that is the only one in FROM, and does not merge it with a query that has
    /// subqueries among its columns.
    pub(super) fn rows(&self, columns: usize) -> String {
        let field = |index: usize| match self.series.iter().find(|(place, _)| *place == index) {
            Some((_, series)) => format!("{series} AS c{index}"),
            None => format!("g.c{index}"),
        };
        format!("SELECT {} FROM ({}) AS g", (0..columns).map(field).collect::<Vec<_>>().join(", "), self.sql)
    }

    /// A SELECT of `fields` from these rows under the name `alias`. `None` if it does more with a time series or a count
    /// than to pass it on. `tail` is the SQL between FROM and the order.
    pub(super) fn selected(&self, alias: &str, fields: &[&str], tail: &str, order: &Order) -> Option<Groups> {
        let order_sql = order.sql();
        let passed = |sql: &str| self.series.iter().find(|(place, _)| sql == format!("{alias}.c{place}"));
        let uses = |sql: &str| self.series.iter().any(|(place, _)| mentions(sql, &format!("{alias}.c{place}")));
        if uses(tail) || uses(&order_sql) || fields.iter().any(|field| uses(field) && passed(field).is_none()) {
            return None;
        }
        let (mut list, mut series) = (String::new(), Vec::new());
        for (index, field) in fields.iter().enumerate() {
            let sql = match passed(field) {
                Some((_, sql)) => {
                    series.push((index, sql.clone()));
                    "NULL"
                }
                None => field,
            };
            list.push_str(&format!("{sql} AS c{index}, "));
        }
        if is_sorted_by(order, &series) {
            return None;
        }
        let sql =
            format!("SELECT {list}{alias}.i AS i, {alias}.t AS t FROM ({}) AS {alias}{tail}{order_sql}", self.sql);
        Some(Groups { sql, series })
    }
}

/// Whether one of these columns is a key of the order. They are NULL when rows are sorted.
pub(super) fn is_sorted_by(order: &Order, series: &[(usize, String)]) -> bool {
    series.iter().any(|(place, _)| order.has_column(*place))
}

/// Whether SQL of the translation has a name. It has no texts of the client, which are bound.
pub(super) fn mentions(sql: &str, name: &str) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    sql.match_indices(name).any(|(start, found)| {
        let bytes = sql.as_bytes();
        let before = start.checked_sub(1).and_then(|place| bytes.get(place));
        !is_part(before) && (name.ends_with('.') || !is_part(bytes.get(start + found.len())))
    })
}
