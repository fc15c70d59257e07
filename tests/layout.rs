//! The rooms of ARCHITECTURE.md are those of the tree, and each depends on no other room than its row allows.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

/// The path of a module, such as `["http", "server"]`.
type Module = Vec<String>;

/// The modules of a crate, each with the modules that it names outside its tests.
struct Tree(BTreeMap<Module, BTreeSet<Module>>);

impl Tree {
    fn read(folder: &Path) -> Tree {
        let mut files = BTreeMap::new();
        find(folder, &mut Vec::new(), &mut files);
        let texts: BTreeMap<Module, String> =
            files.iter().map(|(module, file)| (module.clone(), std::fs::read_to_string(file).unwrap())).collect();
        let tests: Vec<Module> = texts.iter().flat_map(|(module, text)| test_modules(module, text)).collect();
        let is_test = |module: &Module| tests.iter().any(|test| module.starts_with(test));
        let modules: BTreeSet<&Module> = files.keys().filter(|module| !is_test(module)).collect();
        let of = |module: &Module| {
            let paths = named(module, &texts[module]);
            let targets = paths.iter().filter_map(|path| {
                let prefixes = (1..=path.len()).rev().map(|length| path[..length].to_vec());
                prefixes.into_iter().find(|prefix| modules.contains(prefix))
            });
            targets.filter(|target| target != module).collect()
        };
        Tree(modules.iter().map(|module| ((*module).clone(), of(module))).collect())
    }

    /// The rooms, which are the modules of the first level, each with the rooms that it names and where.
    fn rooms(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut rooms = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (module, targets) in self.0.iter().filter(|(module, _)| !module.is_empty()) {
            let room = rooms.entry(module[0].clone()).or_default();
            for target in targets.iter().filter(|target| target[0] != module[0]) {
                room.insert(target[0].clone(), format!("{} names {}", module.join("::"), target.join("::")));
            }
        }
        rooms
    }

    /// Modules that name each other in a circle, if there are any: those that are left when all that name no other left
    /// module have been taken away, and then those that no other left module names.
    fn circle(&self) -> Vec<String> {
        let mut left: BTreeSet<&Module> = self.0.keys().filter(|module| !module.is_empty()).collect();
        loop {
            let names = |module: &Module, other: &Module| self.0[module].contains(other);
            let kept: BTreeSet<&Module> = left
                .iter()
                .filter(|module| left.iter().any(|other| names(module, other)))
                .filter(|module| left.iter().any(|other| names(other, module)))
                .copied()
                .collect();
            if kept.len() == left.len() {
                return left.iter().map(|module| module.join("::")).collect();
            }
            left = kept;
        }
    }
}

/// All source files below a folder by their modules. `lib.rs` has the empty module; the programs are left out.
fn find(folder: &Path, module: &mut Module, files: &mut BTreeMap<Module, PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            module.push(name);
            find(&path, module, files);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            let own = if name == "mod" || name == "lib" { module.clone() } else { [&module[..], &[name]].concat() };
            files.insert(own, path);
        }
    }
}

/// The modules in files of their own that a file has for its tests and for fuzzing.
fn test_modules(module: &Module, text: &str) -> Vec<Module> {
    let declared =
        Regex::new(r"#\[cfg\([^\n]*(?:test|fuzzing)[^\n]*\)\]\s*(?:pub(?:\([a-z]+\))? )?mod (\w+);").unwrap();
    declared.captures_iter(text).map(|found| [&module[..], &[found[1].to_owned()]].concat()).collect()
}

/// The paths that a file names outside its tests, from the root of its crate.
fn named(module: &Module, text: &str) -> Vec<Module> {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let text = Regex::new("//[^\n]*").unwrap().replace_all(&text[..tests], "");
    let text = Regex::new(r"#\[cfg\(test\)\]\s*use [^;]*;").unwrap().replace_all(&text, "");
    let uses = Regex::new(r"\buse ([^;]+);").unwrap();
    let paths = Regex::new(r"\b((?:crate|super)(?:::\w+)+)").unwrap();
    let mut found = Vec::new();
    for used in uses.captures_iter(&text) {
        let tree: String = used[1].replace(" as ", "@").split_whitespace().collect();
        expand("", &tree, &mut found);
    }
    found.extend(paths.captures_iter(&text).map(|path| path[1].to_owned()));
    found.iter().filter_map(|path| from_root(module, path)).collect()
}

/// Each path of a tree such as `a::{b, c::{d, e}}`.
fn expand(before: &str, tree: &str, found: &mut Vec<String>) {
    let (mut depth, mut start) = (0, 0);
    for (at, character) in tree.char_indices().chain([(tree.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = &tree[start..at];
                match item.split_once('{') {
                    Some((path, items)) => expand(&format!("{before}{path}"), &items[..items.len() - 1], found),
                    None => found.push(format!("{before}{}", item.split('@').next().unwrap_or_default())),
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// A path as seen from the root of the crate. One without `crate`, `self` and `super` may begin with a module below this
/// one; if not, it leads to nothing.
fn from_root(module: &Module, path: &str) -> Option<Module> {
    let parts: Vec<String> = path.split("::").map(str::to_owned).collect();
    let ups = parts.iter().take_while(|part| *part == "super").count();
    match parts[0].as_str() {
        "crate" => Some(parts[1..].to_vec()),
        "self" => Some([module, &parts[1..]].concat()),
        _ => Some([module.get(..module.len().checked_sub(ups)?)?, &parts[ups..]].concat()),
    }
}

/// A row of a table of rooms: the rooms that one may depend on, and its line.
fn allowed(heading: &str) -> Vec<(String, BTreeSet<String>)> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let (_, section) = page.split_once(heading).unwrap_or_else(|| panic!("no heading {heading}"));
    let table = section.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = table.take_while(|line| line.starts_with('|')).flat_map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        let may: BTreeSet<String> = quoted(cells[3]).into_iter().collect();
        quoted(cells[1]).into_iter().map(move |room| (room, may.clone())).collect::<Vec<_>>()
    });
    rows.collect()
}

fn assert_layout(folder: &str, heading: &str) {
    let tree = Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let rooms = tree.rooms();
    let allowed = allowed(heading);
    let mut lower: BTreeSet<&str> = BTreeSet::new();
    for (room, may) in &allowed {
        let found = rooms.get(room).unwrap_or_else(|| panic!("{folder}: there is no room {room}"));
        println!("{folder}: {room} -> {}", found.keys().cloned().collect::<Vec<_>>().join(", "));
        for (other, place) in found {
            assert!(may.contains(other), "{folder}: {room} may not depend on {other}: {place}");
        }
        for other in may {
            assert!(lower.contains(other.as_str()), "{folder}: {other} does not stand above {room} in the table");
            assert!(found.contains_key(other), "{folder}: {room} does not depend on {other} any more");
        }
        lower.insert(room);
    }
    let missing: Vec<_> = rooms.keys().filter(|room| !lower.contains(room.as_str())).collect();
    assert!(missing.is_empty(), "{folder}: rooms without a row: {missing:?}");
    assert_eq!(tree.circle(), Vec::<String>::new(), "{folder}: files that name each other in a circle");
}

#[test]
fn rooms_depend_on_lower_rooms_only() {
    assert_layout("src", "## Rooms\n");
}

#[test]
fn rooms_of_the_embedded_timestream_depend_on_lower_rooms_only() {
    assert_layout("timestream-local/src", "## Rooms of the embedded Timestream\n");
}
