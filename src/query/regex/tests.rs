//! Corner cases by name. tests/regex compares random ones with Go's matcher and `java.util.regex`.

use super::*;

fn matches(pattern: &str, value: &str) -> bool {
    Pattern::parse(pattern).unwrap().matches(value)
}

fn java(pattern: &str) -> (String, bool) {
    let java = Pattern::parse(pattern).unwrap().java();
    (java.text, java.exact)
}

#[test]
fn patterns_are_anchored_at_both_ends_and_dot_matches_newline() {
    assert!(matches("a.c", "abc") && matches("a.c", "a\nc"));
    assert!(!matches("a.c", "xabc") && !matches("a.c", "abcx") && !matches("a", "a\n"));
    assert!(!matches("(?-s)a.c", "a\nc") && !matches("(?-s:a.c)", "a\nc"));
    assert!(!matches("a|b", "ab") && matches("a|b", "b"));
}

#[test]
fn flags_hold_until_their_group_ends() {
    assert!(matches("(?:(?i)a)b", "Ab") && !matches("(?:(?i)a)b", "AB"));
    assert!(matches("(?i:a)b", "Ab") && !matches("(?i:a)b", "aB"));
    assert!(matches("(?i)a|b", "B") && matches("(?i)a(?-i)b", "Ab") && !matches("(?i)a(?-i)b", "AB"));
    assert!(matches("(?U)a+", "aaa") && matches("(?i-s:A.)", "ab") && matches("(?)a", "a"));
}

#[test]
fn case_folding_is_of_unicode() {
    assert!(matches("(?i)k", "\u{212a}") && matches("(?i)\u{212a}", "k") && matches("(?i)s", "ſ"));
    assert!(matches("(?i)σ", "ς") && matches("(?i)[α-ω]+", "ΣΊΣΥΦΟΣ".replace('Ί', "Ι").as_str()));
    assert!(!matches("(?i)ß", "SS") && !matches("(?i)\\W", "ſ") && matches("(?i)\\w", "ſ"));
    assert!(!matches("(?i)[^k]", "\u{212a}") && !matches("(?i)i", "ı"));
}

#[test]
fn classes_are_those_of_re2() {
    assert!(matches("\\d\\s\\w", "1\t_") && !matches("\\d", "١") && !matches("\\w", "é") && !matches("\\s", "\x0b"));
    assert!(matches("[[:space:]]", "\x0b") && matches("[[:^alpha:]x]+", "x1é") && matches("[[:word:]]", "_"));
    assert!(matches("\\pL\\p{Greek}\\P{Lu}\\p{^Lu}", "éαaa") && !matches("\\PL", "é") && matches("[\\pN-]+", "1-²"));
    assert!(matches("[]a]+", "]a") && matches("[^]a]", "b") && matches("[a-]+", "a-") && matches("[-a]+", "a-"));
    assert!(matches("[a\\]b]+", "]") && matches("[[]", "[") && matches("[[:]", ":") && matches("[&&a]+", "&a"));
    assert!(matches("[^a]", "\n") && matches("[\\d\\-x]+", "1-x") && matches("[a-\\x{7a}]", "z"));
    assert!(
        !matches("[^\\x00-\\x{10FFFF}]", "a") && !matches("\\x{d800}", "a") && matches("[\\x{d000}-\\x{e000}]", "힣")
    );
}

#[test]
fn unicode_classes_have_the_names_of_re2() {
    for (name, inside) in [
        ("Any", 'a'),
        ("ASCII", 'a'),
        ("Assigned", 'a'),
        ("LC", 'ǅ'),
        ("Lu", 'A'),
        ("Cn", '\u{378}'),
        ("Greek", 'α'),
        ("Common", '1'),
        ("Thai", 'ก'),
        ("Old_Italic", '\u{10300}'),
        ("SignWriting", '\u{1D800}'),
        // Go since 1.25.
        ("greek", 'α'),
        ("LETTER", 'a'),
        ("Uppercase-letter", 'A'),
        ("combining_mark", '\u{300}'),
        ("punct", '!'),
    ] {
        let value = inside.to_string();
        assert!(matches(&format!("\\p{{{name}}}"), &value) && !matches(&format!("\\P{{{name}}}"), &value), "{name}");
        assert!(matches(&format!("\\P{{^{name}}}"), &value) && !matches(&format!("\\p{{^{name}}}"), &value), "{name}");
    }
    assert!(!matches("\\p{Cs}", "a") && matches("\\P{Cs}", "a") && matches("[\\p{Cs}a]", "a"));
}

#[test]
fn escapes_are_those_of_re2() {
    assert!(matches("\\Qa.b*\\E+", "a.b**") && matches("\\Qa.b", "a.b") && matches("\\Q\\E", ""));
    assert!(matches("\\101\\x41\\x{1F600}\\07\\a\\n\\_\\!", "AA\u{1F600}\x07\x07\n_!"));
    assert!(matches("\\Aab\\z", "ab") && matches("^ab$", "ab") && !matches("a$\\n", "a\n"));
    assert!(matches("(?m)a$\\n^b", "a\nb") && matches("a\\b.b", "a b") && matches("\\Bé\\B", "é"));
    assert!(matches("a{,2}", "a{,2}") && matches("a{1,2}", "aa") && matches("a{01}", "a{01}") && matches("{", "{"));
    assert!(matches("(a||b)", "") && matches("(|a)+", "aa") && matches("()*", "") && matches("(?P<n>a)(?<m>b)", "ab"));
}

