//! The limits of Lambda: the time of an invocation, and the size of an answer.

use std::time::Duration;

use timestream_prometheus_connector::proto::label_matcher::Type;

use super::super::cases::Random;
use super::super::connector::Scratch;
use super::super::remote::{Series, eq, matcher, now_ms, query, series};
use super::super::timestream::Timestream;
use super::super::waiting::fastest;
use super::events::Kind;
use super::runtime_api::Lambda;
use super::{header, read_event, series_of, silent_endpoint, status, text, timestream, write_event};

/// A busy machine may hold up what is in time; a function that keeps no time is late each time.
const TRIES: usize = 5;

fn one() -> Vec<Series> {
    vec![series(&[("__name__", "m"), ("job", "a")], &[(1.0, now_ms())])]
}

#[test]
fn a_write_that_timestream_does_not_answer_is_answered_before_the_invocation_ends() {
    let (timestream, gate) = Timestream::held();
    let mut lambda = Lambda::with_role(&format!("http://{}", timestream.address), &[]);
    for limit in [3, 1] {
        let limit = Duration::from_secs(limit);
        let took = fastest(TRIES, limit, || {
            let answer = lambda.invoke_for(&write_event(Kind::HttpApi, &one()), limit);
            assert_eq!(status(&answer), 503, "{answer}");
            assert!(text(&answer).starts_with("RequestTimeout: "), "{answer}");
            assert!(header(&answer, "retry-after").is_some());
            let metrics = lambda.metrics();
            assert_eq!((metrics["ReceivedSamples"].as_u64(), metrics["FailedSamples"].as_u64()), (Some(1), Some(1)));
        });
        assert!(took < limit, "{took:?}");
    }
    gate.open();
    assert_eq!(status(&lambda.invoke(&write_event(Kind::HttpApi, &one()))), 204);
}

#[test]
fn a_read_that_timestream_does_not_answer_is_answered_before_the_invocation_ends() {
    let (_listener, endpoint) = silent_endpoint();
    let mut lambda = Lambda::with_role(&endpoint, &[]);
    let limit = Duration::from_secs(2);
    let took = fastest(TRIES, limit, || {
        let answer = lambda.invoke_for(&read_event(Kind::HttpApi, query(0, 1, &[eq("job", "a")])), limit);
        assert_eq!(status(&answer), 503, "{answer}");
        assert!(text(&answer).starts_with("RequestTimeout: "), "{answer}");
    });
    assert!(took < limit, "{took:?}");
}

/// An event that comes with no time left is answered all the same.
#[test]
fn an_invocation_without_time_is_answered() {
    let (_listener, endpoint) = silent_endpoint();
    let mut lambda = Lambda::with_role(&endpoint, &[]);
    for event in [write_event(Kind::HttpApi, &one()), read_event(Kind::HttpApi, query(0, 1, &[eq("job", "a")]))] {
        assert_eq!(status(&lambda.invoke_for(&event, Duration::ZERO)), 503);
    }
}

#[test]
fn an_answer_that_is_too_large_for_its_way_is_an_error_that_says_so() {
    const VALUE_BYTES: usize = 1900;
    let scratch = Scratch::new();
    let (_connector, endpoint) = timestream(&scratch);
    let mut lambda = Lambda::with_role(&endpoint, &[]);
    let mut random = Random(7);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    let now = now_ms();
    // A load balancer passes on 0.74 MB before base64, Lambda itself 4.7 MB.
    for (group, count) in [("a", 340), ("b", 100), ("c", 950), ("d", 1000), ("e", 200)] {
        let series: Vec<Series> = (0..count)
            .map(|number| {
                let value: String = (0..VALUE_BYTES).map(|_| char::from(alphabet[random.below(64)])).collect();
                let number = number.to_string();
                series(&[("__name__", "m"), ("group", group), ("n", &number), ("value", &value)], &[(1.0, now)])
            })
            .collect();
        assert_eq!(status(&lambda.invoke_for(&write_event(Kind::HttpApi, &series), Duration::from_secs(60))), 204);
    }
    for (kind, groups, found) in [
        (Kind::LoadBalancer, "a", Some(340)),
        (Kind::LoadBalancer, "a|b", None),
        (Kind::HttpApi, "a|b", Some(440)),
        (Kind::HttpApi, "[a-d]", Some(2390)),
        (Kind::HttpApi, "[a-e]", None),
        (Kind::HttpApi, "a", Some(340)),
    ] {
        let asked = query(now, now, &[matcher(Type::Re, "group", groups)]);
        let answer = lambda.invoke_for(&read_event(kind, asked), Duration::from_secs(60));
        match found {
            Some(found) => assert_eq!(series_of(&answer).len(), found, "{kind:?} {groups}"),
            None => {
                assert_eq!(status(&answer), 413, "{kind:?} {groups}");
                assert!(text(&answer).starts_with("AnswerSizeLimitError: "), "{answer}");
            }
        }
    }
}
