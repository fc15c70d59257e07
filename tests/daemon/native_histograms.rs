//! `--native-histograms=expand`: native histograms stored as classic ones, and what PromQL makes of them.

use serde_json::Value;
use timestream_prometheus_connector::proto::v2::histogram::{Count, ZeroCount};
use timestream_prometheus_connector::proto::{self, v2};

use super::connector::{Connector, Scratch};
use super::prometheus_server::{Prometheus, prometheus3};
use super::remote::{self, WRITE_HEADERS, eq, now_ms, packed, post, query, series};
use super::v2::{Builder, HEADERS, histograms, samples, written};

const EXPAND: &[&str] = &["--native-histograms=expand"];
const H: &[(&str, &str)] = &[("__name__", "h"), ("job", "a")];

fn span(offset: i32, length: u32) -> v2::BucketSpan {
    v2::BucketSpan { offset, length }
}

/// Schema 0: one observation around zero, one up to 2 and two up to 4.
pub fn histogram(timestamp: i64) -> v2::Histogram {
    v2::Histogram {
        count: Some(Count::CountInt(4)),
        sum: 8.5,
        zero_threshold: 0.5,
        zero_count: Some(ZeroCount::ZeroCountInt(1)),
        positive_spans: vec![span(1, 2)],
        positive_deltas: vec![1, 1],
        timestamp,
        ..Default::default()
    }
}

fn read(connector: &Connector, name: &str, at: i64) -> Vec<remote::Series> {
    remote::read(&connector.address, &[query(at, at, &[eq("__name__", name)])]).remove(0)
}

#[test]
fn a_native_histogram_is_stored_as_a_classic_one_in_both_versions() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), EXPAND);
    let now = now_ms();
    let answer = Builder::default().series(H, histograms(&[histogram(now)])).send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([0, 1, 0])), "{}", answer.text());
    let bucket =
        |le: &str, count: f64, at| series(&[("__name__", "h_bucket"), ("job", "a"), ("le", le)], &[(count, at)]);
    let all = |at| {
        ["+Inf", "0.5", "1.0", "2.0", "4.0"]
            .iter()
            .zip([4.0, 1.0, 1.0, 2.0, 4.0])
            .map(move |(le, count)| bucket(le, count, at))
            .collect::<Vec<_>>()
    };
    assert_eq!(read(&connector, "h_bucket", now), all(now));
    assert_eq!(read(&connector, "h_count", now), [series(&[("__name__", "h_count"), ("job", "a")], &[(4.0, now)])]);
    assert_eq!(read(&connector, "h_sum", now), [series(&[("__name__", "h_sum"), ("job", "a")], &[(8.5, now)])]);

    // Remote write 1.0 has the same message.
    let labels = H.iter().map(|(name, value)| proto::Label { name: (*name).into(), value: (*value).into() }).collect();
    let message = prost::Message::encode_to_vec(&histogram(now + 1));
    let message = <proto::Histogram as prost::Message>::decode(message.as_slice()).unwrap();
    let timeseries = vec![proto::TimeSeries { labels, histograms: vec![message], ..Default::default() }];
    let request = packed(&proto::WriteRequest { timeseries, metadata: vec![] });
    assert_eq!(post(&format!("http://{}/write", connector.address), WRITE_HEADERS, &request).status, 204);
    assert_eq!(read(&connector, "h_bucket", now + 1), all(now + 1));
    assert_eq!(connector.assert_histograms_conserved(), [2.0, 0.0, 0.0, 0.0]);
    assert_eq!(connector.assert_conserved(), (14.0, 14.0));
}

#[test]
fn each_histogram_is_counted_by_what_became_of_its_samples() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), EXPAND);
    let now = now_ms();
    // Timestream has another count of `taken` already.
    let answer = Builder::default().series(&[("__name__", "taken_count"), ("job", "a")], samples(&[(99.0, now)]));
    assert_eq!(answer.send(&connector.address).status, 204);
    let named = |name: &'static str| [("__name__", name), ("job", "a")];
    let stale = v2::Histogram { sum: f64::from_bits(0x7ff0_0000_0000_0002), timestamp: now, ..Default::default() };
    let of_nan = v2::Histogram { count: Some(Count::CountInt(5)), sum: f64::NAN, ..histogram(now) };
    let answer = Builder::default()
        .series(&named("good"), histograms(&[histogram(now), histogram(now + 1)]))
        .series(&named("taken"), histograms(&[histogram(now)]))
        .series(&named("ended"), histograms(&[stale]))
        .series(&named("of_nan"), histograms(&[of_nan]))
        .series(&named("broken"), histograms(&[v2::Histogram { schema: 77, ..histogram(now) }]))
        .series(&[("job", "nameless")], histograms(&[histogram(now)]))
        .series(&named("again"), histograms(&[histogram(now), histogram(now)]))
        .series(&named("up"), samples(&[(1.0, now), (2.0, now + 1)]))
        .send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (400, Some([2, 6, 0])), "{}", answer.text());
    assert_eq!(connector.assert_histograms_conserved(), [3.0, 3.0, 3.0, 0.0]);
    connector.assert_conserved();
    assert_eq!(read(&connector, "taken_sum", now).len(), 1, "one sample rejected costs itself only");
    assert_eq!(read(&connector, "of_nan_count", now).len(), 1);

    let answer = Builder::default().series(H, histograms(&[v2::Histogram { schema: 77, ..histogram(now) }]));
    let answer = answer.send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (400, Some([0, 0, 0])));
    assert_eq!(
        answer.text(),
        "NativeHistogramsNotStored: 1 native histograms are not stored, the request's 0 other samples are: \
         the native histogram h{job=\"a\"}: the schema 77 is none of -4 to 8 and -53\n"
    );
}

