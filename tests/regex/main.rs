//! Matcher patterns against two oracles: Go's implementation of RE2 says what they mean, and java.util.regex says whether
//! the translation for Timestream means the same. Where Go or Java is missing, the tests say so.

#![allow(unreachable_pub, missing_docs, reason = "the modules of a test binary are its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

#[path = "../common/cases.rs"]
#[allow(dead_code, reason = "only the random numbers are needed here")]
mod cases;
mod patterns;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cases::Random;
use timestream_prometheus_connector::query::regex::{Pattern, PatternError, Values};

const PATTERNS: usize = 30_000;

/// Patterns, each with its values.
type Questions = Vec<(String, Vec<String>)>;

fn questions() -> Questions {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("SEED={seed}");
    let mut random = Random(seed);
    let question = |_| {
        let pattern = patterns::pattern(&mut random);
        let values = patterns::values(&mut random, &pattern);
        (pattern, values)
    };
    (0..PATTERNS).map(question).collect()
}

/// What an oracle answers: a line for each question. `None`, said aloud, where it is not installed.
fn ask(program: &str, arguments: &[&str], source: &str, questions: &Questions) -> Option<Vec<String>> {
    let source: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regex").join(source);
    let child = Command::new(program)
        .args(arguments)
        .arg(&source)
        .env("GO111MODULE", "off")
        .env("GOFLAGS", "")
        .env("GOTOOLCHAIN", "local")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("NOT TESTED against {}: {program} is not installed", source.display());
        return None;
    };
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut input = String::new();
    for (pattern, values) in questions {
        let parts: Vec<String> = std::iter::once(pattern).chain(values).map(|text| hex(text)).collect();
        input.push_str(&parts.join(","));
        input.push('\n');
    }
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {}", output.status);
    writer.join().unwrap().unwrap();
    let answers: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), questions.len());
    Some(answers)
}

#[test]
fn patterns_mean_what_they_mean_to_re2() {
    let questions = questions();
    let Some(answers) = ask("go", &["run"], "re2.go", &questions) else { return };
    let loose = ask("go", &["run"], "re2.go", &vec![("\\p{greek}".to_owned(), Vec::new())]);
    let takes_loose_names = loose.unwrap() != ["refused"];
    let (mut refused, mut classes_refused, mut matched, mut values) = (0, 0, 0, 0);
    for ((pattern, all), verdict) in questions.iter().zip(answers) {
        let parsed = match Pattern::parse(pattern) {
            Ok(parsed) => parsed,
            Err(PatternError::Syntax(..)) => {
                assert_eq!(verdict, "refused", "RE2 takes {pattern:?}");
                refused += 1;
                classes_refused +=
                    usize::from(pattern.contains("\\p{") && !pattern.contains(['(', '[', '*', '+', '?']));
                continue;
            }
            Err(error) => panic!("{pattern:?}: {error}"),
        };
        if verdict == "refused" && !takes_loose_names && patterns::has_loose_name(pattern) {
            continue;
        }
        assert_ne!(verdict, "refused", "RE2 refuses {pattern:?}");
        for (value, digit) in all.iter().zip(verdict.bytes()) {
            assert_eq!(parsed.matches(value), digit == b'1', "{pattern:?} on {value:?}");
            assert!(digit == b'0' || may_match(&parsed.values(), value), "{pattern:?}, values, on {value:?}");
            matched += usize::from(digit == b'1');
            values += 1;
        }
    }
    println!("{PATTERNS} patterns, {refused} of them refused; {matched} of {values} values match");
    println!("{classes_refused} refused for the name of a class");
    assert!(classes_refused > PATTERNS / 1000, "{classes_refused}");
    assert!(refused > PATTERNS / 50 && refused < PATTERNS / 2 && matched > values / 50);
}

/// Whether what is known of a pattern's values leaves room for one.
fn may_match(known: &Values, value: &str) -> bool {
    match known {
        Values::Exactly(values) => values.iter().any(|one| one == value),
        Values::Any => true,
        Values::NotEmpty => !value.is_empty(),
        Values::StartingWith(start) => value.starts_with(start),
    }
}

#[test]
fn translations_mean_to_java_what_the_patterns_mean() {
    let (mut translated, mut exact) = (Questions::new(), Vec::new());
    for (pattern, values) in questions() {
        if let Ok(parsed) = Pattern::parse(&pattern) {
            let java = parsed.java();
            translated.push((java.text, values));
            exact.push((pattern, parsed, java.exact));
        }
    }
    let Some(answers) = ask("java", &[], "JavaRegex.java", &translated) else { return };
    let mut inexact = 0;
    for (((text, values), (pattern, parsed, exact)), verdict) in translated.iter().zip(&exact).zip(answers) {
        assert_ne!(verdict, "refused", "Java refuses {text:?} for {pattern:?}");
        for (value, digit) in values.iter().zip(verdict.bytes()) {
            let (ours, java) = (parsed.matches(value), digit == b'1');
            assert!(ours == java || !exact && java, "{pattern:?} as {text:?} on {value:?}: {java} to Java");
        }
        inexact += usize::from(!exact);
    }
    println!("{} translations, {inexact} of them wider than the pattern", translated.len());
    assert!(inexact < translated.len() / 2);
}
