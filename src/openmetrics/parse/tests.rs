use proptest::prelude::*;

use super::*;
use crate::openmetrics::TextWriter;
use crate::proto::Label;

/// A line as a reader sees it: name, labels, value and milliseconds, and whether there is an exemplar.
type Seen = (String, Vec<(String, String)>, f64, i64, bool);

fn read(line: &str) -> Result<Seen, LineError> {
    let mut parts = SeriesParts::default();
    series(line, &mut parts)?;
    let Measured { value, timestamp, has_exemplar } = measured(line, parts.end)?;
    let text = |part: Part| {
        let mut text = Vec::new();
        append(line.as_bytes(), part, &mut text);
        String::from_utf8(text).unwrap()
    };
    let labels = parts.labels.iter().map(|(name, value)| (text(*name), text(*value))).collect();
    Ok((text(parts.name), labels, value, timestamp, has_exemplar))
}

fn seen(name: &str, labels: &[(&str, &str)]) -> Result<Seen, LineError> {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok((name.to_owned(), labels, 1.0, 2000, false))
}

#[test]
fn series_are_read_in_all_their_forms() {
    for (line, expected) in [
        ("up 1 2", seen("up", &[])),
        ("up{} 1 2", seen("up", &[])),
        (":a:b_1{c=\"d\"} 1 2", seen(":a:b_1", &[("c", "d")])),
        ("up{b=\"2\",a=\"1\",} 1 2", seen("up", &[("b", "2"), ("a", "1")])),
        ("up{a=\"\"} 1 2", seen("up", &[("a", "")])),
        ("up{a=\"}{ ,=#\"} 1 2", seen("up", &[("a", "}{ ,=#")])),
        (r#"up{a="\\\"\n\é",b="\\"} 1 2"#, seen("up", &[("a", "\\\"\n\\é"), ("b", "\\")])),
        // Go's escapes, as promtool writes them, and what is none of them.
        (
            r#"up{a="\t\r\a\b\f\v\x01\u00a0\U0001f600\\t"} 1 2"#,
            seen("up", &[("a", "\t\r\x07\x08\x0c\x0b\x01\u{a0}\u{1f600}\\t")]),
        ),
        (r#"up{a="\xff\x0g\u12\ud800\q\x1"} 1 2"#, seen("up", &[("a", r"\xff\x0g\u12\ud800\q\x1")])),
        ("{\"my.metric\"} 1 2", seen("my.metric", &[])),
        ("{\"my.metric\",} 1 2", seen("my.metric", &[])),
        ("{\"my.metric\",\"a.b\"=\"v\"} 1 2", seen("my.metric", &[("a.b", "v")])),
        ("{a=\"v\",\"my.metric\"} 1 2", seen("my.metric", &[("a", "v")])),
        ("up{\"a.\\\"b\"=\"v\"} 1 2", seen("up", &[("a.\"b", "v")])),
        // As promtool writes them.
        ("grüße.metric{a.b=\"v\"} 1 2", seen("grüße.metric", &[("a.b", "v")])),
        ("日本 1 2", seen("日本", &[])),
    ] {
        assert_eq!(read(line), expected, "{line}");
    }
    assert!(read("up 1 2 # {trace_id=\"a\"} 1 2.5").unwrap().4);
    assert_eq!(
        read("up +Inf 1700000000.123").unwrap(),
        ("up".to_owned(), vec![], f64::INFINITY, 1_700_000_000_123, false)
    );
    assert!(read("up NaN 1").unwrap().2.is_nan());
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (line, told) in [
        (" up 1 2", "no metric name at byte 0 of the line"),
        ("1up 1 2", "no metric name at byte 0 of the line"),
        ("{} 1 2", "no metric name"),
        ("{a=\"b\"} 1 2", "no metric name"),
        ("{\"\"} 1 2", "no metric name"),
        ("up{\"down\"} 1 2", "two metric names"),
        ("up{a} 1 2", "no = at byte 4 of the line"),
        ("up{a=b} 1 2", "no opening quote at byte 5 of the line"),
        ("up{a=\"b 1 2", "no closing quote at byte 11 of the line"),
        ("up{a=\"b\\", "no closing quote at byte 8 of the line"),
        ("up{a=\"b\" 1 2", "no comma or } at byte 8 of the line"),
        ("up{,} 1 2", "no label name or } at byte 3 of the line"),
        ("up{a=\"b\", c=\"d\"} 1 2", "no label name or } at byte 9 of the line"),
        ("up", "no blank and value at byte 2 of the line"),
        ("up{}1 2", "no blank and value at byte 4 of the line"),
        ("up  1 2", "\"\" is not a value: accepted are decimal numbers, +Inf, -Inf and NaN"),
        ("up 0x1p4 2", "\"0x1p4\" is not a value: accepted are decimal numbers, +Inf, -Inf and NaN"),
        ("up 1", "no timestamp behind the value: without one nobody knows when the sample was taken"),
        ("up 1 # {a=\"b\"} 1", "no timestamp behind the value: without one nobody knows when the sample was taken"),
        ("up 1 now", "\"now\" is not a timestamp: accepted are seconds since 1970, such as 1700000000.123"),
        ("up 1 1e30", "the timestamp 1e30 is too large"),
        ("up 1 2 3", "no end of the line or exemplar at byte 6 of the line"),
        ("up 1 2 ", "no end of the line or exemplar at byte 6 of the line"),
    ] {
        assert_eq!(read(line).unwrap_err().to_string(), told, "{line}");
    }
    let long = format!("up {} 2", "é".repeat(10_000));
    assert!(read(&long).unwrap_err().to_string().len() < 200);
}

#[test]
fn lines_without_a_sample_are_told_apart() {
    for (line, is) in [
        ("# EOF", Kind::End),
        ("# EOF ", Kind::Comment),
        ("#", Kind::Comment),
        ("# HELP up 1 2", Kind::Comment),
        ("# TYPE up gauge", Kind::Comment),
        ("", Kind::Comment),
        ("up 1 2", Kind::Sample),
    ] {
        assert_eq!(kind(line), is, "{line}");
    }
}

/// A name as OpenMetrics writes it: with quotes where it must have them, and sometimes where it need not.
fn written_name(name: &str, quote: bool, is_metric: bool) -> String {
    let is_legacy = |(at, character): (usize, char)| {
        character.is_ascii_alphabetic()
            || character == '_'
            || is_metric && character == ':'
            || at > 0 && character.is_ascii_digit()
    };
    let needs_none = !name.is_empty() && name.chars().enumerate().all(is_legacy);
    if needs_none && !quote { name.to_owned() } else { format!("\"{}\"", escaped(name)) }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,4}", "\\PC{0,6}", "[\\\\\"n\n{},=# a]{0,6}", any::<String>()]
}

proptest! {
    /// The texts that a naive writer makes are read back.
    #[test]
    fn what_is_written_is_read_back(
        name in any_text().prop_filter("a metric has a name", |name| !name.is_empty()),
        labels in prop::collection::vec((any_text(), any_text(), any::<bool>()), 0..5),
        (quote, comma, exemplar) in any::<(bool, bool, bool)>(),
        value in any::<f64>().prop_filter("NaN has many forms", |value| !value.is_nan()),
        timestamp in -1_000_000_000_000_000i64..1_000_000_000_000_000,
    ) {
        let mut inside: Vec<String> = labels
            .iter()
            .map(|(name, value, quote)| format!("{}=\"{}\"", written_name(name, *quote, false), escaped(value)))
            .collect();
        let mut line = written_name(&name, quote, true);
        if line.starts_with('"') {
            inside.insert(0, std::mem::take(&mut line));
        }
        let comma = if comma && !inside.is_empty() { "," } else { "" };
        line.push_str(&format!("{{{}{comma}}} {value:?} {timestamp}e-3", inside.join(",")));
        if exemplar {
            line.push_str(" # {a=\"b\"} 1");
        }
        let expected = labels.into_iter().map(|(name, value, _)| (name, value)).collect();
        prop_assert_eq!(read(&line), Ok((name, expected, value, timestamp, exemplar)));
    }

    #[test]
    fn what_an_export_writes_is_read_back(
        name in any_text().prop_filter("a metric has a name", |name| !name.is_empty()),
        labels in prop::collection::btree_map(any_text(), any_text(), 0..5),
        value in any::<f64>(),
        timestamp in -10_000_000_000_000i64..10_000_000_000_000,
    ) {
        let mut labels = labels;
        labels.remove("__name__");
        let label = |(name, value): (&String, &String)| Label { name: name.clone(), value: value.clone() };
        let mut all: Vec<Label> = labels.iter().map(label).collect();
        all.push(Label { name: "__name__".to_owned(), value: name.clone() });
        let mut writer = TextWriter::default();
        writer.start_series(&all);
        writer.push(timestamp, value);
        let text = String::from_utf8(writer.take()).unwrap();
        let (found, found_labels, read_value, read_timestamp, _) = read(text.strip_suffix('\n').unwrap()).unwrap();
        prop_assert_eq!((found, found_labels), (name, labels.into_iter().collect::<Vec<_>>()));
        prop_assert!(read_value.to_bits() == value.to_bits() || read_value.is_nan() && value.is_nan());
        prop_assert_eq!(read_timestamp, timestamp);
    }

    #[test]
    fn any_line_is_read_or_refused(line in prop_oneof![any::<String>(), "[ab{}=\",\\\\ #1.e\n]{0,40}", "a\\{(a=\"b\",?){0,3}\\}? [1 .#{]{0,9}"]) {
        let _ = (kind(&line), read(&line));
    }
}
