//! The codes of deflate (RFC 1951).

/// Literals, the end of a block, and lengths.
pub(super) const LITERALS: usize = 286;
pub(super) const END_OF_BLOCK: usize = 256;
pub(super) const DISTANCES: usize = 30;

/// The longest code, in bits, shorter than deflate's own limit: four literals fit into a register, and a distance with its
/// extra bits below its length.
const LONGEST_CODE: u32 = 11;
const EXTRA_BITS: u32 = 13;
const _: () = assert!(LONGEST_CODE + EXTRA_BITS <= LENGTH_AT);

/// What one copy repeats.
pub(super) const SHORTEST_COPY: usize = 3;
const LONGEST_COPY: usize = 258;

/// A code, its first bit the lowest, and from bit 24 on its length.
pub(super) type Code = u32;
pub(super) const LENGTH_AT: u32 = 24;

/// The codes of a block.
#[derive(Debug)]
pub(super) struct Codes {
    pub(super) literals: [Code; LITERALS],
    /// Those of two digits, points or signs, by the low halves of their bytes: the first one's below the second's.
    pub(super) pairs: [Code; 256],
    /// The code of each copy's length, less the shortest, with its extra bits.
    pub(super) lengths: [Code; 256],
    pub(super) distances: [Code; DISTANCES],
}

/// The length of the first of the copies that a long one is made of.
pub(super) fn part(length: usize) -> usize {
    match length - length.min(LONGEST_COPY) {
        // What is left must not be too short.
        left @ 1..SHORTEST_COPY => LONGEST_COPY + left - SHORTEST_COPY,
        _ => length.min(LONGEST_COPY),
    }
}

/// A symbol and the bits that stand behind it.
pub(super) struct Symbol {
    pub(super) symbol: usize,
    extra: u32,
    extra_bits: u32,
}

impl Symbol {
    /// The extra bits like a code.
    pub(super) fn extra(&self) -> Code {
        self.extra | (self.extra_bits << LENGTH_AT)
    }

    #[inline(always)]
    pub(super) fn of_distance(distance: usize) -> Self {
        // Two symbols for each power of two.
        Symbol::of((distance - 1) as u32, 1)
    }

    pub(super) fn of_length(length: usize) -> Self {
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
    pub(super) fn of(literals: &[u32], distances: &[u32]) -> Self {
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
pub(super) fn behind(first: Code, second: Code) -> Code {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What all codes of these lengths leave of the room for codes.
    fn left(codes: &[Code]) -> i64 {
        let taken: i64 = codes.iter().map(|code| 1 << (LONGEST_CODE - (code >> LENGTH_AT))).sum();
        (1 << LONGEST_CODE) - taken
    }

    fn assert_are_whole(codes: &Codes) {
        assert_eq!((left(&codes.literals), left(&codes.distances)), (0, 0));
        for (length, code) in codes.lengths.iter().enumerate() {
            let symbol = Symbol::of_length(length + SHORTEST_COPY);
            assert_eq!(code >> LENGTH_AT, (codes.literals[symbol.symbol] >> LENGTH_AT) + symbol.extra_bits);
        }
        for distance in (1..100).chain((1..=15).flat_map(|power| [(1 << power) - 1, 1 << power])) {
            let symbol = Symbol::of_distance(distance);
            let (own, extra) = (codes.distances[symbol.symbol], symbol.extra());
            let (both, length) = (behind(own, extra), own >> LENGTH_AT);
            assert!(length <= LONGEST_CODE && symbol.extra_bits <= EXTRA_BITS);
            assert_eq!(both >> LENGTH_AT, length + symbol.extra_bits);
            assert_eq!((both & ((1 << LENGTH_AT) - 1)) >> length, symbol.extra);
        }
    }

    #[test]
    fn symbols_that_come_ever_less_often_have_bounded_codes() {
        let mut counts = [0; LITERALS];
        let (mut a, mut b) = (1_u32, 1_u32);
        for count in &mut counts {
            *count = a;
            (a, b) = (b, a.saturating_add(b));
        }
        assert_are_whole(&Codes::of(&counts, &counts[..DISTANCES]));
        assert_are_whole(&Codes::of(&[0; LITERALS], &[0; DISTANCES]));
        assert_are_whole(&Codes::of(&[u32::MAX; LITERALS], &[u32::MAX; DISTANCES]));
    }

    proptest! {
        #[test]
        fn any_counts_give_whole_codes(
            literals in prop::collection::vec(prop_oneof![0..3_u32, any::<u32>(), 0..10_000_u32], LITERALS),
            shifts in prop::collection::vec(0..32_u32, DISTANCES),
        ) {
            let distances: Vec<u32> = shifts.into_iter().map(|shift| 1 << shift).collect();
            assert_are_whole(&Codes::of(&literals, &distances));
        }
    }
}
