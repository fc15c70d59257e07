//! The names of functions: which the translation writes itself, and which are refused.

use super::super::functions;
use super::aggregate::is_aggregate;
use super::arrays::ARRAY_FUNCTIONS;
use super::higher_order::HIGHER_ORDER;
use super::window::WINDOW_FUNCTIONS;

/// Functions of Timestream that may not be written here. Those that are not are refused by name.
const DOCUMENTED: &[&str] = &[
    "all_match",
    "any_match",
    "approx_most_frequent",
    "array_agg",
    "array_distinct",
    "array_except",
    "array_intersect",
    "array_join",
    "array_max",
    "array_min",
    "array_position",
    "array_remove",
    "array_sort",
    "array_union",
    "arrays_overlap",
    "checksum",
    "combinations",
    "contains",
    "correlate_pearson",
    "correlate_spearman",
    "derivative_linear",
    "element_at",
    "filter",
    "flatten",
    "histogram",
    "human_readable_seconds",
    "interpolate_spline_cubic",
    "json_extract",
    "json_extract_scalar",
    "json_parse",
    "localtimestamp",
    "map_agg",
    "multimap_agg",
    "ngrams",
    "non_negative_derivative_linear",
    "none_match",
    "normalize",
    "parse_duration",
    "rand",
    "random",
    "reduce",
    "reduce_agg",
    "regexp_extract_all",
    "regexp_split",
    "repeat",
    "shuffle",
    "slice",
    "split",
    "to_big_endian_64",
    "transform",
    "try",
    "url_extract_host",
    "url_extract_path",
    "zip",
    "zip_with",
];

/// Functions that the translation writes itself, since their types are not fixed.
pub(in crate::sql) const SPECIAL: &[&str] = &[
    "now",
    "current_timestamp",
    "localtimestamp",
    "current_date",
    "current_time",
    "localtime",
    "ago",
    "coalesce",
    "greatest",
    "least",
    "nullif",
    "if",
    "concat",
    "concat_ws",
    "format",
    "ceiling",
    "pow",
    "mod",
    "rand",
    "random",
    "substring",
    "try",
    "typeof",
];

/// The functions of Timestream that are refused by name.
#[cfg(test)]
pub(in crate::sql) fn refused_functions() -> impl Iterator<Item = &'static str> {
    DOCUMENTED.iter().copied().filter(|name| is_refused(name))
}

/// Whether a function of Timestream is not written here.
pub(super) fn is_refused(name: &str) -> bool {
    let is_written = || {
        SPECIAL.contains(&name)
            || ARRAY_FUNCTIONS.contains(&name)
            || HIGHER_ORDER.contains(&name)
            || is_aggregate(name)
            || WINDOW_FUNCTIONS.contains(&name)
            || functions::named(&functions::instants::part_name(name)).next().is_some()
    };
    DOCUMENTED.contains(&name) && !is_written()
}
