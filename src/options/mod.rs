//! Options: from flags and environment to checked settings, once, before anything starts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::ingest::histogram::NativeHistograms;
use crate::ingest::server::ServerSettings;
use crate::ingest::validate::MAX_DIMENSIONS;
use crate::routes;
use crate::sink::clients::Endpoint;
use crate::telemetry::log::{self, Format, LogOptions};

mod source;
mod table;
mod values;

use source::Source;
pub use table::{OPTIONS, OptionSpec};
pub use values::ListenAddress;
pub(crate) use values::duration;

const DEFAULT_EMBEDDED_DATABASE: &str = "prometheus";
const DEFAULT_EMBEDDED_TABLE: &str = "metrics";

/// All settings of the daemon.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether to check what a start would use, and end.
    pub check: bool,
    /// Where samples go.
    pub destination: Destination,
    /// The signing region.
    pub region: String,
    /// How to reach Timestream for writes.
    pub write_endpoint: Endpoint,
    /// How to reach Timestream for queries.
    pub query_endpoint: Endpoint,
    /// Whether calls are made with the environment's credentials instead of each caller's.
    pub enable_sigv4_auth: bool,
    /// Retries of a failed query.
    pub max_read_retries: u32,
    /// Retries of a failed WriteRecords call.
    pub max_write_retries: u32,
    /// The embedded Timestream, where it takes the place of AWS.
    pub embedded: Option<EmbeddedOptions>,
    /// Whether the connector writes to itself, to show something.
    pub demo: bool,
    /// Whether a name over the limit stops the program.
    pub fail_on_long_label: bool,
    /// Whether a non-finite value stops the program.
    pub fail_on_invalid_sample_value: bool,
    /// What to do with native histograms.
    pub native_histograms: NativeHistograms,
    /// The HTTP server.
    pub web: WebOptions,
    /// The write path.
    pub write: WriteOptions,
    /// The read path.
    pub read: ReadOptions,
    /// How long to go on serving after the signal to stop, not ready any more.
    pub shutdown_delay: Duration,
    /// How long what is in flight may take to finish.
    pub shutdown_grace_period: Duration,
    /// The log.
    pub log: LogOptions,
    /// All options with the values that are in force, as they were given, without secrets.
    pub flags: BTreeMap<&'static str, String>,
}

/// A table of Timestream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its database.
    pub database: String,
    /// Its name.
    pub table: String,
}

/// Options of the embedded Timestream.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// Where it keeps its data; none: in a temporary directory that goes when the program ends.
    pub data_dir: Option<PathBuf>,
    /// Where its API listens.
    pub listen_address: ListenAddress,
}

/// Options of the HTTP server.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// Where to listen.
    pub listen_address: ListenAddress,
    /// Path of the metrics.
    pub telemetry_path: String,
    /// Certificate and key to serve HTTPS with.
    pub tls: Option<TlsFiles>,
    /// HTTPS, users and more, in the format of Prometheus' exporter-toolkit.
    pub config_file: Option<PathBuf>,
    /// Whether requests may reload the configuration and change the level of the log.
    pub enable_lifecycle: bool,
    /// Limits of the server.
    pub server: ServerSettings,
    /// Request body as received, in bytes.
    pub max_body_bytes: usize,
    /// Request body once decompressed, in bytes.
    pub max_decoded_bytes: usize,
}

/// Files to serve HTTPS with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain (PEM).
    pub certificate: PathBuf,
    /// The private key (PEM).
    pub key: PathBuf,
}

/// Options of the write path.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Series of one request.
    pub max_series: usize,
    /// Labels of one series.
    pub max_labels: usize,
    /// What all requests may hold in memory, in bytes.
    pub memory_limit_bytes: usize,
    /// Requests that may wait for the batcher.
    pub queue_capacity: usize,
    /// How long a call that is not full waits for more records.
    pub linger: Duration,
    /// Calls of one caller at once.
    pub max_concurrent_calls: usize,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// When a request is answered at the latest.
    pub timeout: Duration,
}

