//! Options: from flags and environment to checked settings, once, before anything starts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::batcher::BatcherSettings;
use crate::budget::Limit;
use crate::door::Sources;
use crate::error::Error;
use crate::export::ExportSettings;
use crate::ha::HaSettings;
use crate::http::body::BodyLimits;
use crate::http::listen::ListenAddress;
use crate::http::server::ServerSettings;
use crate::http::tls::TlsFiles;
use crate::import::ImportSettings;
use crate::ingest::histogram::NativeHistograms;
use crate::ingest::validate::{MAX_DIMENSIONS, Policy};
use crate::ingest::write::WriteSettings;
use crate::paths;
use crate::query::ReadSettings;
use crate::sink::SinkSettings;
use crate::sink::destination::Destination;
use crate::sink::settings::ClientSettings;
use crate::telemetry::log::{self, Format, LogOptions};

mod commands;
mod export;
mod import;
mod source;
mod table;

pub use commands::{EXPORT_OPTIONS, IMPORT_OPTIONS};
use source::Source;
pub use table::{OPTIONS, OptionSpec};

const DEFAULT_EMBEDDED_DATABASE: &str = "prometheus";
const DEFAULT_EMBEDDED_TABLE: &str = "metrics";
/// How long one page of a query may take: the service's own limit.
const QUERY_CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// What the binary is to do.
#[derive(Debug, Clone)]
pub enum Command {
    /// Serve writes and reads.
    Serve,
    /// `export`
    Export(ExportSettings),
    /// `import`
    Import(ImportSettings),
}

/// All settings. Each room defines its own.
#[derive(Debug, Clone)]
pub struct Options {
    /// What to do with them.
    pub command: Command,
    /// Whether to run `--check` and end.
    pub check: bool,
    /// The embedded Timestream, if it replaces AWS.
    pub embedded: Option<EmbeddedOptions>,
    /// Whether the connector writes a small load to itself.
    pub demo: bool,
    /// The table that samples are written to and read from.
    pub destination: Destination,
    /// Whether calls are made with the environment's credentials instead of each caller's.
    pub enable_sigv4_auth: bool,
    /// How Timestream is reached.
    pub clients: ClientSettings,
    /// How calls are delivered.
    pub sink: SinkSettings,
    /// How records are gathered into calls.
    pub batcher: BatcherSettings,
    /// How write requests are taken in.
    pub write: WriteSettings,
    /// How many bytes of memory all write requests may hold.
    pub write_memory_limit: usize,
    /// Limits of the read path.
    pub read: ReadSettings,
    /// The HTTP server.
    pub web: WebOptions,
    /// How long to go on serving after the signal to stop, not ready any more.
    pub shutdown_delay: Duration,
    /// How long requests in flight may take to finish.
    pub shutdown_grace_period: Duration,
    /// The log.
    pub log: LogOptions,
    /// All options with the values that are in force, as they were given, without secrets.
    pub flags: BTreeMap<&'static str, String>,
}

/// Options of the embedded Timestream.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// Where it keeps its data; `None`: in a temporary directory that is removed when the program ends.
    pub data_dir: Option<PathBuf>,
    /// Where its API listens.
    pub listen_address: ListenAddress,
    /// Bytes of recent samples that it may keep in memory.
    pub head_memory: usize,
    /// The directory that it reads and writes in the place of S3, if there is one.
    pub object_root: Option<PathBuf>,
}

/// Options of the HTTP server.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// Where to listen.
    pub listen_address: ListenAddress,
    /// Path of the metrics.
    pub telemetry_path: String,
    /// Where certificates, users and headers come from.
    pub sources: Sources,
    /// Whether requests may reload the configuration and change the level of the log.
    pub enable_lifecycle: bool,
    /// Limits of the server.
    pub server: ServerSettings,
    /// Limits of request bodies.
    pub body: BodyLimits,
}

