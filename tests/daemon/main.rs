//! The whole daemon: the real binary, driven over HTTP, storing through the AWS SDK in the embedded Timestream.

#![allow(unreachable_pub, missing_docs, reason = "the modules of a test binary are its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the report")]

mod balancer;
#[path = "../common/cases.rs"]
#[allow(dead_code, reason = "tests/model.rs uses all of it")]
mod cases;
mod certificates;
mod chunks;
#[path = "../common/mod.rs"]
mod common;
mod connector;
mod curl;
mod output;
mod prometheus_server;
mod remote;
mod signature;
mod timestream;
mod v2;
#[path = "../../benches/workload/mod.rs"]
mod workload;

mod admin;
mod alerts;
mod bad_requests;
mod callers;
mod check;
mod cost;
mod differential;
mod discovery;
mod durability;
mod export;
mod faults;
mod grace_period;
mod ha;
mod hostile;
mod hostile_http2;
mod import;
mod lambda;
mod logs;
mod long_series;
mod metric_names;
mod native_histograms;
mod odd_senders;
mod page;
mod permissions;
mod prometheus;
mod prometheus_3;
mod recovery;
mod remote_write_2;
mod rolling_restart;
mod round_trip;
mod secrets;
mod series_api;
mod shutdown;
mod speed;
mod stalled;
mod start;
mod streaming;
mod telemetry;
mod tls;
mod web_config;

use common::{endpoint, fault, metrics, port, scratch, waiting};