/// Options of the read path.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Requests at once.
    pub max_concurrent: usize,
    /// Samples that a query may answer.
    pub max_samples: usize,
    /// Bytes that the series of one SAMPLES answer may take until it is sent.
    pub max_bytes: usize,
    /// Bytes that all SAMPLES answers may take together.
    pub memory_limit_bytes: usize,
    /// How long a request may take.
    pub timeout: Duration,
}

/// Why there are no options to run with.
#[derive(Debug)]
pub enum Stop {
    /// Help or version was asked for: the text.
    Help(String),
    /// An option is wrong or missing.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Error(error)
    }
}

impl Options {
    /// Reads the command line (its first item the program's name) and the environment; a flag wins over the
    /// environment.
    ///
    /// # Errors
    /// Help, or an error that names the option, its value and what is accepted.
    pub fn parse(
        arguments: impl IntoIterator<Item = String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Stop> {
        let matches = source::command().try_get_matches_from(arguments).map_err(|error| match error.kind() {
            clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => {
                Stop::Help(error.render().to_string())
            }
            _ => Stop::Error(Error::invalid("ParseOptionError", error.render().to_string().trim().to_owned())),
        })?;
        let source = Source { matches, environment };
        let demo = source.boolean("demo", "ParseOptionError")?;
        let embedded = demo || source.boolean("embedded", "ParseOptionError")?;
        let options = Options {
            check: source.boolean("check", "ParseOptionError")?,
            destination: source.destination(embedded)?,
            region: source.region()?,
            write_endpoint: source.endpoint("write-base-endpoint", "write-discovery-endpoint")?,
            query_endpoint: source.endpoint("query-base-endpoint", "query-discovery-endpoint")?,
            enable_sigv4_auth: source.boolean("enable-sigv4-auth", "ParseOptionError")?,
            max_read_retries: source.retries("max-read-retries")?,
            max_write_retries: source.retries("max-write-retries")?,
            embedded: if embedded { Some(source.embedded(demo)?) } else { None },
            demo,
            fail_on_long_label: source.boolean("fail-on-long-label", "ParseMetricLabelError")?,
            fail_on_invalid_sample_value: source.boolean("fail-on-invalid-sample-value", "ParseSampleOptionError")?,
            native_histograms: source.native_histograms()?,
            web: source.web()?,
            write: source.write()?,
            read: source.read()?,
            shutdown_delay: source.duration_or_zero("shutdown.delay")?,
            shutdown_grace_period: source.duration("shutdown.grace-period")?,
            log: source.log()?,
            flags: source.flags(),
        };
        Ok(options)
    }
}

impl<E: Fn(&str) -> Option<String>> Source<E> {
    fn destination(&self, embedded: bool) -> Result<Destination, Error> {
        let or_default = |flag, default: &str| self.text(flag).or_else(|| embedded.then(|| default.to_owned()));
        let database = or_default("default-database", DEFAULT_EMBEDDED_DATABASE);
        let table = or_default("default-table", DEFAULT_EMBEDDED_TABLE);
        let set = "or --embedded to store without AWS";
        match (database, table) {
            (Some(database), Some(table)) => Ok(Destination { database, table }),
            (None, None) => Err(Error::invalid(
                "MissingDestinationError",
                format!("no destination: set --default-database and --default-table, {set}"),
            )),
            (None, _) => Err(Error::invalid(
                "MissingDatabaseWithWriteError",
                format!("no destination database: set --default-database, {set}"),
            )),
            (_, None) => Err(Error::invalid(
                "MissingTableWithWriteError",
                format!("no destination table: set --default-table, {set}"),
            )),
        }
    }

    fn embedded(&self, demo: bool) -> Result<EmbeddedOptions, Error> {
        let is_served_over_http = ["tls-certificate", "web.config.file"].iter().all(|flag| self.text(flag).is_none());
        if demo && !is_served_over_http {
            let message = "--demo writes to itself over HTTP: it takes neither --tls-certificate nor --web.config.file";
            return Err(Error::invalid("ParseOptionError", message));
        }
        let keeps_data = !demo || self.given("embedded.data-dir").is_some();
        let data_dir = keeps_data.then(|| self.text("embedded.data-dir").unwrap_or_default().into());
        Ok(EmbeddedOptions { data_dir, listen_address: self.address("embedded.listen-address")? })
    }

