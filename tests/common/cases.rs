//! Seeded random series and selectors, odd ones above all, and what Prometheus would answer.

use timestream_prometheus_connector::proto;
use timestream_prometheus_connector::proto::label_matcher::Type;

/// A series: labels with `__name__`, and samples of value and milliseconds.
pub type Series = (Vec<(String, String)>, Vec<(f64, i64)>);

/// Random numbers that a seed fixes (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 up to `limit`, itself excluded.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// Which names and patterns both sides know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Prometheus 2: legacy names, and a dot that must be told to match newlines.
    Prometheus2,
    /// Prometheus 3.
    Prometheus3,
    /// Prometheus 3 without what the `regex` crate reads otherwise than RE2.
    Model,
}

/// Some that Timestream refuses as measure names, and some that are like the escapes of those.
const METRICS: &[&str] = &[
    "up",
    "m",
    "http_requests_total",
    "odd:name",
    "_private",
    "Zeta",
    "node_cpu",
    "Zeta:Z:sum",
    "time",
    "ts_a",
    "measure_value",
    "z_time_z",
    "z_up_z",
    "z_oddZ3aZname_z",
];
const UTF8_METRICS: &[&str] = &["grüße.metric", "it's a metric", "日本", "é:日本"];

const NAMES: &[&str] = &[
    "job",
    "instance",
    "env",
    "Env",
    "_x",
    "x_",
    "time",
    "ts_a",
    "Zone",
    "le",
    "z_a_z",
    "z__x_z",
    "measure_name",
    "measure_value",
    "A1",
    "a",
    "a_b",
];
const UTF8_NAMES: &[&str] = &["grüße.utf8", "with space", "a.b", "\"q\"", "it's", "日本", "1a", "a'; DROP TABLE t --"];

const VALUES: &[&str] = &[
    "a",
    "b",
    "A",
    "ab",
    "prod",
    "prod-1",
    "prod-2",
    "Prod",
    "prod_3",
    "it's",
    "\"quoted\"",
    "a\nb",
    "\n",
    "back\\slash",
    "日本",
    "100%",
    "_",
    "%",
    "a%b",
    "a_b",
    "1",
    "12",
    "^a$",
    "a.b",
    "axb",
    "é",
    "É",
    "ſ",
    "\u{10ffff}",
    "\u{1}",
    " ",
    "a ",
    "' OR '1'='1",
    "a|b",
    "[a]",
    "{}",
    "\u{212a}",
    "k",
    "aaa",
];

const PATTERNS: &[&str] = &[
    "",
    ".*",
    ".+",
    "a",
    "a|b",
    "a|",
    "|a",
    "prod.*",
    "prod-.+",
    "prod-[0-9]",
    "prod-(1|2)",
    "p.*d",
    "(?i)PROD",
    "(?i)k",
    "[a-z]+",
    "[^a]*",
    "[A-Z].*",
    ".*[0-9]",
    "a\\.b",
    "a.b",
    "a\nb",
    "a\\nb",
    "(a|b)*",
    "(?:a|b)+c?",
    "a{2,3}",
    "日.+",
    ".",
    "..",
    "it's.*",
    "\".*\"",
    "100%",
    "%.*",
    "a_.*",
    "\\^a\\$",
    "\\\\",
    "back\\\\.*",
    "(?s).*\n.*",
    "[^\n]*",
    "é|É",
    "[é-ü]",
    "(?i)É",
    "\\x{1F600}|a",
    "[\\x00-\\x1f]",
    "a*",
    "(ab?)+",
    "x|y|z",
    "prod|staging|dev",
    "' OR .*",
    "\\{\\}",
    "(?:(?:a))",
    "^a",
    "b$",
    "^$",
    "(^a|b$)",
    ".*:.*",
    "[^:]*",
    "[^:]+:.+",
    "z_.*_z",
];

/// Patterns that the `regex` crate reads with Unicode in mind, or not at all.
const RE2_PATTERNS: &[&str] = &[
    "[[]a[]]",
    "\\w+",
    "\\W*",
    "\\d+",
    "\\D+",
    "\\s",
    "\\S+",
    "\\bprod\\b.*",
    ".*\\B",
    "\\Qa.b\\E",
    "\\Q' OR\\E.*",
    "[[:word:]]+",
    "\\pL+",
    "\\z",
    "(?U)a+",
    "a\\b",
];

