//! `--ha.enable`: two real Prometheus servers with the same job, of which one is stored.

use timestream_prometheus_connector::proto::v2::Histogram;

use super::connector::{Connector, Scratch};
use super::prometheus_server::{Prometheus, reading_from};
use super::remote::{self, Series, eq, now_ms, query, series};
use super::timestream::{Fault, Timestream};
use super::v2;
use super::waiting::eventually;

const KEYS: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "hidden-secret")];
/// Between two scrapes.
const SCRAPE_MS: i64 = 2000;
const TIMEOUT_MS: i64 = 5000;

fn global(replica: &str) -> String {
    format!("global:\n  scrape_interval: {SCRAPE_MS}ms\n  external_labels: {{cluster: c, __replica__: {replica}}}\n")
}

fn writing(connector: &Connector, replica: &str) -> String {
    format!(
        "{1}scrape_configs:\n- job_name: connector\n  static_configs:\n  - targets: [\"{0}\"]\n\
         remote_write:\n- url: http://{0}/write\n  queue_config: {{batch_send_deadline: 200ms}}\n",
        connector.address,
        global(replica),
    )
}

fn up(connector: &Connector) -> Vec<Series> {
    let all = query(0, now_ms(), &[eq("__name__", "up"), eq("cluster", "c")]);
    remote::read(&connector.address, &[all]).remove(0)
}

fn is_elected(connector: &Connector, replica: &str) -> bool {
    let line = format!("timestream_connector_ha_elected{{cluster=\"c\",replica=\"{replica}\"}} 1\n");
    connector.get("/metrics").text().contains(&line)
}

#[test]
fn a_pair_is_stored_once_while_its_replicas_come_and_go() {
    let scratch = Scratch::new();
    let timeout = format!("--ha.failover-timeout={TIMEOUT_MS}ms");
    let connector = Connector::embedded(scratch.path(), &["--ha.enable", &timeout]);
    let start = |name: &str| Prometheus::start(scratch.path(), name, &writing(&connector, name));
    let left_out = || connector.samples("ignored", "ha_replica");
    let stored_more = || {
        let stored = |all: &[Series]| all.first().map_or(0, |(_, samples)| samples.len());
        let before = stored(&up(&connector));
        eventually("two more scrapes are stored", || stored(&up(&connector)) >= before + 2);
    };
    let a = start("a");
    eventually("the first that comes is elected", || is_elected(&connector, "a"));
    let b = start("b");
    eventually("the other one is left out", || left_out() > 0.0);
    stored_more();
    drop(a);
    eventually("the other one takes over", || is_elected(&connector, "b"));
    stored_more();
    let a = start("a");
    let before = left_out();
    eventually("the first one is left out now", || left_out() > before);
    assert!(is_elected(&connector, "b"));
    drop(b);
    eventually("the first one takes over again", || is_elected(&connector, "a"));
    stored_more();
    assert_eq!(connector.metric("timestream_connector_ha_elected_changes_total"), 2.0);

    let all = up(&connector);
    let [(labels, samples)] = &all[..] else { panic!("one series, but there are {all:?}") };
    assert!(labels.iter().all(|(name, _)| name != "__replica__"), "{labels:?}");
    let times: Vec<i64> = samples.iter().map(|(_, time)| *time).collect();
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    // A busy machine scrapes later than it should.
    let steps: Vec<i64> = times.array_windows().map(|[one, next]| next - one).collect();
    let largest = *steps.iter().max().unwrap();
    assert!(largest <= TIMEOUT_MS + 2 * SCRAPE_MS, "{steps:?}");
    let between_replicas = steps.iter().filter(|step| **step > SCRAPE_MS + SCRAPE_MS / 2).count();
    assert!(between_replicas >= 2, "each change leaves a gap: {steps:?}");

    // A replica finds what was stored of the pair, though it asks for its own label.
    drop(a);
    let config = global("a") + &reading_from(&format!("http://{}/read", connector.address), "");
    let reader = Prometheus::start(scratch.path(), "reader", &config);
    let at = *times.last().unwrap() as f64 / 1000.0;
    assert_eq!(reader.sum_at("count_over_time(up[1h])", at), times.len() as f64);
    let (received, written) = connector.assert_conserved();
    assert!(written > 0.0 && written < received);
}

