//! Read requests, checked before Timestream is called.

use std::sync::Arc;

use super::matcher::Matcher;
use crate::error::{Error, Kind};
use crate::proto::read_request::ResponseType;
use crate::proto::{Query, ReadHints, ReadRequest};

/// The most queries in one request. Prometheus sends one.
const MAX_QUERIES: usize = 256;

/// The most matchers in one request.
const MAX_MATCHERS: usize = 1024;

/// The most memory that the compiled patterns of one request may take, in bytes.
const MAX_PATTERN_BYTES: usize = 32 << 20;

/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseForm {
    /// Response type SAMPLES.
    Samples,
    /// Response type STREAMED_XOR_CHUNKS.
    Chunks,
}

/// The first form in the reader's list that the connector knows. A reader without a list gets samples.
pub(super) fn response_form(request: &ReadRequest) -> Result<ResponseForm, Error> {
    let accepted = &request.accepted_response_types;
    if accepted.is_empty() {
        return Ok(ResponseForm::Samples);
    }
    let known = accepted.iter().find_map(|&accepted| match ResponseType::try_from(accepted) {
        Ok(ResponseType::Samples) => Some(ResponseForm::Samples),
        Ok(ResponseType::StreamedXorChunks) => Some(ResponseForm::Chunks),
        Err(_) => None,
    });
    known.ok_or_else(|| {
        let message = format!("none of the accepted response types {accepted:?} is SAMPLES or STREAMED_XOR_CHUNKS");
        Error::invalid("UnknownResponseTypeError", message)
    })
}

/// What Prometheus hints at where it wants labels alone.
const LABELS_ALONE: &str = "series";

/// A query with its matchers read.
pub(super) struct ParsedQuery {
    /// First and last millisecond.
    pub(super) bounds: (i64, i64),
    pub(super) matchers: Arc<[Matcher]>,
    /// Whether the labels of the series that have a sample are all that is asked for. Prometheus' `/api/v1/series` looks
    /// at nothing else.
    pub(super) labels_alone: bool,
}

/// The queries of a request.
///
/// # Errors
/// What [`Matcher::new`] says of a matcher; [`Kind::TooLarge`] for a request over a limit.
pub(super) fn parse(queries: Vec<Query>) -> Result<Vec<ParsedQuery>, Error> {
    let matchers: usize = queries.iter().map(|query| query.matchers.len()).sum();
    if queries.len() > MAX_QUERIES || matchers > MAX_MATCHERS {
        let message = format!("a read request has at most {MAX_QUERIES} queries and {MAX_MATCHERS} matchers");
        return Err(Error::new(Kind::TooLarge, "ReadRequestLimitError", message));
    }
    let mut pattern_bytes = 0;
    let mut matcher = |matcher| {
        let matcher = Matcher::new(matcher)?;
        pattern_bytes += matcher.pattern_bytes();
        if pattern_bytes > MAX_PATTERN_BYTES {
            let message = format!("the patterns of a read request take at most {MAX_PATTERN_BYTES} bytes of memory");
            return Err(Error::new(Kind::TooLarge, "ReadRequestLimitError", message));
        }
        Ok(matcher)
    };
    let parse = |query: Query| {
        let hints = query.hints.as_ref();
        let labels_alone = hints.is_some_and(|hints| hints.func == LABELS_ALONE);
        Ok(ParsedQuery {
            bounds: bounds((query.start_timestamp_ms, query.end_timestamp_ms), hints),
            labels_alone,
            matchers: query.matchers.into_iter().map(&mut matcher).collect::<Result<_, Error>>()?,
        })
    };
    queries.into_iter().map(parse).collect()
}

/// The time range to answer. Prometheus asks for the times of a whole PromQL expression, and its hints name the part
/// that this selector needs. With `offset` that part is much smaller. Prometheus' own storage answers only that part,
/// and so does the connector. A hint outside the query's times does not come from Prometheus, and is ignored.
fn bounds((start, end): (i64, i64), hints: Option<&ReadHints>) -> (i64, i64) {
    match hints {
        Some(hints) if start <= hints.start_ms && hints.start_ms <= hints.end_ms && hints.end_ms <= end => {
            (hints.start_ms, hints.end_ms)
        }
        _ => (start, end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::LabelMatcher;
    use crate::proto::label_matcher::Type;

    #[test]
    fn the_first_known_form_wins_and_none_named_is_samples() {
        let form = |accepted: &[i32]| {
            response_form(&ReadRequest { queries: vec![], accepted_response_types: accepted.to_vec() })
        };
        assert_eq!(form(&[]).unwrap(), ResponseForm::Samples);
        assert_eq!(form(&[1, 0]).unwrap(), ResponseForm::Chunks);
        assert_eq!(form(&[7, 0, 1]).unwrap(), ResponseForm::Samples);
        assert_eq!(form(&[7]).unwrap_err().kind(), Kind::Invalid);
    }

    #[test]
    fn hints_narrow_a_query_and_never_widen_it() {
        let hinted = |start_ms, end_ms| bounds((10, 20), Some(&ReadHints { start_ms, end_ms, ..ReadHints::default() }));
        assert_eq!(bounds((10, 20), None), (10, 20));
        assert_eq!(hinted(12, 15), (12, 15));
        assert_eq!(hinted(10, 20), (10, 20));
        for (start, end) in [(0, 0), (9, 15), (12, 21), (15, 12), (i64::MIN, i64::MAX)] {
            assert_eq!(hinted(start, end), (10, 20), "{start} {end}");
        }
    }

    #[test]
    fn labels_alone_are_wanted_where_the_hints_say_so() {
        let alone = |hints| parse(vec![Query { hints, ..Query::default() }]).unwrap()[0].labels_alone;
        let func = |func: &str| alone(Some(ReadHints { func: func.to_owned(), ..ReadHints::default() }));
        assert_eq!((alone(None), func(""), func("rate"), func("series")), (false, false, false, true));
    }

    #[test]
    fn patterns_have_a_limit_together() {
        let pattern = |index: usize| LabelMatcher {
            r#type: Type::Re.into(),
            name: "a".to_owned(),
            value: format!("(?:\\pL{{30}}{index}|x)+"),
        };
        let query = Query { matchers: (0..500).map(pattern).collect(), ..Query::default() };
        let error = parse(vec![query]).err().unwrap();
        assert_eq!((error.kind(), error.name()), (Kind::TooLarge, "ReadRequestLimitError"));
    }
}