/// Why the program can't run with the options.
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
    /// Help, or an error that names the option, its value and the accepted values.
    pub fn parse(
        arguments: impl IntoIterator<Item = String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Stop> {
        let (called, source) = Source::new(arguments, environment).map_err(|error| match error.kind() {
            clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => {
                Stop::Help(error.render().to_string())
            }
            _ => Stop::Error(Error::invalid("ParseOptionError", error.render().to_string().trim().to_owned())),
        })?;
        let command = match called {
            Some("export") => Command::Export(source.export()?),
            Some("import") => Command::Import(source.import()?),
            _ => Command::Serve,
        };
        let demo = source.boolean("demo", "ParseOptionError")?;
        if demo && called.is_some() {
            let message = "--demo serves a load of its own: a command takes --embedded with --embedded.data-dir";
            return Err(Error::invalid("ParseOptionError", message).into());
        }
        let embedded = demo || source.boolean("embedded", "ParseOptionError")?;
        let web = source.web()?;
        let read = source.read()?;
        Ok(Options {
            command,
            check: source.boolean("check", "ParseOptionError")?,
            embedded: if embedded { Some(source.embedded(demo)?) } else { None },
            demo,
            destination: source.destination(embedded)?,
            enable_sigv4_auth: source.boolean("enable-sigv4-auth", "ParseOptionError")?,
            clients: source.clients(read.timeout)?,
            sink: SinkSettings { max_retries: source.retries("max-write-retries")? },
            batcher: BatcherSettings {
                queue_capacity: source.count("write.queue-capacity")?,
                linger: source.duration("write.linger")?,
                is_billed: !embedded,
            },
            write: source.write(web.body)?,
            write_memory_limit: source.bytes("write.memory-limit")?,
            read,
            web,
            shutdown_delay: source.duration_or_zero("shutdown.delay")?,
            shutdown_grace_period: source.duration("shutdown.grace-period")?,
            log: source.log()?,
            flags: source.flags(),
        })
    }
}

impl<E: Fn(&str) -> Option<String>> Source<E> {
    fn destination(&self, embedded: bool) -> Result<Destination, Error> {
        let database = self.destination_name("default-database", embedded.then_some(DEFAULT_EMBEDDED_DATABASE))?;
        let table = self.destination_name("default-table", embedded.then_some(DEFAULT_EMBEDDED_TABLE))?;
        let missing = |name, what: &str, flags: &[&'static str]| {
            let set = flags.iter().map(|flag| format!("--{flag}")).collect::<Vec<_>>().join(" and ");
            let shouted: String = flags.iter().filter_map(|flag| self.shouted(flag)).collect();
            Error::invalid(
                name,
                format!("no destination{what}: set {set}, or --embedded to store without AWS{shouted}"),
            )
        };
        match (database, table) {
            (Some(database), Some(table)) => Ok(Destination { database, table }),
            (None, None) => Err(missing("MissingDestinationError", "", &["default-database", "default-table"])),
            (None, _) => Err(missing("MissingDatabaseWithWriteError", " database", &["default-database"])),
            (_, None) => Err(missing("MissingTableWithWriteError", " table", &["default-table"])),
        }
    }

