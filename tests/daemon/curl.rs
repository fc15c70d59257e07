//! curl, as callers use it.

use std::path::Path;
use std::process::Command;

use super::output;
use super::waiting::PATIENCE;

/// An answer, with its protocol version.
pub struct Answer {
    pub status: u16,
    pub version: String,
    pub text: String,
}

/// curl with arguments of its own.
pub struct Curl {
    arguments: Vec<String>,
}

impl Curl {
    /// One that trusts an authority.
    pub fn trusting(authority: &Path) -> Self {
        Curl { arguments: vec!["--cacert".to_owned(), authority.display().to_string()] }
    }

    /// With these arguments more.
    pub fn with(&self, arguments: &[&str]) -> Self {
        let more = arguments.iter().map(|&argument| argument.to_owned());
        Curl { arguments: self.arguments.iter().cloned().chain(more).collect() }
    }

    /// GETs a URL; `None` where no answer comes, as when the handshake fails. Header lines stand before the text.
    pub fn get(&self, url: &str) -> Option<Answer> {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--max-time", &PATIENCE.as_secs().to_string()])
            .args(["--write-out", "\n%{http_code} %{http_version}"])
            .args(&self.arguments)
            .arg(url)
            .output()
            .expect("curl must be installed (Debian: apt-get install curl)");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output::check(&text);
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        let (text, numbers) = text.rsplit_once('\n')?;
        let (status, version) = numbers.split_once(' ')?;
        let (status, version) = (status.parse().ok()?, version.to_owned());
        (status != 0).then(|| Answer { status, version, text: text.to_owned() })
    }

    /// The status of a GET.
    pub fn status(&self, url: &str) -> Option<u16> {
        self.get(url).map(|answer| answer.status)
    }
}