#[test]
fn what_re2_refuses_is_refused() {
    for pattern in [
        "(",
        ")",
        "a)",
        "[",
        "[a",
        "[b-a]",
        "*",
        "a**",
        "a+*",
        "|*",
        "(*)",
        "(?i",
        "(?x)",
        "(?=a)",
        "(?-)",
        "(?P<>a)",
        "(?P<n",
        "(?P=n)",
        "\\",
        "\\8",
        "\\1",
        "\\C",
        "\\Z",
        "\\q",
        "\\é",
        "\\x",
        "\\x1",
        "\\x{",
        "\\x{}",
        "\\x{110000}",
        "\\p",
        "\\p{",
        "\\p{Nope}",
        "\\p{Alphabetic}",
        "\\p{Grek}",
        "\\p{IsGreek}",
        "\\P{is L}",
        "\\p{isc}",
        "\\p{^^L}",
        "\\p{}",
        "\\p^L",
        "\\pQ",
        "\\p{L&}",
        "\\p{gc=L}",
        "\\p{Zyyy}",
        "\\p{Katakana_Or_Hiragana}",
        "\\p{Unknown}",
        "\\p{OldItalic}",
        "\\p{signwriting}",
        "[[:nope:]]",
        "a{1001}",
        "a{2,1}",
        "(a{100}){100}",
        "a{99999999999}",
    ] {
        assert!(matches!(Pattern::parse(pattern), Err(PatternError::Syntax(..))), "{pattern}");
    }
    assert!(Pattern::parse("(a{10}){100}").is_ok() && Pattern::parse("((a{100}){0}){100}").is_ok());
}

#[test]
fn what_is_too_large_is_refused_without_harm() {
    for pattern in ["a".repeat(MAX_PATTERN_BYTES + 1), "(".repeat(60_000), "(?:\\pL{1000}|\\pN{1000}){1}".repeat(40)] {
        assert!(matches!(Pattern::parse(&pattern), Err(PatternError::TooLarge(_))), "{pattern:.20}");
    }
    let nested = format!("a{}", "(?i)*".repeat(10_000));
    assert!(matches!(Pattern::parse(&nested), Err(PatternError::TooLarge(_))));
}

#[test]
fn few_values_and_starts_are_found() {
    let values = |pattern: &str| Pattern::parse(pattern).unwrap().values();
    let exactly = |values: &[&str]| Values::Exactly(values.iter().map(|value| (*value).to_owned()).collect());
    assert_eq!(values("a|b|cd"), exactly(&["a", "b", "cd"]));
    assert_eq!(
        values("node-[0-2](a|b)?"),
        exactly(&["node-0", "node-0a", "node-0b", "node-1", "node-1a", "node-1b", "node-2", "node-2a", "node-2b"])
    );
    assert_eq!(values("^a$|^"), exactly(&["", "a"]));
    assert_eq!(values("a^"), exactly(&[]));
    assert_eq!(values("(?i)ab"), exactly(&["AB", "Ab", "aB", "ab"]));
    assert_eq!(values(".*"), Values::Any);
    assert_eq!(values("(.+)"), Values::NotEmpty);
    assert_eq!(values("prod-.*"), Values::StartingWith("prod-".to_owned()));
    assert_eq!(values("(prod|prev).+x"), Values::StartingWith("pr".to_owned()));
    assert_eq!(values("[é-ü].*"), Values::StartingWith(String::new()));
    assert_eq!(values(".*a"), Values::StartingWith(String::new()));
}

#[test]
fn java_gets_what_means_the_same_and_nothing_else() {
    assert_eq!(java("a.c|d"), ("\\A(?:a(?s:.)c|d)\\z".to_owned(), true));
    assert_eq!(java("\\d+[[&&x]"), ("\\A(?:[0-9]+[\\x{26}\\x{5B}x])\\z".to_owned(), true));
    assert_eq!(java("\\Q[&&<\\E\\n"), ("\\A(?:\\[\\&\\&<\\x{A})\\z".to_owned(), true));
    assert_eq!(java("(ab)*x{2,3}"), ("\\A(?:(?:ab)*(?:x){2,3})\\z".to_owned(), true));
    assert_eq!(java("(?i)ab"), ("\\A(?:[Aa][Bb])\\z".to_owned(), true));
    assert_eq!(java("a\\bb"), ("\\A(?:ab)\\z".to_owned(), false));
    assert_eq!(java("\\pL"), ("\\A(?:(?s:.))\\z".to_owned(), false));
    assert_eq!(java("x(a*)*"), ("\\A(?:x(?s:.*))\\z".to_owned(), false));
}
