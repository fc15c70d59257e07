#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| timestream_prometheus_connector_fuzz::openmetrics(bytes));