#[test]
fn what_is_left_out_is_answered_as_stored() {
    let scratch = Scratch::new();
    let arguments = ["--ha.enable", "--ha.replica-label=replica", "--ha.cluster-label=pair"];
    let connector = Connector::embedded(scratch.path(), &arguments);
    let now = now_ms();
    let of = |replica: &str, time| {
        let labels = [("__name__", "m"), ("pair", "p"), ("replica", replica)];
        series(&labels, &[(1.0, time)])
    };
    assert_eq!(remote::write(&connector.address, &[of("x", now)]).status, 204);
    assert_eq!(remote::write(&connector.address, &[of("y", now + 1), of("y", now + 2)]).status, 204);
    let labels = &[("__name__", "m"), ("pair", "p"), ("replica", "y")];
    let histogram = Histogram { timestamp: now, ..Histogram::default() };
    let request = v2::Builder::default().series(labels, v2::samples(&[(1.0, now + 3)]));
    let answer = request.series(labels, v2::histograms(&[histogram])).send(&connector.address);
    assert_eq!((answer.status, v2::written(&answer)), (204, Some([1, 1, 0])), "{}", answer.text());
    // A request may hold series of several replicas, and of none.
    let alone = series(&[("__name__", "m"), ("replica", "y")], &[(2.0, now)]);
    assert_eq!(remote::write(&connector.address, &[of("y", now + 4), of("x", now + 5), alone.clone()]).status, 204);

    let found = remote::read(&connector.address, &[query(now, now + 10, &[eq("__name__", "m")])]).remove(0);
    let stored = series(&[("__name__", "m"), ("pair", "p")], &[(1.0, now), (1.0, now + 5)]);
    assert_eq!(found, [stored, alone]);
    assert_eq!(connector.samples("ignored", "ha_replica"), 4.0);
    assert_eq!(connector.assert_conserved(), (7.0, 3.0));
    assert_eq!(connector.assert_histograms_conserved(), [0.0, 1.0, 0.0, 0.0]);
    let page: serde_json::Value = serde_json::from_slice(&connector.get("/api/v1/status/live").body).unwrap();
    assert_eq!(page["data"]["elected"][0]["replica"], "x", "{page}");
}

/// Nothing that only the other replica has is left out for good.
#[test]
fn while_timestream_fails_the_others_keep_what_they_have() {
    // The second call fails, and the policy that the third one meets will be mended.
    let timestream = Timestream::start(|_, call| match call {
        1 => Fault::Exception(500, "InternalServerException"),
        2 => Fault::Exception(403, "AccessDeniedException"),
        _ => Fault::None,
    });
    let arguments = ["--ha.enable", "--ha.failover-timeout=10s", "--max-write-retries=0", "--enable-sigv4-auth"];
    let [database, table, url] = timestream.arguments();
    let connector = Connector::start(&[&[database.as_str(), &table, &url], &arguments[..]].concat(), KEYS);
    let start = now_ms() - 600_000;
    let send = |replica: &str, after_ms: i64| {
        let labels = [("__name__", "m"), ("cluster", "c"), ("__replica__", replica)];
        remote::write(&connector.address, &[series(&labels, &[(1.0, start + after_ms)])])
    };
    assert_eq!((send("a", 0).status, send("b", 1).status), (204, 204));
    assert_eq!(send("a", 5000).status, 503);
    assert_eq!(send("b", 10_000).status, 204, "this may be missing: it is within the time-out");
    let kept = send("b", 10_001);
    assert_eq!((kept.status, kept.text().starts_with("ElectedReplicaBehind: ")), (503, true), "{}", kept.text());
    assert_eq!(send("a", 5000).status, 503);
    assert_eq!(send("b", 10_001).status, 503);
    assert_eq!(send("a", 5000).status, 204);
    assert_eq!(send("b", 10_001).status, 204, "the elected one is not behind any more");
    assert_eq!(connector.samples("failed", "ha_replica"), 2.0);
    assert_eq!(connector.samples("ignored", "ha_replica"), 3.0);
    // The elected one is silent, and what the other one has kept is stored.
    eventually("the other one takes over", || send("b", 15_001).status == 204);
    assert_eq!(connector.metric("timestream_connector_ha_elected_changes_total"), 1.0);
    connector.assert_conserved();
}

#[test]
fn callers_with_keys_of_their_own_have_pairs_of_their_own() {
    let scratch = Scratch::new();
    let connector = Connector::embedded(scratch.path(), &["--ha.enable"]);
    let endpoint = format!("http://{}", connector.timestream);
    let callers = Connector::start(
        &["--ha.enable", "--default-database=prometheus", "--default-table=metrics"],
        &[("write_base_endpoint", &endpoint), ("query_base_endpoint", &endpoint)],
    );
    let now = now_ms();
    let send = |key: &str, replica: &str, time| {
        let labels = [("__name__", "m"), ("cluster", "c"), ("__replica__", replica), ("key", key)];
        let body = remote::write_request(&[series(&labels, &[(1.0, time)])]);
        let auth = remote::basic_auth(key, "hidden-secret");
        let headers = [remote::WRITE_HEADERS, &[("Authorization", auth.as_str())]].concat();
        assert_eq!(remote::post(&format!("http://{}/write", callers.address), &headers, &body).status, 204);
    };
    send("one", "a", now);
    send("two", "b", now);
    send("one", "b", now + 1);
    send("two", "a", now + 1);
    assert_eq!(callers.samples("ignored", "ha_replica"), 2.0);
    assert_eq!(callers.assert_conserved(), (4.0, 2.0));
}
