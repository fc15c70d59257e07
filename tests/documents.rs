//! What the documents name exists.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::Path;

/// Where the test of this path, as `cargo test` prints it, may stand.
fn sources(modules: &[&str]) -> Vec<String> {
    let unit: Vec<&str> = modules.iter().copied().filter(|module| *module != "tests").collect();
    let unit = unit.join("/");
    vec![
        format!("tests/daemon/{unit}.rs"),
        format!("src/{unit}.rs"),
        format!("src/{unit}/tests.rs"),
        format!("src/{unit}/mod.rs"),
    ]
}

#[test]
fn the_tests_of_remote_write_2_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("docs/remote-write-2.md")).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Asked"));
    let mut named = 0;
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for test in tests.split(", ") {
            let path = test.strip_prefix('`').and_then(|test| test.strip_suffix('`'));
            let path = path.unwrap_or_else(|| panic!("no test in the row {row:?}"));
            let parts: Vec<&str> = path.split("::").collect();
            let (name, modules) = parts.split_last().unwrap();
            let sources = sources(modules);
            let texts = sources.iter().filter_map(|source| std::fs::read_to_string(root.join(source)).ok());
            assert!(
                texts.into_iter().any(|text| text.contains(&format!("fn {name}("))),
                "there is no test {path} in any of {sources:?}"
            );
            named += 1;
        }
    }
    assert!(named > 30, "only {named} tests are named");
}
