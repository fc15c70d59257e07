//! What the values of points are read as.

use super::decimal;
use crate::decimal::Number;

/// A value as whoever takes it needs it.
pub trait SampleValue: Copy + From<f64> {
    /// The number before the first quote of a text, and where that quote is. `None` if it is none, or not read this way.
    fn before_quote(text: &[u8]) -> Option<(Self, usize)>;
}

impl SampleValue for f64 {
    #[inline]
    fn before_quote(text: &[u8]) -> Option<(Self, usize)> {
        decimal::before_quote(text)
    }
}

impl SampleValue for Number {
    #[inline]
    fn before_quote(text: &[u8]) -> Option<(Self, usize)> {
        decimal::number_before_quote(text)
    }
}
