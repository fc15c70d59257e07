//! Decimal digits, eight of which are read at once in a register.

/// The zero digit, in each byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// A few digits.
pub(super) struct Digits {
    /// One to seven.
    pub(super) count: usize,
    /// Each less the zero digit, the last one in the highest byte. Below the first are zeros.
    word: u64,
}

impl Digits {
    /// What they stand for.
    #[inline]
    pub(super) fn number(&self) -> u64 {
        value(self.word)
    }

    /// Whether all are zeros.
    #[inline]
    pub(super) fn are_zeros(&self) -> bool {
        self.word == 0
    }
}

/// The digits that a text begins with. `None` if they are none, or more than seven, or the text has less than eight bytes.
pub(super) fn digits(text: &[u8]) -> Option<Digits> {
    let word = u64::from_le_bytes(*text.first_chunk()?) ^ ZEROS;
    let others = not_digits(word);
    let count = (others.trailing_zeros() / 8) as usize;
    // The digits go to the upper end, and leading zeros come before them.
    (1..8).contains(&count).then(|| Digits { count, word: word << (64 - 8 * count) })
}

/// The number of eight digits.
pub(super) fn number(digits: &[u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(*digits) ^ ZEROS;
    (not_digits(word) == 0).then(|| value(word))
}

/// The three numbers of `06:35:38`.
pub(super) fn clock(text: &[u8; 8]) -> Option<[u8; 3]> {
    let word = u64::from_le_bytes(*text) ^ u64::from_le_bytes(*b"00:00:00");
    // A colon has become 0, and stays below a digit's marks.
    let others = not_digits(word) | (word & u64::from_le_bytes([0, 0, 0xff, 0, 0, 0xff, 0, 0]));
    let [hour, _, _, minute, _, _, second, _] = (word.wrapping_mul(10).wrapping_add(word >> 8)).to_le_bytes();
    (others == 0).then_some([hour, minute, second])
}

/// Marks the bytes that are no digits. Behind the first of them others may be marked, too.
fn not_digits(word: u64) -> u64 {
    (word | word.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0
}

/// The number of eight digits, the first one in the lowest byte: pairs, then fours, then all are put together.
fn value(word: u64) -> u64 {
    let pairs = (word * 10 + (word >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn digits_are_those_that_are_read_one_by_one(text in "[0-9]{0,9}[ -~]{0,8}|\\PC{0,9}", all in 0..100_000_000_u64) {
            let bytes = text.as_bytes();
            let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let expected = (bytes.len() >= 8 && (1..8).contains(&count)).then(|| (text[..count].parse().unwrap(), count));
            prop_assert_eq!(digits(bytes).map(|digits| (digits.number(), digits.count)), expected);
            prop_assert!(digits(bytes).is_none_or(|digits| digits.are_zeros() == (digits.number() == 0)));
            if let Some(eight) = bytes.first_chunk() {
                prop_assert_eq!(number(eight), (count >= 8).then(|| text[..8].parse().unwrap()));
            }
            let [h, m, s] = [all / 10_000 % 100, all / 100 % 100, all % 100].map(|two| two as u8);
            let text = format!("{h:02}:{m:02}:{s:02}");
            prop_assert_eq!(clock(text.as_bytes().first_chunk().unwrap()), Some([h, m, s]));
            let other = text.replacen(['0', ':', '5'], "\u{1}", 1);
            prop_assert_eq!(clock(other.as_bytes().first_chunk().unwrap()), (other == text).then_some([h, m, s]));
            prop_assert_eq!(number(format!("{all:08}").as_bytes().first_chunk().unwrap()), Some(all));
        }
    }
}
