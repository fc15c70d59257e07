//! Series selectors as PromQL writes them: `up{job="x"}`, `{__name__=~"node_.*"}`, `{"my.metric", "my.label"!="y"}`.

use std::sync::Arc;

use super::columns::are_wanted;
use super::matcher::{METRIC_NAME, Matcher};
use crate::error::Error;
use crate::proto::label_matcher::Type;
use crate::proto::{Label, LabelMatcher};

/// The series that all matchers accept.
#[derive(Debug, Clone)]
pub struct Selector {
    /// As it was given.
    pub text: String,
    /// None: all series.
    pub matchers: Arc<[Matcher]>,
}

impl Selector {
    /// All series.
    pub fn all() -> Self {
        Selector { text: "{}".to_owned(), matchers: Arc::default() }
    }

    /// Whether it selects the series with these labels.
    pub fn selects(&self, labels: &[Label]) -> bool {
        are_wanted(labels, &self.matchers)
    }

    /// Reads a selector. Other than in PromQL it may select all series.
    ///
    /// # Errors
    /// `InvalidMatcherError`, with what was expected and where.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut reader = Reader { text, rest: text.trim_start() };
        let mut matchers = Vec::new();
        if let Some(name) = reader.name(true) {
            matchers.push(equal_name(name));
        }
        if reader.take('{') {
            while !reader.take('}') {
                matchers.push(reader.matcher()?);
                if !reader.take(',') && !reader.rest.starts_with('}') {
                    return Err(reader.expected("comma or }"));
                }
            }
        } else if matchers.is_empty() {
            return Err(reader.expected("metric name or {"));
        }
        if !reader.rest.is_empty() {
            return Err(reader.error("goes on behind its end"));
        }
        let matchers = matchers.into_iter().map(Matcher::new).collect::<Result<_, Error>>()?;
        Ok(Selector { text: text.to_owned(), matchers })
    }
}

