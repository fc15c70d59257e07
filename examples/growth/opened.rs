//! A build that was started with a copy of its data, after it was killed: when it was ready, and the bytes that it keeps.

use std::time::Instant;

use tempfile::TempDir;

use crate::filled::Filled;
use crate::folder;
use crate::server::Server;
use crate::servers::Build;

pub struct Opened {
    /// Stopped before its data is removed.
    pub server: Server,
    /// Seconds.
    pub ready: f64,
    /// Bytes of a sample.
    pub kept: f64,
    _folder: TempDir,
}

impl Opened {
    pub fn start(build: &Build, filled: &Filled) -> Self {
        let (folder, data) = filled.copy();
        let started = Instant::now();
        let server = Server::start(build, &data);
        let ready = started.elapsed().as_secs_f64();
        server.process.stop();
        let server = Server::start(build, &data);
        let idle = server.idle().map_or("not idle yet".to_owned(), |seconds| format!("idle {seconds:.0} s later"));
        let kept = folder::bytes(&data) / filled.samples() as f64;
        println!("{}: ready after {ready:.2} s, stopped and started, {idle}, {kept:.2} bytes a sample", build.name);
        Opened { server, ready, kept, _folder: folder }
    }
}
