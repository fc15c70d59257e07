//! The keys by which rows are sorted.

/// The keys of an ORDER BY, none if there is no such clause.
pub(super) struct Order {
    pub(super) keys: Vec<Key>,
}

/// A key.
pub(super) struct Key {
    pub(super) by: By,
    /// ` ASC NULLS LAST` and the like.
    pub(super) direction: &'static str,
}

/// What a key sorts by.
pub(super) enum By {
    /// The place of a column of the result, from 0.
    Column(usize),
    /// SQLite's SQL.
    Expression(String),
}

impl Order {
    /// ` ORDER BY …`, or nothing.
    pub(super) fn sql(&self) -> String {
        self.sql_with(String::clone)
    }

    /// ` ORDER BY …`, or nothing, with other SQL in the place of each key that is no column of the result.
    pub(super) fn sql_with(&self, expression: impl Fn(&String) -> String) -> String {
        let key = |key: &Key| match &key.by {
            By::Column(place) => format!("{}{}", place + 1, key.direction),
            By::Expression(sql) => format!("{}{}", expression(sql), key.direction),
        };
        match self.keys.as_slice() {
            [] => String::new(),
            keys => format!(" ORDER BY {}", keys.iter().map(key).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Whether every key is a column of the result.
    pub(super) fn is_by_columns(&self) -> bool {
        self.keys.iter().all(|key| matches!(key.by, By::Column(_)))
    }

    /// Whether the column of the result at this place, from 0, is a key.
    pub(super) fn has_column(&self, column: usize) -> bool {
        self.keys.iter().any(|key| matches!(key.by, By::Column(place) if place == column))
    }
}
