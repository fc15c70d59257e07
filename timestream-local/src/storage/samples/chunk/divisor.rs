//! The greatest common divisor of a series, and division by it.

/// A number that divides others exactly, which takes one multiplication each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Divisor {
    /// The number. Not zero.
    pub(super) number: u64,
    /// The inverse of its odd part, modulo 2^64.
    inverse: u64,
    /// How often it is divisible by two.
    twos: u32,
    /// The largest quotient.
    limit: u64,
}

impl Divisor {
    /// One, which divides all.
    pub(super) const ONE: Divisor = Divisor { number: 1, inverse: 1, twos: 0, limit: u64::MAX };

    /// The greatest common divisor of `numbers`, or one if all are zero.
    pub(super) fn common(numbers: impl Iterator<Item = u64>) -> Divisor {
        let mut common: Option<Divisor> = None;
        for number in numbers.filter(|number| *number != 0) {
            match common {
                None => common = Some(Divisor::new(number)),
                Some(Divisor { number: 1, .. }) => break,
                Some(divisor) if divisor.divides(number) => {}
                Some(divisor) => common = Some(Divisor::new(greatest_common(divisor.number, number))),
            }
        }
        common.unwrap_or(Divisor::ONE)
    }

    /// A divisor for a number other than zero.
    fn new(number: u64) -> Divisor {
        let twos = number.trailing_zeros();
        let odd = number >> twos;
        // An odd number is its own inverse modulo 8, and each step of Newton's method doubles the bits that are right.
        let inverse = (0..5).fold(odd, |inverse, _| inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse))));
        Divisor { number, inverse, twos, limit: u64::MAX / number }
    }

    /// Whether this divides `number`.
    fn divides(self, number: u64) -> bool {
        // The product is the quotient if there is one, and else too large for one.
        number.wrapping_mul(self.inverse).rotate_right(self.twos) <= self.limit
    }

    /// `number` divided by this, which must leave nothing.
    pub(super) fn exact(self, number: i64) -> i64 {
        number.wrapping_mul(self.inverse as i64) >> self.twos
    }
}

fn greatest_common(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
