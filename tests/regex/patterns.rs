//! Random patterns of RE2's grammar, and values that have a chance to match them.

use super::cases::Random;

const LITERALS: &[&str] = &[
    "a",
    "b",
    "k",
    "K",
    "s",
    "x",
    "0",
    "9",
    "_",
    "-",
    " ",
    "\n",
    "é",
    "É",
    "ß",
    "σ",
    "Σ",
    "日",
    "\u{212a}",
    "ſ",
    "\u{1F600}",
    "'",
    "\"",
    "%",
    "&",
    "&&",
    "~",
    "#",
    "<",
    ">",
    "@",
    ",",
    "=",
    "!",
    ":",
    "/",
    "}",
    "]",
    "{",
    "{,2}",
    "{x}",
    "\u{85}",
];
const ESCAPES: &[&str] = &[
    "\\.",
    "\\*",
    "\\+",
    "\\?",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "\\{",
    "\\}",
    "\\|",
    "\\^",
    "\\$",
    "\\\\",
    "\\-",
    "\\/",
    "\\&",
    "\\_",
    "\\a",
    "\\f",
    "\\t",
    "\\n",
    "\\r",
    "\\v",
    "\\x61",
    "\\x{e9}",
    "\\x{1F600}",
    "\\x0a",
    "\\0",
    "\\07",
    "\\101",
    "\\012",
    "\\Qa.b\\E",
    "\\Q[&&\\E",
    "\\Q\\E",
    "\\Q*\\E",
    "\\Qx",
];
const CLASSES: &[&str] = &[
    ".",
    "\\d",
    "\\D",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\pL",
    "\\PL",
    "\\pN",
    "\\p{Lu}",
    "\\P{Lu}",
    "\\p{^Lu}",
    "\\p{Greek}",
    "\\p{Han}",
    "\\pZ",
    "\\p{Nd}",
];
/// Names of Unicode classes that RE2 knows, most of them. Scripts of several words are left out: Go before 1.25 knows them,
/// and later ones do not.
const NAMES: &[&str] = &[
    "L",
    "Lu",
    "Ll",
    "Lt",
    "LC",
    "M",
    "Mn",
    "N",
    "Nd",
    "P",
    "Sc",
    "Zs",
    "C",
    "Cc",
    "Cn",
    "Cs",
    "Any",
    "ASCII",
    "Assigned",
    "Letter",
    "Uppercase_Letter",
    "Combining_Mark",
    "Decimal_Number",
    "digit",
    "punct",
    "cntrl",
    "Surrogate",
    "Greek",
    "Latin",
    "Han",
    "Cyrillic",
    "Common",
    "Inherited",
    "Katakana",
    "Thai",
    "Nko",
    "Yi",
];
/// Names that other matchers know.
const OTHER_NAMES: &[&str] = &[
    "Grek",
    "Latn",
    "Hani",
    "Zyyy",
    "Zinh",
    "Qaai",
    "Unknown",
    "Katakana_Or_Hiragana",
    "Alphabetic",
    "Uppercase",
    "L&",
    "Alpha",
    "javaLowerCase",
    "BasicLatin",
    "Isc",
    "White_Space",
    "Emoji",
    "XID_Start",
    "",
];
const PREFIXES: &[&str] = &["Is", "is", "IS_", "In", "sc=", "gc=", "Script=", "^", "^^", " ", "_"];
const BRACKETS: &[&str] = &[
    "a",
    "b",
    "k",
    "x",
    "a-c",
    "0-9",
    "A-Z",
    "é",
    "à-ü",
    "\\d",
    "\\w",
    "\\S",
    "\\pL",
    "\\P{Lu}",
    "[:alpha:]",
    "[:^alpha:]",
    "[:space:]",
    "[:word:]",
    "[:punct:]",
    "[:xdigit:]",
    "[",
    "[a",
    "&&",
    "&&a",
    "^",
    ".",
    "*",
    "\\]",
    "\\\\",
    "\\-",
    "\\n",
    "\n",
    "\\x{1F600}",
    "α-ω",
    "{",
    "}",
    "|",
    "(",
    ")",
    "~",
    "#",
    " ",
    "\\x00-\\x{10FFFF}",
    "\\Qa",
    "\\b",
    "!-/",
];
const ASSERTIONS: &[&str] = &["^", "$", "\\A", "\\z", "\\b", "\\B"];
const REPETITIONS: &[&str] = &[
    "*", "+", "?", "*?", "+?", "??", "{0}", "{1}", "{2}", "{0,1}", "{1,2}", "{2,}", "{0,}?", "{1,3}?", "{01}", "{2,1}",
    "{,3}",
];
const FLAGS: &[&str] = &["i", "s", "m", "U", "-s", "i-s", "im", "-i", "is-U", "", "x", "i-", "-"];

