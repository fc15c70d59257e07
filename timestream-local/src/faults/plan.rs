//! Which faults are to be made, and their text form.

use std::str::FromStr;
use std::time::Duration;

use super::fault::Fault;

/// How often a fault is made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Often {
    /// Not at all.
    #[default]
    Never,
    /// By chance: this share of the calls (or records), 0 to 1.
    Rate(f64),
    /// This many of the next calls (or records), and then no more.
    Next(u64),
}

/// A plan of faults. As text: `throttle=0.1,error=3x,delay=50ms@0.2,only=WriteRecords,seed=7`; a number from 0 to 1 is a
/// rate, `3x` the next three.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    pub(super) often: [Often; Fault::ALL.len()],
    /// How long a delayed call waits.
    pub delay: Duration,
    /// The operations concerned, such as `WriteRecords`. An empty list means all.
    pub operations: Vec<String>,
    /// The seed of the random numbers.
    pub seed: u64,
}

/// A text that is not a plan of faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no fault: write name=rate (0 to 1) or name=3x (the next three) with a name of {names}, delay=50ms or \
         delay=50ms@rate, only=WriteRecords+Query, or seed=7", names = names())]
pub struct FaultSpecError(String);

impl Faults {
    /// The plan, with a fault made this often.
    #[must_use]
    pub fn with(mut self, fault: Fault, often: Often) -> Self {
        self.often[fault as usize] = often;
        self
    }

    /// The plan, with calls that wait this long before they are handled.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration, often: Often) -> Self {
        self.delay = delay;
        self.with(Fault::Delay, often)
    }

    pub(super) fn concerns(&self, operation: &str) -> bool {
        self.operations.is_empty() || self.operations.iter().any(|named| named == operation)
    }

    fn add(&mut self, part: &str) -> Option<()> {
        let (name, value) = part.split_once('=')?;
        match name {
            "seed" => self.seed = value.parse().ok()?,
            "only" => self.operations = value.split('+').map(str::to_owned).collect(),
            "delay" => {
                let (length, often) = value.split_once('@').unwrap_or((value, "1"));
                self.delay = duration(length)?;
                self.often[Fault::Delay as usize] = parse_often(often)?;
            }
            _ => {
                let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name)?;
                self.often[fault as usize] = parse_often(value)?;
            }
        }
        Some(())
    }
}

impl FromStr for Faults {
    type Err = FaultSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut plan = Faults::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            plan.add(part).ok_or_else(|| FaultSpecError(part.to_owned()))?;
        }
        Ok(plan)
    }
}

fn parse_often(text: &str) -> Option<Often> {
    if let Some(count) = text.strip_suffix('x') {
        return count.parse().ok().map(Often::Next);
    }
    text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).map(Often::Rate)
}

/// At most an hour, in `ms` or `s`.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s')?, 1000),
    };
    let milliseconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (milliseconds <= 3_600_000).then_some(Duration::from_millis(milliseconds))
}

fn names() -> String {
    Fault::ALL.map(Fault::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read() {
        let read: Faults =
            "throttle=0.1, error=3x,delay=50ms@0.2,drop-after=1,only=Query+WriteRecords,seed=7".parse().unwrap();
        let mut wanted = Faults::default()
            .with(Fault::Throttle, Often::Rate(0.1))
            .with(Fault::Error, Often::Next(3))
            .with(Fault::DropAfter, Often::Rate(1.0))
            .with_delay(Duration::from_millis(50), Often::Rate(0.2));
        wanted.operations = vec!["Query".to_owned(), "WriteRecords".to_owned()];
        wanted.seed = 7;
        assert_eq!(read, wanted);
        assert_eq!("delay=2s".parse(), Ok(Faults::default().with_delay(Duration::from_secs(2), Often::Rate(1.0))));
        assert_eq!("".parse(), Ok(Faults::default()));
    }

    #[test]
    fn what_is_no_plan_is_named() {
        for bad in
            ["throttle", "throttle=2", "throttle=-0.1", "throttle=NaN", "trottle=1", "delay=5", "drop=ax", "seed=x"]
        {
            let error = format!("error=1x,{bad}").parse::<Faults>().unwrap_err().to_string();
            assert!(error.contains(&format!("{bad:?}")), "{error}");
        }
    }
}
