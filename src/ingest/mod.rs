//! What comes in: connections, callers, bodies, and remote write requests decoded and validated.

mod activity;
mod allowed_clients;
pub mod auth;
pub mod body;
mod connections;
pub mod decode_v1;
mod protobuf;
mod repeated;
pub mod server;
pub mod tls;
pub mod validate;
mod watched;
pub mod write;

pub use protobuf::ProtobufError;
