//! What Timestream bills: calls gathered by what their series share against calls in the order of arrival that share
//! nothing.

use std::time::Duration;

use super::connector::Connector;
use super::remote::{WRITE_HEADERS, post};
use super::timestream::{Fault, Timestream};
use super::workload::{self, Kind, Labels};

const SERIES: usize = 16_000;
const SENDERS: usize = 8;

/// The most write units, as a share of those in the order of arrival, about a tenth above what was measured.
const MOST: [(Kind, f64); 4] =
    [(Kind::NodeExporter, 0.24), (Kind::KubeState, 0.47), (Kind::Cadvisor, 0.25), (Kind::Mixed, 0.33)];

/// The write units of a WriteRecords call whose records share nothing (developer guide, metering and pricing): time and
/// value, names and values of dimensions, and the measure's name, rounded up to a KiB.
fn units_of_arrival_order(series: &[&Labels]) -> usize {
    let bytes = |labels: &Labels| -> usize {
        16 + labels
            .iter()
            .map(|(name, value)| if name == "__name__" { value.len() } else { name.len() + value.len() })
            .sum::<usize>()
    };
    series.chunks(100).map(|call| call.iter().map(|labels| bytes(labels)).sum::<usize>().div_ceil(1024)).sum()
}

#[test]
fn calls_gathered_by_what_they_share_are_billed_a_quarter_to_a_half_of_calls_in_the_order_of_arrival() {
    for (kind, most) in MOST {
        let timestream = Timestream::start(|_, _| Fault::Slow(Duration::from_millis(5)));
        let [database, table, url] = timestream.arguments();
        let keys = [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "hidden-key")];
        // On a busy machine the requests take longer than the usual linger to arrive, and do not meet.
        let connector = Connector::start(&[&database, &table, &url, "--enable-sigv4-auth", "--write.linger=2s"], &keys);
        let series = workload::series(kind, SERIES, 7);
        let requests = workload::requests(&series, 2000);
        let arrival: usize = requests.iter().map(|request| units_of_arrival_order(request)).sum();
        let bodies: Vec<Vec<u8>> = requests.iter().map(|request| workload::packed(request, 0)).collect();
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (bodies, address) = (&bodies, &connector.address);
                scope.spawn(move || {
                    for body in bodies.iter().skip(sender).step_by(SENDERS) {
                        let answer = post(&format!("http://{address}/write"), WRITE_HEADERS, body);
                        assert_eq!(answer.status, 204, "{}", answer.text());
                    }
                });
            }
        });
        let units = connector.metric("timestream_connector_metered_units_total");
        let saved = connector.metric("timestream_connector_saved_units_total");
        let (ratio, calls) = (units / arrival as f64, timestream.counts().0);
        eprintln!("{}: {units} units in {calls} calls, {arrival} in the order of arrival: {ratio:.2}", kind.name());
        assert!(ratio <= most, "{}: {ratio}", kind.name());
        assert!(units + saved >= arrival as f64 * 0.95, "{units} and {saved} saved of {arrival}");
        // An object of cAdvisor's has 18 series.
        assert!(calls <= SERIES / 18 + 50, "{calls} calls");
        timestream.assert_sound();
        assert_eq!(connector.assert_conserved(), (SERIES as f64, SERIES as f64));
    }
}
