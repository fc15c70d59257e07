//! All options in one table: flag, environment variables, default and meaning. The command line and the environment are
//! read by it, and a test compares the documentation with it. Those of one command alone are in
//! `commands`.

/// An option.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// The flag without its dashes; also the option's name in messages.
    pub flag: &'static str,
    /// Another spelling of the flag.
    pub alias: Option<&'static str>,
    /// Environment variables; the first one that is set counts.
    pub environment: &'static [&'static str],
    /// The value if neither flag nor environment gives one. Empty: none.
    pub default: &'static str,
    /// The placeholder of the value in the help; empty for a switch.
    pub value: &'static str,
    /// The heading in the help.
    pub group: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Whether it may be given several times.
    pub repeats: bool,
}

pub(super) const fn option(
    group: &'static str,
    flag: &'static str,
    environment: &'static [&'static str],
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> OptionSpec {
    OptionSpec { flag, alias: None, environment, default, value, group, help, repeats: false }
}

pub(super) const fn switch(
    group: &'static str,
    flag: &'static str,
    environment: &'static [&'static str],
    default: &'static str,
    help: &'static str,
) -> OptionSpec {
    option(group, flag, environment, "", default, help)
}

const fn aliased(alias: &'static str, spec: OptionSpec) -> OptionSpec {
    OptionSpec { alias: Some(alias), ..spec }
}

pub(super) const fn repeated(spec: OptionSpec) -> OptionSpec {
    OptionSpec { repeats: true, ..spec }
}

const DESTINATION: &str = "Destination";
const EMBEDDED: &str = "Embedded Timestream";
const SAMPLES: &str = "Samples";
const HA: &str = "HA pairs";
const WEB: &str = "Web";
const CONNECTIONS: &str = "Connections and requests";
const WRITES: &str = "Writes";
const READS: &str = "Reads";
const LOG: &str = "Log";
const CHECK: &str = "Check";

