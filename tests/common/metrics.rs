//! Reads metrics in Prometheus' text format.

/// The sum of a metric over its labels, or nothing where there is none.
pub fn sum(text: &str, name: &str) -> Option<f64> {
    let lines = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
    lines
        .map(|line| line.trim_end().rsplit(' ').next()?.parse::<f64>().ok())
        .reduce(|sum, one| Some(sum? + one?))
        .flatten()
}
