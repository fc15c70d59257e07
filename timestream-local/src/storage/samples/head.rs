//! The head of a series: its samples in memory.

use super::stretch::Stretch;

/// The head of a series.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The time of the last sample or record of the series, wherever it rests, if that is known.
    pub(super) last: Option<i64>,
    /// The round of sealing that `open` comes after.
    round: u64,
    /// Where samples come in.
    pub(super) open: Stretch,
    /// To be sealed in this round.
    pub(super) frozen: Option<Box<Stretch>>,
    /// Sealed, with the generation.
    pub(super) sealed: Vec<(i64, Box<Stretch>)>,
}

impl Head {
    /// Sets what came before a round of sealing apart.
    pub(super) fn freeze(&mut self, round: u64) {
        if self.round != round {
            self.round = round;
            if self.open.len() > 0 {
                let open = std::mem::take(&mut self.open);
                match &mut self.frozen {
                    Some(frozen) => frozen.append(&open),
                    frozen @ None => *frozen = Some(Box::new(open)),
                }
            }
        }
    }

    pub(super) fn unsealed(&self) -> impl Iterator<Item = &Stretch> {
        self.frozen.as_deref().into_iter().chain([&self.open])
    }

    /// What a query of a generation can't see on disk.
    pub(super) fn seen(&self, generation: i64) -> impl Iterator<Item = &Stretch> {
        let sealed = self.sealed.iter().filter(move |(sealed, _)| *sealed > generation);
        sealed.map(|(_, stretch)| &**stretch).chain(self.unsealed())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.unsealed().all(|stretch| stretch.len() == 0)
    }

    /// Bytes of all, and of the samples that are sealed.
    pub(super) fn bytes(&self) -> (usize, usize) {
        let sealed = self.sealed.iter().map(|(_, stretch)| stretch.bytes()).sum();
        (size_of::<Head>() + self.unsealed().map(Stretch::bytes).sum::<usize>() + sealed, sealed)
    }
}
