//! Aggregates, over groups and over windows.

use sqlparser::ast::{Expr, NullTreatment};

use super::super::failure::{SqlError, at, unsupported};
use super::super::functions;
use super::super::types::ColumnType::{self, Bigint, Boolean, Double, Integer, Timestamp};
use super::arguments::Call;
use super::groups::CREATE_TIME_SERIES;
use super::scope::Scope;
use super::translator::{Clause, Translator};
use super::typed::{Result, Typed};

pub(in crate::sql) const AGGREGATES: &[&str] = &[
    "approx_distinct",
    "approx_percentile",
    "any_value",
    "arbitrary",
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "count_if",
    "covar_pop",
    "covar_samp",
    "create_time_series",
    "every",
    "geometric_mean",
    "kurtosis",
    "max",
    "max_by",
    "min",
    "min_by",
    "regr_intercept",
    "regr_slope",
    "skewness",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
];

/// Aggregates that may stand over a window.
pub(in crate::sql) const WINDOWED: &[&str] =
    &["any_value", "arbitrary", "avg", "bool_and", "bool_or", "count", "count_if", "every", "max", "min", "sum"];

pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name)
}

impl Translator<'_> {
    pub(super) fn aggregate(
        &mut self,
        call: &Call<'_>,
        filter: Option<&Expr>,
        nulls: Option<NullTreatment>,
        scope: &Scope,
    ) -> Result<Typed> {
        let clause = match self.usage.clause {
            Clause::Select | Clause::Having => None,
            Clause::Where => Some("WHERE"),
            Clause::Join => Some("JOIN ON"),
            Clause::GroupBy => Some("GROUP BY"),
        };
        if let Some(clause) = clause {
            return Err(at(call.start, format!("{clause} clause cannot contain aggregations or window functions")));
        }
        if !self.frames.is_empty() {
            return Err(at(call.start, "A lambda or TRY cannot contain aggregations or window functions"));
        }
        if self.usage.inside_aggregate {
            return Err(at(call.start, format!("Cannot nest aggregations inside aggregation '{}'", call.name)));
        }
        if nulls.is_some() {
            return Err(unsupported(call.start, "IGNORE NULLS here"));
        }
        self.usage.aggregated = true;
        self.usage.inside_aggregate = true;
        let filter = filter.map(|condition| self.boolean(condition, scope, "FILTER")).transpose();
        let typed = filter.and_then(|filter| {
            let filter = filter.map(|condition| format!(" FILTER (WHERE {})", condition.sql));
            self.aggregate_call(call, &filter.unwrap_or_default(), scope)
        });
        self.usage.inside_aggregate = false;
        typed
    }

    /// The aggregate itself. `behind` is the FILTER or OVER that follows each call.
    pub(super) fn aggregate_call(&mut self, call: &Call<'_>, behind: &str, scope: &Scope) -> Result<Typed> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.expression(argument, scope)?);
        }
        let name = call.name.as_str();
        if call.star || (name == "count" && arguments.is_empty()) {
            return match name == "count" && !call.distinct {
                true => Ok(Typed::new(format!("count(*){behind}"), Bigint)),
                false => Err(unsupported(call.start, format!("{name}(*)"))),
            };
        }
        match arguments.as_slice() {
            [value] => self.of_one(call, value, behind),
            [one, two] => self.of_two(call, one, two, behind),
            [value, key, count] => self.of_three(call, value, key, count, behind),
            _ => Err(wrong(call, &arguments)),
        }
    }

    fn of_one(&mut self, call: &Call<'_>, value: &Typed, behind: &str) -> Result<Typed> {
        if !matches!(call.name.as_str(), "count" | "array_agg") && !value.kind.is_comparable() {
            return Err(wrong(call, std::slice::from_ref(value)));
        }
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let sql = |function: &str| format!("{function}({distinct}{}){behind}", value.sql);
        let of = |function: &str, kind: ColumnType| Ok(Typed::new(sql(function), kind));
        // The greatest or least of doubles, of which only finite ones are as SQLite has them.
        let of_ranks = |function: &str, rank: &str| {
            let (rank, double) = (functions::only(rank), functions::only("$of_rank"));
            Ok(Typed::new(format!("{double}({function}({distinct}{rank}({})){behind})", value.sql), Double))
        };
        match (call.name.as_str(), &value.kind) {
            ("count", kind) if kind.can_be_grouped() || !call.distinct => of("count", Bigint),
            ("approx_distinct", _) => Ok(Typed::new(format!("count(DISTINCT {}){behind}", value.sql), Bigint)),
            ("array_agg", kind) if kind.can_be_grouped() || !call.distinct => of("ts_array_agg", kind.clone().array()),
            ("count_if", Boolean) if !call.distinct => {
                Ok(Typed::new(format!("count(CASE WHEN {} THEN 1 END){behind}", value.sql), Bigint))
            }
            ("sum", Integer | Bigint) => of("sum", Bigint),
            ("sum" | "avg", Double) if !value.is_finite => of(&format!("ts_{}", call.name), Double),
            ("sum", Double) => of("sum", Double),
            ("avg", Integer | Bigint) => of("avg", Double),
            ("avg", Double) => of("avg", Double),
            ("min", Double) if !value.is_finite => of_ranks("min", "$rank_above"),
            ("max", Double) if !value.is_finite => of_ranks("max", "$rank_below"),
            ("min" | "bool_and" | "every", Boolean) => of("min", Boolean),
            ("max" | "bool_or", Boolean) => of("max", Boolean),
            ("min", _) => Ok(value.as_is(sql("min"))),
            ("max" | "arbitrary" | "any_value", _) => Ok(value.as_is(sql("max"))),
            ("stddev" | "stddev_samp", kind) if kind.is_number() => of("ts_stddev_samp", Double),
            ("stddev_pop", kind) if kind.is_number() => of("ts_stddev_pop", Double),
            ("variance" | "var_samp", kind) if kind.is_number() => of("ts_var_samp", Double),
            ("var_pop", kind) if kind.is_number() => of("ts_var_pop", Double),
            (name @ ("geometric_mean" | "kurtosis" | "skewness"), kind) if kind.is_number() => {
                of(&format!("ts_{name}"), Double)
            }
            _ => Err(wrong(call, std::slice::from_ref(value))),
        }
    }

    fn of_two(&mut self, call: &Call<'_>, one: &Typed, two: &Typed, behind: &str) -> Result<Typed> {
        let name = call.name.as_str();
        if call.distinct {
            return Err(unsupported(call.start, format!("{name} with DISTINCT")));
        }
        match name {
            "min" | "max" if one.kind.is_comparable() && two.kind.is_integral() => {
                Ok(Typed::new(format!("ts_{name}_n({}, {}){behind}", one.sql, two.sql), one.kind.clone().array()))
            }
            "min_by" | "max_by" if two.kind.is_comparable() => {
                Ok(Typed::new(format!("ts_{name}({}, {}){behind}", one.sql, two.sql), one.kind.clone()))
            }
            "approx_percentile" if one.kind.is_number() && two.kind.is_number() => {
                let sql = format!("ts_approx_percentile({}, {}){behind}", one.sql, two.sql);
                match &one.kind {
                    Double => Ok(Typed::new(sql, Double)),
                    kind => Ok(Typed::new(format!("CAST({sql} AS INTEGER)"), kind.clone())),
                }
            }
            "approx_percentile" if one.kind.is_number() => {
                let kind = percentiles(one, two).ok_or_else(|| wrong(call, &[one.clone(), two.clone()]))?;
                Ok(Typed::new(format!("ts_approx_percentiles({}, {}){behind}", one.sql, two.sql), kind))
            }
            "corr" | "covar_pop" | "covar_samp" | "regr_intercept" | "regr_slope"
                if one.kind.is_number() && two.kind.is_number() =>
            {
                Ok(Typed::new(format!("ts_{name}({}, {}){behind}", one.sql, two.sql), Double))
            }
            // The exact count is within any error allowed.
            "approx_distinct" if one.kind.is_comparable() && two.kind.is_number() => {
                Ok(Typed::new(format!("count(DISTINCT {}){behind}", one.sql), Bigint))
            }
            "create_time_series" if one.kind == Timestamp => match two.kind.series() {
                Some(kind) => Ok(Typed::new(format!("{CREATE_TIME_SERIES}{}, {}){behind}", one.sql, two.sql), kind)),
                None => Err(wrong(call, &[one.clone(), two.clone()])),
            },
            _ => Err(wrong(call, &[one.clone(), two.clone()])),
        }
    }
}

