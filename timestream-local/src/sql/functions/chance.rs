//! What is left to chance. The translation hands each function a number of SQLite's `random()`, without which SQLite would
//! call it once for all rows.

use rusqlite::types::{Value, ValueRef};

use super::super::failure::Failure;
use super::super::list;
use super::super::types::ColumnType::{Bigint, Double, Integer, Unknown};
use super::scalar::{Arguments, Outcome, Scalar, real, scalar};

pub(super) const FUNCTIONS: &[Scalar] = &[
    // The upper 53 bits, which are all that a double holds.
    scalar("$random", &[Bigint], Double, |a| real((a.integer(0)? as u64 >> 11) as f64 / (1_u64 << 53) as f64)),
    scalar("$random", &[Bigint, Integer], Integer, |a| between(a, 0, a.integer(1)?)),
    scalar("$random", &[Bigint, Integer, Integer], Integer, |a| between(a, a.integer(1)?, a.integer(2)?)),
    scalar("$random", &[Bigint, Bigint], Bigint, |a| between(a, 0, a.integer(1)?)),
    scalar("$random", &[Bigint, Bigint, Bigint], Bigint, |a| between(a, a.integer(1)?, a.integer(2)?)),
    scalar("$shuffle", &[Bigint, Unknown], Unknown, |a| {
        let mut values: Vec<ValueRef<'_>> = list::read(a.raw(1))?;
        let mut state = a.integer(0)? as u64;
        for end in (1..values.len()).rev() {
            state = next(state);
            values.swap(end, (state % (end as u64 + 1)) as usize);
        }
        list::write(values)
    }),
];

/// A number from `low` up to, but not with, `high`.
fn between(a: &Arguments<'_, '_>, low: i64, high: i64) -> Outcome {
    let width = i128::from(high) - i128::from(low);
    if width <= 0 {
        return Err(Failure(
            if low == 0 { "bound must be positive" } else { "start value must be less than stop value" }.into(),
        ));
    }
    let offset = i128::from(a.integer(0)? as u64) % width;
    i64::try_from(i128::from(low) + offset).map(Value::Integer).map_err(|error| Failure(error.to_string()))
}

/// The next number of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn next(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
