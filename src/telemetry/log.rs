//! Log lines as Prometheus writes them, logfmt or JSON, to stderr: `ts`, `level`, `caller`, `msg`, then the fields.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::{PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::recent::{Line, Recent};
use super::request_id::RequestId;

/// The lowest level that is logged. There is one log for the whole process, and so one level.
static LEVEL: RwLock<Level> = RwLock::new(Level::INFO);
static RECENT: Recent = Recent::new();

/// The settings in AWS Lambda if the options can't be read.
pub const UNLESS_CONFIGURED: LogOptions = LogOptions { enabled: true, level: Level::INFO, format: Format::Json };

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object per line.
    Json,
}

/// The log's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// Whether to log at all.
    pub enabled: bool,
    /// The lowest level that is logged.
    pub level: Level,
    /// How a line is written.
    pub format: Format,
}

/// Installs the log for the whole process. A second call does nothing.
pub fn install(options: LogOptions) {
    if options.enabled {
        set_level(options.level);
        let layer = LogLayer { format: options.format };
        // Fails only if a log is installed already.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
    }
}

/// The lowest level that is logged.
pub fn level() -> Level {
    *LEVEL.read().unwrap_or_else(PoisonError::into_inner)
}

/// Changes the lowest level that is logged, at once.
pub fn set_level(level: Level) {
    *LEVEL.write().unwrap_or_else(PoisonError::into_inner) = level;
    tracing::callsite::rebuild_interest_cache();
}

/// The last warnings and errors. Empty where logging is off.
pub fn recent() -> &'static Recent {
    &RECENT
}

struct LogLayer {
    format: Format,
}

/// Whether a line is logged. Those of dependencies are logged only from warnings on: lower ones may show requests with
/// their headers.
fn logs(metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target().starts_with("timestream_");
    *metadata.level() <= if ours { level() } else { level().min(Level::WARN) }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        logs(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(level()))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(id) = RequestId::current() {
            fields.others.push(("request_id", id.as_str().to_owned()));
        }
        let file = metadata.file().unwrap_or_default();
        let file = file.rsplit(['/', '\\']).next().unwrap_or_default();
        let now = SystemTime::now();
        let level = lower_case(*metadata.level());
        if *metadata.level() <= Level::WARN {
            let Fields { message, others } = &fields;
            RECENT.push(Line { at: now, level, message: message.clone(), fields: others.clone() });
        }
        let mut all = vec![
            ("ts", timestamp(now)),
            ("level", level.to_owned()),
            ("caller", format!("{file}:{}", metadata.line().unwrap_or_default())),
            ("msg", fields.message),
        ];
        all.extend(fields.others);
        let line = match self.format {
            Format::Logfmt => logfmt(&all),
            Format::Json => json(&all),
        };
        // There is nowhere to report that stderr is closed.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

/// A level as the log and the options write it.
pub fn lower_case(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The level of this name, as the options and the log write it.
pub fn parse_level(name: &str) -> Option<Level> {
    [Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR].into_iter().find(|level| lower_case(*level) == name)
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.others.push((field.name(), value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// RFC 3339 in UTC, with milliseconds.
pub fn timestamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// The date that lies `days` after 1970-01-01. Algorithm: Howard Hinnant, "chrono-compatible low-level date
/// algorithms", civil_from_days.
fn civil_date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

fn logfmt(fields: &[(&str, String)]) -> String {
    let mut line = String::with_capacity(200);
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            line.push(' ');
        }
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '"' | '=' | '\\');
        if !value.is_empty() && value.chars().all(plain) {
            let _ = write!(line, "{name}={value}");
        } else {
            // A logfmt reader knows the escapes of Go's strconv.Quote. JSON's are among them.
            let _ = write!(line, "{name}={}", serde_json::Value::from(value.as_str()));
        }
    }
    line.push('\n');
    line
}

fn json(fields: &[(&str, String)]) -> String {
    let mut line = String::from("{");
    for (index, (name, value)) in fields.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let (name, value) = (serde_json::Value::from(*name), serde_json::Value::from(value.as_str()));
        let _ = write!(line, "{comma}{name}:{value}");
    }
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn time_is_rfc_3339() {
        let at = |seconds: u64, millis| timestamp(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + millis));
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400, 7), "2000-02-29T00:00:00.007Z");
        assert_eq!(at(1_795_478_399, 999), "2026-11-23T23:59:59.999Z");
    }

    #[test]
    fn logfmt_quotes_what_needs_it() {
        let line = logfmt(&[
            ("level", "info".into()),
            ("msg", "two words".into()),
            ("v", "a\n\"b\"".into()),
            ("e", String::new()),
        ]);
        assert_eq!(line, "level=info msg=\"two words\" v=\"a\\n\\\"b\\\"\" e=\"\"\n");
    }

    proptest! {
        #[test]
        fn no_value_breaks_out_of_its_line(value in any::<String>()) {
            let fields = [("msg", value.clone()), ("next", "x".to_owned())];
            let parsed: serde_json::Value = serde_json::from_str(&json(&fields)).unwrap();
            prop_assert_eq!(parsed["msg"].as_str(), Some(value.as_str()));
            let line = logfmt(&fields);
            prop_assert_eq!(line.matches('\n').count(), 1);
            let text = line.strip_prefix("msg=").and_then(|rest| rest.strip_suffix(" next=x\n")).unwrap();
            let unquoted = if text.starts_with('"') { serde_json::from_str(text).unwrap() } else { text.to_owned() };
            prop_assert_eq!(unquoted, value);
        }
    }
}
