//! HA pairs: takes the replica label off the series of the elected replica, and leaves out the samples of the others.
//!
//! A series that lacks the cluster label or the replica label belongs to no pair, and stays as it is.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::protobuf::{Fields, Value};
use crate::error::{Error, Kind};
use crate::ha::{Elections, Ended, HaSettings, Heard, Pair};
use crate::sink::caller_clients::CallerClients;
use crate::write_request::{NativeHistogram, Sample, Series, Span, WriteRequest};

/// The field of the time in a message of a native histogram (prometheus/prometheus, prompb/types.proto).
const HISTOGRAM_TIMESTAMP: u32 = 15;

/// A longer value of one of the two labels makes no pair, so that what is remembered stays small.
const MAX_VALUE_BYTES: usize = 256;

/// Listens to one replica of each HA pair.
#[derive(Debug)]
pub(super) struct Replicas {
    settings: HaSettings,
    elections: Elections,
}

/// What was left out, since another replica is elected.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct LeftOut {
    pub(super) samples: u64,
    pub(super) histograms: u64,
    /// The first sample that was left out, with its series.
    pub(super) example: Option<(Series, Sample)>,
}

/// Samples that are stored, of one replica.
#[derive(Debug)]
pub(super) struct Voice {
    cluster: Box<str>,
    replica: Box<str>,
    newest: i64,
}

impl Voice {
    fn pair(&self) -> Pair<'_> {
        Pair { cluster: &self.cluster, replica: &self.replica }
    }
}

/// What a request is made of.
#[derive(Debug, Default)]
pub(super) struct Listened {
    pub(super) left_out: LeftOut,
    /// Whose samples are stored.
    pub(super) elected: Vec<Voice>,
}

/// The replica that a series comes from, by the places of the values.
type Origin = (Span, Span);

/// Samples later than this are kept; `i64::MAX`: none.
type KeptAfter = i64;

impl Replicas {
    pub(super) fn new(settings: HaSettings, elections: Elections) -> Self {
        Replicas { settings, elections }
    }

    pub(super) fn elections(&self) -> &Elections {
        &self.elections
    }

    /// Leaves out what is not to be stored, and tells whose samples are.
    ///
    /// # Errors
    /// `ElectedReplicaBehind` (503) if the request must come again, since what it holds may be missing otherwise. It is left
    /// as it is, but for replica labels.
    pub(super) fn listen(&self, caller: &CallerClients, request: &mut WriteRequest) -> Result<Listened, Error> {
        let (now, clock) = (Instant::now(), milliseconds_since_1970());
        let of_histograms = newest_histograms(request);
        let mut kept_after = Vec::with_capacity(request.series.len());
        let mut replica_labels = Vec::new();
        let mut listened = Listened::default();
        let mut ahead = Vec::new();
        while let Some(first) = request.series.get(kept_after.len()) {
            let from = kept_after.len();
            let Some((origin, _)) = self.origin(request, first) else {
                kept_after.push(i64::MIN);
                continue;
            };
            // Series of one origin follow each other, so elections are asked once for many.
            let mut newest = i64::MIN;
            replica_labels.clear();
            while let Some(series) = request.series.get(from + replica_labels.len())
                && let Some((next, replica_label)) = self.origin(request, series)
                && same_origin(request, origin, next)
            {
                let times = series.sample_indexes().map(|index| request.sample_at(index).timestamp);
                let of_histograms = of_histograms.get(from + replica_labels.len()).copied();
                newest = times.chain(of_histograms).fold(newest, i64::max);
                replica_labels.push(replica_label);
            }
            let to = from + replica_labels.len();
            let (cluster, replica) = (request.text(origin.0), request.text(origin.1));
            let voice = Voice { cluster: cluster.into(), replica: replica.into(), newest: newest.min(clock) };
            match self.elections.hear(keys(caller), voice.pair(), voice.newest, now) {
                Heard::Elected { after } => {
                    kept_after.resize(to, after);
                    take_off(request, from, &replica_labels);
                    listened.elected.push(voice);
                }
                Heard::Other => kept_after.resize(to, i64::MAX),
                Heard::Behind { elected } => {
                    kept_after.resize(to, i64::MAX);
                    ahead.push((voice, elected));
                }
            }
        }
        // A request is answered as a whole: what the elected one stores with it counts as stored.
        let covers = |own: &Voice, voice: &Voice, elected: &str| {
            (&*own.cluster, &*own.replica) == (&*voice.cluster, elected)
                && self.elections.covers(own.newest, voice.newest)
        };
        if let Some((voice, elected)) =
            ahead.iter().find(|(voice, elected)| !listened.elected.iter().any(|own| covers(own, voice, elected)))
        {
            return Err(behind(voice, elected));
        }
        if kept_after.iter().any(|&after| after > i64::MIN) {
            leave_out(request, &kept_after, &mut listened.left_out);
        }
        Ok(listened)
    }

