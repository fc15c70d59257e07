//! What deflate (RFC 1951) makes of literals and copies.

use super::codes::{Code, Codes, DISTANCES, END_OF_BLOCK, LENGTH_AT, LITERALS, SHORTEST_COPY, Symbol, behind, part};

/// How far back a copy may begin.
pub(super) const FARTHEST: usize = 32 << 10;

/// The bytes of a block before compression of the rest, which is as they were: then its codes are made anew.
const BLOCK: usize = 256 << 10;
/// Those of the first block, whose codes are guessed.
const FIRST_BLOCK: usize = 4 << 10;

/// Of lines that are alike so many are counted as one of them.
const ALIKE: u32 = 16;

/// The low half of a byte that is none, for pairs of digits.
const NONE: u32 = 0x0f0f_0f0f;

/// Writes literals and copies. A block has the codes that fit the block before it, so each is written as it comes.
#[derive(Debug)]
pub(super) struct Deflate {
    bytes: Vec<u8>,
    /// Where the bytes end. What is behind is room.
    end: usize,
    bits: Bits,
    codes: Codes,
    /// How often each symbol came in the block.
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
    /// The distance of the last copy, and its code with extra bits.
    distance: (usize, Code),
    /// Lines that were like the ones before them.
    lines: u32,
    /// Bytes taken from `bytes` in this block, and when it ends.
    taken: usize,
    block: usize,
}

/// Bits that are no whole byte yet, the first one the lowest.
#[derive(Debug, Clone, Copy, Default)]
struct Bits {
    bits: u64,
    count: u32,
}

/// A line that is like the one before it: a copy, digits, a second copy, and more digits.
#[derive(Debug)]
pub(super) struct Alike {
    /// Length and distance.
    pub(super) copy: (usize, usize),
    /// Digits, points and signs, the first one the lowest, and how many of the sixteen bytes they are.
    pub(super) digits: (u128, usize),
    /// Its length may be 0.
    pub(super) second_copy: (usize, usize),
    pub(super) more_digits: (u128, usize),
}

impl Deflate {
    /// Goes on behind these bytes.
    pub(super) fn new(begin: &[u8]) -> Self {
        // As in lines of numbers.
        let mut literals = [2; LITERALS];
        literals[usize::from(b'0')..=usize::from(b'9')].fill(50);
        literals[usize::from(b'a')..=usize::from(b'z')].fill(10);
        let distances = [1; DISTANCES];
        let codes = Codes::of(&literals, &distances);
        let mut deflate = Deflate {
            bytes: begin.to_vec(),
            end: begin.len(),
            bits: Bits::default(),
            codes,
            literals: [0; LITERALS],
            distances: [0; DISTANCES],
            distance: (0, 0),
            lines: 0,
            taken: 0,
            block: FIRST_BLOCK,
        };
        deflate.begin_block();
        deflate
    }

    /// A line that is like the one before it.
    #[inline]
    pub(super) fn line(&mut self, line: &Alike) {
        // In registers meanwhile.
        let mut bits = self.bits;
        self.write_copy(&mut bits, line.copy);
        self.write_digits(&mut bits, line.digits);
        if line.second_copy.0 > 0 {
            self.write_copy(&mut bits, line.second_copy);
        }
        self.write_digits(&mut bits, line.more_digits);
        self.bits = bits;
        self.lines = self.lines.wrapping_add(1);
        if self.lines.is_multiple_of(ALIKE) {
            for copy in [line.copy, line.second_copy] {
                self.count_copy(copy, ALIKE);
            }
            for (text, count) in [line.digits, line.more_digits] {
                text.to_le_bytes().iter().take(count).for_each(|byte| self.literals[usize::from(*byte)] += ALIKE);
            }
        }
    }

    /// Bytes as they are.
    pub(super) fn literals(&mut self, text: &[u8]) {
        let mut bits = self.bits;
        for byte in text {
            bits.put(self.codes.literals[usize::from(*byte)]);
            self.move_whole(&mut bits);
            self.literals[usize::from(*byte)] += 1;
        }
        self.bits = bits;
    }

    /// Repeats what stands `distance` bytes before; of at least the shortest length.
    pub(super) fn copy(&mut self, length: usize, distance: usize) {
        let mut bits = self.bits;
        self.write_copy(&mut bits, (length, distance));
        self.bits = bits;
        self.count_copy((length, distance), 1);
    }

    #[inline(always)]
    fn write_copy(&mut self, bits: &mut Bits, (length, distance): (usize, usize)) {
        if self.distance.0 != distance {
            let symbol = Symbol::of_distance(distance);
            self.distance = (distance, behind(self.codes.distances[symbol.symbol], symbol.extra()));
        }
        let first = part(length);
        bits.put(self.codes.lengths[(first - SHORTEST_COPY) & 255]);
        bits.put(self.distance.1);
        self.move_whole(bits);
        if first < length {
            self.write_rest_of_copy(bits, length - first);
        }
    }