fn equal_name(value: String) -> LabelMatcher {
    LabelMatcher { r#type: Type::Eq.into(), name: METRIC_NAME.to_owned(), value }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn expected(&self, what: &str) -> Error {
        self.error(&format!("has no {what}"))
    }

    fn error(&self, what: &str) -> Error {
        let at = self.text.len() - self.rest.len();
        Error::invalid("InvalidMatcherError", format!("the selector {:?} {what} at byte {at}", self.text))
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default().trim_start();
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest.starts_with(wanted);
        if found {
            self.advance(wanted.len_utf8());
        }
        found
    }

    /// A name without quotes; that of a metric may have colons.
    fn name(&mut self, of_metric: bool) -> Option<String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (of_metric && c == ':');
        let length = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let name =
            self.rest.get(..length).filter(|name| !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()));
        let name = name?.to_owned();
        self.advance(length);
        Some(name)
    }

    fn matcher(&mut self) -> Result<LabelMatcher, Error> {
        let is_quoted = self.rest.starts_with(['"', '\'', '`']);
        let name = if is_quoted { Some(self.string()?) } else { self.name(false) };
        let name = name.ok_or_else(|| self.expected("label name"))?;
        if is_quoted && self.rest.starts_with([',', '}']) {
            return Ok(equal_name(name));
        }
        let operators = [("=~", Type::Re), ("!~", Type::Nre), ("!=", Type::Neq), ("=", Type::Eq)];
        let operator = operators.into_iter().find(|(text, _)| self.rest.starts_with(text));
        let (text, kind) = operator.ok_or_else(|| self.expected("operator, one of = != =~ !~,"))?;
        self.advance(text.len());
        Ok(LabelMatcher { r#type: kind.into(), name, value: self.string()? })
    }

    /// A string in quotes, with the escapes of Go.
    fn string(&mut self) -> Result<String, Error> {
        let quote = self.rest.chars().next().filter(|c| ['"', '\'', '`'].contains(c));
        let quote = quote.ok_or_else(|| self.expected("string in quotes"))?;
        let mut bytes = Vec::new();
        let mut rest = self.rest.get(1..).unwrap_or_default();
        loop {
            let c = rest.chars().next().ok_or_else(|| self.expected("closing quote for the string"))?;
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            if c == quote {
                break;
            }
            if c != '\\' || quote == '`' {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            rest = escape(rest, quote, &mut bytes).ok_or_else(|| self.expected("escape of Go's in the string"))?;
        }
        let string = String::from_utf8(bytes).map_err(|_| self.expected("UTF-8 in the string"))?;
        self.rest = rest.trim_start();
        Ok(string)
    }
}

/// Reads an escape behind its backslash, and gives what stands behind it.
fn escape<'a>(text: &'a str, quote: char, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let first = text.chars().next()?;
    let simple = match first {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        _ if first == quote => quote as u8,
        _ => {
            let (start, digits, radix) = match first {
                'x' => (1, 2, 16),
                'u' => (1, 4, 16),
                'U' => (1, 8, 16),
                '0'..='7' => (0, 3, 8),
                _ => return None,
            };
            let digits = text.get(start..start + digits).filter(|text| text.chars().all(|c| c.is_digit(radix)))?;
            let code = u32::from_str_radix(digits, radix).ok()?;
            match first {
                'u' | 'U' => bytes.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => bytes.push(u8::try_from(code).ok()?),
            }
            return text.get(start + digits.len()..);
        }
    };
    bytes.push(simple);
    text.get(first.len_utf8()..)
}

#[cfg(test)]
mod tests {
    use super::super::matcher::Condition;
    use super::*;

    fn shown(text: &str) -> Vec<(String, &'static str, String)> {
        let selector = Selector::parse(text).unwrap();
        let show = |matcher: &Matcher| match &matcher.condition {
            Condition::Equal(value) => (matcher.label.clone(), "=", value.clone()),
            Condition::NotEqual(value) => (matcher.label.clone(), "!=", value.clone()),
            Condition::Matches(_) => (matcher.label.clone(), "=~", String::new()),
            Condition::DoesNotMatch(_) => (matcher.label.clone(), "!~", String::new()),
        };
        selector.matchers.iter().map(show).collect()
    }

    #[test]
    fn selectors_are_those_of_promql() {
        let one = |label: &str, operator, value: &str| (label.to_owned(), operator, value.to_owned());
        for (text, matchers) in [
            ("up", vec![one("__name__", "=", "up")]),
            ("a:b{}", vec![one("__name__", "=", "a:b")]),
            ("{}", vec![]),
            (
                r#" up { job = "x" , a!='y', } "#,
                vec![one("__name__", "=", "up"), one("job", "=", "x"), one("a", "!=", "y")],
            ),
            (r#"{a=~"x.*",b!~`\d`}"#, vec![one("a", "=~", ""), one("b", "!~", "")]),
            (
                r#"{"my.metric","a b"="é\u00e9\xc3\xa9\n\"\101"}"#,
                vec![one("__name__", "=", "my.metric"), one("a b", "=", "ééé\n\"A")],
            ),
            (r"{a=`\n`}", vec![one("a", "=", r"\n")]),
        ] {
            assert_eq!(shown(text), matchers, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_their_place() {
        for (text, message) in [
            ("", "no metric name or {"),
            ("{a", "no operator"),
            ("{a=}", "no string in quotes at byte 3"),
            ("{a=\"x}", "no closing quote"),
            ("{a=\"x\" b=\"y\"}", "no comma or } at byte 7"),
            ("{a:b=\"x\"}", "no operator"),
            ("{1=\"x\"}", "no label name"),
            ("up offset 5m", "goes on behind its end at byte 3"),
            (r#"{a="\q"}"#, "no escape"),
            (r#"{a="\xff"}"#, "no UTF-8"),
            (r#"{a="\u12"}"#, "no escape"),
            (r#"{a=~"("}"#, "regular expression"),
            ("{", "no label name"),
        ] {
            let error = Selector::parse(text).unwrap_err();
            assert!(error.message().contains(message), "{text}: {error}");
        }
    }
}
