//! Where the server listens.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted, as far as the system allows. When more come at once, each waits for a second.
const BACKLOG: u32 = 4096;

/// An address to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// Host name or address; all interfaces where there is none.
    pub host: Option<String>,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
}

impl ListenAddress {
    /// Reads `:port`, `host:port` or `[ipv6]:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(ipv6) => Some(ipv6.parse::<Ipv6Addr>().ok()?.to_string()),
            None if host.is_empty() => None,
            None if host.contains([':', '[', ']', '/', ' ']) => return None,
            None => Some(host.to_owned()),
        };
        Some(ListenAddress { host, port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => write!(f, ":{}", self.port),
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Some(host) => write!(f, "{host}:{}", self.port),
        }
    }
}

/// Listens at `address`: without a host on all interfaces, IPv6 and IPv4 where the system has both.
///
/// # Errors
/// The address is not one of this machine, or in use.
pub async fn listen(address: &ListenAddress) -> io::Result<TcpListener> {
    let Some(host) = &address.host else {
        return match bind((Ipv6Addr::UNSPECIFIED, address.port).into()) {
            Ok(listener) => Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
            Err(_) => bind((Ipv4Addr::UNSPECIFIED, address.port).into()),
        };
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in tokio::net::lookup_host((host.as_str(), address.port)).await? {
        match bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_in_three_forms() {
        for text in [":9201", "localhost:9201", "127.0.0.1:0", "[::1]:9201"] {
            assert_eq!(ListenAddress::parse(text).unwrap().to_string(), text);
        }
        for bad in ["9201", "::1:9201", "host:", "host:99999", "[x]:1", "http://a:1"] {
            assert_eq!(ListenAddress::parse(bad), None, "{bad}");
        }
    }
}
