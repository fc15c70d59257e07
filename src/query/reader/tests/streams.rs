//! Streamed answers against a scripted Timestream. In tests a piece is of 64 bytes.

use super::*;
use std::time::Duration;

use crate::proto::ChunkedReadResponse;
use http_body_util::BodyExt;
use hyper::body::Body;

pub(super) async fn start(reader: &Reader, fake: &Fake, queries: Vec<Query>) -> Result<ChunkStream, Error> {
    let caller = Caller { client: fake.client(), id: [1; 32] };
    let request = ReadRequest { queries, accepted_response_types: vec![1, 0] };
    match reader.read(&caller, "d", "t", request, reader.deadline(None)).await? {
        ReadAnswer::Chunks(chunks) => Ok(chunks),
        ReadAnswer::Samples(_) => panic!("chunks come first"),
    }
}

/// Query, job and number of samples of each frame, and the error that broke the answer off.
pub(super) async fn frames(mut chunks: ChunkStream) -> (Vec<(i64, String, u8)>, Option<String>) {
    let (mut bytes, mut error) = (Vec::new(), None);
    while let Some(frame) = chunks.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap()),
            Err(broken) => error = Some(broken.to_string()),
        }
    }
    let mut rest = bytes.as_slice();
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(prost::encoding::decode_varint(&mut rest).unwrap()).unwrap();
        let frame = ChunkedReadResponse::decode(&rest[4..4 + length]).unwrap();
        let series = &frame.chunked_series[0];
        frames.push((frame.query_index, series.labels[1].value.clone(), series.chunks[0].data[1]));
        rest = &rest[4 + length..];
    }
    (frames, error)
}

/// Page 0 to 4 and more hold a second of jobs `a`, `b` and so on, in order, two samples each.
fn endless(body: &Value) -> (u16, Value) {
    let number: u8 = body["NextToken"].as_str().unwrap_or("0").parse().unwrap();
    let job = char::from(b'a' + number % 26).to_string();
    page(&COLUMNS, &[sample(&job, 1, "1"), sample(&job, 2, "2.5")], Some(&(number + 1).to_string()))
}

fn one() -> Vec<Query> {
    vec![query(Type::Neq, "job", "x")]
}

#[tokio::test(start_paused = true)]
async fn frames_are_sent_while_later_pages_arrive() {
    let fake =
        Fake::new(
            |operation, body| {
                if is_describe(body) || operation == "CancelQuery" { describe(&["job"]) } else { endless(body) }
            },
        );
    let mut chunks = start(&reader(SETTINGS), &fake, one()).await.unwrap();
    assert!(!chunks.is_end_stream());
    assert!(chunks.frame().await.unwrap().is_ok(), "the answer has no end, and yet a part came");
    drop(chunks);
    cancelled(&fake).await;
    let calls = fake.calls().len();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(fake.calls().len(), calls, "no page is fetched any more");
    assert!(fake.queries().last().unwrap().ends_with("NULLS LAST, length(measure_name)"));
}

#[tokio::test]
async fn a_fault_before_any_part_was_sent_is_retried_and_then_told() {
    let mut faults = 0;
    let fake = Fake::new(move |_, body| {
        faults += 1;
        match body["NextToken"].as_str() {
            _ if is_describe(body) => describe(&["job"]),
            None => page(&COLUMNS, &[sample("a", 1, "1")], Some("1")),
            Some(_) if faults < 5 => exception(429, "ThrottlingException", "slow down"),
            Some(_) => page(&COLUMNS, &[sample("a", 2, "1")], None),
        }
    });
    let chunks = start(&reader(SETTINGS), &fake, one()).await.unwrap();
    assert_eq!(frames(chunks).await, (vec![(0, "a".to_owned(), 2)], None));

    let fake = Fake::new(|_, body| match is_describe(body) {
        true => describe(&["job"]),
        false => exception(403, "AccessDeniedException", "no"),
    });
    assert_eq!(start(&reader(SETTINGS), &fake, one()).await.unwrap_err().kind(), Kind::Forbidden);
}

