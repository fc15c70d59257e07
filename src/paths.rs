//! The paths that requests may have, in one table: the purpose of each, and the methods that it accepts.

use hyper::Method;

use crate::telemetry::metrics::Handler;

/// What a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Remote write.
    Write,
    /// Remote read.
    Read,
    /// The connector's own metrics.
    Metrics,
    /// For operators.
    Admin(AdminPath),
    /// A part of the page for people.
    Page(PagePath),
    /// SQL from the page to the embedded Timestream.
    Sql,
}

/// What operators ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminPath {
    /// Whether the process lives.
    Healthy,
    /// Whether traffic may come.
    Ready,
    /// To read the web configuration again.
    Reload,
    /// The level of the log.
    LogLevel,
    /// What runs.
    BuildInfo,
    /// Since when and how it runs.
    RuntimeInfo,
    /// The options in force.
    Flags,
    /// The web configuration in force.
    Config,
}

/// A part of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagePath {
    /// The page itself.
    Html,
    /// Its style sheet.
    Style,
    /// Its script.
    Script,
    /// Its icon.
    Icon,
    /// The README.
    Readme,
    /// Its numbers.
    Live,
}

const READ: &[Method] = &[Method::GET, Method::HEAD];
const POST: &[Method] = &[Method::POST];
const CHANGE: &[Method] = &[Method::POST, Method::PUT];
const READ_AND_CHANGE: &[Method] = &[Method::GET, Method::HEAD, Method::POST, Method::PUT];

/// The paths that no option moves. With some senders' settings the protocol's paths get a slash at the end.
const PATHS: &[(&str, Path, &[Method])] = &[
    ("/write", Path::Write, POST),
    ("/write/", Path::Write, POST),
    ("/read", Path::Read, POST),
    ("/read/", Path::Read, POST),
    ("/-/healthy", Path::Admin(AdminPath::Healthy), READ),
    ("/-/ready", Path::Admin(AdminPath::Ready), READ),
    ("/-/reload", Path::Admin(AdminPath::Reload), CHANGE),
    ("/-/log-level", Path::Admin(AdminPath::LogLevel), READ_AND_CHANGE),
    ("/api/v1/status/buildinfo", Path::Admin(AdminPath::BuildInfo), READ),
    ("/api/v1/status/runtimeinfo", Path::Admin(AdminPath::RuntimeInfo), READ),
    ("/api/v1/status/flags", Path::Admin(AdminPath::Flags), READ),
    ("/api/v1/status/config", Path::Admin(AdminPath::Config), READ),
    ("/api/v1/status/live", Path::Page(PagePath::Live), READ),
    ("/", Path::Page(PagePath::Html), READ),
    ("/page.css", Path::Page(PagePath::Style), READ),
    ("/page.js", Path::Page(PagePath::Script), READ),
    ("/page.svg", Path::Page(PagePath::Icon), READ),
    ("/README.md", Path::Page(PagePath::Readme), READ),
    ("/api/v1/embedded/query", Path::Sql, POST),
];

/// A path and the methods that it takes.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// What the path is for.
    pub path: Path,
    /// The methods that it takes.
    pub methods: &'static [Method],
}

fn fixed(path: &str) -> Option<Found> {
    let (_, path, methods) = PATHS.iter().find(|(name, ..)| *name == path)?;
    Some(Found { path: *path, methods })
}

/// Whether a path is taken, so that it can't be the path of the metrics.
pub fn is_taken(path: &str) -> bool {
    fixed(path).is_some()
}

/// Whether a path is the one of remote write.
pub fn is_write(path: &str) -> bool {
    fixed(path).is_some_and(|found| found.path == Path::Write)
}

/// The paths of one connector.
#[derive(Debug, Clone)]
pub struct Paths {
    telemetry: String,
    embedded: bool,
}

impl Paths {
    /// The paths of a connector whose metrics are at `telemetry`, with or without the embedded Timestream.
    pub fn new(telemetry: String, embedded: bool) -> Self {
        Paths { telemetry, embedded }
    }

    /// Where the metrics are.
    pub fn telemetry(&self) -> &str {
        &self.telemetry
    }

    /// What a path is for.
    pub fn find(&self, path: &str) -> Option<Found> {
        if path == self.telemetry {
            return Some(Found { path: Path::Metrics, methods: READ });
        }
        fixed(path).filter(|found| self.embedded || found.path != Path::Sql)
    }
}

impl Path {
    /// The name of its handler in the metrics.
    pub fn handler(self) -> Handler {
        match self {
            Path::Write => Handler::Write,
            Path::Read => Handler::Read,
            Path::Metrics => Handler::Metrics,
            Path::Admin(_) => Handler::Admin,
            Path::Page(_) | Path::Sql => Handler::Page,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_stands_once() {
        for (index, (name, ..)) in PATHS.iter().enumerate() {
            assert!(PATHS[..index].iter().all(|(other, ..)| other != name), "{name}");
        }
    }

    #[test]
    fn a_connector_has_its_own_paths() {
        let paths = Paths::new("/m".to_owned(), false);
        let is = |path: &str| paths.find(path).map(|found| found.path);
        assert_eq!(is("/m"), Some(Path::Metrics));
        assert_eq!(is("/metrics"), None);
        assert_eq!(is("/write"), is("/write/"));
        assert_eq!(is("/api/v1/embedded/query"), None, "on AWS");
        let embedded = Paths::new("/metrics".to_owned(), true);
        assert!(embedded.find("/api/v1/embedded/query").is_some());
        assert!(is_taken("/read/") && is_write("/write/") && !is_write("/read"));
    }
}
