//! The options.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::servers::Build;

const MEASURES: [&str; 7] = ["rate", "written", "kept", "count", "unsealed", "resident", "replay"];

pub struct Settings {
    pub before: Build,
    pub after: Build,
    pub dir: Option<PathBuf>,
    pub samples: usize,
    pub more: usize,
    pub resident_series: usize,
    pub prometheus: String,
    only: HashSet<String>,
    both: HashSet<String>,
}

impl Settings {
    pub fn parse(arguments: &[String]) -> Self {
        let mut given: HashMap<&str, &str> = HashMap::new();
        for pair in arguments.chunks(2) {
            given.insert(&pair[0], pair.get(1).expect("a value for each option"));
        }
        let before = given.remove("--before").expect("--before PATH: the connector to compare with");
        let mut number = |name: &str, default| given.remove(name).map_or(default, |text| text.parse().expect(name));
        let (samples, more) = (number("--samples", 10_000_000), number("--more", 50_000_000));
        let resident_series = number("--resident-series", 1_000_000);
        let mut names = |name: &str, default: &[&str]| match given.remove(name) {
            Some(text) => text.split(',').map(measure).collect(),
            None => default.iter().map(|name| (*name).to_owned()).collect(),
        };
        let (only, both) = (names("--only", &MEASURES), names("--both", &[]));
        let settings = Settings {
            before: Build { name: "before", binary: Some(before.into()) },
            after: Build { name: "after", binary: given.remove("--after").map(PathBuf::from) },
            dir: given.remove("--dir").map(PathBuf::from),
            samples,
            more,
            resident_series,
            prometheus: given.remove("--prometheus").unwrap_or("prometheus").to_owned(),
            only,
            both,
        };
        assert!(given.is_empty(), "no such options: {given:?}");
        settings
    }

    /// Whether one of these is measured.
    pub fn wants(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.only.contains(*name))
    }

    /// Those builds of which a slow measure is taken.
    pub fn builds_of(&self, slow: &str) -> [Option<&Build>; 2] {
        [self.both.contains(slow).then_some(&self.before), Some(&self.after)]
    }
}

fn measure(name: &str) -> String {
    assert!(MEASURES.contains(&name), "{name:?} is none of {MEASURES:?}");
    name.to_owned()
}
