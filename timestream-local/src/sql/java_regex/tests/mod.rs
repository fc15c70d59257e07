mod against_java;

use proptest::prelude::*;

use super::*;

fn found(pattern: &str, text: &str) -> bool {
    compile(pattern).unwrap().find(text).unwrap()
}

#[test]
fn java_means_what_java_means() {
    let cases = [
        (r"\A(?s:(?:a|b.*))\z", "b\n", true),
        (r"\A(?s:(?:a|b.*))\z", "xb", false),
        ("b", "abc", true),
        ("^b", "ab", false),
        ("a.c", "a\nc", false),
        ("a.c", "a\u{2028}c", false),
        ("(?s)a.c", "a\nc", true),
        ("a$", "a\n", true),
        ("a$", "a\r\n", true),
        ("a\\r$", "a\r\n", false),
        ("a\\z", "a\n", false),
        ("(a$|b)", "a\n", true),
        (r"\d", "٣", false),
        (r"\w", "é", false),
        ("(?i)ABC", "xaBc", true),
        ("(?i)é", "É", false),
        ("(?i)[b-d]", "C", true),
        (r"\Qa.b\E+", "a.bb", true),
        (r"\Qa.b\E", "axb", false),
        ("[a-c[x-z]]", "y", true),
        ("[]a]", "]", true),
        ("[^a]", "a", false),
        (r"\p{Lu}", "É", true),
        (r"\p{Upper}", "É", false),
        ("a{2,3}", "aa", true),
        (r"\bfoo\b", "a foo b", true),
        (r"é", "é", true),
        ("~#& ", "~#& ", true),
        ("[~#&-]", "&", true),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(found(pattern, text), expected, "{pattern} in {text:?}");
    }
}

#[test]
fn what_cannot_be_said_is_refused() {
    for pattern in [
        "(?=a)",
        "(?<!a)",
        r"(a)\1",
        "a*+",
        "(?>a)",
        "[a&&b]",
        "(?m)a",
        r"\R",
        "a**",
        "*a",
        "(a",
        "a)",
        "[a",
        "a{2",
        "{",
        r"\y",
        r"\p{InGreek}",
        "(?i)\\p{Lu}",
        r"\uD83D",
        "[^a[b]]",
        r"\E",
        "(?<n>a)(?<n>b)",
        "((a{1000}){1000}){1000}",
    ] {
        assert!(compile(pattern).is_err(), "{pattern}");
    }
    assert!(compile("(a$|b)c").unwrap().find("a\n").is_err());
    assert!(compile(r"\bfoo").unwrap().find("é foo").is_err());
}

#[test]
fn groups_are_extracted_and_replaced() {
    let pattern = compile("(a)(b?)").unwrap();
    assert_eq!(pattern.extract("xab", 1).unwrap(), Some("a"));
    assert_eq!(pattern.extract("x", 0).unwrap(), None);
    assert!(pattern.extract("x", 3).is_err());
    assert_eq!(pattern.replace("xabx", "[$2$1\\$]").unwrap(), "x[ba$]x");
    assert!(pattern.replace("a", "$9").is_err());
}

proptest! {
    #[test]
    fn no_pattern_panics(pattern in "\\PC{0,20}", text in "\\PC{0,10}") {
        if let Ok(pattern) = compile(&pattern) {
            let _ = pattern.find(&text);
        }
    }

    #[test]
    fn syntax_soup_does_not_panic(pattern in r"[ab(){}\[\]|*+?.^$\\QEdwpi:<>=!0-9,&-]{0,16}") {
        if let Ok(pattern) = compile(&pattern) {
            let _ = pattern.find("ab\n");
        }
    }
}