impl Dialect {
    fn pool<'a>(self, random: &mut Random, legacy: &[&'a str], utf8: &[&'a str]) -> &'a str {
        if self != Dialect::Prometheus2 && random.one_in(4) { random.pick(utf8) } else { random.pick(legacy) }
    }

    fn metric(self, random: &mut Random) -> String {
        self.pool(random, METRICS, UTF8_METRICS).to_owned()
    }

    fn name(self, random: &mut Random) -> String {
        self.pool(random, NAMES, UTF8_NAMES).to_owned()
    }

    fn pattern(self, random: &mut Random) -> String {
        let pattern = match random.below(8) {
            0 => regex_syntax::escape(random.pick(VALUES)),
            1 => format!("{}|{}", regex_syntax::escape(random.pick(VALUES)), regex_syntax::escape(random.pick(VALUES))),
            2 => format!("{}.*", regex_syntax::escape(random.pick(VALUES))),
            3 => format!("(?:{})(?:{})", random.pick(PATTERNS), random.pick(PATTERNS)),
            4 if self != Dialect::Model => random.pick(RE2_PATTERNS).to_owned(),
            _ => random.pick(PATTERNS).to_owned(),
        };
        if self == Dialect::Prometheus2 { format!("(?s){pattern}") } else { pattern }
    }

    /// A matcher of any type, on names and values that series have and on others.
    pub fn matcher(self, random: &mut Random) -> proto::LabelMatcher {
        let kind = [Type::Eq, Type::Neq, Type::Re, Type::Nre][random.below(4)];
        let on_name = random.one_in(4);
        let name = match on_name {
            true => "__name__".to_owned(),
            false if random.one_in(12) => "nowhere".to_owned(),
            false => self.name(random),
        };
        let value = match kind {
            Type::Re | Type::Nre if on_name && random.one_in(2) => {
                let start: String = self.metric(random).chars().take(1).collect();
                format!("{}|{start}.*", self.metric(random))
            }
            Type::Re | Type::Nre => self.pattern(random),
            _ if on_name => self.metric(random),
            _ if random.one_in(5) => String::new(),
            _ => random.pick(VALUES).to_owned(),
        };
        proto::LabelMatcher { r#type: kind.into(), name, value }
    }

    /// A query of one to four matchers, its bounds around those of the data, often on a sample.
    pub fn query(self, random: &mut Random, (first, last): (i64, i64)) -> proto::Query {
        let mut matchers: Vec<_> = (0..1 + random.below(4)).map(|_| self.matcher(random)).collect();
        if random.one_in(3) {
            // So that the other matchers have something to choose from.
            matchers.truncate(2);
            matchers.push(proto::LabelMatcher { r#type: Type::Neq.into(), name: "__name__".into(), value: "".into() });
        }
        let span = usize::try_from(last - first).unwrap() + 20_000;
        let mut time = || {
            let time = first - 10_000 + random.below(span) as i64;
            if random.one_in(2) { time / 1000 * 1000 + first % 1000 } else { time }
        };
        let (a, b) = (time(), time());
        let (start, end) = if random.one_in(4) { (0, last + 10_000) } else { (a.min(b), a.max(b)) };
        proto::Query { start_timestamp_ms: start, end_timestamp_ms: end, matchers, hints: None }
    }

    /// A time from which samples of 50 minutes lie on both sides of a full two hours, where an answer's rows are split, and
    /// in the past.
    pub fn first_ms(self, now_ms: i64) -> i64 {
        (now_ms - 2_000_000) / 7_200_000 * 7_200_000 - 1_000_000
    }

    /// Different series, their samples a few seconds apart from `first` on, values in many shapes.
    pub fn series(self, random: &mut Random, count: usize, first: i64, samples: usize) -> Vec<Series> {
        let mut all = std::collections::BTreeMap::new();
        while all.len() < count {
            let mut labels = std::collections::BTreeMap::from([("__name__".to_owned(), self.metric(random))]);
            for _ in 0..random.below(6) {
                let value = if random.one_in(8) { "" } else { random.pick(VALUES) };
                labels.insert(self.name(random), value.to_owned());
            }
            let stored: Vec<_> = labels.iter().filter(|(_, value)| !value.is_empty()).collect();
            let key = format!("{stored:?}");
            let mut time = first + random.below(3) as i64 * 1000;
            let samples = (0..1 + random.below(samples)).map(|_| {
                time += [1, 1000, 5000, 15_000][random.below(4)];
                (value(random), time)
            });
            all.insert(key, (labels.into_iter().collect(), samples.collect()));
        }
        all.into_values().collect()
    }
}

fn value(random: &mut Random) -> f64 {
    match random.below(6) {
        0 => random.below(10) as f64,
        1 => -0.0,
        2 => random.below(1000) as f64 / 10.0,
        3 => f64::from_bits(random.next() & !(1 << 62)),
        4 => 1e300,
        _ => random.next() as f64,
    }
}

/// The patterns of queries, compiled once.
#[derive(Default)]
pub struct Patterns(std::collections::HashMap<String, regex::Regex>);

impl Patterns {
    fn matches(&mut self, pattern: &str, value: &str) -> bool {
        let compiled = self.0.entry(pattern.to_owned()).or_insert_with(|| {
            let anchored = format!("\\A(?s:{pattern})\\z");
            regex::Regex::new(&anchored).unwrap_or_else(|error| panic!("{pattern:?}: {error}"))
        });
        compiled.is_match(value)
    }

    /// What Prometheus' own storage answers: whoever lacks a label has it empty; sorted by labels, then time.
    pub fn answer(&mut self, stored: &[Series], query: &proto::Query) -> Vec<Series> {
        let wants = |patterns: &mut Patterns, labels: &[(String, String)], matcher: &proto::LabelMatcher| {
            let found = labels.iter().find(|(name, _)| *name == matcher.name);
            let value = found.map_or("", |(_, value)| value.as_str());
            match matcher.r#type() {
                Type::Eq => value == matcher.value,
                Type::Neq => value != matcher.value,
                Type::Re => patterns.matches(&matcher.value, value),
                Type::Nre => !patterns.matches(&matcher.value, value),
            }
        };
        let mut answer: Vec<Series> = Vec::new();
        for (labels, samples) in stored {
            if query.matchers.iter().all(|matcher| wants(self, labels, matcher)) {
                let within = query.start_timestamp_ms..=query.end_timestamp_ms;
                let samples: Vec<_> = samples.iter().filter(|(_, time)| within.contains(time)).copied().collect();
                if !samples.is_empty() {
                    answer.push((labels.clone(), samples));
                }
            }
        }
        answer.sort_by(|a, b| a.0.cmp(&b.0));
        answer
    }
}

/// The series as they are stored: without empty labels.
pub fn without_empty_labels(series: &[Series]) -> Vec<Series> {
    let stored = series.iter().map(|(labels, samples)| {
        (labels.iter().filter(|(_, value)| !value.is_empty()).cloned().collect(), samples.clone())
    });
    stored.collect()
}
