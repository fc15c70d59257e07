//! Asks each second for other series, so that schemas, patterns and queries come and go too.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prost::Message;
use timestream_prometheus_connector::proto::{self, label_matcher::Type};

use crate::sender;
use crate::workload;

/// Reads until `stop`; how many answers were good.
pub fn read(address: SocketAddr, stop: &AtomicBool) -> u64 {
    let (mut connection, mut good) = (None, 0);
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let matcher = |kind: Type, name: &str, value: String| proto::LabelMatcher {
            r#type: kind.into(),
            name: name.to_owned(),
            value,
        };
        let matchers = vec![
            matcher(Type::Eq, "__name__", format!("metric_{number}")),
            matcher(Type::Re, "pod", format!("frontend-{number}-.*|ledger-[0-9a-f]{{{}}}", number % 20 + 1)),
            matcher(Type::Neq, "instance", number.to_string()),
        ];
        let (start, end) = (workload::START, workload::START + 3_600_000);
        let query = proto::Query { start_timestamp_ms: start, end_timestamp_ms: end, matchers, hints: None };
        let request =
            proto::ReadRequest { queries: vec![query], accepted_response_types: vec![i32::from(number % 2 == 0)] };
        let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap();
        let user = format!("AKIASOAKREAD{}", number / 60);
        let status = sender::exchange(&mut connection, address, &user, "/read", &body).unwrap();
        good += u64::from(status == 200);
        // A streamed answer has no length.
        connection = None;
        std::thread::sleep(Duration::from_secs(1));
    }
    good
}