    /// Notes how a request has ended.
    pub(super) fn settle(&self, caller: &CallerClients, elected: &[Voice], end: Ended) {
        let now = Instant::now();
        for voice in elected {
            self.elections.settle(keys(caller), voice.pair(), voice.newest, end, now);
        }
    }

    /// Where a series comes from, and the place of its replica label in the request's table of labels.
    fn origin(&self, request: &WriteRequest, series: &Series) -> Option<(Origin, usize)> {
        let HaSettings { cluster_label, replica_label, .. } = &self.settings;
        let labels = request.labels(series);
        let find = |name: &str| labels.iter().position(|label| request.bytes(label.name) == name.as_bytes());
        let (cluster, replica) = (find(cluster_label)?, find(replica_label)?);
        let origin = (labels[cluster].value, labels[replica].value);
        // A value that can't be read makes the series invalid, whoever sends it.
        let is_pair = series.fault.is_none() && origin.0.len().max(origin.1.len()) <= MAX_VALUE_BYTES;
        is_pair.then_some((origin, series.labels.0 as usize + replica))
    }
}

/// The caller's keys, unless all requests use the same ones.
fn keys(caller: &CallerClients) -> Option<[u8; 32]> {
    caller.share().map(|_| caller.id().bytes())
}

fn behind(voice: &Voice, elected: &str) -> Error {
    let Voice { cluster, replica, .. } = voice;
    let message = format!(
        "of the HA pair {cluster:?} the replica {elected:?} is elected, and has not stored its own samples of these times \
         yet; {replica:?} must keep them, and send again later"
    );
    Error::new(Kind::Unavailable, "ElectedReplicaBehind", message)
}

fn same_origin(request: &WriteRequest, one: Origin, other: Origin) -> bool {
    let same = |a, b| a == b || request.bytes(a) == request.bytes(b);
    same(one.0, other.0) && same(one.1, other.1)
}

/// Takes a label off each of the series from `first` on, by its place in the table. Each series has labels of its own.
fn take_off(request: &mut WriteRequest, first: usize, places: &[usize]) {
    let WriteRequest { series, labels, .. } = request;
    for (series, &place) in series[first..].iter_mut().zip(places) {
        labels.copy_within(place + 1..series.labels.1 as usize, place);
        series.labels.1 -= 1;
    }
}

fn leave_out(request: &mut WriteRequest, kept_after: &[KeptAfter], left_out: &mut LeftOut) {
    let before = request.samples.len();
    let mut kept = 0;
    for (series, &after) in request.series.iter_mut().zip(kept_after) {
        let first_kept = kept;
        for index in series.sample_indexes() {
            let sample = request.samples[index as usize];
            if is_kept(sample.timestamp, after) {
                request.samples[kept as usize] = sample;
                kept += 1;
            } else {
                left_out.example.get_or_insert((*series, sample));
            }
        }
        series.samples = (first_kept, kept);
    }
    request.samples.truncate(kept as usize);
    left_out.samples = (before - request.samples.len()) as u64;
    let before = request.histograms.len();
    let WriteRequest { histograms, buffer, .. } = request;
    histograms.retain(|histogram| {
        let after = kept_after.get(histogram.series as usize).copied().unwrap_or(i64::MIN);
        histogram_time(buffer, histogram).map_or(after < i64::MAX, |time| is_kept(time, after))
    });
    left_out.histograms = (before - request.histograms.len()) as u64;
}

