mod findings;
mod group;
mod guards;
mod transfer;

use std::collections::BTreeMap;

use moire_metric::{Interval, auc, wilson};
use moire_tensor::Label;

pub use findings::{Finding, Tone};
pub use group::{Group, Kind, Masks, Typical};
pub use guards::Guard;
pub use transfer::{Carried, Transfer};

use crate::record::{Budget, Record};

/// What a study's records add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The networks, by name.
    pub networks: Vec<Network>,
    /// One for each network, attack and budget: by network, then kind and attack, then budget.
    pub groups: Vec<Group>,
    /// Accuracy over budget, one for each network and attack that was run under budgets.
    pub curves: Vec<Curve>,
    /// What files that were made to fool one network do to the others, one for each attack and budget. All other
    /// numbers are about networks under what was made for themselves.
    pub transfers: Vec<Transfer>,
    /// What matters, in plain words, most important first.
    pub findings: Vec<Finding>,
    /// What was checked so that the numbers can be trusted, whether it raised anything or not.
    pub guards: Vec<Guard>,
    /// Distinct images.
    pub images: u64,
    /// Distinct images of [`Label::Fake`].
    pub fakes: u64,
    /// Images that failed, with the reason: `(network, attack, image, reason)`.
    pub failures: Vec<(String, String, String, String)>,
    /// Sum of the time of all records, in seconds.
    pub seconds: f64,
}

/// One network, before attacks and at its breaking point.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Accuracy on the images as they were given.
    pub clean: Share,
    /// Area under the ROC curve on the images as they were given; none with one class only.
    pub auc: Option<f64>,
    /// Index in [`Summary::groups`] of the smallest budget where an attack flips at least half of the images
    /// that the network called correctly, with the strongest attack there.
    pub breaks: Option<usize>,
    /// Index in [`Summary::groups`] of the strongest attack at the largest budget tried.
    pub strongest: Option<usize>,
}

/// Accuracy over budget of one network under one attack, after saving.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The network.
    pub network: String,
    /// What people call the attack.
    pub label: String,
    /// What the attack uses.
    pub kind: Kind,
    /// Budgets, ascending, each with the accuracy that is left.
    pub points: Vec<(Budget, Share)>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// So many.
    pub hits: u64,
    /// Of so many.
    pub of: u64,
}

impl Share {
    /// The share, in `[0, 1]`; none of nothing.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }

    /// Its 95 % Wilson interval.
    pub fn interval(self) -> Interval {
        wilson(self.hits, self.of)
    }

    fn count(&mut self, hit: bool) {
        self.hits += u64::from(hit);
        self.of += 1;
    }
}

impl Summary {
    /// Adds up records; their order does not matter.
    pub fn new(records: &[Record]) -> Self {
        let (carried, own): (Vec<&Record>, Vec<&Record>) =
            records.iter().partition(|r| r.crafted_on.is_some());
        let groups = group::groups(&own);
        let networks = networks(&own, &groups);
        let curves = curves(&groups);
        let transfers = transfer::transfers(&carried, &own, &groups);
        let guards = guards::guards(&networks, &groups, &curves, &transfers);
        let findings = findings::findings(&networks, &groups, &transfers, &guards);
        let labels: BTreeMap<&str, Label> = records.iter().map(|r| (r.image.as_str(), r.label)).collect();
        let mut failures: Vec<_> = own
            .iter()
            .filter_map(|r| {
                let reason = r.failure()?;
                Some((r.network.clone(), r.attack.clone(), r.image.clone(), reason.to_owned()))
            })
            .collect();
        failures.sort();
        Self {
            images: labels.len() as u64,
            fakes: labels.values().filter(|l| **l == Label::Fake).count() as u64,
            seconds: records.iter().filter_map(|r| r.measured()).map(|m| m.cost.seconds).sum(),
            networks,
            groups,
            curves,
            transfers,
            findings,
            guards,
            failures,
        }
    }
}

fn networks(records: &[&Record], groups: &[Group]) -> Vec<Network> {
    let mut seen: BTreeMap<&str, BTreeMap<&str, &Record>> = BTreeMap::new();
    for record in records {
        let images = seen.entry(&record.network).or_default();
        if record.measured().is_some() {
            images.entry(&record.image).or_insert(record);
        }
    }
    let network = |(name, images): (&str, BTreeMap<&str, &Record>)| {
        let mut clean = Share::default();
        images.values().for_each(|r| clean.count(r.correct_before()));
        let (scores, fakes): (Vec<f64>, Vec<bool>) = images
            .values()
            .filter_map(|r| r.measured().map(|m| (m.clean.p_fake, r.label == Label::Fake)))
            .unzip();
        let attacks = || {
            groups
                .iter()
                .enumerate()
                .filter(move |(_, g)| g.network == name && g.kind.is_attack() && g.eps.is_some())
        };
        let size = |g: &Group| g.eps.as_ref().map_or(0.0, |b| b.eps().value());
        let success = |g: &Group| g.success.value().unwrap_or(0.0);
        // The first of equals wins, in the order of groups, so ties fall the same way on every run.
        let strongest = |at: Option<f32>, least: f64| {
            attacks()
                .filter(|(_, g)| Some(size(g)) == at && success(g) >= least)
                .reduce(|a, b| if success(b.1) > success(a.1) { b } else { a })
                .map(|(i, _)| i)
        };
        let largest = attacks().map(|(_, g)| size(g)).max_by(f32::total_cmp);
        let breaking =
            attacks().filter(|(_, g)| success(g) >= BREAKS).map(|(_, g)| size(g)).min_by(f32::total_cmp);
        Network {
            name: name.to_owned(),
            clean,
            auc: auc(&scores, &fakes),
            breaks: strongest(breaking, BREAKS),
            strongest: strongest(largest, 0.0),
        }
    };
    seen.into_iter().map(network).collect()
}

/// A network breaks where at least this share of what it called correctly is flipped.
const BREAKS: f64 = 0.5;

fn curves(groups: &[Group]) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for chunk in groups.chunk_by(|a, b| a.network == b.network && a.attack == b.attack) {
        let points: Vec<_> =
            chunk.iter().filter_map(|g| Some((g.eps.clone()?, g.after))).filter(|p| p.1.of > 0).collect();
        if !points.is_empty() {
            let g = &chunk[0];
            curves.push(Curve { network: g.network.clone(), label: g.label.clone(), kind: g.kind, points });
        }
    }
    curves
}

#[cfg(test)]
mod tests;
