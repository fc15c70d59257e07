//! The tables of README.md that the crate's own tests do not hold.

use std::collections::BTreeSet;
use std::process::Command;

use timestream_local::Faults;

const README: &str = include_str!("../../README.md");
const CALLS: &str = include_str!("../../src/api/mod.rs");

/// The rows of the first table behind a heading or line, but for those of its head: the texts of their first cells.
fn first_cells(behind: &str) -> Vec<&'static str> {
    let (_, rest) = README.split_once(behind).unwrap();
    let rows = rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.split('|').nth(1).unwrap().trim()).collect()
}

/// The texts in code quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn operations_are_those_of_the_table() {
    let listed: BTreeSet<&str> =
        first_cells("\n## Operations\n").into_iter().flat_map(|cell| cell.split(", ")).collect();
    let arm = |line: &'static str| line.trim().strip_prefix('"')?.split_once("\" => ").map(|(name, _)| name);
    let answered: BTreeSet<&str> = CALLS.lines().filter_map(arm).chain(["anything else"]).collect();
    assert!(answered.len() > 20, "{answered:?}");
    assert_eq!(listed, answered);
}

#[test]
fn flags_are_those_of_the_table() {
    let cells = first_cells("It takes requests from anybody, so any keys will do:");
    let listed: BTreeSet<&str> = cells.into_iter().flat_map(quoted).collect();
    let help = Command::new(env!("CARGO_BIN_EXE_timestream-local")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flag = |line: &str| {
        let (_, rest) = line.trim().split_once("--")?;
        let name = rest.split([' ', '=']).next()?;
        line.starts_with("  ").then(|| format!("--{name}"))
    };
    // Explanations are further to the right.
    let options = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let all: BTreeSet<String> =
        options.filter_map(flag).filter(|flag| !["--help", "--version"].contains(&flag.as_str())).collect();
    assert_eq!(listed, all.iter().map(String::as_str).collect());
}

#[test]
fn faults_are_those_of_the_table() {
    let cells = first_cells("\n## Faults, made on purpose\n");
    let listed: BTreeSet<&str> = cells.into_iter().flat_map(quoted).collect();
    for name in &listed {
        let plan = match *name {
            "only" => "only=Query+WriteRecords".to_owned(),
            "delay" => "delay=50ms@0.2".to_owned(),
            "seed" => "seed=7".to_owned(),
            name => format!("{name}=0.5,{name}=3x"),
        };
        plan.parse::<Faults>().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // The refusal names all.
    let refusal = "nothing".parse::<Faults>().unwrap_err().to_string();
    let (_, names) = refusal.split_once("with a name of ").unwrap();
    let (names, _) = names.split_once(", delay=").unwrap();
    let others: BTreeSet<&str> = names.split([',', ' ']).filter(|name| !name.is_empty() && *name != "or").collect();
    assert!(others.len() > 4, "{others:?}");
    assert_eq!(listed, others.into_iter().chain(["delay", "only", "seed"]).collect());
}
