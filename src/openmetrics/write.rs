//! Series as OpenMetrics text: a line for each sample, without metadata.

use std::io::{self, Write};

use super::tail::write_tail;
use crate::decimal::Number;
use crate::proto::Label;

/// The label that holds the metric name.
const METRIC_NAME: &str = "__name__";

/// The last line of a text. A text without it is not whole.
pub const END: &[u8] = b"# EOF\n";

/// Writes lines into a buffer.
#[derive(Debug, Default)]
pub struct TextWriter {
    text: Vec<u8>,
    /// What the lines of the series begin with: name, labels and a blank.
    series: Vec<u8>,
}

impl TextWriter {
    /// Begins the next series. Its labels are sorted, and the metric name is one of them.
    ///
    /// A name that Prometheus 2 does not know (any but letters, digits, underscores and, in a metric's, colons) stands in
    /// quotes, the metric's within the braces, as Prometheus 3 writes it.
    pub fn start_series(&mut self, labels: &[Label]) {
        self.series.clear();
        write_series(labels, &mut self.series);
    }

    /// Adds a sample of the series. Its time is in milliseconds since the epoch.
    pub fn push(&mut self, time: i64, value: impl Into<Number>) {
        self.text.extend_from_slice(&self.series);
        write_tail(time, value.into(), &mut self.text);
    }

    /// The bytes that [`Self::take`] would give.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether nothing has been written since [`Self::take`].
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes the lines so far.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    /// Writes the lines so far elsewhere. There is room for as many at once.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&mut self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

/// Appends what the lines of a series begin with: name, labels and a blank.
pub(crate) fn write_series(labels: &[Label], line: &mut Vec<u8>) {
    let metric = labels.iter().find(|label| label.name == METRIC_NAME).map_or("", |label| label.value.as_str());
    let is_plain = is_plain(metric, true);
    if is_plain {
        line.extend_from_slice(metric.as_bytes());
    }
    let mut before = b'{';
    if !is_plain {
        line.push(before);
        quote(metric, line);
        before = b',';
    }
    for Label { name, value } in labels.iter().filter(|label| label.name != METRIC_NAME) {
        line.push(before);
        if self::is_plain(name, false) {
            line.extend_from_slice(name.as_bytes());
        } else {
            quote(name, line);
        }
        line.push(b'=');
        quote(value, line);
        before = b',';
    }
    if before == b',' {
        line.push(b'}');
    }
    line.push(b' ');
}

/// Whether a name needs no quotes.
fn is_plain(name: &str, of_metric: bool) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (of_metric && byte == b':');
    name.bytes().all(is_part) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn quote(text: &str, line: &mut Vec<u8>) {
    line.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'\\' | b'"' => line.extend_from_slice(&[b'\\', byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            _ => line.push(byte),
        }
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
        pairs.iter().map(|(name, value)| Label { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
    }

    fn line(pairs: &[(&str, &str)], time: i64, value: f64) -> String {
        let mut writer = TextWriter::default();
        writer.start_series(&labels(pairs));
        writer.push(time, value);
        String::from_utf8(writer.take()).unwrap()
    }

    #[test]
    fn names_are_quoted_only_where_they_must_be() {
        for (pairs, text) in [
            (&[("__name__", "up")][..], "up "),
            (&[("__name__", "a:b_1"), ("a", "x"), ("b", "")], r#"a:b_1{a="x",b=""} "#),
            (&[("Zone", "z"), ("__name__", "up")], r#"up{Zone="z"} "#),
            (&[("__name__", "up"), ("a", "\\ \" \n \r \0 é")], "up{a=\"\\\\ \\\" \\n \r \0 é\"} "),
            (&[("__name__", "my.metric"), ("a.b", "v"), ("c", "d")], r#"{"my.metric","a.b"="v",c="d"} "#),
            (&[("__name__", "1\"a\\"), ("a:b", "v")], r#"{"1\"a\\","a:b"="v"} "#),
            (&[("__name__", "up"), ("1a", "v")], r#"up{"1a"="v"} "#),
        ] {
            assert_eq!(line(pairs, 1_700_000_000_007, 1.0), format!("{text}1 1700000000.007\n"));
        }
    }

    #[test]
    fn values_are_as_short_as_can_be() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (-123_456.5, "-123456.5"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            let line = line(&[("__name__", "a")], 0, value);
            assert_eq!(line, format!("a {text} 0.000\n"), "{value}");
        }
    }

    #[test]
    fn series_stand_one_after_the_other() {
        let mut writer = TextWriter::default();
        writer.start_series(&labels(&[("__name__", "a"), ("b", "c")]));
        writer.push(1000, 1.0);
        writer.push(2500, 2.0);
        writer.start_series(&labels(&[("__name__", "b")]));
        writer.push(1000, 1.0);
        assert_eq!(writer.len(), 44);
        assert_eq!(writer.take(), b"a{b=\"c\"} 1 1.000\na{b=\"c\"} 2 2.500\nb 1 1.000\n");
        assert!(writer.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn values_and_times_are_read_back_as_go_reads_them(
            bits in any::<u64>(),
            time in prop_oneof![0..10_000_000_000_000_i64, 100_000_000_000..300_000_000_000_i64, -1_000_000_000..0_i64, 1_073_000_000_000..1_100_000_000_000_i64],
        ) {
            let value = f64::from_bits(bits);
            let line = line(&[("__name__", "a")], time, value);
            let mut words = line.split_whitespace().skip(1);
            let read: f64 = words.next().unwrap().parse().unwrap();
            prop_assert!(read.to_bits() == bits || (read.is_nan() && value.is_nan()), "{line}");
            let seconds: f64 = words.next().unwrap().parse().unwrap();
            prop_assert_eq!((seconds * 1000.0) as i64, time, "{}", line);
            prop_assert_eq!((seconds * 1000.0).round() as i64, time, "{}", line);
        }
    }
}
