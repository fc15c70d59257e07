//! Ports that are known before a server has them.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A free port of 127.0.0.1, kept from everybody else until this is dropped: it is bound, and nobody listens. A server
/// that is told this very port may listen there, one after the other, because all of them set SO_REUSEADDR, as this does
/// (socket(7)). The system gives a port that is bound to nobody who asks for any.
pub struct Port {
    _bound: TcpSocket,
    pub address: SocketAddr,
}

impl Port {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Port { address: socket.local_addr().unwrap(), _bound: socket }
    }
}
