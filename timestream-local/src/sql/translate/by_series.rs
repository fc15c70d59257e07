//! GROUP BY over all that tells series apart, without a sort of the records.
//!
//! Storage has each series once, with its records in order of time. So the groups of `measure_name` and all dimensions
//! are its series, and the time series of a group are read, and its records counted, by a subquery for each. With
//! `bin(time, …)` as a further key, the groups are the bins of each series that have records. They are found by seeking
//! from one to the next, or, of doubles, by asking whether the very next one has any. If a chunk begins or ends in it, as
//! where bins are longer than chunks, that needs no look into the chunk.

use rusqlite::types::Value;

use super::super::functions;
use super::groups::{CREATE_TIME_SERIES, Groups, is_sorted_by, mentions};
use super::order::Order;
use super::split_table::{SplitTable, all_of};
use super::translator::Translator;
use crate::calendar::MINUTE;

/// Narrower bins are left to the general way: their list would be as long as the series.
const LEAST_BIN: i64 = MINUTE;

/// How many records a group has.
const COUNT: &str = "count(*)";

/// The parts of a SELECT that has GROUP BY, in SQLite's SQL.
pub(super) struct Grouped<'s> {
    pub(super) fields: &'s [&'s str],
    /// What WHERE joins with AND.
    pub(super) conditions: &'s [String],
    pub(super) keys: &'s [String],
    pub(super) order: &'s Order,
}

/// A key `bin(time, …)` of a constant width.
struct Bin {
    key: String,
    width: String,
}

impl Bin {
    fn of(&self, time: &str) -> String {
        format!("{}({time}, {})", functions::only("bin"), self.width)
    }
}

impl Translator<'_> {
    /// The groups of a SELECT from a table, if they are its series or the bins of its series, and its fields are keys
    /// and time series, or counts of series.
    pub(super) fn groups(&self, table: &SplitTable, select: &Grouped<'_>) -> Option<Groups> {
        if !table.series_columns.iter().all(|column| select.keys.contains(column)) {
            return None;
        }
        let mut bin: Option<Bin> = None;
        for key in select.keys.iter().filter(|key| !table.is_of_series(key)) {
            let found = Bin { key: key.clone(), width: self.bin_width(table, key)? };
            if bin.as_ref().is_some_and(|bin| bin.key != found.key) {
                return None;
            }
            bin = Some(found);
        }
        let (of_series, of_records): (Vec<_>, Vec<_>) =
            select.conditions.iter().map(String::as_str).partition(|condition| table.is_of_series(condition));
        if !of_records.iter().all(|condition| table.is_of_records(condition)) {
            return None;
        }
        match bin {
            Some(bin) => of_bins(table, select, &bin, &of_series, &Times::of(table, &of_records)?),
            None => of_whole_series(table, select, &of_series, &of_records),
        }
    }

    /// The width of the bins that a key stands for, a bound value.
    fn bin_width(&self, table: &SplitTable, key: &str) -> Option<String> {
        let width = key.strip_prefix(&format!("{}({}, ", functions::only("bin"), table.time))?.strip_suffix(')')?;
        match self.constant(width) {
            Some(Value::Integer(length)) if *length >= LEAST_BIN => Some(width.to_owned()),
            _ => None,
        }
    }
}

fn of_whole_series(
    table: &SplitTable,
    select: &Grouped<'_>,
    of_series: &[&str],
    of_records: &[&str],
) -> Option<Groups> {
    let (list, series) = fields(table, select, None, of_records)?;
    let order = select.order.sql();
    if !table.is_of_series(&order) || is_sorted_by(select.order, &series) {
        return None;
    }
    let found = table.points_from(&table.parts.id, of_records);
    let found = found.unwrap_or_else(|| table.records_of(&table.parts.id, of_records));
    let has_records = format!("EXISTS (SELECT 1{found})");
    let conditions = all_of(of_series.iter().copied().chain([has_records.as_str()]));
    let (from, id) = (&table.parts.series, &table.parts.id);
    let sql = format!("SELECT {list}{id} AS i, NULL AS t FROM {from} WHERE {conditions}{order}");
    Some(Groups { sql, series })
}

fn of_bins(
    table: &SplitTable,
    select: &Grouped<'_>,
    bin: &Bin,
    of_series: &[&str],
    times: &Times<'_>,
) -> Option<Groups> {
    let (time, id) = (&table.time, &table.parts.id);
    // From the time in each bin before which no record is asked for, by which the lower bounds of the query hold for the bin.
    let from = format!("{time} >= g.t");
    let until = format!("{time} < {}", times.before(format!("{} + {}", bin.of("g.t"), bin.width)));
    let within = [&times.others[..], &[&from, &until]].concat();
    let (list, series) = fields(table, select, Some(bin), &within)?;
    let order = select.order.sql_with(|key| key.replace(&bin.key, &bin.of("e.value")));
    if !table.is_of_series(&order) || is_sorted_by(select.order, &series) {
        return None;
    }
    let bins = bins(table, bin, times);
    let conditions = match of_series {
        [] => String::new(),
        conditions => format!(" WHERE {}", all_of(conditions.iter().copied())),
    };
    let from = &table.parts.series;
    let sql = format!(
        "SELECT {list}{id} AS i, e.value AS t FROM {from} CROSS JOIN json_each(({bins})) AS e{conditions}{order}"
    );
    Some(Groups { sql, series })
}

