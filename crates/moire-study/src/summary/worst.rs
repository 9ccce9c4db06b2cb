use std::collections::BTreeMap;

use super::{Group, Share};
use crate::record::Record;

/// What is left of a network when each image meets the attack that is worst for it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Worst {
    /// Images that were measured.
    pub images: u64,
    /// Images that the network called correctly before any attack.
    pub correct: u64,
    /// For each of those that some attack flips, the smallest size that did it, ascending: the budget of an attack within
    /// one, the largest change of any value for one without.
    pub sizes: Vec<f64>,
}

impl Worst {
    /// The accuracy that is left when changes may be as large as `size`.
    pub fn left(&self, size: f64) -> Share {
        Share { hits: self.correct - self.flipped(size), of: self.images }
    }

    /// The share of what was correct that is flipped when changes may be as large as `size`.
    pub fn success(&self, size: f64) -> Share {
        Share { hits: self.flipped(size), of: self.correct }
    }

    fn flipped(&self, size: f64) -> u64 {
        // A size that was read back from a budget's spelling is that budget.
        self.sizes.partition_point(|&s| s <= size + 1e-9) as u64
    }

    /// The size at which half of what was correct is flipped; none where less than half is.
    pub fn median(&self) -> Option<f64> {
        let half = self.correct.div_ceil(2);
        (half > 0).then(|| self.sizes.get(half as usize - 1).copied()).flatten()
    }
}

/// The worst cases of one network on one data set; `groups` are those of its attacks.
pub(super) fn worst(records: &[&Record], groups: &[&Group]) -> Worst {
    let aims = |r: &Record| groups.iter().any(|g| g.kind.is_attack() && g.is_of(r));
    let mut images: BTreeMap<&str, (bool, Option<f64>)> = BTreeMap::new();
    for record in records {
        let Some(m) = record.measured() else { continue };
        let (correct, least) = images.entry(&record.image).or_insert((record.correct_before(), None));
        if *correct && record.flipped() && aims(record) {
            let size = record.eps.as_ref().map_or(m.distance.linf, |b| f64::from(b.eps().value()));
            *least = Some(least.map_or(size, |l: f64| l.min(size)));
        }
    }
    let mut sizes: Vec<f64> = images.values().filter_map(|(_, least)| *least).collect();
    sizes.sort_by(f64::total_cmp);
    let correct = images.values().filter(|(correct, _)| *correct).count() as u64;
    Worst { images: images.len() as u64, correct, sizes }
}
