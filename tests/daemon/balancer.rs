//! What a Service of Kubernetes does: hands each new connection to one of the backends that are ready.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::waiting::eventually;

/// How often each backend is asked whether it is ready. Soon after no new connection comes to one that is not.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// A running balancer. It stops accepting when dropped.
pub struct Balancer {
    pub address: String,
    shared: Arc<Shared>,
}

struct Shared {
    backends: Vec<String>,
    ready: Mutex<Vec<bool>>,
    next: AtomicUsize,
    stop: AtomicBool,
    /// Connections that found no backend to take them.
    refused: AtomicUsize,
}

impl Balancer {
    /// Balances between addresses; `is_ready` probes one.
    pub fn start(backends: Vec<String>, is_ready: impl Fn(&str) -> bool + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let ready = Mutex::new(vec![false; backends.len()]);
        let (next, stop, refused) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicUsize::new(0));
        let shared = Arc::new(Shared { backends, ready, next, stop, refused });
        for (index, backend) in shared.backends.iter().cloned().enumerate() {
            let (probed, is_ready) = (shared.clone(), is_ready.clone());
            std::thread::spawn(move || {
                while !probed.stop.load(Ordering::Relaxed) {
                    let ready = is_ready(&backend);
                    probed.ready.lock().unwrap()[index] = ready;
                    std::thread::sleep(PROBE_INTERVAL);
                }
            });
        }
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.stop.load(Ordering::Relaxed) {
                    break;
                }
                accepting.hand_over(client);
            }
        });
        Balancer { address, shared }
    }

    /// Waits until it takes a backend for ready, or for not ready.
    pub fn wait_until(&self, backend: usize, ready: bool) {
        eventually(&format!("backend {backend} is seen ready or not: {ready}"), || {
            self.shared.ready.lock().unwrap()[backend] == ready
        });
    }

    /// Connections that no backend took.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(&self.address);
    }
}

impl Shared {
    /// As kube-proxy does: it looks at no answer, and does not try a second backend.
    fn hand_over(&self, client: TcpStream) {
        let ready: Vec<usize> = {
            let ready = self.ready.lock().unwrap();
            (0..ready.len()).filter(|&index| ready[index]).collect()
        };
        let chosen = ready.get(self.next.fetch_add(1, Ordering::Relaxed) % ready.len().max(1));
        let Some(server) = chosen.and_then(|&index| TcpStream::connect(&self.backends[index]).ok()) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        };
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        for (mut from, mut to) in [(client, server), (server_too, client_too)] {
            std::thread::spawn(move || {
                let _ = copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    }
}
