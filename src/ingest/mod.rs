//! Remote write requests: content types, decoding, validation, and the outcome of each sample.

pub mod content_type;
pub mod decode_v1;
pub mod decode_v2;
pub mod histogram;
mod not_stored;
mod previous;
mod protobuf;
mod references;
mod repeated;
mod replicas;
mod series;
pub mod stored;
mod symbols;
pub mod validate;
pub mod write;
pub mod written_headers;

pub use protobuf::ProtobufError;