    /// The region is part of host names and of signatures.
    fn region(&self) -> Result<String, Error> {
        let region = |text: &str| {
            let is_label = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            is_label.then(|| text.to_owned())
        };
        self.parsed("region", "ParseOptionError", "the name of a region such as us-east-1", region)
    }

    fn web(&self) -> Result<WebOptions, Error> {
        let path = |text: &str| (text.starts_with('/') && !routes::is_taken(text)).then(|| text.to_owned());
        let tls = match (self.text("tls-certificate"), self.text("tls-key")) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.into(), key: key.into() }),
            (None, None) => None,
            _ => {
                let message = "--tls-certificate and --tls-key must be set both, or neither";
                return Err(Error::invalid("ParseOptionError", message));
            }
        };
        Ok(WebOptions {
            listen_address: self.address("web.listen-address")?,
            telemetry_path: self.parsed(
                "web.telemetry-path",
                "ParseOptionError",
                "a free path such as /metrics",
                path,
            )?,
            tls,
            config_file: self.text("web.config.file").map(PathBuf::from),
            enable_lifecycle: self.boolean("web.enable-lifecycle", "ParseOptionError")?,
            server: self.server()?,
            max_body_bytes: self.bytes("web.max-body-bytes")?,
            max_decoded_bytes: self.bytes("web.max-decoded-bytes")?,
        })
    }

    fn server(&self) -> Result<ServerSettings, Error> {
        Ok(ServerSettings {
            max_connections: self.count("web.max-connections")?,
            max_requests: self.count("web.max-requests-per-connection")?,
            max_head_bytes: self.bytes("web.max-header-bytes")?,
            max_headers: self.count("web.max-headers")?,
            max_streams: self.count("web.http2-max-streams")?,
            max_resets: self.count("web.http2-max-resets")?,
            read_timeout: self.duration("web.read-timeout")?,
            idle_timeout: self.duration("web.idle-timeout")?,
            write_timeout: self.duration("web.write-timeout")?,
        })
    }

    fn native_histograms(&self) -> Result<NativeHistograms, Error> {
        let how = |text: &str| match text {
            "reject" => Some(NativeHistograms::Reject),
            "expand" => Some(NativeHistograms::Expand),
            _ => None,
        };
        self.parsed("native-histograms", "ParseOptionError", "reject, expand", how)
    }

    fn write(&self) -> Result<WriteOptions, Error> {
        let dimensions = |text: &str| text.parse().ok().filter(|labels| (1..=MAX_DIMENSIONS).contains(labels));
        Ok(WriteOptions {
            max_series: self.count("write.max-series")?,
            max_labels: self.parsed(
                "write.max-labels",
                "ParseOptionError",
                "a whole number from 1 to 128",
                dimensions,
            )?,
            memory_limit_bytes: self.bytes("write.memory-limit")?,
            queue_capacity: self.count("write.queue-capacity")?,
            linger: self.duration("write.linger")?,
            max_concurrent_calls: self.count("write.max-concurrent-calls")?,
            call_timeout: self.duration("write.call-timeout")?,
            timeout: self.duration("write.timeout")?,
        })
    }

    fn read(&self) -> Result<ReadOptions, Error> {
        Ok(ReadOptions {
            max_concurrent: self.count("read.max-concurrent")?,
            max_samples: self.count("read.max-samples")?,
            max_bytes: self.bytes("read.max-bytes")?,
            memory_limit_bytes: self.bytes("read.memory-limit")?,
            timeout: self.duration("read.timeout")?,
        })
    }

    fn log(&self) -> Result<LogOptions, Error> {
        let format = |text: &str| match text {
            "logfmt" => Some(Format::Logfmt),
            "json" => Some(Format::Json),
            _ => None,
        };
        Ok(LogOptions {
            enabled: self.boolean("enable-logging", "ParseEnableLoggingError")?,
            level: self.parsed("log.level", "ParseOptionError", "debug, info, warn, error", log::parse_level)?,
            format: self.parsed("log.format", "ParseOptionError", "logfmt, json", format)?,
        })
    }
}

#[cfg(test)]
mod tests;
