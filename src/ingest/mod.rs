//! Remote write requests: content types, decoding, validation, and the outcome of each sample.

pub mod content_type;
pub mod decode_v1;
pub mod decode_v2;
pub mod histogram;
mod not_stored;
mod protobuf;
mod repeated;
mod replicas;
mod series;
pub mod stored;
pub mod validate;
pub mod write;
pub mod written_headers;

pub use protobuf::ProtobufError;