    /// The name of a database or a table, checked with Timestream's rule for both (developer guide, "Quotas", naming
    /// constraints).
    fn destination_name(&self, flag: &'static str, default: Option<&str>) -> Result<Option<String>, Error> {
        let Some(name) = self.text(flag) else { return Ok(default.map(str::to_owned)) };
        let accepted = match name.trim_end() {
            "" => "a name",
            trimmed if trimmed.len() == name.len() => "3 to 256 letters, digits, and any of _ . -",
            _ => "the same without the blank or the line break at its end",
        };
        let is_name = |text: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            ((3..=256).contains(&text.len()) && text.bytes().all(is_allowed)).then(|| text.to_owned())
        };
        self.parsed(flag, "ParseOptionError", accepted, is_name).map(Some)
    }

    fn embedded(&self, demo: bool) -> Result<EmbeddedOptions, Error> {
        let is_served_over_http = ["tls-certificate", "web.config.file"].iter().all(|flag| self.text(flag).is_none());
        if demo && !is_served_over_http {
            let message = "--demo writes to itself over HTTP: it takes neither --tls-certificate nor --web.config.file";
            return Err(Error::invalid("ParseOptionError", message));
        }
        let keeps_data = !demo || self.given("embedded.data-dir").is_some();
        let data_dir = keeps_data.then(|| self.text("embedded.data-dir").unwrap_or_default().into());
        let listen_address = self.address("embedded.listen-address")?;
        let head_memory = self.bytes("embedded.head-memory")?;
        let object_root = self.text("embedded.object-root").map(Into::into);
        Ok(EmbeddedOptions { data_dir, listen_address, head_memory, object_root })
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
        let path = |text: &str| (text.starts_with('/') && !paths::is_taken(text)).then(|| text.to_owned());
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
            sources: Sources { config_file: self.text("web.config.file").map(PathBuf::from), tls },
            enable_lifecycle: self.boolean("web.enable-lifecycle", "ParseOptionError")?,
            server: self.server()?,
            body: BodyLimits {
                max_body_bytes: Limit::new("--web.max-body-bytes", self.bytes("web.max-body-bytes")?),
                max_decoded_bytes: Limit::new("--web.max-decoded-bytes", self.bytes("web.max-decoded-bytes")?),
                read_timeout: self.duration("web.read-timeout")?,
            },
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

    fn write(&self, limits: BodyLimits) -> Result<WriteSettings, Error> {
        let dimensions = |text: &str| text.parse().ok().filter(|labels| (1..=MAX_DIMENSIONS).contains(labels));
        let accepted = "a whole number from 1 to 128";
        let policy = Policy {
            fail_on_long_label: self.boolean("fail-on-long-label", "ParseMetricLabelError")?,
            fail_on_invalid_sample_value: self.boolean("fail-on-invalid-sample-value", "ParseSampleOptionError")?,
            max_labels: self.parsed("write.max-labels", "ParseOptionError", accepted, dimensions)?,
        };
        Ok(WriteSettings {
            limits,
            policy,
            max_series: self.count("write.max-series")?,
            native_histograms: self.native_histograms()?,
            ha: self.ha()?,
            timeout: self.duration("write.timeout")?,
        })
    }

    fn ha(&self) -> Result<Option<HaSettings>, Error> {
        if !self.boolean("ha.enable", "ParseOptionError")? {
            return Ok(None);
        }
        let label = |flag| self.parsed(flag, "ParseOptionError", "the name of a label", label_name);
        let settings = HaSettings {
            cluster_label: label("ha.cluster-label")?,
            replica_label: label("ha.replica-label")?,
            failover_timeout: self.duration("ha.failover-timeout")?,
        };
        if settings.cluster_label == settings.replica_label {
            let message = format!("--ha.cluster-label and --ha.replica-label are both {:?}", settings.cluster_label);
            return Err(Error::invalid("ParseOptionError", message));
        }
        Ok(Some(settings))
    }

    fn clients(&self, read_timeout: Duration) -> Result<ClientSettings, Error> {
        Ok(ClientSettings {
            region: self.region()?,
            write: self.endpoint("write-base-endpoint", "write-discovery-endpoint")?,
            query: self.endpoint("query-base-endpoint", "query-discovery-endpoint")?,
            write_call_timeout: self.duration("write.call-timeout")?,
            query_call_timeout: QUERY_CALL_TIMEOUT.min(read_timeout),
            max_concurrent_calls: self.count("write.max-concurrent-calls")?,
        })
    }

    fn read(&self) -> Result<ReadSettings, Error> {
        Ok(ReadSettings {
            timeout: self.duration("read.timeout")?,
            max_samples: self.count("read.max-samples")?,
            max_bytes: self.bytes("read.max-bytes")?,
            memory_limit_bytes: self.bytes("read.memory-limit")?,
            max_concurrent: self.count("read.max-concurrent")?,
            max_retries: self.retries("max-read-retries")?,
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

/// The name of a label other than that of the metric name.
fn label_name(text: &str) -> Option<String> {
    (!text.is_empty() && text != "__name__").then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