#[tokio::test(start_paused = true)]
async fn after_a_part_was_sent_nothing_is_retried_and_a_fault_breaks_the_answer_off() {
    let fake = Fake::new(move |_, body| match body["NextToken"].as_str() {
        _ if is_describe(body) => describe(&["job"]),
        Some("4") => exception(429, "ThrottlingException", "slow down"),
        _ => endless(body),
    })
    .delayed(Duration::from_millis(20));
    let chunks = start(&reader(SETTINGS), &fake, one()).await.unwrap();
    let (frames, error) = frames(chunks).await;
    assert!(frames.len() >= 2, "{frames:?}");
    assert_eq!(error.unwrap(), "ThrottlingException: slow down");
    let asked_again = fake.calls().iter().filter(|(_, body)| body["NextToken"] == "4").count();
    assert_eq!(asked_again, 1);
}

#[tokio::test(start_paused = true)]
async fn limits_break_a_streamed_answer_off() {
    let fake =
        Fake::new(
            |operation, body| {
                if is_describe(body) || operation == "CancelQuery" { describe(&["job"]) } else { endless(body) }
            },
        );
    let few = ReadSettings { max_samples: 7, ..SETTINGS };
    let (frames_sent, error) = frames(start(&reader(few), &fake, one()).await.unwrap()).await;
    assert!(!frames_sent.is_empty());
    assert!(error.unwrap().starts_with("SampleLimitError"));
    cancelled(&fake).await;
    let none = ReadSettings { max_samples: 1, ..SETTINGS };
    assert_eq!(start(&reader(none), &fake, one()).await.unwrap_err().name(), "SampleLimitError");
}

/// Rows of a series larger than a frame may be, which in tests is 256 KiB.
fn too_long(job: &str) -> Vec<Value> {
    let mut random = 1_u64;
    let row = |index: u32| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let time = format!("1970-01-01 00:00:{:02}.{:03}000000", index / 1000, index % 1000);
        row(&[Some(job), Some("up"), Some(&time), Some(&(random >> 12).to_string())])
    };
    (0..36_000).map(row).collect()
}