    #[cold]
    fn write_rest_of_copy(&mut self, bits: &mut Bits, mut length: usize) {
        while length > 0 {
            let next = part(length);
            bits.put(self.codes.lengths[(next - SHORTEST_COPY) & 255]);
            bits.put(self.distance.1);
            self.move_whole(bits);
            length -= next;
        }
    }

    fn count_copy(&mut self, (mut length, distance): (usize, usize), weight: u32) {
        while length > 0 {
            let part = part(length);
            length -= part;
            self.literals[Symbol::of_length(part).symbol] += weight;
            self.distances[Symbol::of_distance(distance).symbol] += weight;
        }
    }

    /// The steps are the same for each count up to four, and then up to eight: it can't be foretold.
    #[inline(always)]
    fn write_digits(&mut self, bits: &mut Bits, (text, count): (u128, usize)) {
        self.write_four_digits(bits, text as u32, count);
        if count > 4 {
            self.write_four_digits(bits, (text >> 32) as u32, count - 4);
            if count > 8 {
                self.write_four_digits(bits, (text >> 64) as u32, count - 8);
                self.write_four_digits(bits, (text >> 96) as u32, count.saturating_sub(12));
            }
        }
    }

    #[inline(always)]
    fn write_four_digits(&mut self, bits: &mut Bits, text: u32, count: usize) {
        let halves = (text | NONE.checked_shl(8 * count as u32).unwrap_or(0)) & NONE;
        let [first, _, second, _] = (halves | (halves >> 4)).to_le_bytes();
        bits.put(self.codes.pairs[usize::from(first)]);
        bits.put(self.codes.pairs[usize::from(second)]);
        self.move_whole(bits);
    }

    /// The bytes so far, of which the last may lack.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Forgets the bytes so far. Here a block may end.
    pub(super) fn take(&mut self) {
        self.taken += std::mem::take(&mut self.end);
        if self.taken >= self.block {
            self.put(self.codes.literals[END_OF_BLOCK]);
            self.codes = Codes::of(&self.literals, &self.distances);
            (self.literals, self.distances) = ([0; LITERALS], [0; DISTANCES]);
            (self.taken, self.block, self.distance) = (0, BLOCK, (0, 0));
            self.begin_block();
        }
    }

    /// The rest of the bytes.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.put(self.codes.literals[END_OF_BLOCK]);
        // The last block is empty and has deflate's own codes, the last of which is its end.
        self.put(0b011 | (10 << LENGTH_AT));
        // Up to a whole byte.
        self.put(7 << LENGTH_AT);
        self.bytes.truncate(self.end);
        self.bytes
    }

    /// The codes of the block that follows.
    fn begin_block(&mut self) {
        // Not the last, with codes of its own: 286 literals and lengths, 30 distances, 19 symbols for the codes' lengths.
        self.put(
            0b100 | (17 << LENGTH_AT) | ((LITERALS as u32 - 257) << 3) | ((DISTANCES as u32 - 1) << 8) | (15 << 13),
        );
        // Of which the first three, repetitions, are not used, and all others have four bits.
        for place in 0..19 {
            self.put((3 << LENGTH_AT) | if place < 3 { 0 } else { 4 });
        }
        let (literals, distances) = (self.codes.literals, self.codes.distances);
        for code in literals.iter().chain(&distances) {
            let length = code >> LENGTH_AT;
            self.put((length.reverse_bits() >> 28) | (4 << LENGTH_AT));
        }
    }

    fn put(&mut self, code: Code) {
        let mut bits = self.bits;
        bits.put(code);
        self.move_whole(&mut bits);
        self.bits = bits;
    }

    /// Moves whole bytes. Less than eight bits are left.
    #[inline(always)]
    fn move_whole(&mut self, bits: &mut Bits) {
        let eight = bits.bits.to_le_bytes();
        if self.bytes.len() < self.end + eight.len() {
            self.bytes.resize(2 * self.bytes.len() + eight.len(), 0);
        }
        self.bytes[self.end..self.end + eight.len()].copy_from_slice(&eight);
        self.end += (bits.count / 8) as usize;
        bits.bits >>= bits.count & !7;
        bits.count &= 7;
    }
}

impl Bits {
    /// Room is for 57 bits behind whole bytes.
    #[inline(always)]
    fn put(&mut self, code: Code) {
        self.bits |= u64::from(code & ((1 << LENGTH_AT) - 1)) << self.count;
        self.count += code >> LENGTH_AT;
    }
}
