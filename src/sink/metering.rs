//! The size for which Timestream bills a call.
//!
//! A record is metered as its time, its dimensions' names and values, its measure's name and its value; a call as the sum
//! of its records, rounded up to a KiB. CommonAttributes count once (Timestream developer guide, metering and pricing,
//! writes).

/// Bytes of a record's time and of its DOUBLE.
const TIME_AND_VALUE: usize = 16;
/// Bytes of a write unit.
const UNIT: usize = 1024;

/// The metered size of a call that is being put together, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metered {
    common: usize,
    records: usize,
    count: usize,
}

impl Metered {
    /// Adds `bytes` of names and values that all records of the call share.
    pub fn share(&mut self, bytes: usize) {
        self.common += bytes;
    }

    /// Adds a record with `own_bytes` of names and values that it does not share.
    pub fn add_record(&mut self, own_bytes: usize) {
        self.records += TIME_AND_VALUE + own_bytes;
        self.count += 1;
    }

    /// The write units that the call is billed for.
    pub fn units(self) -> u64 {
        (self.common + self.records).div_ceil(UNIT) as u64
    }

    /// The write units that it would be billed for if its records shared nothing.
    pub fn units_without_sharing(self) -> u64 {
        (self.common * self.count + self.records).div_ceil(UNIT) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The developer guide's example: three dimensions of 12 bytes each and a measure name of 15 or so, 36 records a unit
    /// when they share them and 12 when they do not.
    #[test]
    fn what_is_shared_counts_once() {
        let mut shared = Metered::default();
        shared.share(50);
        let mut apart = Metered::default();
        for _ in 0..36 {
            shared.add_record(10);
            apart.add_record(60);
        }
        assert_eq!((shared.units(), shared.units_without_sharing()), (1, 3));
        assert_eq!((apart.units(), apart.units_without_sharing()), (3, 3));
        assert_eq!(Metered::default().units(), 0);
    }
}
