//! Prometheus' order of series in SQL, so that an answer can be streamed.
//!
//! Prometheus compares label sets pair by pair, sorted by name; of two that are alike so far, the shorter comes first.
//! In columns sorted by label this means: the first column in which two series differ decides. If one series has the
//! label and the other lacks it, the one that has it comes first, unless the other has no further label.

use super::super::columns::BIN;
use super::super::form::{Bin, RowForm};
use super::super::matcher::{Condition, METRIC_NAME, Matcher};
use super::super::schema::Schema;
use super::column::metric_name;
use super::quote::identifier;
use crate::measure;

/// The column with the place of a row's last label. Timestream reserves names like this, so no other column has it.
const LAST_LABEL: &str = "ts_last_label";

/// The key that tells a metric name that stands as it is from an escaped one.
const LENGTH: &str = "length(measure_name)";

/// The sort keys of a series' rows. Of two samples at one time the one in the escaped measure name, which is longer, comes
/// last and is taken.
pub(super) fn within_series(form: RowForm, bin: Option<Bin>) -> &'static [&'static str] {
    match (form, bin) {
        (RowForm::Sample, _) => &["time", LENGTH],
        (RowForm::Series(_), Some(_)) => &[BIN, LENGTH],
        (RowForm::Series(_), None) => &[LENGTH],
        (RowForm::Labels, _) => &[],
    }
}

/// The query for rows (what stands behind `SELECT * FROM`) in the order of Prometheus' label sets, then of keys within a
/// series.
pub(super) fn ordered(rows: &str, schema: &Schema, matchers: &[Matcher], within_series: &[&str]) -> String {
    let fixed = |label: &str| matchers.iter().any(|matcher| matcher.label == label && is_fixed(&matcher.condition));
    let mut keys = Vec::new();
    // Every series has a name, so a label that sorts before it is always followed by a further one.
    for (_, column) in schema.labels().filter(|(label, _)| *label < METRIC_NAME && !fixed(label)) {
        let column = identifier(column);
        keys.push(format!("CASE WHEN {column} <> '' THEN {column} END NULLS LAST"));
    }
    if !fixed(METRIC_NAME) {
        keys.push(metric_name());
    }
    let behind: Vec<(&str, String)> = schema
        .labels()
        .filter(|(label, _)| *label > METRIC_NAME)
        .map(|(label, column)| (label, identifier(column)))
        .collect();
    let mut last = String::new();
    for (place, (label, column)) in behind.iter().enumerate() {
        last.insert_str(0, &format!(" WHEN {column} <> '' THEN {place}"));
        if !fixed(label) {
            // If the label is missing: NULL, so after all values, if there is a further label; else before all values.
            keys.push(format!(
                "CASE WHEN {column} <> '' THEN {column} WHEN {LAST_LABEL} < {place} THEN '' END NULLS LAST"
            ));
        }
    }
    let one_form = has_one_form(matchers);
    keys.extend(within_series.iter().filter(|key| !one_form || **key != LENGTH).map(|key| (*key).to_owned()));
    if keys.is_empty() {
        return format!("SELECT * FROM {rows}");
    }
    let keys = keys.join(", ");
    if last.is_empty() {
        return format!("SELECT * FROM {rows} ORDER BY {keys}");
    }
    format!("SELECT * FROM (SELECT *, CASE{last} ELSE -1 END AS {LAST_LABEL} FROM {rows}) ORDER BY {keys}")
}

/// Whether the metric name is known, and has only one form in the table.
fn has_one_form(matchers: &[Matcher]) -> bool {
    matchers.iter().any(|matcher| match &matcher.condition {
        Condition::Equal(name) => matcher.label == METRIC_NAME && measure::forms(name).count() == 1,
        _ => false,
    })
}

/// Whether all rows have the same value for the label: the SQL has this condition exactly.
fn is_fixed(condition: &Condition) -> bool {
    matches!(condition, Condition::Equal(_))
}