#[tokio::test(start_paused = true)]
async fn a_series_too_large_for_a_frame_is_told_or_breaks_the_answer_off() {
    let long = ReadSettings { max_samples: 100_000, ..SETTINGS };
    let little = ReadSettings { memory_limit_bytes: 100_000, ..long };
    let rows = too_long("c");
    // Memory is looked at with each page, so the second series stays within a frame.
    for (settings, name, count) in [(long, "SeriesSizeLimitError", 36_000), (little, "AnswerSizeLimitError", 24_000)] {
        for a_part_was_sent in [false, true] {
            let (rows, short) = (rows[..count].to_vec(), "a".repeat(40));
            let first_page = count / 6 * 5;
            let fake = Fake::new(move |operation, body| match body["NextToken"].as_str() {
                _ if is_describe(body) || operation == "CancelQuery" => describe(&["job"]),
                None if a_part_was_sent => page(&COLUMNS, &[sample(&short, 1, "1"), sample("b", 1, "1")], Some("1")),
                None => page(&COLUMNS, &rows[..first_page], Some("1")),
                Some("1") => page(&COLUMNS, &rows[first_page * usize::from(!a_part_was_sent)..], Some("2")),
                // So many that the last is never fetched ahead.
                Some(token) => page(&COLUMNS, &[], Some(&format!("{token}0"))),
            });
            let started = start(&reader(settings), &fake, one()).await;
            if a_part_was_sent {
                let (sent, error) = frames(started.unwrap()).await;
                assert_eq!(sent, [(0, "a".repeat(40), 1)]);
                let error = error.unwrap();
                assert!(error.starts_with(name), "{error}");
            } else {
                let error = started.unwrap_err();
                assert_eq!((error.kind(), error.name()), (Kind::TooLarge, name));
            }
            cancelled(&fake).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_breaks_an_answer_off_though_nobody_takes_it() {
    let fake =
        Fake::new(
            |operation, body| {
                if is_describe(body) || operation == "CancelQuery" { describe(&["job"]) } else { endless(body) }
            },
        );
    let reader = reader(ReadSettings { max_concurrent: 1, timeout: Duration::from_millis(300), ..SETTINGS });
    let chunks = start(&reader, &fake, one()).await.unwrap();
    // Another request gets its turn although the first answer is never read.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(start(&reader, &fake, vec![query(Type::Nre, "job", ".*")]).await.is_ok());
    assert!(frames(chunks).await.1.unwrap().starts_with("RequestTimeout"));
}

#[tokio::test]
async fn several_queries_are_streamed_in_their_order() {
    let fake = Fake::new(|_, body| {
        if is_describe(body) {
            return describe(&["job"]);
        }
        let sql = body["QueryString"].as_str().unwrap();
        let job = sql.split("\"job\" = '").nth(1).unwrap().split('\'').next().unwrap();
        page(&COLUMNS, &[sample(job, 0, "1")], None)
    });
    let jobs = ["c", "b", "nope", "a", "e", "d", "g"];
    let queries = jobs.iter().map(|job| query(Type::Eq, if *job == "nope" { "nope" } else { "job" }, job)).collect();
    let (frames, error) = frames(start(&reader(SETTINGS), &fake, queries).await.unwrap()).await;
    let expected = [(0, "c"), (1, "b"), (3, "a"), (4, "e"), (5, "d"), (6, "g")];
    assert_eq!(frames, expected.map(|(index, job)| (index, job.to_owned(), 1)));
    assert_eq!(error, None);
}

#[tokio::test]
async fn rows_out_of_order_break_the_answer_off() {
    for rows in [[sample("b", 1, "1"), sample("a", 1, "1")], [sample("a", 2, "1"), sample("a", 1, "1")]] {
        let fake =
            Fake::new(move |_, body| if is_describe(body) { describe(&["job"]) } else { page(&COLUMNS, &rows, None) });
        assert_eq!(start(&reader(SETTINGS), &fake, one()).await.unwrap_err().name(), "UnexpectedAnswerError");
    }
}

#[tokio::test]
async fn no_series_is_an_empty_answer() {
    let fake = Fake::new(|_, body| if is_describe(body) { describe(&["job"]) } else { page(&COLUMNS, &[], None) });
    for queries in [vec![], one(), vec![query(Type::Nre, "job", ".*")]] {
        let chunks = start(&reader(SETTINGS), &fake, queries).await.unwrap();
        assert!(chunks.is_end_stream());
        assert_eq!(frames(chunks).await, (vec![], None));
    }
}

#[tokio::test]
async fn a_series_whose_name_stands_as_it_is_and_escaped_comes_once() {
    let named = |name, second, value| {
        row(&[Some("a"), Some(name), Some(&format!("1970-01-01 00:00:0{second}.000000000")), Some(value)])
    };
    // In the order of the query: by series, by time, and the escaped name after the plain one.
    let rows = [
        named("a:b", 1, "1"),
        named("z_aZ3aZb_z", 2, "2"),
        named("a:b", 3, "8"),
        named("z_aZ3aZb_z", 3, "3"),
        named("z_timeZ3aZ_z", 1, "1"),
        named("z_a_z", 1, "1"),
    ];
    let fake =
        Fake::new(move |_, body| if is_describe(body) { describe(&["job"]) } else { page(&COLUMNS, &rows, None) });
    let chunks = start(&reader(SETTINGS), &fake, one()).await.unwrap();
    assert_eq!(
        frames(chunks).await,
        (vec![(0, "a".to_owned(), 3), (0, "a".to_owned(), 1), (0, "a".to_owned(), 1)], None)
    );
}

#[tokio::test]
async fn labels_alone_are_frames_without_chunks() {
    let fake = Fake::new(|_, body| match is_describe(body) {
        true => describe(&["job"]),
        false => {
            let of = |job, name| row(&[Some(job), Some(name)]);
            let rows = [of("a", "a:b"), of("a", "z_aZ3aZb_z"), of("x", "down"), of("b", "up")];
            page(&["job", "measure_name"], &rows, None)
        }
    });
    let queries = vec![labels_alone(query(Type::Neq, "job", "x"))];
    let mut chunks = start(&reader(SETTINGS), &fake, queries).await.unwrap();
    let bytes = chunks.frame().await.unwrap().unwrap().into_data().unwrap();
    let mut rest = bytes.as_ref();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(prost::encoding::decode_varint(&mut rest).unwrap()).unwrap();
        let series = ChunkedReadResponse::decode(&rest[4..4 + length]).unwrap().chunked_series.remove(0);
        assert!(series.chunks.is_empty());
        found.push(series.labels.into_iter().map(|label| label.value).collect::<Vec<_>>());
        rest = &rest[4 + length..];
    }
    assert_eq!(found, [["a:b", "a"], ["up", "b"]]);
    assert!(chunks.frame().await.is_none());
}
