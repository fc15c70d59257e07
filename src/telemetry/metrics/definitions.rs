//! All metrics by name, labels and help.

/// The definition of a metric. A test compares the table of docs/metrics.md with these.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The name on /metrics.
    pub name: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// Its help text.
    pub help: &'static str,
}

macro_rules! definitions {
    ($($constant:ident = $name:literal, $labels:expr, $help:literal;)+) => {
        $(pub(super) const $constant: Definition = Definition { name: $name, labels: &$labels, help: $help };)+

        /// All metrics.
        pub const DEFINITIONS: &[Definition] = &[$($constant,)+];
    };
}

definitions! {
    RECEIVED = "timestream_connector_received_samples_total", [], "Samples received in decoded write requests, and made from native histograms.";
    IGNORED = "timestream_connector_ignored_samples_total", ["reason"], "Samples left out by policy.";
    WRITTEN = "timestream_connector_written_samples_total", [], "Samples that Timestream has stored.";
    REJECTED = "timestream_connector_rejected_samples_total", ["reason"], "Samples that can never be stored.";
    FAILED = "timestream_connector_failed_samples_total", ["reason"], "Samples not stored this time, answered so that the sender tries again.";
    RECEIVED_HISTOGRAMS = "timestream_connector_received_histograms_total", [], "Native histograms received.";
    IGNORED_HISTOGRAMS = "timestream_connector_ignored_histograms_total", [], "Native histograms that only mark their series as ended, or of which samples were ignored.";
    WRITTEN_HISTOGRAMS = "timestream_connector_written_histograms_total", [], "Native histograms whose samples Timestream has stored, all of them.";
    REJECTED_HISTOGRAMS = "timestream_connector_rejected_histograms_total", [], "Native histograms that can never be stored, or are not to be.";
    FAILED_HISTOGRAMS = "timestream_connector_failed_histograms_total", [], "Native histograms not stored this time, answered so that the sender tries again.";
    RECEIVED_EXEMPLARS = "timestream_connector_received_exemplars_total", [], "Exemplars received. They are not stored.";
    IGNORED_EXEMPLARS = "timestream_connector_ignored_exemplars_total", [], "Exemplars ignored, which all are.";
    WRITE_REQUESTS = "timestream_connector_write_requests_total", [], "WriteRecords calls made to Timestream, retries included.";
    WRITE_DURATION = "timestream_connector_write_duration_seconds", [], "How long WriteRecords calls take.";
    WRITE_RETRIES = "timestream_connector_write_retries_total", [], "WriteRecords calls that were retries.";
    METERED_UNITS = "timestream_connector_metered_units_total", [], "Write units of 1 KiB that Timestream bills for the calls it accepted, as estimated from their size.";
    SAVED_UNITS = "timestream_connector_saved_units_total", [], "Write units that these calls would have been billed in addition if their records shared no attributes.";
    CALLS = "timestream_connector_timestream_calls_total", ["operation", "code"], "Calls made to Timestream, by what became of each: OK, its exception, Timeout, ConnectionError, CredentialsError, Abandoned when nobody waited any more, or Other.";
    CALLS_IN_FLIGHT = "timestream_connector_calls_in_flight", [], "Calls to Timestream under way.";
    CALL_RECORDS = "timestream_connector_call_records", [], "Records gathered into a WriteRecords call, 100 at most.";
    CALL_WAIT = "timestream_connector_call_wait_seconds", [], "How long the first record of a WriteRecords call waited until the call left.";
    DISCOVERIES = "timestream_connector_endpoint_discoveries_total", ["outcome"], "DescribeEndpoints calls, by success or failure.";
    CREDENTIALS = "timestream_connector_credential_refreshes_total", ["outcome"], "Times that credentials of the environment were loaded, the first included, by success or failure.";
    ELECTED = "timestream_connector_ha_elected", ["cluster", "replica"], "Callers that have this replica of their HA pair elected: its samples are stored, the others' ignored.";
    ELECTED_CHANGES = "timestream_connector_ha_elected_changes_total", [], "Times that another replica of an HA pair was elected, since the one before was silent.";
    READ_REQUESTS = "timestream_connector_read_requests_total", [], "Query calls made to Timestream, further pages and retries included.";
    READ_DURATION = "timestream_connector_read_duration_seconds", [], "How long Query calls take.";
    READ_RETRIES = "timestream_connector_read_retries_total", [], "Query calls that were retries.";
    READ_PAGES = "timestream_connector_read_pages_total", [], "Pages of query results received.";
    READ_ROWS = "timestream_connector_read_rows_total", [], "Rows of query results received.";
    READ_SAMPLES = "timestream_connector_read_samples_total", [], "Samples sent in answers to remote read.";
    READ_SKIPPED_ROWS = "timestream_connector_read_skipped_rows_total", [], "Rows of Timestream that are no samples: values of other types, or none.";
    READ_REFUSED_SERIES = "timestream_connector_read_refused_series_total", [], "Times that Timestream refused to answer series by series, so that a table is read row by row for an hour.";
    READ_CANCELS = "timestream_connector_read_cancels_total", [], "Queries cancelled because the reader hung up or a limit was reached.";
    READ_ABORTS = "timestream_connector_read_aborts_total", [], "Streamed answers broken off by an error after a part was sent.";
    HTTP_ANSWERS = "timestream_connector_http_requests_total", ["handler", "code"], "HTTP requests, by what handled them and the status of the answer; 499 where the client was gone before it.";
    HTTP_DURATION = "timestream_connector_http_request_duration_seconds", ["handler"], "How long HTTP requests take from their head until the head of the answer.";
    HTTP_REQUESTS = "timestream_connector_http_requests_in_flight", [], "HTTP requests being handled.";
    MEMORY = "timestream_connector_memory_bytes", [], "Bytes of the memory limit that write requests hold.";
    MEMORY_LIMIT = "timestream_connector_memory_limit_bytes", [], "The memory limit of write requests.";
    QUEUE = "timestream_connector_queue_length", [], "Write requests that wait for the batcher.";
    QUEUE_LIMIT = "timestream_connector_queue_limit", [], "Write requests that may wait for the batcher.";
    CERTIFICATE_EXPIRY = "timestream_connector_tls_certificate_expiry_timestamp_seconds", [], "When the first certificate of the chain that is served expires, in seconds since 1970; 0 without TLS.";
    CONFIG_RELOAD_SUCCESSFUL = "timestream_connector_config_last_reload_successful", [], "1 if the certificates and the web configuration were last read without an error, 0 if the ones before are still used.";
    CONFIG_RELOAD_TIME = "timestream_connector_config_last_reload_success_timestamp_seconds", [], "When the certificates and the web configuration were last taken over, in seconds since 1970.";
    READY = "timestream_connector_ready", [], "1 if traffic may come, as /-/ready says, else 0.";
    BUILD_INFO = "timestream_connector_build_info", ["version"], "1, labelled with the version.";
    PROCESS_CPU = "process_cpu_seconds_total", [], "User and system CPU time of the process, in seconds.";
    PROCESS_OPEN_FDS = "process_open_fds", [], "Open file descriptors.";
    PROCESS_MAX_FDS = "process_max_fds", [], "File descriptors that may be open.";
    PROCESS_RESIDENT_MEMORY = "process_resident_memory_bytes", [], "Resident memory.";
    PROCESS_VIRTUAL_MEMORY = "process_virtual_memory_bytes", [], "Virtual memory.";
    PROCESS_THREADS = "process_threads", [], "Threads of the process.";
    PROCESS_START = "process_start_time_seconds", [], "When the process started, in seconds since 1970.";
    TOKIO_WORKERS = "tokio_workers", [], "Worker threads of the runtime.";
    TOKIO_ALIVE_TASKS = "tokio_alive_tasks", [], "Tasks of the runtime that have not ended.";
    TOKIO_QUEUE = "tokio_global_queue_depth", [], "Tasks that wait in the queue which the workers share.";
    TOKIO_BUSY = "tokio_worker_busy_seconds_total", [], "Time for which workers were busy, all of them together, in seconds.";
}
