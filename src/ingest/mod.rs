//! What comes in: connections, callers, bodies, and remote write requests decoded and validated.

pub mod auth;
pub mod body;
pub mod decode_v1;
mod protobuf;
mod repeated;
pub mod server;
pub mod tls;
pub mod validate;
pub mod write;

pub use protobuf::ProtobufError;
