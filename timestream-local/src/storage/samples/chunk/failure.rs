//! What may be wrong with a chunk.

/// Why bytes are no chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damaged {
    /// The bytes end too early.
    #[error("the chunk is cut short")]
    CutShort,
    /// The chunk has another version of the format, or is none.
    #[error("the chunk has an unknown format")]
    UnknownFormat,
    /// The chunk's bytes have changed.
    #[error("the chunk's checksum is wrong")]
    WrongChecksum,
    /// The chunk has more samples than the reader accepts.
    #[error("the chunk has too many samples")]
    TooMany,
    /// The chunk's row tells of another one: of other times, or of more or fewer samples.
    #[error("the chunk has other samples than its row says")]
    OtherSamples,
    /// The checksum is right, but of bytes that are never written.
    #[error("the chunk is invalid")]
    Invalid,
}