/// The SQL of a JSON list of the bins that have records of a series: for each a time in it before which none is asked for.
fn bins(table: &SplitTable, bin: &Bin, times: &Times<'_>) -> String {
    let (time, id) = (&table.time, &table.parts.id);
    let after_bin_of = |start: &str| format!("{} + {}", bin.of(start), bin.width);
    let first_from = |start: Option<&str>| {
        let bounds =
            [start.map(|start| format!("{time} >= {start}")), times.until().map(|end| format!("{time} < {end}"))];
        let bounds: Vec<&str> = bounds.iter().flatten().map(String::as_str).collect();
        format!("(SELECT min({time}){})", table.records_of(id, &[&times.others[..], &bounds].concat()))
    };
    let in_bin_of = |start: &str| {
        let end = times.before(after_bin_of(start));
        let within = [format!("{time} >= {start}"), format!("{time} < {end}")];
        let points = table.points_from(id, &[&times.others[..], &within.each_ref().map(String::as_str)].concat())?;
        Some(format!("(SELECT {start}{points})"))
    };
    // The first bin with records from a time on.
    let found = |start: &str| match in_bin_of(start) {
        Some(points) => format!("coalesce({points}, {})", first_from(Some(&after_bin_of(start)))),
        None => first_from(Some(start)),
    };
    let first = times.from().map_or_else(|| first_from(None), |start| found(&start));
    let next = found(&after_bin_of("b.t"));
    format!(
        "WITH RECURSIVE b(t) AS (SELECT {first} UNION ALL SELECT {next} FROM b WHERE b.t IS NOT NULL) SELECT \
         json_group_array(b.t) FROM b WHERE b.t IS NOT NULL"
    )
}

/// The list of a SELECT's fields, with NULL for each time series and count, and how these are read from the records under
/// conditions.
fn fields(
    table: &SplitTable,
    select: &Grouped<'_>,
    bin: Option<&Bin>,
    conditions: &[&str],
) -> Option<(String, Vec<(usize, String)>)> {
    let (mut list, mut series) = (String::new(), Vec::new());
    for (index, field) in select.fields.iter().enumerate() {
        let sql = match bin {
            Some(bin) if *field == bin.key => bin.of("e.value"),
            _ if field.starts_with(CREATE_TIME_SERIES) && table.is_of_records(field) => {
                let by_records = || format!("(SELECT {field}{})", table.records_of("g.i", conditions));
                series.push((index, table.points_of(field, "g.i", conditions).unwrap_or_else(by_records)));
                "NULL".to_owned()
            }
            // Many bins share a chunk, which each would read anew.
            _ if *field == COUNT && bin.is_none() => {
                series.push((index, table.count_of_series("g.i", conditions)?));
                "NULL".to_owned()
            }
            _ if select.keys.iter().any(|key| key == field) => (*field).to_owned(),
            _ => return None,
        };
        list.push_str(&format!("{sql} AS c{index}, "));
    }
    Some((list, series))
}

/// The conditions on records, with the bounds of their times apart.
struct Times<'c> {
    others: Vec<&'c str>,
    /// Times from which on records are asked for.
    starts: Vec<String>,
    /// Times before which they are.
    ends: Vec<String>,
}

impl<'c> Times<'c> {
    /// `None` if there are conditions on the time that are no bounds.
    fn of(table: &SplitTable, conditions: &[&'c str]) -> Option<Self> {
        let mut times = Times { others: Vec::new(), starts: Vec::new(), ends: Vec::new() };
        for condition in conditions {
            let bound = |operator: &str| {
                let bound = condition.strip_prefix(&format!("({} {operator} ", table.time))?.strip_suffix(')')?;
                table.is_of_series(bound).then_some(bound)
            };
            if let Some(end) = bound("<") {
                times.ends.push(end.to_owned());
            } else if let Some(last) = bound("<=") {
                times.ends.push(format!("({last} + 1)"));
            } else if let Some(start) = bound(">=") {
                times.starts.push(start.to_owned());
            } else if let Some(before) = bound(">") {
                // Behind the last time there is no record either.
                times.starts.push(format!("(min({before}, {}) + 1)", i64::MAX - 1));
            } else {
                if mentions(condition, &table.time) {
                    return None;
                }
                times.others.push(condition);
            }
        }
        Some(times)
    }

    /// The time from which on records are asked for. None is before 1970, and such a time has no bin.
    fn from(&self) -> Option<String> {
        match self.starts.as_slice() {
            [] => None,
            starts => Some(format!("max(0, {})", starts.join(", "))),
        }
    }

    /// The time before which records are asked for.
    fn until(&self) -> Option<String> {
        match self.ends.as_slice() {
            [] => None,
            [end] => Some(end.clone()),
            ends => Some(format!("min({})", ends.join(", "))),
        }
    }

    /// The earlier of a time and the one before which records are asked for.
    fn before(&self, time: String) -> String {
        match self.ends.as_slice() {
            [] => time,
            ends => format!("min({time}, {})", ends.join(", ")),
        }
    }
}
