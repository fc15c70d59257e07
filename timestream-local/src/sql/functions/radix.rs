//! Whole numbers written in a base from 2 to 36.

use rusqlite::types::Value;

use super::super::failure::Failure;
use super::super::types::ColumnType::{Bigint, Varchar};
use super::scalar::{Arguments, Scalar, scalar, text};

pub(super) const FUNCTIONS: &[Scalar] = &[
    scalar("from_base", &[Varchar, Bigint], Bigint, |a| {
        let (digits, radix) = (a.text(0)?, radix(a)?);
        match i64::from_str_radix(digits, radix) {
            Ok(number) => Ok(Value::Integer(number)),
            Err(_) => Err(Failure(format!("Not a valid base-{radix} number: {digits}"))),
        }
    }),
    scalar("to_base", &[Bigint, Bigint], Varchar, |a| {
        let (number, radix) = (a.integer(0)?, radix(a)?);
        let (mut left, mut digits) = (number.unsigned_abs(), Vec::new());
        loop {
            // The rest is less than the radix.
            digits.extend(char::from_digit((left % u64::from(radix)) as u32, radix));
            left /= u64::from(radix);
            if left == 0 {
                break;
            }
        }
        digits.extend((number < 0).then_some('-'));
        text(digits.into_iter().rev().collect::<String>())
    }),
];

fn radix(a: &Arguments<'_, '_>) -> Result<u32, Failure> {
    match u32::try_from(a.integer(1)?) {
        Ok(radix @ 2..=36) => Ok(radix),
        _ => Err("Radix must be between 2 and 36".into()),
    }
}