/// Whether it names a Unicode class as only Go since 1.25 takes it.
pub fn has_loose_name(pattern: &str) -> bool {
    let names =
        pattern.split('\\').filter_map(|part| part.strip_prefix(['p', 'P'])).map(|part| match part.strip_prefix('{') {
            Some(part) => part.split('}').next().unwrap(),
            None => part.get(..1).unwrap_or_default(),
        });
    let strict =
        |name: &str| CLASSES.iter().any(|class| class.contains(name)) || matches!(name, "Any" | "Latin" | "Thai");
    names.into_iter().any(|name| !strict(name.trim_start_matches('^')))
}

/// A Unicode class whose name may be written in another way, or be none of RE2's.
fn unicode_class(random: &mut Random) -> String {
    let names = if random.one_in(4) { OTHER_NAMES } else { NAMES };
    let mut name = random.pick(names).to_owned();
    if random.one_in(4) {
        name = if random.one_in(2) { name.to_lowercase() } else { name.to_uppercase() };
    }
    if random.one_in(4) {
        let place = random.below(name.len() + 1);
        name.insert_str(place, random.pick(&["_", "-", " ", "é", "."]));
    }
    if random.one_in(3) {
        name.insert_str(0, random.pick(PREFIXES));
    }
    let escape = random.pick(&["\\p", "\\P"]);
    match name.chars().next() {
        Some(first) if random.one_in(5) => format!("{escape}{first}"),
        _ => format!("{escape}{{{name}}}"),
    }
}

pub fn pattern(random: &mut Random) -> String {
    let mut pattern = String::new();
    let depth = random.below(3);
    alternatives(random, depth, &mut pattern);
    if random.one_in(25) {
        break_it(random, &mut pattern);
    }
    pattern
}

fn alternatives(random: &mut Random, depth: usize, pattern: &mut String) {
    let count = [1, 1, 1, 2, 3][random.below(5)];
    for index in 0..count {
        if index > 0 {
            pattern.push('|');
        }
        for _ in 0..random.below(4) {
            atom(random, depth, pattern);
            if random.one_in(3) {
                pattern.push_str(random.pick(REPETITIONS));
            }
        }
    }
}

fn atom(random: &mut Random, depth: usize, pattern: &mut String) {
    match random.below(12) {
        0..=3 => pattern.push_str(random.pick(LITERALS)),
        4 => pattern.push_str(random.pick(ESCAPES)),
        5 if random.one_in(3) => pattern.push_str(&unicode_class(random)),
        5 => pattern.push_str(random.pick(CLASSES)),
        6 | 7 => {
            pattern.push_str(if random.one_in(3) { "[^" } else { "[" });
            for _ in 0..1 + random.below(3) {
                if random.one_in(12) {
                    pattern.push_str(&unicode_class(random));
                } else {
                    pattern.push_str(random.pick(BRACKETS));
                }
            }
            pattern.push(']');
        }
        8 => pattern.push_str(random.pick(ASSERTIONS)),
        9 => pattern.push_str(&format!("(?{})", random.pick(FLAGS))),
        _ if depth > 0 => {
            match random.below(4) {
                0 => pattern.push('('),
                1 => pattern.push_str("(?:"),
                2 => pattern.push_str(&format!("(?P<n{}>", random.next())),
                _ => pattern.push_str(&format!("(?{}:", random.pick(FLAGS))),
            }
            alternatives(random, depth - 1, pattern);
            pattern.push(')');
        }
        _ => pattern.push_str(random.pick(LITERALS)),
    }
}

/// Leaves out or puts in a character, which often makes a pattern that RE2 refuses.
fn break_it(random: &mut Random, pattern: &mut String) {
    let places: Vec<usize> = pattern.char_indices().map(|(place, _)| place).collect();
    if places.is_empty() {
        return;
    }
    let place = places[random.below(places.len())];
    if random.one_in(2) {
        pattern.remove(place);
    } else {
        pattern.insert_str(
            place,
            random.pick(&["(", ")", "[", "]", "\\", "*", "{", "?", "|", "(?", "\\x", "\\p", "[^", "(?P<"]),
        );
    }
}

/// Values of the characters that patterns speak of, and of those in this one.
pub fn values(random: &mut Random, pattern: &str) -> Vec<String> {
    const PARTS: &[&str] = &[
        "",
        "a",
        "b",
        "k",
        "K",
        "S",
        "x",
        "A",
        "0",
        "9",
        "_",
        "-",
        " ",
        "\n",
        "\t",
        "\r",
        "\u{b}",
        "é",
        "É",
        "ß",
        "ẞ",
        "σ",
        "ς",
        "Σ",
        "日",
        "\u{212a}",
        "ſ",
        "\u{1F600}",
        "&",
        "[",
        "]",
        "\\",
        "^",
        "$",
        ".",
        "*",
        "{",
        "}",
        "\u{85}",
        "\u{2028}",
        "\u{10ffff}",
        "\u{0}",
    ];
    let own: Vec<char> = pattern.chars().collect();
    let mut values = vec![String::new(), pattern.to_owned()];
    for _ in 0..10 {
        let mut value = String::new();
        for _ in 0..1 + random.below(5) {
            match own.get(random.below(own.len().max(1))) {
                Some(c) if random.one_in(2) => value.push(*c),
                _ => value.push_str(random.pick(PARTS)),
            }
        }
        values.push(value);
    }
    values
}
