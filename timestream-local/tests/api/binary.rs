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
        Self::with(data, &[])
    }

    pub fn with(data: &Path, arguments: &[&str]) -> Self {
        Self::run(command(data).args(arguments))
    }

    /// One whose files may not grow beyond a number of blocks of 512 bytes, as on a full disk.
    pub fn on_full_disk(data: &Path, blocks: u32) -> Self {
        Self::with_full_disk(data, blocks, &[])
    }

    /// The same, with more arguments.
    pub fn with_full_disk(data: &Path, blocks: u32, arguments: &[&str]) -> Self {
        let mut limited = Command::new("sh");
        // A write beyond the limit is an error only if the signal is ignored.
        limited.args(["-c", "trap '' XFSZ; ulimit -S -f $0; exec \"$@\"", &blocks.to_string()]);
        let plain = command(data);
        Self::run(limited.arg(plain.get_program()).args(plain.get_args()).args(arguments))
    }

    /// Lets its files grow again.
    pub fn free_disk(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap().success());
    }

    fn run(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
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
