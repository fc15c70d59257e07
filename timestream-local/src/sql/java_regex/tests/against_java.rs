//! The translation against the real `java.util.regex`, on random patterns and texts. Where no JDK is found, the tests say
//! so and pass.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::compile;

const CASES: usize = 30_000;

/// What Java makes of a pattern and a text.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Refused,
    None,
    /// The first match, and the text with `<` and `>` around every match.
    Found(String, String),
}

/// The program compiled, in a folder of its own; nothing where there is no JDK.
struct Java(PathBuf);

impl Java {
    fn compiled(name: &str) -> Option<Self> {
        let classes = std::env::temp_dir().join(format!("java-regex-{name}-{}", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql/java_regex/tests/Oracle.java");
        match Command::new("javac").arg("-d").arg(&classes).arg(source).status() {
            Ok(status) => {
                assert!(status.success(), "javac failed");
                Some(Java(classes))
            }
            Err(error) => {
                eprintln!("NOT CHECKED against java.util.regex: no javac here ({error})");
                None
            }
        }
    }

    fn run(&self, arguments: &[&str], input: String) -> String {
        let mut java = Command::new("java");
        java.args(["-Xss16m", "-cp"]).arg(&self.0).arg("Oracle").args(arguments);
        let mut child = java.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Java {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A small generator, so that a case is the same wherever it runs.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const ATOMS: &[&str] = &[
    "a",
    "b",
    "c",
    "A",
    "B",
    "1",
    "_",
    "-",
    " ",
    "é",
    "É",
    "ß",
    "λ",
    "\u{1f600}",
    ".",
    "^",
    "$",
    "\\d",
    "\\D",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\h",
    "\\v",
    "\\b",
    "\\B",
    "\\A",
    "\\z",
    "\\Z",
    "\\.",
    "\\\\",
    "\\-",
    "\\n",
    "\\t",
    "\\x41",
    "\\u0062",
    "\\x{e9}",
    "\\Qa.b\\E",
    "\\Q*\\E",
    "\\p{L}",
    "\\p{Lu}",
    "\\P{L}",
    "\\p{Alpha}",
    "\\p{Upper}",
    "\\p{Punct}",
    "\\pN",
    "\\p{IsL}",
    "\\p{Space}",
    "[abc]",
    "[^a]",
    "[a-c]",
    "[^a-c]",
    "[\\d_]",
    "[\\w-]",
    "[-a]",
    "[a-]",
    "[]a]",
    "[a\\]]",
    "[a-c[1-2]]",
    "[^\\s]",
    "[.]",
    "[$^]",
    "[&]",
    "[a&b]",
    "[é-ë]",
    "[\\x41-\\x43]",
    "[\\Qa-\\E]",
    "(?i)",
    "(?s)",
    "(?i:a)",
    "(?s:.)",
    "(?-i)",
    "(?i-s:b)",
    "(?:ab)",
    "(a)",
    "(a|b)",
    "(?<n>c)",
    "x|",
    "|y",
    "()",
    "(?:)",
    "ab|ba",
    "a*b",
    "\n",
];
const QUANTIFIERS: &[&str] =
    &["", "", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{1,}", "{0}"];
/// What is mostly refused, by Java or here.
const ODD: &[&str] = &[
    "*+",
    "++",
    "{2}+",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    "(?>a)",
    "\\1",
    "\\k<n>",
    "[a&&b]",
    "(?m)",
    "(?x)",
    "(?u)",
    "\\R",
    "\\X",
    "\\G",
    "\\y",
    "{",
    "}",
    "]",
    "[",
    "(",
    ")",
    "\\",
    "a{2",
    "{a}",
    "[z-a]",
    "[^a[b]]",
    "**",
    "\\p{Foo}",
    "\\p",
    "(?",
    "(?<",
    "\\x",
    "\\u12",
    "\\0101",
    "\\cA",
    "\\N{DIGIT ONE}",
    "\\e",
    "\\a",
    "[[:alpha:]]",
    "a,b",
    "#",
    "\\E",
    "\\Q",
];
const TEXTS: &[&str] = &[
    "a",
    "b",
    "c",
    "A",
    "B",
    "1",
    "2",
    "_",
    "-",
    " ",
    "é",
    "É",
    "ß",
    "λ",
    "\u{1f600}",
    ".",
    "\n",
    "\r",
    "\r\n",
    "\u{85}",
    "\u{2028}",
    "\t",
    "ab",
    "ba",
    "a.b",
    "]",
    "$",
    "^",
    "\\",
    "&",
    "*",
    "",
];

fn pattern(random: &mut Random, depth: usize) -> String {
    let mut pattern = String::new();
    for _ in 0..=random.below(4) {
        match random.below(14) {
            0 if depth < 3 => {
                let open = random.pick(&["(", "(?:", "(?i:", "(?s:"]);
                let _ = write!(pattern, "{open}{})", self::pattern(random, depth + 1));
            }
            1 if depth < 3 => {
                let _ =
                    write!(pattern, "(?:{}|{})", self::pattern(random, depth + 1), self::pattern(random, depth + 1));
            }
            2 if random.below(3) == 0 => pattern.push_str(random.pick(ODD)),
            _ => pattern.push_str(random.pick(ATOMS)),
        }
        pattern.push_str(random.pick(QUANTIFIERS));
    }
    pattern
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn unhex(hex: &str) -> String {
    let hex = hex.trim_end_matches('.');
    let bytes = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[i * 2..i * 2 + 2], 16).unwrap());
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}

fn answer(line: &str) -> Answer {
    match line.split(' ').collect::<Vec<_>>().as_slice() {
        ["refused"] => Answer::Refused,
        ["none"] => Answer::None,
        ["found", whole, replaced] => Answer::Found(unhex(whole), unhex(replaced)),
        _ => panic!("{line}"),
    }
}

/// What is wrong with our answer, if anything. To refuse by name is never wrong.
fn fault(pattern: &str, text: &str, java: &Answer) -> Option<String> {
    let ours = match compile(pattern) {
        Ok(ours) => ours,
        Err(message) if message.starts_with("Unsupported") || *java == Answer::Refused => return None,
        Err(message) => return Some(message),
    };
    let found = match java {
        Answer::Refused => return Some("accepted".into()),
        Answer::None => false,
        Answer::Found(..) => true,
    };
    match ours.find(text) {
        Err(_) => return None,
        Ok(ours) if ours != found => return Some(format!("find is {ours}")),
        Ok(_) => {}
    }
    // Java would replace nothing within the halves of these.
    if text.chars().any(|character| character > '\u{ffff}') {
        return None;
    }
    let (Ok(whole), Ok(replaced)) = (ours.extract(text, 0), ours.replace(text, "<$0>")) else { return None };
    match java {
        Answer::Found(theirs, all) if whole != Some(theirs.as_str()) || replaced != *all => {
            Some(format!("found {whole:?} and made {replaced:?}"))
        }
        _ => None,
    }
}

#[test]
fn random_patterns_mean_what_java_makes_of_them() {
    let Some(java) = Java::compiled("patterns") else { return };
    let mut random = Random(0x5eed_0fed_7e57_0001);
    let cases: Vec<(String, String)> = (0..CASES)
        .map(|_| {
            let pattern = pattern(&mut random, 0);
            let text = (0..random.below(7)).map(|_| random.pick(TEXTS)).collect();
            (pattern, text)
        })
        .collect();
    let input = cases.iter().fold(String::new(), |mut input, (pattern, text)| {
        let _ = writeln!(input, "{} {}", hex(pattern), hex(text));
        input
    });
    let output = java.run(&[], input);
    let answers: Vec<Answer> = output.lines().map(answer).collect();
    assert_eq!(answers.len(), CASES);
    let (mut faults, mut compared) = (Vec::new(), 0);
    for ((pattern, text), java) in cases.iter().zip(&answers) {
        match fault(pattern, text, java) {
            Some(fault) => faults.push(format!("{pattern:?} in {text:?}: Java {java:?}, here {fault}")),
            None => compared += usize::from(compile(pattern).is_ok()),
        }
    }
    assert!(faults.is_empty(), "{} of {CASES}:\n{}", faults.len(), faults[..faults.len().min(40)].join("\n"));
    assert!(compared > CASES / 3, "only {compared} patterns of {CASES} are supported");
}

#[test]
fn case_and_space_are_javas() {
    use super::super::super::functions::characters;
    let Some(java) = Java::compiled("characters") else { return };
    // Up to here Unicode has not changed of late, so that versions of both sides agree.
    let output = java.run(&["8192"], String::new());
    for (code, line) in output.lines().enumerate() {
        let Some(character) = u32::try_from(code).ok().and_then(char::from_u32) else { continue };
        let fields: Vec<_> = line.split(' ').collect();
        let [defined, lower, upper, space] = fields.as_slice() else { panic!("{line}") };
        let ours = (u32::from(characters::lower(character)), u32::from(characters::upper(character)));
        // Newer Unicode gives old letters a case in a block of new ones.
        if *defined == "true" && ours.1 < 0xa000 {
            assert_eq!((ours.0.to_string().as_str(), ours.1.to_string().as_str()), (*lower, *upper), "U+{code:04X}");
        }
        assert_eq!(characters::is_space(character).to_string(), **space, "U+{code:04X}");
    }
}
