use super::Group;
use crate::record::Record;
use crate::words::attack_name;

/// How fast an attack succeeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// Index of the attack in [`Summary::groups`](super::Summary::groups).
    pub group: usize,
    /// For each image that it flipped, the looks at the network until then, ascending: gradients, or queries of an attack
    /// that takes none.
    pub looks: Vec<u64>,
    /// Images that were attacked.
    pub of: u64,
    /// The most looks that an image took, flipped or not.
    pub most: u64,
}

impl Pace {
    /// The share of images that are flipped within so many looks.
    pub fn within(&self, looks: u64) -> f64 {
        self.looks.partition_point(|&l| l <= looks) as f64 / self.of.max(1) as f64
    }
}

/// Attacks that go on after an image is flipped, for a smaller change: what they take says nothing about when it was.
const GOES_ON: [&str; 5] = ["cw", "cf_l2", "cf_l0", "sigma_zero", "fmn"];

/// One for each attack that takes several looks and stops at success.
pub(super) fn paces(records: &[&Record], groups: &[Group]) -> Vec<Pace> {
    let pace = |(index, g): (usize, &Group)| {
        let name = attack_name(&g.attack);
        let goes_on = name.split(':').any(|part| GOES_ON.contains(&part));
        if !g.kind.is_attack() || goes_on || g.criterion == moire_attack::Criterion::Spent {
            return None;
        }
        let attacked = || records.iter().filter(|r| g.is_of(r) && r.correct_before());
        let cost = |r: &Record| {
            r.measured().map_or(0, |m| if g.gradients > 0.0 { m.cost.gradients } else { m.cost.queries })
        };
        let mut looks: Vec<u64> = attacked().filter(|r| r.flipped()).map(|r| cost(r)).collect();
        looks.sort_unstable();
        let most = attacked().map(|r| cost(r)).max()?;
        let of = attacked().count() as u64;
        (most > 1).then_some(Pace { group: index, looks, of, most })
    };
    groups.iter().enumerate().filter_map(pace).collect()
}
