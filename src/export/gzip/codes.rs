//! The codes of deflate (RFC 1951), and what is written with them.

/// Literals, the end of a block, and lengths.
const LITERALS: usize = 286;
const END_OF_BLOCK: usize = 256;
const DISTANCES: usize = 30;

/// The longest code, in bits, shorter than deflate's own limit: four literals fit into a register.
const LONGEST_CODE: u32 = 12;

/// What one copy repeats.
pub(super) const SHORTEST_COPY: usize = 3;
const LONGEST_COPY: usize = 258;

/// How far back a copy may begin.
pub(super) const FARTHEST: usize = 32 << 10;

/// The bytes of a block before compression of the rest, which is as they were: then its codes are made anew.
const BLOCK: usize = 256 << 10;
/// Those of the first block, whose codes are guessed.
const FIRST_BLOCK: usize = 4 << 10;

/// A code, its first bit the lowest, and from bit 24 on its length.
type Code = u32;
const LENGTH_AT: u32 = 24;

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

#[derive(Debug)]
struct Codes {
    literals: [Code; LITERALS],
    /// Those of two digits, points or signs, by the low halves of their bytes: the first one's below the second's.
    pairs: [Code; 256],
    /// The code of each copy's length, less the shortest, with its extra bits.
    lengths: [Code; 256],
    distances: [Code; DISTANCES],
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
        if self.lines % ALIKE == 0 {
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

/// The length of the first of the copies that a long one is made of.
fn part(length: usize) -> usize {
    match length - length.min(LONGEST_COPY) {
        // What is left must not be too short.
        left @ 1..SHORTEST_COPY => LONGEST_COPY + left - SHORTEST_COPY,
        _ => length.min(LONGEST_COPY),
    }
}

/// A symbol and the bits that stand behind it.
struct Symbol {
    symbol: usize,
    extra: u32,
    extra_bits: u32,
}

impl Symbol {
    /// The extra bits like a code.
    fn extra(&self) -> Code {
        self.extra | (self.extra_bits << LENGTH_AT)
    }

    #[inline(always)]
    fn of_distance(distance: usize) -> Self {
        // Two symbols for each power of two.
        Symbol::of((distance - 1) as u32, 1)
    }

    fn of_length(length: usize) -> Self {
        if length == LONGEST_COPY {
            return Symbol { symbol: LITERALS - 1, extra: 0, extra_bits: 0 };
        }
        let symbol = Symbol::of((length - SHORTEST_COPY) as u32, 2);
        Symbol { symbol: symbol.symbol + END_OF_BLOCK + 1, ..symbol }
    }

    /// The leading bit of a number and `kept` bits behind it are the symbol, all others extra bits.
    #[inline(always)]
    fn of(number: u32, kept: u32) -> Self {
        let extra_bits = (31 - (number | 1).leading_zeros()).saturating_sub(kept);
        let symbol = (extra_bits << kept) + (number >> extra_bits);
        Symbol { symbol: symbol as usize, extra: number & ((1 << extra_bits) - 1), extra_bits }
    }
}

impl Codes {
    fn of(literals: &[u32], distances: &[u32]) -> Self {
        let mut codes =
            Codes { literals: [0; LITERALS], pairs: [0; 256], lengths: [0; 256], distances: [0; DISTANCES] };
        huffman(literals, &mut codes.literals);
        huffman(distances, &mut codes.distances);
        for (length, code) in codes.lengths.iter_mut().enumerate() {
            let symbol = Symbol::of_length(length + SHORTEST_COPY);
            let own = codes.literals[symbol.symbol];
            *code = behind(own, symbol.extra());
        }
        let of_half = |half: usize| match half as u8 {
            half @ 0..10 => codes.literals[usize::from(b'0' | half)],
            half @ (13 | 14) => codes.literals[usize::from(b' ' | half)],
            _ => 0,
        };
        codes.pairs = std::array::from_fn(|pair| behind(of_half(pair & 15), of_half(pair >> 4)));
        codes
    }
}

/// A code with another one behind it.
fn behind(first: Code, second: Code) -> Code {
    let bits = second & ((1 << LENGTH_AT) - 1);
    (first | (bits << (first >> LENGTH_AT))) + (second >> LENGTH_AT << LENGTH_AT)
}

/// Codes for symbols that came so often. Those that did not come have one, too.
fn huffman(counts: &[u32], codes: &mut [Code]) {
    let most = u64::from(counts.iter().copied().max().unwrap_or_default()).max(1);
    let mut weights: Vec<u64> = counts.iter().map(|count| (u64::from(*count) << LONGEST_CODE) / most + 1).collect();
    let mut lengths = code_lengths(&weights);
    while lengths.iter().any(|length| *length > LONGEST_CODE) {
        // The more alike the weights, the shorter is the longest code.
        weights.iter_mut().for_each(|weight| *weight = *weight / 2 + 1);
        lengths = code_lengths(&weights);
    }
    // The codes of one length follow each other, and behind them come those of the next.
    let mut next = 0_u32;
    for length in 1..=LONGEST_CODE {
        next <<= 1;
        for (code, _) in codes.iter_mut().zip(&lengths).filter(|(_, of_code)| **of_code == length) {
            *code = (next.reverse_bits() >> (32 - length)) | (length << LENGTH_AT);
            next += 1;
        }
    }
}

/// The lengths of Huffman's codes: the two lightest nodes become one, again and again.
fn code_lengths(weights: &[u64]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|symbol| weights[*symbol]);
    // The leaves, and behind them the inner nodes, which are made in the order of their weights, too.
    let mut nodes: Vec<u64> = order.iter().map(|symbol| weights[*symbol]).collect();
    let all = 2 * weights.len() - 1;
    let mut parents = vec![0; all];
    let (mut leaf, mut inner) = (0, weights.len());
    for made in weights.len()..all {
        let mut weight = 0;
        for _ in 0..2 {
            let is_leaf = leaf < weights.len() && (inner == made || nodes[leaf] <= nodes[inner]);
            let next = if is_leaf { &mut leaf } else { &mut inner };
            (weight, parents[*next]) = (weight + nodes[*next], made);
            *next += 1;
        }
        nodes.push(weight);
    }
    let mut depths = vec![0; all];
    for node in (0..all - 1).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    let mut lengths = vec![0; weights.len()];
    order.iter().zip(&depths).for_each(|(symbol, depth)| lengths[*symbol] = *depth);
    lengths
}
