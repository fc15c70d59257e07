//! What a query asks of a table: one key or all, and bounds of the second column.

use rusqlite::types::ValueRef;
use rusqlite::vtab::IndexConstraintOp;

/// What is asked of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The key of the rows; `None` asks for those of all keys, one key after the other.
    pub key: Option<i64>,
    /// The least value of the second column.
    pub from: i64,
    /// The greatest value of the second column. Nothing is asked if it is below `from`.
    pub to: i64,
    /// Whether cells behind the second column are asked for.
    pub values: bool,
}

impl Asked {
    /// All rows.
    pub const ALL: Asked = Asked { key: None, from: i64::MIN, to: i64::MAX, values: true };
    const NOTHING: Asked = Asked { key: None, from: i64::MAX, to: i64::MIN, values: true };

    /// Whether no row is asked for.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.from > self.to
    }

    /// Takes a bound in, compared as SQLite compares columns without a type: NULL fits nothing, and texts and blobs are
    /// above all numbers.
    pub(crate) fn narrow(&mut self, bound: Bound, value: ValueRef<'_>) {
        let narrowed = match value {
            ValueRef::Integer(value) => self.integer(bound, value),
            ValueRef::Real(value) => self.real(bound, value),
            ValueRef::Null => None,
            ValueRef::Text(_) | ValueRef::Blob(_) => matches!(bound, Bound::Less | Bound::AtMost).then_some(*self),
        };
        *self = narrowed.unwrap_or(Asked::NOTHING);
    }

    fn integer(mut self, bound: Bound, value: i64) -> Option<Asked> {
        match bound {
            Bound::Key if self.key.is_some_and(|key| key != value) => return None,
            Bound::Key => self.key = Some(value),
            Bound::Equal => (self.from, self.to) = (self.from.max(value), self.to.min(value)),
            Bound::Greater => self.from = self.from.max(value.checked_add(1)?),
            Bound::AtLeast => self.from = self.from.max(value),
            Bound::Less => self.to = self.to.min(value.checked_sub(1)?),
            Bound::AtMost => self.to = self.to.min(value),
        }
        Some(self)
    }

    /// A number between whole ones bounds as the next whole one does. Those beyond all whole numbers are equal to none.
    fn real(self, bound: Bound, value: f64) -> Option<Asked> {
        const END: f64 = 9_223_372_036_854_775_808.0;
        let (below, above) = (value < -END, value >= END);
        let is_whole = value.fract() == 0.0 && !below && !above;
        match bound {
            _ if is_whole => self.integer(bound, value as i64),
            Bound::Key | Bound::Equal => None,
            Bound::Greater | Bound::AtLeast if above => None,
            Bound::Less | Bound::AtMost if below => None,
            Bound::Greater | Bound::AtLeast if below => Some(self),
            Bound::Less | Bound::AtMost if above => Some(self),
            Bound::Greater | Bound::AtLeast => self.integer(Bound::AtLeast, value.ceil() as i64),
            Bound::Less | Bound::AtMost => self.integer(Bound::AtMost, value.floor() as i64),
        }
    }
}

/// A comparison with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Of the key.
    Key,
    /// Of the second column, as the others.
    Equal,
    Greater,
    AtLeast,
    Less,
    AtMost,
}

impl Bound {
    const ALL: [(char, Bound); 6] = [
        ('k', Bound::Key),
        ('=', Bound::Equal),
        ('>', Bound::Greater),
        ('g', Bound::AtLeast),
        ('<', Bound::Less),
        ('l', Bound::AtMost),
    ];

    /// The bound that a constraint on a column is, if it is one.
    pub(crate) fn of(column: i32, operator: &IndexConstraintOp) -> Option<Bound> {
        match (column, operator) {
            (0, IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ) => Some(Bound::Key),
            (1, IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ) => Some(Bound::Equal),
            (1, IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GT) => Some(Bound::Greater),
            (1, IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GE) => Some(Bound::AtLeast),
            (1, IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LT) => Some(Bound::Less),
            (1, IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LE) => Some(Bound::AtMost),
            _ => None,
        }
    }

    /// Its letter in a plan.
    pub(crate) fn letter(self) -> char {
        Bound::ALL.iter().find(|(_, bound)| *bound == self).map_or('?', |(letter, _)| *letter)
    }

    /// The bounds of a plan, in the order of their values.
    pub(crate) fn plan(letters: &str) -> impl Iterator<Item = Option<Bound>> {
        letters.chars().map(|letter| Bound::ALL.iter().find(|(other, _)| *other == letter).map(|(_, bound)| *bound))
    }
}
