//! A Timestream table, whose columns are those of its series and those of their records.

use super::super::catalog::{Attribute, Counted, Parts, TableSchema};
use super::groups::{CREATE_TIME_SERIES, mentions};

/// A Timestream table, taken apart.
pub(super) struct SplitTable {
    counted: Counted,
    pub(super) parts: Parts,
    /// The columns that tell series apart.
    pub(super) series_columns: Vec<String>,
    pub(super) time: String,
}

impl SplitTable {
    pub(super) fn of(schema: &TableSchema) -> Self {
        let with = |wanted: &[Attribute]| {
            let columns = schema.columns.iter().filter(|column| wanted.contains(&column.attribute));
            columns.map(|column| column.expression.clone()).collect::<Vec<_>>()
        };
        SplitTable {
            counted: schema.counted.clone(),
            parts: schema.parts.clone(),
            series_columns: with(&[Attribute::Dimension, Attribute::MeasureName]),
            time: with(&[Attribute::Timestamp]).concat(),
        }
    }

    /// Whether an expression has no column of the records.
    pub(super) fn is_of_series(&self, sql: &str) -> bool {
        !mentions(sql, alias(&self.parts.owner))
    }

    /// Whether an expression has no column of the series.
    pub(super) fn is_of_records(&self, sql: &str) -> bool {
        !mentions(sql, alias(&self.parts.id))
    }

    /// ` FROM … WHERE …` of the records of a series under conditions.
    pub(super) fn records_of(&self, id: &str, conditions: &[&str]) -> String {
        let own = format!("{} = {id}", self.parts.owner);
        let conditions = all_of([own.as_str()].into_iter().chain(conditions.iter().copied()));
        format!(" FROM {} WHERE {conditions}", self.parts.records)
    }
}

impl SplitTable {
    /// The SELECT of the time series that a field is, of the records of a series under conditions. `None` if it has to be made of
    /// single records.
    pub(super) fn points_of(&self, field: &str, id: &str, conditions: &[&str]) -> Option<String> {
        let points = self.parts.points.as_ref()?;
        if field != format!("{CREATE_TIME_SERIES}{}, {})", self.time, points.column) {
            return None;
        }
        Some(format!("(SELECT {}{})", points.points, self.points_from(id, conditions)?))
    }

    /// ` FROM … WHERE …` of the time series of a series under conditions, one row, or none if no record fits. `None` if the conditions
    /// are others than that there is a value, and bounds of the time.
    pub(super) fn points_from(&self, id: &str, conditions: &[&str]) -> Option<String> {
        let points = self.parts.points.as_ref()?;
        let is_value = format!("({} IS NOT NULL)", points.column);
        if !conditions.contains(&&*is_value) {
            return None;
        }
        let own = format!("{} = {id}", points.owner);
        let bounds = conditions.iter().filter(|condition| **condition != is_value);
        let bounds: Option<Vec<String>> = bounds.map(|condition| self.bound_as(&points.time, condition)).collect();
        let bounds = bounds?;
        let all = all_of([own.as_str()].into_iter().chain(bounds.iter().map(String::as_str)));
        Some(format!(" FROM {} WHERE {all}", points.relation))
    }

    /// The SELECT of the number of records under conditions. `None` if the conditions are others than bounds of the time.
    pub(super) fn count_of(&self, conditions: &[String]) -> Option<String> {
        let bounds = conditions.iter().map(|condition| {
            let bound = self.bound_as(&self.counted.time, condition)?;
            self.is_of_records(&bound).then_some(bound)
        });
        Some(self.counted_where(&bounds.collect::<Option<Vec<String>>>()?))
    }

    /// The same of the records of a series.
    pub(super) fn count_of_series(&self, id: &str, conditions: &[&str]) -> Option<String> {
        let own = format!("{} = {id}", self.counted.owner);
        let bounds = conditions.iter().map(|condition| self.bound_as(&self.counted.time, condition));
        let all = std::iter::once(Some(own)).chain(bounds).collect::<Option<Vec<String>>>()?;
        Some(self.counted_where(&all))
    }

    fn counted_where(&self, conditions: &[String]) -> String {
        let Counted { relation, count, .. } = &self.counted;
        let conditions = match conditions {
            [] => String::new(),
            conditions => format!(" WHERE {}", all_of(conditions.iter().map(String::as_str))),
        };
        format!("(SELECT {count} FROM {relation}{conditions})")
    }

    /// A bound of the time of records as one of another expression.
    fn bound_as(&self, time: &str, condition: &str) -> Option<String> {
        let plain = condition.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(condition);
        let comparison = plain.strip_prefix(&self.time)?.strip_prefix(' ')?;
        let (operator, bound) = comparison.split_once(' ')?;
        let is_bound = matches!(operator, ">=" | ">" | "<=" | "<") && self.is_of_series(bound);
        is_bound.then(|| format!("({time} {operator} {bound})"))
    }
}

/// Conditions joined with AND, as a balanced tree: SQLite limits the depth.
pub(super) fn all_of<'c>(conditions: impl Iterator<Item = &'c str>) -> String {
    let mut level: Vec<String> = conditions.map(str::to_owned).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| if let [one, two] = pair { format!("({one} AND {two})") } else { pair.concat() })
            .collect();
    }
    level.concat()
}

/// The alias of a column, with the point behind it.
fn alias(column: &str) -> &str {
    column.find('.').and_then(|point| column.get(..=point)).unwrap_or(column)
}