#[test]
fn a_histogram_of_many_buckets_does_not_take_more_memory_than_there_is() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &[EXPAND, &["--write.memory-limit=4MiB"]].concat());
    let now = now_ms();
    let wide = |timestamp| v2::Histogram {
        count: Some(Count::CountInt(2000)),
        schema: 8,
        positive_spans: vec![span(0, 2000)],
        positive_deltas: std::iter::once(1).chain(std::iter::repeat_n(0, 1999)).collect(),
        timestamp,
        ..Default::default()
    };
    // A request of some 20 KB that would become 20,000 series.
    let labels: Vec<(String, String)> = (0..20).map(|index| (format!("label_{index:02}"), "v".repeat(40))).collect();
    let labels = [("__name__", "wide")].into_iter().chain(labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    let all: Vec<v2::Histogram> = (0..10).map(|index| wide(now + index)).collect();
    let answer = Builder::default().series(&labels.collect::<Vec<_>>(), histograms(&all)).send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (400, Some([0, 0, 0])), "{}", answer.text());
    assert!(answer.text().contains("10 native histograms are not stored"), "{}", answer.text());
    assert!(answer.text().contains("bytes that they may"), "{}", answer.text());
    // One of fewer labels fits.
    let answer = Builder::default().series(H, histograms(&[wide(now)])).send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([0, 1, 0])), "{}", answer.text());
    assert_eq!(connector.metric("timestream_connector_memory_bytes"), 0.0);
    assert_eq!(connector.assert_histograms_conserved(), [1.0, 0.0, 10.0, 0.0]);
    connector.assert_conserved();
}

/// A Prometheus takes the same histograms as they are; what it answers for them is what another answers for the classic
/// ones that it reads from the connector.
#[test]
fn promql_answers_for_the_classic_form_what_it_does_for_the_native_one() {
    let Some(binary) = prometheus3() else { return };
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), EXPAND);
    let native = Prometheus::start_binary(
        &binary,
        scratch.path(),
        "native",
        "{}",
        &["--web.enable-remote-write-receiver", "--enable-feature=native-histograms"],
    );
    let config = format!("remote_read:\n- url: http://{}/read\n  read_recent: true\n", connector.address);
    let classic = Prometheus::start_binary(&binary, scratch.path(), "classic", &config, &[]);

    let now = now_ms() / 1000 * 1000;
    let fine: Vec<i64> = (0..40).map(|index| (index * 7) % 23).collect();
    let deltas = |counts: &[i64]| {
        let before = [0].iter().chain(counts);
        counts.iter().zip(before).map(|(count, before)| count - before).collect::<Vec<i64>>()
    };
    let total = u64::try_from(fine.iter().sum::<i64>()).unwrap();
    let all = [
        ("coarse", histogram(now)),
        (
            "fine",
            v2::Histogram {
                count: Some(Count::CountInt(total)),
                sum: 1234.5,
                schema: 3,
                zero_threshold: 1e-9,
                positive_spans: vec![span(-10, 25), span(4, 15)],
                positive_deltas: deltas(&fine),
                timestamp: now,
                ..Default::default()
            },
        ),
        (
            "negative",
            v2::Histogram {
                count: Some(Count::CountFloat(10.5)),
                sum: -3.25,
                schema: 2,
                zero_threshold: 0.01,
                zero_count: Some(ZeroCount::ZeroCountFloat(1.5)),
                negative_spans: vec![span(-2, 3)],
                negative_counts: vec![2.0, 1.0, 3.0],
                positive_spans: vec![span(1, 2)],
                positive_counts: vec![1.0, 2.0],
                timestamp: now,
                ..Default::default()
            },
        ),
        (
            "custom",
            v2::Histogram {
                count: Some(Count::CountInt(9)),
                sum: 6.5,
                schema: -53,
                positive_spans: vec![span(0, 2), span(1, 1)],
                positive_deltas: vec![3, 1, -2],
                custom_values: vec![0.1, 0.5, 2.5, 10.0],
                timestamp: now,
                ..Default::default()
            },
        ),
    ];
    let request = all.iter().fold(Builder::default(), |request, (name, histogram)| {
        request.series(&[("__name__", *name), ("job", "a")], histograms(std::slice::from_ref(histogram)))
    });
    let answer = post(&format!("http://{}/api/v1/write", native.address), HEADERS, &packed(&request.0));
    assert_eq!(answer.status, 204, "{}", answer.text());
    let answer = request.send(&connector.address);
    assert_eq!((answer.status, written(&answer)), (204, Some([0, 4, 0])), "{}", answer.text());

    let at = now as f64 / 1000.0;
    let value = |server: &Prometheus, promql: &str| -> f64 {
        let result: Value = server.query(promql, at);
        let text = result[0]["value"][1].as_str().unwrap_or_else(|| panic!("{promql} finds nothing: {result}"));
        text.parse().unwrap()
    };
    for (name, histogram) in &all {
        for (of_native, of_classic) in [("count", "count"), ("sum", "sum")] {
            let (own, other) = (
                value(&native, &format!("histogram_{of_native}({name})")),
                value(&classic, &format!("{name}_{of_classic}")),
            );
            assert_eq!(own, other, "{of_classic} of {name}");
        }
        // Within a bucket the native form interpolates by powers, the classic one in a line; so they differ by no more
        // than a bucket is wide. Custom buckets have one way.
        let width = if histogram.schema == -53 { 1.0 + 1e-9 } else { 2f64.powf(2f64.powi(-histogram.schema)) };
        for quantile in [0.05, 0.25, 0.5, 0.9, 0.99] {
            let own = value(&native, &format!("histogram_quantile({quantile}, {name})"));
            let other = value(&classic, &format!("histogram_quantile({quantile}, {name}_bucket)"));
            let near = own == other || (own / other <= width && other / own <= width);
            let in_zero_bucket = own.abs() <= histogram.zero_threshold && other.abs() <= histogram.zero_threshold;
            assert!(near || in_zero_bucket, "quantile {quantile} of {name}: {own} and {other}");
        }
    }
}

