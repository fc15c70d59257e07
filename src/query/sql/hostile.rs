//! For any values and names, the SQL is one SELECT of the same shape.

use proptest::prelude::*;
use serde_json::Value;
use sqlparser::ast::{SetExpr, Statement};
use sqlparser::dialect::AnsiDialect;
use sqlparser::parser::Parser;

use super::*;
use crate::measure;
use crate::proto::LabelMatcher;
use crate::proto::label_matcher::Type;
use crate::query::form::FIRST;

/// Texts made to break out of a string or a name, and any others.
fn hostile() -> impl Strategy<Value = String> {
    let parts = [
        "'",
        "''",
        "\"",
        "\"\"",
        "\\",
        "\\'",
        ";",
        "--",
        "/*",
        "*/",
        " OR 1=1",
        "') OR ('1'='1",
        "'; DROP TABLE t; --",
        "\0",
        "\n",
        "%",
        "_",
        "U&'",
        "\\u0027",
        "＇",
        "ʼ",
        "é",
        "SELECT",
        "$$",
        "`",
        "{",
        "}",
        ":p",
        "?",
        "\u{1a}",
        "$tag$",
        "E'",
        "X'",
        "N'",
        "time",
        "ts_",
        "z_",
        "_z",
        "Z3aZ",
    ];
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(parts.to_vec()), 0..6).prop_map(|parts| parts.concat()),
        1 => any::<String>(),
    ]
}

/// A value and its use: in `=` and `!=` as it is; in a pattern quoted whole, as one of two, or as a start.
#[derive(Debug, Clone)]
struct Asked {
    on_name: bool,
    kind: Type,
    form: usize,
    value: String,
}

fn asked() -> impl Strategy<Value = Asked> {
    let kind = prop::sample::select(vec![Type::Eq, Type::Neq, Type::Re, Type::Nre]);
    (any::<bool>(), kind, 0..4_usize, hostile()).prop_map(|(on_name, kind, form, value)| Asked {
        on_name,
        kind,
        form,
        value,
    })
}

impl Asked {
    fn matcher(&self, label: &str, value: &str) -> Matcher {
        let quoted = regex_syntax::escape(value);
        let value = match (self.kind, self.form) {
            (Type::Eq | Type::Neq, _) => value.to_owned(),
            (_, 0) => quoted,
            (_, 1) => format!("{quoted}|another"),
            (_, 2) => format!("a{quoted}.*"),
            (_, _) => format!("[{}]+x", quoted.replace('^', "")),
        };
        let label = if self.on_name { METRIC_NAME } else { label };
        let matcher = LabelMatcher { r#type: self.kind.into(), name: label.to_owned(), value: value.clone() };
        Matcher::new(matcher).unwrap_or_else(|_| {
            let matcher = LabelMatcher { r#type: Type::Eq.into(), name: label.to_owned(), value };
            Matcher::new(matcher).unwrap()
        })
    }
}

/// Blanks the texts and places of strings and quoted names, and collects the strings.
fn blank(node: &mut Value, strings: &mut Vec<String>) {
    match node {
        Value::Array(nodes) => nodes.iter_mut().for_each(|node| blank(node, strings)),
        Value::Object(fields) => {
            fields.retain(|name, _| !name.contains("span") && !name.contains("token"));
            if let Some(text) = fields.get_mut("SingleQuotedString") {
                strings.push(text.take().as_str().unwrap().to_owned());
            }
            if fields.get("quote_style").is_some_and(|quote| !quote.is_null()) {
                fields.remove("value");
            }
            fields.values_mut().for_each(|node| blank(node, strings));
        }
        _ => {}
    }
}

/// The syntax tree of a query without the texts of strings and names, and the strings.
fn shape(sql: &str) -> (Value, Vec<String>) {
    let statements = Parser::parse_sql(&AnsiDialect {}, sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let [Statement::Query(query)] = statements.as_slice() else { panic!("not one query: {sql}") };
    assert!(matches!(query.body.as_ref(), SetExpr::Select(_)), "{sql}");
    let mut tree = serde_json::to_value(query).unwrap();
    let mut strings = Vec::new();
    blank(&mut tree, &mut strings);
    (tree, strings)
}

/// The names that are not quoted.
fn plain_names(node: &Value, names: &mut Vec<String>) {
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|node| plain_names(node, names)),
        Value::Object(fields) => {
            if fields.contains_key("quote_style")
                && let Some(name) = fields.get("value")
            {
                names.push(name.as_str().unwrap().to_owned());
            }
            fields.values().for_each(|node| plain_names(node, names));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn hostile_values_and_names_do_not_change_the_shape(
        database in hostile(),
        table in hostile(),
        column in hostile(),
        all in prop::collection::vec(asked(), 1..5),
        streamed in any::<bool>(),
        form in prop::sample::select(vec![RowForm::Labels, FIRST, RowForm::Sample]),
    ) {
        let order = if streamed { Order::Series } else { Order::Any };
        let schema = Schema::of_dimensions(["job", &column]);
        let label = crate::dimension::restore(&column).into_owned();
        let sql = |database: &str, table: &str, value: &dyn Fn(&Asked) -> String| {
            let matchers: Vec<Matcher> = all.iter().map(|asked| asked.matcher(&label, &value(asked))).collect();
            select(database, table, &schema, &matchers, (5, 10), form, order).unwrap()
        };
        let Some(hostile) = sql(&database, &table, &|asked| asked.value.clone()) else { return Ok(()) };
        let (found, strings) = shape(&hostile);
        // A pattern may become an equality, a list or a start; = and != always have the same form.
        if all.iter().all(|asked| matches!(asked.kind, Type::Eq | Type::Neq) && !asked.value.is_empty()) {
            // A metric may stand in the table in two ways.
            let has_two_forms = |asked: &Asked| asked.on_name && measure::forms(&asked.value).count() == 2;
            let harmless = sql("d", "t", &|asked| if has_two_forms(asked) { "harm:less" } else { "harmless" }.to_owned());
            prop_assert_eq!(&found, &shape(&harmless.unwrap()).0);
            for asked in &all {
                if asked.on_name {
                    let all_stand = measure::forms(&asked.value).all(|form| strings.contains(&form.into_owned()));
                    prop_assert!(all_stand, "{}", hostile);
                } else {
                    prop_assert!(strings.contains(&asked.value) || schema.column(&label).is_none(), "{}", hostile);
                }
            }
        }
        let mut names = Vec::new();
        plain_names(&found, &mut names);
        for name in names {
            prop_assert!(OUR_NAMES.contains(&name.as_str()), "{} in {}", name, hostile);
        }
        let selects = found.to_string().matches("\"Select\"").count();
        let most = 1 + usize::from(streamed) + usize::from(streamed && form != RowForm::Sample);
        prop_assert!((1..=most).contains(&selects), "{}", hostile);
    }
}

/// The names that our queries use without quotes.
const OUR_NAMES: &[&str] = &[
    "time",
    "measure_name",
    "measure_value",
    "from_milliseconds",
    "regexp_like",
    "regexp_replace",
    "replace",
    "substr",
    "length",
    "ts_last_label",
    "ts_samples",
    "CREATE_TIME_SERIES",
    "COALESCE",
];
