//! The value of each option, from its flag, its variable or its default, and the errors of bad values.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::commands::COMMANDS;
use super::table::{OPTIONS, OptionSpec};
use crate::error::Error;
use crate::http::listen::ListenAddress;
use crate::sink::settings::Endpoint;
use crate::units;

pub(super) fn command() -> Command {
    let command = Command::new("timestream-prometheus-connector")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Prometheus remote write and remote read for Amazon Timestream for LiveAnalytics");
    let command = command.subcommand_help_heading("Commands").disable_help_subcommand(true);
    // They stand before or after the command's name.
    let command = OPTIONS.iter().fold(command, |command, spec| command.arg(argument(spec).global(true)));
    COMMANDS.iter().fold(command, |command, (name, about, own)| {
        let subcommand = Command::new(*name).about(*about);
        command.subcommand(own.iter().fold(subcommand, |subcommand, spec| subcommand.arg(argument(spec))))
    })
}

fn argument(spec: &'static OptionSpec) -> Arg {
    let environment = spec.environment.join(", ");
    let environment = if environment.is_empty() { environment } else { format!("env: {environment}") };
    let default = if spec.default.is_empty() { String::new() } else { format!("default {}", spec.default) };
    let known: Vec<String> = [environment, default].into_iter().filter(|text| !text.is_empty()).collect();
    let known = if known.is_empty() { String::new() } else { format!(" [{}]", known.join("; ")) };
    let argument = Arg::new(spec.flag)
        .long(spec.flag)
        .help(format!("{}{known}", spec.help))
        .help_heading(spec.group)
        .aliases(spec.alias)
        .action(if spec.repeats { ArgAction::Append } else { ArgAction::Set });
    if spec.value.is_empty() {
        argument.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("true|false")
    } else {
        argument.value_name(spec.value).allow_hyphen_values(true)
    }
}

/// Where option values come from.
pub(super) struct Source<E> {
    /// Of the command; for serving, of the whole line.
    pub(super) matches: ArgMatches,
    /// The options of the command alone.
    pub(super) own: &'static [OptionSpec],
    pub(super) environment: E,
}

impl<E: Fn(&str) -> Option<String>> Source<E> {
    /// Reads a command line, and gives the name of its command, if it has one.
    ///
    /// # Errors
    /// What clap says of it; also help and version.
    pub(super) fn new(
        arguments: impl IntoIterator<Item = String>,
        environment: E,
    ) -> Result<(Option<&'static str>, Self), clap::Error> {
        let mut matches = command().try_get_matches_from(arguments)?;
        let called = matches.remove_subcommand();
        let found = called.and_then(|(name, matches)| {
            let (name, _, own) = COMMANDS.iter().find(|(known, ..)| *known == name)?;
            Some((*name, *own, matches))
        });
        Ok(match found {
            Some((name, own, matches)) => (Some(name), Source { matches, own, environment }),
            None => (None, Source { matches, own: &[], environment }),
        })
    }

