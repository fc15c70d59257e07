//! A server under measurement, in a process of its own.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::port::Port;
use crate::common::waiting;
use crate::{machine, remote};

const PAUSE: Duration = Duration::from_millis(20);
/// CPU time is counted in hundredths of a second.
const IDLE_FOR: Duration = Duration::from_millis(500);

/// A running server. Killed when dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    _port: Port,
}

impl Process {
    /// Starts what `command` makes for an address, and waits until it listens and, if it has a path for that, says that
    /// it is ready, however long it works on its data before.
    pub fn start(ready: Option<&str>, command: impl FnOnce(SocketAddr) -> Command) -> Self {
        let port = Port::new();
        let address = port.address;
        let mut command = command(address);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("{command:?}: {status}");
            }
            let is_ready = |path| remote::get(&format!("http://{address}{path}"), &[]).status == 200;
            if TcpStream::connect(address).is_ok() && ready.is_none_or(is_ready) {
                return Process { child, address, _port: port };
            }
            std::thread::sleep(PAUSE);
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU seconds so far.
    pub fn cpu_seconds(&self) -> f64 {
        machine::cpu_seconds(&self.id().to_string())
    }

    /// Waits until it does nothing: a server that has just started may go through its data.
    pub fn wait_until_idle(&self) {
        waiting::eventually("the server is idle", || {
            let before = self.cpu_seconds();
            std::thread::sleep(IDLE_FOR);
            self.cpu_seconds() - before < 0.01
        });
    }

    /// A line of its /proc/PID/status, in MB.
    pub fn memory_mb(&self, line: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let found = status.lines().find_map(|one| one.strip_prefix(line)?.strip_prefix(':')?.strip_suffix(" kB"));
        found.unwrap().trim().parse::<f64>().unwrap() * 1024.0 / 1e6
    }

    /// Forgets the highest memory so far, VmHWM (proc(5), clear_refs).
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.id()), "5").unwrap();
    }

    /// Ends it in good order, which leaves its data whole in its files.
    pub fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success(), "a server that does not stop in good order");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
