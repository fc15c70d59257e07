//! The checksum of gzip, which also goes on over a text that it has gone over before, without reading it again.

/// The polynomial, its lowest power in the highest bit.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// What each byte adds to a register that sixteen bytes have gone through, from the last byte to the first.
static TABLES: [[u32; 256]; 16] = tables();

const fn tables() -> [[u32; 256]; 16] {
    let mut tables = [[0; 256]; 16];
    let mut byte = 0;
    while byte < 256 {
        let mut register = byte as u32;
        let mut place = 0;
        while place < 16 {
            let mut bit = 0;
            while bit < 8 {
                register = times_x(register);
                bit += 1;
            }
            tables[place][byte] = register;
            place += 1;
        }
        byte += 1;
    }
    tables
}

const fn times_x(register: u32) -> u32 {
    (register >> 1) ^ if register & 1 == 1 { POLYNOMIAL } else { 0 }
}

/// The register after sixteen bytes, the first four of which have the register of before in them.
#[inline(always)]
pub(super) fn sixteen(bytes: u128) -> u32 {
    let bytes = bytes.to_le_bytes();
    let mut register = 0;
    for (byte, table) in bytes.iter().zip(TABLES.iter().rev()) {
        register ^= table[usize::from(*byte)];
    }
    register
}

/// The same of eight bytes.
#[inline(always)]
pub(super) fn eight(bytes: u64) -> u32 {
    let bytes = bytes.to_le_bytes();
    let mut register = 0;
    for (byte, table) in bytes.iter().zip(TABLES[..8].iter().rev()) {
        register ^= table[usize::from(*byte)];
    }
    register
}

/// The register after more bytes.
pub(super) fn update(register: u32, bytes: &[u8]) -> u32 {
    let (chunks, rest) = bytes.as_chunks::<16>();
    let register =
        chunks.iter().fold(register, |register, chunk| sixteen(u128::from_le_bytes(*chunk) ^ u128::from(register)));
    rest.iter()
        .fold(register, |register, byte| (register >> 8) ^ TABLES[0][usize::from(register.to_le_bytes()[0] ^ byte)])
}

/// Goes on over one text again and again.
#[derive(Debug)]
pub(super) struct Again {
    /// What the text makes of a register of zeros.
    of_zero: u32,
    /// What its length makes of each half byte of a register.
    halves: [[u32; 16]; 8],
}

impl Again {
    pub(super) fn of(text: &[u8]) -> Self {
        const ZEROS: [u8; 256] = [0; 256];
        // Bit for bit from the highest, each of which is x times the one before.
        let mut column = text.chunks(ZEROS.len()).fold(1 << 31, |column, part| update(column, &ZEROS[..part.len()]));
        let mut halves = [[0; 16]; 8];
        for half in halves.iter_mut().rev() {
            for bit in [8, 4, 2, 1] {
                half[bit] = column;
                column = times_x(column);
            }
            for bits in 1..16_usize {
                let lowest = bits & bits.wrapping_neg();
                half[bits] = half[lowest] ^ half[bits ^ lowest];
            }
        }
        Again { of_zero: update(0, text), halves }
    }

    /// The register after the text.
    pub(super) fn update(&self, register: u32) -> u32 {
        let mut after = self.of_zero;
        for (place, half) in self.halves.iter().enumerate() {
            after ^= half[(register >> (4 * place)) as usize & 15];
        }
        after
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expected(text: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(text);
        crc.sum()
    }

    proptest! {
        #[test]
        fn it_is_that_of_gzip_however_the_text_comes(
            first in prop::collection::vec(any::<u8>(), 0..100),
            text in prop::collection::vec(any::<u8>(), 0..700),
        ) {
            prop_assert_eq!(!update(!0, &first), expected(&first));
            let register = update(!0, &first);
            let whole = [&first[..], &text, &text].concat();
            let again = Again::of(&text);
            prop_assert_eq!(!again.update(again.update(register)), expected(&whole));
            prop_assert_eq!(again.update(0), update(0, &text));
        }
    }
}
