//! A column for a matcher, and its content: a dimension holds a label's value as it is; `measure_name` holds the metric
//! name as it is or [escaped](crate::measure).

use super::quote::quoted;
use crate::dimension::PREFIX;
use crate::measure;

/// Whether a measure name is an escape: its body is that of a metric name that needs escaping, written as `escape`
/// does.
const IS_ESCAPED: &str = r"measure_name LIKE 'z\_%\_z' ESCAPE '\' AND regexp_like(measure_name, '\Az_(?:time|(?:ts_|measure_value)(?:[^:Z]|Z[35]aZ)*|z_(?:[^:Z]|Z[35]aZ)*_z|(?:[^:Z]|Z5aZ)*Z3aZ(?:[^:Z]|Z[35]aZ)*)_z\z')";

/// The metric name of such a measure name. First each escape loses its last `Z`. Then escapes side by side share no
/// `Z`, so a replacement can't match a part of one escape together with a part of the next.
const RESTORED: &str = "replace(replace(regexp_replace(substr(measure_name, 3, length(measure_name) - 4), \
                        'Z([35])aZ', 'Z$1'), 'Z3', ':'), 'Z5', 'Z')";

/// The column of a matcher's label.
#[derive(Debug)]
pub(super) enum Column<'a> {
    /// A dimension, by its quoted name.
    Dimension(&'a str),
    /// The measure name.
    MetricName,
}

impl Column<'_> {
    /// Its name in SQL.
    pub(super) fn name(&self) -> &str {
        match self {
            Column::Dimension(name) => name,
            Column::MetricName => "measure_name",
        }
    }

    /// The label's value in SQL.
    pub(super) fn value(&self) -> String {
        match self {
            Column::Dimension(name) => (*name).to_owned(),
            Column::MetricName => metric_name(),
        }
    }

    /// All texts that the column may hold for one of these values, quoted.
    pub(super) fn stored(&self, values: &[String]) -> Vec<String> {
        match self {
            Column::Dimension(_) => values.iter().map(|value| quoted(value)).collect(),
            Column::MetricName => {
                values.iter().flat_map(|name| measure::forms(name)).map(|form| quoted(&form)).collect()
            }
        }
    }

    /// A condition that holds for all values that start like this, and maybe for some others.
    pub(super) fn starts_with(&self, start: &str) -> String {
        let name = self.name();
        let plain = format!("{name} LIKE '{}%' ESCAPE '\\'", like(start));
        match self {
            Column::Dimension(_) => plain,
            Column::MetricName => {
                let escaped = like(&format!("{PREFIX}{}", measure::body(start)));
                format!("({plain} OR {name} LIKE '{escaped}%\\_z' ESCAPE '\\')")
            }
        }
    }
}

/// The metric name of a row, in SQL.
pub(super) fn metric_name() -> String {
    format!("CASE WHEN {IS_ESCAPED} THEN {RESTORED} ELSE measure_name END")
}

/// A text for LIKE, within quotes.
fn like(text: &str) -> String {
    let mut like = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            '%' | '_' | '\\' => like.extend(['\\', c]),
            '\'' => like.push_str("''"),
            _ => like.push(c),
        }
    }
    like
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// The pattern in [`IS_ESCAPED`], as the service reads it.
    fn is_escaped() -> Regex {
        let (_, pattern) = IS_ESCAPED.split_once("regexp_like(measure_name, '").unwrap();
        Regex::new(pattern.strip_suffix("')").unwrap()).unwrap()
    }

    /// What [`metric_name`] gives for a measure name.
    fn in_sql(is_escaped: &Regex, measure: &str) -> String {
        if !is_escaped.is_match(measure) {
            return measure.to_owned();
        }
        let tokens = Regex::new("Z([35])aZ").unwrap();
        tokens.replace_all(&measure[2..measure.len() - 2], "Z$1").replace("Z3", ":").replace("Z5", "Z")
    }

    const NAMES: &str = "\\PC{0,8}|(z_){0,3}(time|ts_|measure_value|Z3aZ|Z5aZ|Z3a|5aZ|[_Z:a35\n]){0,6}(_z){0,3}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn sql_restores_names_as_we_do(name in NAMES) {
            let is_escaped = is_escaped();
            for measure in [name.clone(), measure::escape(&name).into_owned(), format!("z_{name}_z")] {
                prop_assert_eq!(in_sql(&is_escaped, &measure), measure::restore(&measure));
            }
        }
    }
}
