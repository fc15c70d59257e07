//! HTTP as transport: connections, TLS, bodies and answers. It knows nothing of what the connector does.

mod activity;
mod allowed_clients;
pub mod answer;
pub mod basic_auth;
pub mod body;
mod connections;
pub mod listen;
pub mod places;
pub mod server;
pub mod tls;
mod watched;
pub mod zstd;
