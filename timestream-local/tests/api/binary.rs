//! The real binary, in a process that can be killed.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running server. Killed when dropped, as by a power cut.
pub struct Binary {
    child: Child,
    /// Such as `http://127.0.0.1:40000`.
    pub endpoint: String,
}

impl Binary {
    pub fn start(data: &Path) -> Self {
        let mut child = command(data).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = line.trim_end().rsplit(' ').next().unwrap().to_owned();
        assert!(endpoint.starts_with("http"), "{line}");
        Binary { child, endpoint }
    }

    /// What it says on standard error when it does not start.
    pub fn refusal(data: &Path) -> String {
        let mut child = command(data).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
        text
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_timestream-local"));
    command.arg("--data-dir").arg(data).args(["--listen-address", "127.0.0.1:0"]);
    command
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