    fn spec(&self, flag: &str) -> Option<&'static OptionSpec> {
        self.own.iter().chain(OPTIONS).find(|spec| spec.flag == flag)
    }

    /// The value of an option, and the flag or variable that gave it.
    fn value(&self, flag: &'static str) -> Option<(String, String)> {
        let default = || self.spec(flag).map(|spec| spec.default);
        let named = |default: &str| (default.to_owned(), format!("--{flag}"));
        self.given(flag).or_else(|| default().filter(|default| !default.is_empty()).map(named))
    }

    /// The value that the flag or a variable gives. An empty variable is the same as none.
    pub(super) fn given(&self, flag: &'static str) -> Option<(String, String)> {
        if let Some(value) = self.matches.get_one::<String>(flag) {
            return Some((value.clone(), format!("--{flag}")));
        }
        let spec = self.spec(flag)?;
        for variable in spec.environment {
            if let Some(value) = (self.environment)(variable).filter(|value| !value.is_empty()) {
                return Some((value, (*variable).to_owned()));
            }
        }
        None
    }

    /// A hint if the option's variable is set in capitals, which is another variable.
    pub(super) fn shouted(&self, flag: &str) -> Option<String> {
        let spec = self.spec(flag)?;
        let variable = spec.environment.first()?;
        let capitals = variable.to_ascii_uppercase();
        (self.environment)(&capitals)?;
        Some(format!("; {capitals} is set, but the variable is {variable}, in small letters"))
    }

    /// Every option's value. URLs are without user and password.
    pub(super) fn flags(&self) -> BTreeMap<&'static str, String> {
        let value = |spec: &OptionSpec| self.text(spec.flag).unwrap_or_default();
        OPTIONS.iter().map(|spec| (spec.flag, without_userinfo(&value(spec)))).collect()
    }

    pub(super) fn text(&self, flag: &'static str) -> Option<String> {
        self.value(flag).map(|(value, _)| value).filter(|value| !value.is_empty())
    }

    /// All values of an option that may be given several times.
    pub(super) fn all(&self, flag: &'static str) -> Vec<String> {
        self.matches.get_many::<String>(flag).into_iter().flatten().cloned().collect()
    }

    pub(super) fn parsed<T>(
        &self,
        flag: &'static str,
        error: &'static str,
        accepted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let Some((value, given_by)) = self.value(flag) else {
            return Err(Error::invalid(error, format!("--{flag} is missing; accepted: {accepted}")));
        };
        parse(&value).ok_or_else(|| Error::invalid(error, format!("{given_by} is {value:?}; accepted: {accepted}")))
    }

    pub(super) fn boolean(&self, flag: &'static str, error: &'static str) -> Result<bool, Error> {
        self.parsed(flag, error, "1 t T TRUE true True 0 f F FALSE false False", boolean)
    }

    pub(super) fn duration(&self, flag: &'static str) -> Result<Duration, Error> {
        self.parsed(flag, "ParseOptionError", "a duration such as 5ms, 25s or 1m30s, at most 366d", units::duration)
    }

    pub(super) fn duration_or_zero(&self, flag: &'static str) -> Result<Duration, Error> {
        let duration = |text: &str| if text == "0s" { Some(Duration::ZERO) } else { units::duration(text) };
        self.parsed(flag, "ParseOptionError", "a duration such as 5s or 1m30s, at most 366d, or 0s", duration)
    }

    pub(super) fn bytes(&self, flag: &'static str) -> Result<usize, Error> {
        let limit = |text: &str| units::bytes(text).filter(|bytes| *bytes < u32::MAX as usize);
        self.parsed(flag, "ParseOptionError", "bytes such as 1000000, 16MiB or 1GB, below 4GiB", limit)
    }

    pub(super) fn count(&self, flag: &'static str) -> Result<usize, Error> {
        let count = |text: &str| text.parse().ok().filter(|count| (1..=1_000_000_000).contains(count));
        self.parsed(flag, "ParseOptionError", "a whole number from 1 to 1000000000", count)
    }

    pub(super) fn retries(&self, flag: &'static str) -> Result<u32, Error> {
        let retries = |text: &str| text.parse().ok().filter(|retries| *retries <= 1000);
        self.parsed(flag, "ParseRetriesError", "a whole number from 0 to 1000", retries)
    }

    pub(super) fn address(&self, flag: &'static str) -> Result<ListenAddress, Error> {
        self.parsed(flag, "ParseOptionError", ":port, host:port or [ipv6]:port", ListenAddress::parse)
    }

    pub(super) fn endpoint(&self, fixed: &'static str, discovery: &'static str) -> Result<Endpoint, Error> {
        match self.url(fixed)? {
            Some(url) => Ok(Endpoint::Fixed(url)),
            None => self.url(discovery).map(Endpoint::Discovered),
        }
    }

    fn url(&self, flag: &'static str) -> Result<Option<String>, Error> {
        let Some((value, given_by)) = self.value(flag).filter(|(value, _)| !value.is_empty()) else { return Ok(None) };
        let uri: Option<hyper::Uri> = value.parse().ok();
        if uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https"))) {
            return Ok(Some(value));
        }
        let shown = behind_userinfo(&value);
        let message = format!("{given_by} is {shown:?}; accepted: a URL that begins with https:// or http://");
        Err(Error::invalid("ParseOptionError", message))
    }
}

/// A boolean in one of the spellings that Go's strconv.ParseBool accepts.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// A URL with its user and password hidden; any other text as it is.
fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://<secret>{}", &rest[at..]),
        None => text.to_owned(),
    }
}

/// What stands behind all that may be user and password in a text that is no good URL.
fn behind_userinfo(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, behind)) => format!("…@{behind}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_user() {
        for (text, shown) in [
            ("https://u:hidden-p@ss@host:1/a@b", "https://<secret>@host:1/a@b"),
            ("https://host/a@b", "https://host/a@b"),
            ("a@b", "a@b"),
        ] {
            assert_eq!(without_userinfo(text), shown);
        }
    }

    #[test]
    fn a_bad_url_is_told_without_its_user() {
        for (value, shown) in [
            ("ftp://u:hidden-x@h/", "…@h/"),
            ("http://u:hidden-x @h", "…@h"),
            ("ftp://u:hidden-/x@y@h", "…@h"),
            ("u:hidden-x@h:1", "…@h:1"),
            ("ftp://h", "ftp://h"),
        ] {
            let arguments = ["connector".to_owned(), format!("--write-base-endpoint={value}")];
            let (_, source) = Source::new(arguments, |_: &str| None).unwrap();
            let error = source.url("write-base-endpoint").unwrap_err();
            let told = format!("--write-base-endpoint is {shown:?}; accepted: a URL that begins with");
            assert!(error.message().starts_with(&told), "{error}");
        }
    }
}