impl Translator<'_> {
    fn of_three(&self, call: &Call<'_>, value: &Typed, key: &Typed, count: &Typed, behind: &str) -> Result<Typed> {
        let name = call.name.as_str();
        match name {
            "min_by" | "max_by" if key.kind.is_comparable() && count.kind.is_integral() && !call.distinct => {
                let sql = format!("ts_{name}_n({}, {}, {}){behind}", value.sql, key.sql, count.sql);
                Ok(Typed::new(sql, value.kind.clone().array()))
            }
            // The value, its weight and the percentage.
            "approx_percentile" if value.kind.is_number() && key.kind.is_integral() && !call.distinct => {
                let all = || [value.clone(), key.clone(), count.clone()];
                let kind = percentiles(value, count).ok_or_else(|| wrong(call, &all()))?;
                let sql = format!("ts_weighted_percentiles({}, {}, {}){behind}", value.sql, key.sql, count.sql);
                Ok(Typed::new(sql, kind))
            }
            _ => Err(wrong(call, &[value.clone(), key.clone(), count.clone()])),
        }
    }
}

/// The type of percentiles: that of the values, or an array of it for an array of percentages.
fn percentiles(value: &Typed, percentage: &Typed) -> Option<ColumnType> {
    match &percentage.kind {
        kind if kind.is_number() => Some(value.kind.clone()),
        ColumnType::Array(element) if element.is_number() => Some(value.kind.clone().array()),
        _ => None,
    }
}

fn wrong(call: &Call<'_>, arguments: &[Typed]) -> SqlError {
    let types = arguments.iter().map(|given| given.kind.sql_name()).collect::<Vec<_>>().join(", ");
    at(call.start, format!("Unexpected parameters ({types}) for function {}", call.name))
}
