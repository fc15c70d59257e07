//! The settings of `export`.

use std::path::PathBuf;

use super::source::Source;
use crate::error::Error;
use crate::export::{Auth, Compression, ExportSettings, FileSettings, ReceiverSettings, Target};
use crate::query::Selector;
use crate::units;

/// The name of the state file in the directory of the files.
const STATE: &str = "export.state";

/// The most days that are read side by side.
const MAX_PARALLEL: usize = 64;

/// Formats of `--format`.
#[derive(Clone, Copy)]
enum Format {
    OpenMetrics,
    RemoteWrite,
}

impl<E: Fn(&str) -> Option<String>> Source<E> {
    pub(super) fn export(&self) -> Result<ExportSettings, Error> {
        let time = |flag| {
            let accepted = "RFC 3339 such as 2026-11-28T06:30:00Z, a date, or Unix seconds";
            self.parsed(flag, "ParseOptionError", accepted, units::time)
        };
        let (start_ms, end_ms) = (time("start")?, time("end")?);
        if start_ms >= end_ms {
            return Err(Error::invalid("ParseOptionError", "--start must be before --end"));
        }
        let mut selectors =
            self.all("match").iter().map(|text| Selector::parse(text)).collect::<Result<Vec<_>, Error>>()?;
        if selectors.is_empty() {
            selectors.push(Selector::all());
        }
        let format = |text: &str| match text {
            "openmetrics" => Some(Format::OpenMetrics),
            "remote-write" => Some(Format::RemoteWrite),
            _ => None,
        };
        let target = match self.parsed("format", "ParseOptionError", "openmetrics, remote-write", format)? {
            Format::OpenMetrics => Target::Files(self.files()?),
            Format::RemoteWrite => Target::Receiver(self.receiver()?),
        };
        let state = match (self.text("state"), &target) {
            (Some(state), _) => PathBuf::from(state),
            (None, Target::Files(files)) => files.directory.join(STATE),
            (None, Target::Receiver(_)) => {
                let message = "--state is missing: with remote-write it names the file that notes what has been sent";
                return Err(Error::invalid("ParseOptionError", message));
            }
        };
        let parallel = |text: &str| text.parse().ok().filter(|days| (1..=MAX_PARALLEL).contains(days));
        Ok(ExportSettings {
            start_ms,
            end_ms,
            selectors,
            target,
            state,
            parallel: self.parsed("parallel", "ParseOptionError", "a whole number from 1 to 64", parallel)?,
            dry_run: self.boolean("dry-run", "ParseOptionError")?,
        })
    }

    fn files(&self) -> Result<FileSettings, Error> {
        if self.text("to").is_some_and(|to| to.contains("://")) {
            // The URL may hold a password, so it is not shown.
            let message = "--to is a URL; accepted: a directory, or --format=remote-write with the URL of a receiver";
            return Err(Error::invalid("ParseOptionError", message));
        }
        let directory = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        let compression = |text: &str| match text {
            "gzip" => Some(Compression::Gzip),
            "none" => Some(Compression::None),
            _ => None,
        };
        Ok(FileSettings {
            directory: self.parsed("to", "ParseOptionError", "a directory, for --format openmetrics", directory)?,
            compression: self.parsed("compression", "ParseOptionError", "gzip, none", compression)?,
            max_bytes: self.bytes("max-file-size")?,
        })
    }