/// The options of all commands, in the order of the help.
#[rustfmt::skip]
pub const OPTIONS: &[OptionSpec] = &[
    option(DESTINATION, "default-database", &["default_database"], "NAME", "", "Destination database; needed unless embedded (then prometheus)"),
    option(DESTINATION, "default-table", &["default_table"], "NAME", "", "Destination table; needed unless embedded (then metrics)"),
    option(DESTINATION, "region", &["region", "AWS_REGION"], "REGION", "us-east-1", "Signing region"),
    switch(DESTINATION, "enable-sigv4-auth", &["enable_sigv4_auth"], "false", "Use the AWS credentials of the environment instead of each caller's basic auth; true in AWS Lambda"),
    option(DESTINATION, "write-base-endpoint", &["write_base_endpoint"], "URL", "", "Fixed endpoint for writes, such as PrivateLink; switches endpoint discovery off"),
    option(DESTINATION, "query-base-endpoint", &["query_base_endpoint"], "URL", "", "Fixed endpoint for queries; switches endpoint discovery off"),
    option(DESTINATION, "write-discovery-endpoint", &["write_discovery_endpoint", "AWS_ENDPOINT_URL_TIMESTREAM_WRITE"], "URL", "", "Where DescribeEndpoints is asked for the write endpoint, instead of the region's public endpoint"),
    option(DESTINATION, "query-discovery-endpoint", &["query_discovery_endpoint", "AWS_ENDPOINT_URL_TIMESTREAM_QUERY"], "URL", "", "Where DescribeEndpoints is asked for the query endpoint, instead of the region's public endpoint"),
    switch(EMBEDDED, "embedded", &["embedded"], "false", "Store in the embedded Timestream instead of AWS; callers need no credentials"),
    switch(EMBEDDED, "demo", &["demo"], "false", "Like --embedded, with a small load built in; its data goes to a temporary directory unless --embedded.data-dir is set"),
    option(EMBEDDED, "embedded.data-dir", &["embedded_data_dir"], "DIR", "data", "Where the embedded Timestream keeps its data"),
    option(EMBEDDED, "embedded.listen-address", &["embedded_listen_address"], "ADDRESS", "127.0.0.1:9202", "Where the embedded Timestream's API listens, for the AWS CLI and SDKs"),
    option(EMBEDDED, "embedded.head-memory", &["embedded_head_memory"], "BYTES", "1GiB", "What recent samples may take in the embedded Timestream's memory; at half of it all are sealed on disk, at all of it writes wait for that"),
    option(EMBEDDED, "embedded.object-root", &["embedded_object_root"], "DIR", "", "A directory in the place of S3 for the embedded Timestream: s3://bucket/key is the file bucket/key in it. UNLOAD and batch load need it"),
    switch(SAMPLES, "fail-on-long-label", &["fail_on_long_label"], "false", "Stop the program on a metric name over 256 bytes or a label name over 60, instead of ignoring the series"),
    aliased("fail-on-invalid-sample", switch(SAMPLES, "fail-on-invalid-sample-value", &["fail_on_invalid_sample_value"], "false", "Stop the program on NaN, Inf or -Inf, instead of ignoring the sample")),
    option(SAMPLES, "native-histograms", &["native_histograms"], "HOW", "reject", "What to do with native histograms: reject answers 400 and stores the rest, expand stores them as classic histograms"),
    switch(HA, "ha.enable", &["ha_enable"], "false", "Store the samples of one replica of each HA pair, without the replica label; the others' are answered as stored, and ignored"),
    option(HA, "ha.cluster-label", &["ha_cluster_label"], "LABEL", "cluster", "The label that all replicas of an HA pair share"),
    option(HA, "ha.replica-label", &["ha_replica_label"], "LABEL", "__replica__", "The label that tells the replicas of an HA pair apart"),
    option(HA, "ha.failover-timeout", &["ha_failover_timeout"], "DURATION", "30s", "How long the elected replica may be silent before another one takes its place"),
    option(WEB, "web.listen-address", &["web_listen_address"], "ADDRESS", ":9201", "Where the connector listens: :port, host:port or [ipv6]:port"),
    option(WEB, "web.telemetry-path", &["web_telemetry_path"], "PATH", "/metrics", "Path of the connector's own metrics"),
    option(WEB, "tls-certificate", &["tls_certificate"], "FILE", "", "Certificate chain (PEM) to serve HTTPS with; needs --tls-key"),
    option(WEB, "tls-key", &["tls_key"], "FILE", "", "Private key (PEM) of the certificate; needs --tls-certificate"),
    option(WEB, "web.config.file", &["web_config_file"], "FILE", "", "HTTPS, client certificates, users and headers, in the format of Prometheus' exporter-toolkit; read again when it changes"),
    switch(WEB, "web.enable-lifecycle", &["web_enable_lifecycle"], "false", "Let requests reload the certificates and the web configuration (/-/reload) and change the log level (/-/log-level)"),
    option(CONNECTIONS, "web.max-connections", &["web_max_connections"], "N", "1024", "Connections at once; beyond, those without a request are closed, and more wait to be accepted"),
    option(CONNECTIONS, "web.max-requests-per-connection", &["web_max_requests_per_connection"], "N", "100000", "Requests of one connection; then it is closed in good order"),
    option(CONNECTIONS, "web.max-header-bytes", &["web_max_header_bytes"], "BYTES", "32KiB", "Head of a request; more is answered 431"),
    option(CONNECTIONS, "web.max-headers", &["web_max_headers"], "N", "100", "Header fields of a request; more are answered 431"),
    option(CONNECTIONS, "web.http2-max-streams", &["web_http2_max_streams"], "N", "100", "Requests of one HTTP/2 connection at once; more are refused"),
    option(CONNECTIONS, "web.http2-max-resets", &["web_http2_max_resets"], "N", "20", "HTTP/2 streams reset before they are handled; more close the connection"),
    option(CONNECTIONS, "web.max-body-bytes", &["web_max_body_bytes"], "BYTES", "16MiB", "Request body as received; more is answered 413"),
    option(CONNECTIONS, "web.max-decoded-bytes", &["web_max_decoded_bytes"], "BYTES", "32MiB", "Request body once decompressed; more is answered 413"),
    option(CONNECTIONS, "web.read-timeout", &["web_read_timeout"], "DURATION", "30s", "How long headers, and then the body, of a request may take"),
    option(CONNECTIONS, "web.idle-timeout", &["web_idle_timeout"], "DURATION", "5m", "How long a connection may be without a request; then it is closed"),
    option(CONNECTIONS, "web.write-timeout", &["web_write_timeout"], "DURATION", "30s", "How long an answer may wait for its client to read on; then the connection is closed"),
    option(CONNECTIONS, "shutdown.delay", &["shutdown_delay"], "DURATION", "0s", "How long to go on serving on SIGTERM, not ready any more and telling clients to connect anew, until load balancers have noticed"),
    option(CONNECTIONS, "shutdown.grace-period", &["shutdown_grace_period"], "DURATION", "20s", "How long what is in flight may take to finish on SIGTERM before it is answered 503"),
    option(WRITES, "max-write-retries", &["max_write_retries"], "N", "10", "Retries of a failed WriteRecords call"),
    option(WRITES, "write.max-series", &["write_max_series"], "N", "100000", "Series of a write request; more are answered 413"),
    option(WRITES, "write.max-labels", &["write_max_labels"], "N", "128", "Labels of a series, at most 128; a series with more is rejected"),
    option(WRITES, "write.memory-limit", &["write_memory_limit"], "BYTES", "128MiB", "What all write requests may hold in memory; more is answered 503"),
    option(WRITES, "write.queue-capacity", &["write_queue_capacity"], "N", "1024", "Write requests that may wait for the batcher; more are answered 503"),
    option(WRITES, "write.linger", &["write_linger"], "DURATION", "5ms", "How long a call of fewer than 100 records waits for more; up to five times as long for requests that follow each other, unless embedded"),
    option(WRITES, "write.max-concurrent-calls", &["write_max_concurrent_calls"], "N", "256", "WriteRecords calls of one caller at once"),
    option(WRITES, "write.call-timeout", &["write_call_timeout"], "DURATION", "10s", "How long one WriteRecords call may take before it is tried again"),
    option(WRITES, "write.timeout", &["write_timeout"], "DURATION", "25s", "When a write request is answered at the latest; below Prometheus' remote_timeout"),
    aliased("max-retries", option(READS, "max-read-retries", &["max_read_retries", "max_retries"], "N", "3", "Retries of a failed query; of a page after its first, four at most")),
    option(READS, "read.max-concurrent", &["read_max_concurrent"], "N", "10", "Read requests handled at once; more wait"),
    option(READS, "read.max-samples", &["read_max_samples"], "N", "50000000", "Samples that a query may answer; more is answered 400"),
    option(READS, "read.max-bytes", &["read_max_bytes"], "BYTES", "256MiB", "Memory that the series of one SAMPLES answer may take; more is answered 413. Streamed answers hold one series at a time"),
    option(READS, "read.memory-limit", &["read_memory_limit"], "BYTES", "512MiB", "Memory that all SAMPLES answers, and the long series of streamed ones, may take together; more is answered 503"),
    option(READS, "read.timeout", &["read_timeout"], "DURATION", "2m", "How long a read request may take"),
    switch(LOG, "enable-logging", &["enable_logging"], "true", "Log at all"),
    option(LOG, "log.level", &["log_level"], "LEVEL", "info", "Least level that is logged: debug, info, warn or error"),
    option(LOG, "log.format", &["log_format"], "FORMAT", "logfmt", "logfmt or json, to stderr"),
    switch(CHECK, "check", &["check"], "false", "Check options, files, credentials and the table, say what is wrong and what to do, and end; nothing is stored"),
];
