//! The tables of README.md say what the code does.

use std::collections::BTreeSet;

use super::{NOW, OneTable, compile, connection};
use crate::sql::{Statement, functions, translate};

const README: &str = include_str!("../../../README.md");

/// What stands in README.md between two marks.
fn section(from: &str, to: &str) -> &'static str {
    let (_, rest) = README.split_once(from).unwrap();
    rest.split_once(to).unwrap().0
}

/// The texts in code quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn compare(listed: &str, own: impl IntoIterator<Item = &'static str>) {
    let own: BTreeSet<_> = own.into_iter().collect();
    let listed: BTreeSet<_> = quoted(listed).collect();
    let missing: Vec<_> = own.difference(&listed).collect();
    let wrong: Vec<_> = listed.difference(&own).collect();
    assert!(
        missing.is_empty() && wrong.is_empty(),
        "missing in timestream-local/README.md: {missing:?}; there, but not in the code: {wrong:?}"
    );
}

/// The functions that are not refused.
fn answered() -> impl Iterator<Item = &'static str> {
    let scalars = functions::names().filter(|name| !name.starts_with('$'));
    let aliases = functions::instants::PART_ALIASES.iter().map(|(alias, _)| *alias);
    let lists = [
        translate::SPECIAL,
        translate::ARRAY_FUNCTIONS,
        translate::HIGHER_ORDER,
        translate::AGGREGATES,
        translate::WINDOW_FUNCTIONS,
    ];
    scalars.chain(aliases).chain(lists.into_iter().flatten().copied())
}

#[test]
fn functions_are_listed() {
    compare(section("<!-- functions -->", "<!-- refused functions -->"), answered());
    compare(section("<!-- refused functions -->", "<!-- end -->"), translate::refused_functions());
}

#[test]
fn constructs_are_supported_or_refused_as_listed() {
    let mut rows = 0;
    for line in section("<!-- constructs -->", "<!-- end -->").lines().filter(|line| line.contains('`')) {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (name, word, example) = (cells.next().unwrap(), cells.next().unwrap(), cells.next().unwrap());
        rows += 1;
        for query in quoted(example) {
            match (word, compile(query, &OneTable, NOW)) {
                ("yes", Ok(Statement::Select(compiled))) => {
                    connection().prepare(&compiled.sql).unwrap_or_else(|error| panic!("{name}: {query}: {error}"));
                }
                ("yes", Ok(Statement::Listing(_))) => {}
                ("yes", Ok(Statement::Unload(unload))) => drop(connection().prepare(&unload.select.sql).unwrap()),
                ("no", Err(error)) => {
                    assert!(error.message.contains("not supported") || error.message.contains("line "), "{error}");
                }
                (word, outcome) => panic!("{name} is listed as {word}, but {query} is {outcome:?}"),
            }
        }
    }
    assert!(rows > 30, "{rows}");
}
