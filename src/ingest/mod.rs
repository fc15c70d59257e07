//! What comes in: connections, callers, bodies, and remote write requests decoded and validated.

mod activity;
mod allowed_clients;
pub mod auth;
pub mod body;
mod connections;
pub mod content_type;
pub mod decode_v1;
pub mod decode_v2;
pub mod histogram;
mod not_stored;
mod protobuf;
mod repeated;
mod series;
pub mod server;
pub mod tls;
pub mod validate;
mod watched;
pub mod write;
pub mod written;

pub use protobuf::ProtobufError;