fn is_kept(time: i64, after: KeptAfter) -> bool {
    after == i64::MIN || (after < i64::MAX && time > after)
}

/// The time of the newest native histogram of each series; nothing where the request has none at all.
fn newest_histograms(request: &WriteRequest) -> Vec<i64> {
    if request.histograms.is_empty() {
        return Vec::new();
    }
    let mut newest = vec![i64::MIN; request.series.len()];
    for histogram in &request.histograms {
        let time = histogram_time(&request.buffer, histogram);
        if let (Some(newest), Some(time)) = (newest.get_mut(histogram.series as usize), time) {
            *newest = time.max(*newest);
        }
    }
    newest
}

/// The time of a native histogram; `None` if its message can't be read, which is found out later.
fn histogram_time(buffer: &[u8], histogram: &NativeHistogram) -> Option<i64> {
    let mut fields = Fields::new(buffer, histogram.message.range());
    let mut time = 0;
    while let Some((number, value)) = fields.next().ok()? {
        if let (HISTOGRAM_TIMESTAMP, Value::Varint(timestamp)) = (number, value) {
            time = timestamp.cast_signed();
        }
    }
    Some(time)
}

fn milliseconds_since_1970() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::ingest::decode_v2::{self, Survey};
    use crate::proto::v2;
    use crate::telemetry::Metrics;

    const TIMEOUT: Duration = Duration::from_secs(30);
    const STORED: Ended = Ended::Done { has_stored: true };

    fn replicas(failover_timeout: Duration) -> Replicas {
        let settings =
            HaSettings { cluster_label: "cluster".into(), replica_label: "replica".into(), failover_timeout };
        Replicas::new(settings, Elections::new(failover_timeout, Metrics::new().elected_changes))
    }

    /// What is left out of a request, whose other samples are then stored.
    fn listen(replicas: &Replicas, request: &mut WriteRequest) -> LeftOut {
        let everyone = CallerClients::of_everyone();
        let Listened { left_out, elected } = replicas.listen(&everyone, request).unwrap();
        replicas.settle(&everyone, &elected, STORED);
        left_out
    }

    /// A series by its labels, and the times of its samples and of its histograms.
    type Sent<'a> = (&'a [(&'a str, &'a str)], &'a [i64], &'a [i64]);

    fn request(sent: &[Sent<'_>]) -> WriteRequest {
        let mut symbols = vec![String::new()];
        let mut timeseries = Vec::new();
        for (labels, samples, histograms) in sent {
            let from = symbols.len() as u32;
            symbols.extend(labels.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]));
            let histogram = |&timestamp| v2::Histogram { timestamp, ..v2::Histogram::default() };
            timeseries.push(v2::TimeSeries {
                labels_refs: (from..symbols.len() as u32).collect(),
                samples: samples
                    .iter()
                    .map(|&timestamp| v2::Sample { value: Some(1.0), timestamp, ..Default::default() })
                    .collect(),
                histograms: histograms.iter().map(histogram).collect(),
                ..Default::default()
            });
        }
        let bytes = v2::Request { symbols, timeseries }.encode_to_vec();
        let survey = Survey::of(&bytes).unwrap();
        decode_v2::decode(bytes, &survey).unwrap()
    }

    /// The series that still have samples, with the times.
    fn kept(request: &WriteRequest) -> Vec<(String, Vec<i64>)> {
        let with_samples = request.series().iter().filter(|series| series.sample_count() > 0);
        let row = |series: &Series| {
            let times = series.sample_indexes().map(|index| request.sample_at(index).timestamp);
            (request.describe(series, 1000), times.collect())
        };
        with_samples.map(row).collect()
    }

    fn row(series: &str, times: &[i64]) -> (String, Vec<i64>) {
        (series.to_owned(), times.to_vec())
    }

    const A: &[(&str, &str)] = &[("__name__", "up"), ("cluster", "c"), ("job", "j"), ("replica", "a"), ("zone", "z")];
    const B: &[(&str, &str)] = &[("__name__", "up"), ("cluster", "c"), ("job", "j"), ("replica", "b"), ("zone", "z")];
    const ROW: &str = r#"up{cluster="c",job="j",zone="z"}"#;

    #[test]
    fn the_elected_replica_loses_its_label_and_the_others_all() {
        let replicas = replicas(Duration::from_secs(3600));
        let alone: &[(&str, &str)] = &[("__name__", "up"), ("replica", "b")];
        listen(&replicas, &mut request(&[(A, &[0], &[])]));
        let mut first = request(&[(A, &[1, 2], &[1]), (alone, &[1], &[]), (B, &[3], &[4, 5]), (A, &[3], &[])]);
        let left_out = listen(&replicas, &mut first);
        let (series, sample) = left_out.example.unwrap();
        assert_eq!((left_out.samples, left_out.histograms, sample.timestamp), (1, 2, 3));
        assert!(first.describe(&series, 1000).contains(r#"replica="b""#));
        let expected = [row(ROW, &[1, 2]), row(r#"up{replica="b"}"#, &[1]), row(ROW, &[3])];
        assert_eq!(kept(&first), expected);
        assert_eq!((first.sample_count(), first.histogram_count()), (4, 1));
        let mut second = request(&[(B, &[7], &[]), (B, &[8], &[])]);
        assert_eq!(listen(&replicas, &mut second).samples, 2);
        assert_eq!((second.sample_count(), kept(&second)), (0, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_replica_before_has_stored_is_not_stored_again() {
        let replicas = replicas(TIMEOUT);
        listen(&replicas, &mut request(&[(A, &[10, 20], &[])]));
        tokio::time::advance(TIMEOUT).await;
        let mut late = request(&[(B, &[5, 20, 21], &[19, 20, 21])]);
        let left_out = listen(&replicas, &mut late);
        assert_eq!((left_out.samples, left_out.histograms), (2, 2));
        assert_eq!((kept(&late), late.histogram_count()), (vec![row(ROW, &[21])], 1));
    }

    #[test]
    fn what_the_elected_replica_stores_with_the_same_request_covers_the_others() {
        let everyone = CallerClients::of_everyone();
        for (first, second) in [(A, B), (B, A)] {
            let replicas = replicas(TIMEOUT);
            let mut both = request(&[(first, &[40_000], &[]), (second, &[40_001], &[])]);
            assert_eq!((listen(&replicas, &mut both).samples, kept(&both)), (1, vec![row(ROW, &[40_000])]));
            // After a gap too.
            let mut later = request(&[(second, &[130_000], &[]), (first, &[100_000], &[])]);
            assert_eq!((listen(&replicas, &mut later).samples, kept(&later)), (1, vec![row(ROW, &[100_000])]));
            let mut ahead = request(&[(second, &[230_001], &[]), (first, &[200_000], &[])]);
            assert_eq!(replicas.listen(&everyone, &mut ahead).unwrap_err().name(), "ElectedReplicaBehind");
        }
    }

    #[test]
    fn what_the_elected_replica_has_not_stored_comes_again() {
        let replicas = replicas(Duration::from_secs(30));
        let everyone = CallerClients::of_everyone();
        let mut first = request(&[(A, &[10], &[])]);
        let elected = replicas.listen(&everyone, &mut first).unwrap().elected;
        let mut other = request(&[(B, &[], &[30_011])]);
        assert_eq!(replicas.listen(&everyone, &mut other).unwrap_err().name(), "ElectedReplicaBehind");
        replicas.settle(&everyone, &elected, Ended::ComesAgain);
        assert_eq!(replicas.listen(&everyone, &mut other).unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(other.histogram_count(), 1);
        replicas.settle(&everyone, &elected, STORED);
        assert!(replicas.listen(&everyone, &mut other).is_err());
        assert_eq!(listen(&replicas, &mut request(&[(B, &[30_010], &[])])).samples, 1);
        listen(&replicas, &mut request(&[(A, &[], &[20])]));
        assert_eq!(listen(&replicas, &mut other).histograms, 1);
    }

    #[test]
    fn a_long_value_makes_no_pair() {
        let replicas = replicas(Duration::from_secs(30));
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        let labels = [("__name__", "up"), ("cluster", long.as_str()), ("replica", "a")];
        let mut sent = request(&[(&labels, &[1], &[])]);
        assert!(replicas.listen(&CallerClients::of_everyone(), &mut sent).unwrap().elected.is_empty());
        assert_eq!(sent.labels(&sent.series()[0]).len(), 2);
    }

    /// A sample from the future must not keep the other replica out until then.
    #[tokio::test(start_paused = true)]
    async fn times_ahead_of_the_clock_do_not_count() {
        let replicas = replicas(TIMEOUT);
        let ahead = milliseconds_since_1970() + 3_600_000;
        listen(&replicas, &mut request(&[(A, &[ahead], &[])]));
        tokio::time::advance(TIMEOUT).await;
        let soon = milliseconds_since_1970() + 1000;
        let mut next = request(&[(B, &[soon], &[])]);
        assert_eq!(listen(&replicas, &mut next).samples, 0);
    }

    proptest! {
        /// Whatever comes in a request, each series meets the fate of its own origin.
        #[test]
        fn each_series_is_judged_by_its_own_labels(
            sent in prop::collection::vec((0usize..3, 0usize..3, prop::collection::vec(0i64..50, 0..4)), 0..12)
        ) {
            // Their times are alike, so none of them is behind.
            let replicas = replicas(Duration::from_secs(3600));
            for (cluster, replica, _) in &sent {
                if *cluster > 0 && *replica > 0 {
                    let labels = [("__name__", "up"), ("cluster", ["", "a", "b"][*cluster]), ("replica", ["", "a", "b"][*replica])];
                    listen(&replicas, &mut request(&[(&labels, &[0], &[])]));
                }
            }
            let values = ["", "a", "b"];
            let labels: Vec<_> = sent.iter().map(|(cluster, replica, _)| {
                [("__name__", "up"), ("cluster", values[*cluster]), ("replica", values[*replica])]
            }).collect();
            let series: Vec<Sent<'_>> = labels.iter().zip(&sent).map(|(labels, (.., times))| (&labels[..], &times[..], &[][..])).collect();
            let mut request = request(&series);
            let left_out = listen(&replicas, &mut request);
            let mut elected = [0; 3];
            let mut expected = Vec::new();
            let mut samples = 0;
            for (cluster, replica, times) in &sent {
                samples += times.len();
                let is_pair = *cluster > 0 && *replica > 0;
                if is_pair && elected[*cluster] == 0 {
                    elected[*cluster] = *replica;
                }
                if times.is_empty() || (is_pair && elected[*cluster] != *replica) {
                    continue;
                }
                let label = |name, value: usize| (value > 0).then(|| format!("{name}={:?}", values[value]));
                let shown = [label("cluster", *cluster), label("replica", if is_pair { 0 } else { *replica })];
                expected.push((format!("up{{{}}}", shown.into_iter().flatten().collect::<Vec<_>>().join(",")), times.clone()));
            }
            prop_assert_eq!(kept(&request), expected);
            prop_assert_eq!(request.sample_count() as u64 + left_out.samples, samples as u64);
        }
    }
}