    fn receiver(&self) -> Result<ReceiverSettings, Error> {
        // The value may hold a password, so it is not shown.
        let bad = |why: &str| {
            let what = "a URL that begins with https:// or http://, for --format remote-write";
            Error::invalid("ParseOptionError", format!("--to {why}; accepted: {what}"))
        };
        let given = self.text("to").ok_or_else(|| bad("is missing"))?;
        let (scheme, rest) = given.split_once("://").ok_or_else(|| bad("is no URL"))?;
        let authority = rest.get(..rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or_default();
        let (userinfo, rest) = match authority.rfind('@') {
            Some(at) => (rest.get(..at), rest.get(at + 1..).unwrap_or_default()),
            None => (None, rest),
        };
        let url = format!("{scheme}://{rest}");
        let uri: hyper::Uri = url.parse().map_err(|_| bad("is no URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(bad("is no such URL"));
        }
        let (user, password) = (self.text("to.username"), self.text("to.password-file"));
        let auth = match (userinfo, user, password, self.text("to.bearer-token-file")) {
            (None, None, None, None) => Auth::None,
            (Some(userinfo), None, None, None) => {
                let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
                let decoded =
                    |text| units::percent_decoded(text).ok_or_else(|| bad("has a bad % in its user or password"));
                Auth::Basic { user: decoded(user)?, password: decoded(password)? }
            }
            (None, Some(user), Some(password), None) => Auth::BasicFile { user, password: password.into() },
            (None, None, None, Some(token)) => Auth::BearerFile(token.into()),
            _ => {
                let message = "a receiver takes one of: user and password in the URL of --to, --to.username with \
                               --to.password-file, or --to.bearer-token-file";
                return Err(Error::invalid("ParseOptionError", message));
            }
        };
        let tenant = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| text.to_owned());
        let tenant = self
            .text("to.tenant")
            .map(|_| self.parsed("to.tenant", "ParseOptionError", "letters, digits and signs, without blanks", tenant));
        let tenant = tenant.transpose()?;
        Ok(ReceiverSettings { url, auth, tenant })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Command, Options, Stop};
    use super::*;

    fn parse(arguments: &str) -> Result<ExportSettings, String> {
        let line = format!("connector --embedded export {arguments}");
        match Options::parse(line.trim().split(' ').map(str::to_owned), |_| None) {
            Ok(Options { command: Command::Export(settings), .. }) => Ok(settings),
            Err(Stop::Error(error)) => Err(error.to_string()),
            other => panic!("{other:?}"),
        }
    }

    const TIMES: &str = "--start=2023-11-14 --end=1700000000.5";

    #[test]
    fn files_have_defaults_and_the_state_lies_beside_them() {
        let settings = parse(&format!("{TIMES} --to=out")).unwrap();
        assert_eq!((settings.start_ms, settings.end_ms), (1_699_920_000_000, 1_700_000_000_500));
        assert_eq!((settings.selectors.len(), settings.parallel, settings.dry_run), (1, 2, false));
        assert_eq!(settings.state, PathBuf::from("out/export.state"));
        let Target::Files(files) = settings.target else { panic!() };
        assert_eq!((files.compression, files.max_bytes), (Compression::Gzip, 1 << 30));
        let settings = parse(&format!("{TIMES} --to=out --match=up --match={{a=\"b\"}} --state=s --dry-run")).unwrap();
        assert_eq!((settings.selectors.len(), settings.dry_run), (2, true));
        assert_eq!(settings.state, PathBuf::from("s"));
    }

    #[test]
    fn a_receiver_has_one_way_of_letting_in_and_no_secret_is_shown() {
        let receiver = |more: &str| {
            let settings = parse(&format!("{TIMES} --format=remote-write --state=s {more}"))?;
            assert!(!format!("{settings:?}").contains("hidden"), "{settings:?}");
            match settings.target {
                Target::Receiver(receiver) => Ok((receiver.url, receiver.auth)),
                Target::Files(_) => panic!(),
            }
        };
        let (url, auth) = receiver("--to=https://u%40x:hidden-%2F@host:1/a?b=c@d").unwrap();
        assert_eq!(url, "https://host:1/a?b=c@d");
        assert!(matches!(auth, Auth::Basic { user, password } if user == "u@x" && password == "hidden-/"));
        let (_, auth) = receiver("--to=http://host --to.username=u --to.password-file=f --to.tenant=t").unwrap();
        assert!(matches!(auth, Auth::BasicFile { .. }));
        let (_, auth) = receiver("--to=http://host --to.bearer-token-file=f").unwrap();
        assert!(matches!(auth, Auth::BearerFile(_)));
        for bad in [
            "--to=http://u:hidden@host --to.bearer-token-file=f",
            "--to=http://host --to.username=u",
            "--to=ftp://u:hidden@host/",
            "--to=http://u:hidden@",
            "--to=http://u:hidden%@host",
            "--to=out",
            "",
        ] {
            let error: String = receiver(bad).unwrap_err();
            assert!(error.starts_with("ParseOptionError") && !error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (arguments, named) in [
            ("--end=1 --to=out", "--start is missing; accepted: RFC 3339"),
            ("--start=1 --end=1 --to=out", "--start must be before --end"),
            ("--start=0 --end=soon --to=out", "--end is \"soon\""),
            ("--start=0 --end=1", "--to is missing; accepted: a directory"),
            ("--start=0 --end=1 --to=http://u:hidden@x", "--to is a URL; accepted: a directory"),
            ("--start=0 --end=1 --to=out --match={", "InvalidMatcherError"),
            ("--start=0 --end=1 --to=out --parallel=65", "--parallel is \"65\""),
            ("--start=0 --end=1 --to=out --compression=zstd", "accepted: gzip, none"),
            ("--start=0 --end=1 --to=http://x --format=remote-write", "--state is missing"),
        ] {
            let error = parse(arguments).unwrap_err();
            assert!(error.contains(named), "{arguments}: {error}");
        }
    }
}