/// The default bounds of the client libraries, as OpenTelemetry, vmagent and Prometheus 2 write them.
const BOUNDS: [&str; 11] = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"];

/// A hundred observations of 0.03 seconds, once as a classic histogram and once as a native one with the same bounds, are one
/// histogram: no bucket is there under two spellings of its bound.
#[test]
fn a_bound_has_one_spelling_whoever_sent_it() {
    let now = now_ms() / 1000 * 1000;
    let count_at = |bound: &str| if bound == "+Inf" || bound.parse::<f64>().unwrap() > 0.03 { 100.0 } else { 0.0 };
    let classic = |request: Builder| {
        BOUNDS.iter().chain(&["+Inf"]).fold(request, |request, bound| {
            let labels = [("__name__", "wait_bucket"), ("job", "a"), ("le", *bound)];
            request.series(&labels, samples(&[(count_at(bound), now)]))
        })
    };
    let custom = v2::Histogram {
        count: Some(Count::CountInt(100)),
        sum: 3.0,
        schema: -53,
        positive_spans: vec![span(3, 1)],
        positive_deltas: vec![100],
        custom_values: BOUNDS.iter().map(|bound| bound.parse().unwrap()).collect(),
        timestamp: now,
        ..Default::default()
    };
    let native = |request: Builder| {
        request.series(&[("__name__", "wait"), ("job", "a")], histograms(std::slice::from_ref(&custom)))
    };
    for requests in [
        vec![native(classic(Builder::default()))],
        vec![classic(Builder::default()), native(Builder::default())],
        vec![native(Builder::default()), classic(Builder::default())],
    ] {
        let scratch = Scratch::new();
        let connector = Connector::embedded(scratch.path(), EXPAND);
        for request in &requests {
            let answer = request.send(&connector.address);
            assert_eq!(answer.status, 204, "{}", answer.text());
        }
        assert_eq!(read(&connector, "wait_bucket", now).len(), BOUNDS.len() + 1, "{} requests", requests.len());
        connector.assert_conserved();
        let config = format!("remote_read:\n- url: http://{}/read\n  read_recent: true\n", connector.address);
        let reader = Prometheus::start(scratch.path(), "reader", &config);
        for quantile in [0.6, 0.9, 0.99] {
            let result = reader.query(&format!("histogram_quantile({quantile}, wait_bucket)"), now as f64 / 1000.0);
            let found: f64 = result[0]["value"][1].as_str().unwrap().parse().unwrap();
            assert!(found > 0.025 && found <= 0.05, "quantile {quantile} is {found}: {} requests", requests.len());
        }
    }
}
