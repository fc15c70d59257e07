//! What the documents name exists.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::scratch::Scratch;
use regex::Regex;

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

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a folder with this extension, but for what builds leave.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "data", "node_modules"].contains(&name.as_str()) {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|known| known == extension) {
            found.push(path);
        }
    }
    found
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(page: &Path) -> Vec<String> {
    let text = read(page);
    let headings = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_within_the_project_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for page in files(root, "md") {
        let text = read(&page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.contains(' ') {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: there is no {link}", page.display());
            if !anchor.is_empty() {
                assert!(anchors(&target).iter().any(|known| known == anchor), "{}: no heading {link}", page.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} links");
}

/// Who is told to add a row to a file has to find it.
#[test]
fn the_places_that_contributing_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = read(&root.join("CONTRIBUTING.md"));
    let folders = ["src/", "tests/", "docs/", "deploy/", "timestream-local/", ".ci/", ".github/"];
    let quoted = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let words = quoted.filter_map(|text| text.split(' ').next());
    let places: Vec<&str> = words.filter(|word| folders.iter().any(|folder| word.starts_with(folder))).collect();
    let missing: Vec<_> = places.iter().filter(|place| !root.join(place).exists()).collect();
    assert!(missing.is_empty(), "CONTRIBUTING.md names what is not there: {missing:?}");
    assert!(places.len() > 15, "only {places:?}");
}

/// Modules (`query::sql::order`) and files (`tests/daemon/cost.rs`, or `budget.rs` of src or of those tests) are there.
#[test]
fn the_places_that_architecture_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = read(&root.join("ARCHITECTURE.md"));
    let exists =
        |place: &str| ["", "src/", "tests/daemon/"].iter().any(|folder| root.join(folder).join(place).exists());
    let is_module = |path: &str| {
        let parts: Vec<&str> = path.split("::").filter(|part| part.starts_with(char::is_lowercase)).collect();
        // The last may be a function.
        let files = [&parts[..], &parts[..parts.len() - 1]].map(|parts| parts.join("/"));
        files.iter().any(|file| !file.is_empty() && (exists(&format!("{file}.rs")) || exists(file)))
    };
    let quoted = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let places = quoted.filter(|text| !text.contains(' ') && !text.starts_with(['-', '/', '<']));
    let (mut checked, mut missing) = (0, Vec::new());
    for place in places {
        let is_there = match place {
            path if path.contains("::") => is_module(path),
            file if file.ends_with(".rs") || file.contains('/') => exists(file),
            _ => continue,
        };
        checked += 1;
        if !is_there {
            missing.push(place);
        }
    }
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
    assert!(checked > 60, "only {checked}");
}

/// The names of errors in code: of those that are made there, and of those that are passed to what makes them.
fn error_names(code: &str) -> BTreeSet<&str> {
    let names = [r#"Error::(?:new|invalid)\([^"]*"([A-Z]\w+)""#, r#""([A-Z]\w+(?:Error|Exception))""#];
    let names = names.map(|pattern| Regex::new(pattern).unwrap());
    names.iter().flat_map(|names| names.captures_iter(code)).map(|name| name.get(1).unwrap().as_str()).collect()
}

/// docs/errors.md has a row for each error of the code, and for no other.
#[test]
fn the_errors_are_those_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = read(&root.join("docs/errors.md"));
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let first_columns = rows.map(|row| row.split(" | ").next().unwrap());
    let documented: BTreeSet<&str> = first_columns.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
    let mut code = String::new();
    for source in files(&root.join("src"), "rs") {
        let text = read(&source);
        if !source.components().any(|part| part.as_os_str().to_string_lossy().starts_with("test")) {
            code.push_str(text.split("#[cfg(test)]\nmod tests").next().unwrap());
        }
    }
    for name in &documented {
        assert!(code.contains(&format!("\"{name}\"")), "{name} of docs/errors.md is not in the code");
    }
    let named = error_names(&code);
    let missing: Vec<_> = named.difference(&documented).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
    assert!(named.len() > 40);
}

/// The configuration that docs/long-names.md shows is one that Prometheus takes.
#[test]
fn promtool_takes_the_relabelling_of_long_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = read(&root.join("docs/long-names.md"));
    let config = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let scratch = Scratch::new();
    let file = scratch.path().join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    let promtool = Command::new("promtool").args(["check", "config"]).arg(&file).output();
    match promtool {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("promtool is not installed: not checked"),
    }
}
