mod findings;
mod group;
mod guards;
mod pace;
mod protection;
mod survival;
mod transfer;
mod worst;

use std::collections::BTreeMap;

use moire_metric::{Interval, auc, wilson};
use moire_tensor::Label;

pub(crate) use findings::verdict;
pub use findings::{Finding, Sure, Tone};
pub use group::{Group, Kind, Masks, Typical};
pub use guards::Guard;
pub use pace::Pace;
pub use protection::{Edits, Protections};
pub use survival::Survival;
pub use transfer::{Carried, Transfer};
pub use worst::Worst;

use crate::plan::Metrics;
use crate::record::{Budget, Record};

/// What a study's records add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What counted as what.
    pub metrics: Metrics,
    /// The networks on the data, by name.
    pub networks: Vec<Network>,
    /// One for each network, data set, attack and budget: by network and data, then kind and attack, then budget.
    pub groups: Vec<Group>,
    /// Accuracy over budget, one for each network and attack that was run under budgets.
    pub curves: Vec<Curve>,
    /// What files that were made to fool one network do to the others, one for each attack and budget. All other
    /// numbers are about networks under what was made for themselves.
    pub transfers: Vec<Transfer>,
    /// How fast attacks succeed, one for each that takes several looks and stops at success.
    pub paces: Vec<Pace>,
    /// What is left of attacks when something happens to their files, by group and transform.
    pub survivals: Vec<Survival>,
    /// What matters, in plain words, most important first.
    pub findings: Vec<Finding>,
    /// What was checked so that the numbers can be trusted, whether it raised anything or not.
    pub guards: Vec<Guard>,
    /// Distinct images.
    pub images: u64,
    /// Distinct images of [`Label::Fake`].
    pub fakes: u64,
    /// Images that failed, by data set and image.
    pub failures: Vec<Failure>,
    /// Sum of the time of all records, in seconds.
    pub seconds: f64,
    /// Protected photographs by setting and set; none unless they were added beside the records.
    pub protections: Vec<Protections>,
}

/// An image that failed, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// Its data set.
    pub data: String,
    /// The image.
    pub image: String,
    /// Why it failed.
    pub reason: String,
    /// In how many records.
    pub records: u64,
}

/// One network on one data set, before attacks and at its breaking point.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The data set.
    pub data: String,
    /// What people call it; with the data set where there are several.
    pub subject: String,
    /// Accuracy on the images as they were given.
    pub clean: Share,
    /// Area under the ROC curve on the images as they were given; none with one class only.
    pub auc: Option<f64>,
    /// Images whose margin is 1 to three digits, where none is larger: as if it were a difference of probabilities.
    pub(crate) saturated: Share,
    /// What is left when each image meets the attack that is worst for it.
    pub worst: Worst,
    /// The budgets that attacks were tried under, ascending.
    pub budgets: Vec<Budget>,
    /// The smallest of these at which enough of what the network called correctly is flipped ([`Metrics::breaks`]), each image
    /// by whatever attack: an index in [`Summary::groups`], of the strongest attack there.
    pub breaks: Option<usize>,
    /// Index in [`Summary::groups`] of the strongest attack at the largest budget tried.
    pub strongest: Option<usize>,
}

/// Accuracy over budget of one network under one attack, after saving.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The network.
    pub network: String,
    /// The data set.
    pub data: String,
    /// What people call the network; with the data set where there are several.
    pub subject: String,
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
    /// Adds up records under the usual metrics.
    pub fn new(records: &[Record]) -> Self {
        Self::of(records, Metrics::default())
    }

    /// Adds up records; their order does not matter.
    pub fn of(records: &[Record], metrics: Metrics) -> Self {
        let own: Vec<&Record> = records.iter().filter(|r| r.is_own()).collect();
        let carried: Vec<&Record> =
            records.iter().filter(|r| r.crafted_on.is_some() && r.transform.is_none()).collect();
        let groups = group::groups(&own);
        let networks = networks(&own, &groups, metrics);
        let curves = curves(&groups);
        let transfers = transfer::transfers(&carried, &own, &groups);
        let paces = pace::paces(&own, &groups);
        let survivals = survival::survivals(records, &own, &groups);
        let guards = guards::guards(&networks, &groups, &curves, &transfers);
        let findings = findings::findings(&networks, &groups, &transfers, &survivals, &guards, metrics);
        let labels: BTreeMap<(&str, &str), Label> =
            records.iter().map(|r| ((r.data.as_str(), r.image.as_str()), r.label)).collect();
        let mut failed: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for (record, reason) in own.iter().filter_map(|r| Some((r, r.failure()?))) {
            *failed.entry((&record.data, &record.image, reason)).or_default() += 1;
        }
        let failure = |((data, image, reason), records): ((&str, &str, &str), u64)| Failure {
            data: data.to_owned(),
            image: image.to_owned(),
            reason: reason.to_owned(),
            records,
        };
        let failures = failed.into_iter().map(failure).collect();
        Self {
            metrics,
            images: labels.len() as u64,
            fakes: labels.values().filter(|l| **l == Label::Fake).count() as u64,
            seconds: records.iter().filter_map(|r| r.measured()).map(|m| m.cost.seconds).sum(),
            protections: Vec::new(),
            networks,
            groups,
            curves,
            transfers,
            paces,
            survivals,
            findings,
            guards,
            failures,
        }
    }
}

fn networks(records: &[&Record], groups: &[Group], metrics: Metrics) -> Vec<Network> {
    let mut seen: BTreeMap<(&str, &str), BTreeMap<&str, &Record>> = BTreeMap::new();
    for record in records {
        let images = seen.entry((&record.network, &record.data)).or_default();
        if record.measured().is_some() {
            images.entry(&record.image).or_insert(record);
        }
    }
    let several = seen.keys().any(|(_, data)| records.first().is_some_and(|r| r.data != *data));
    let network = |((name, data), images): ((&str, &str), BTreeMap<&str, &Record>)| {
        let mut clean = Share::default();
        images.values().for_each(|r| clean.count(r.correct_before()));
        let (scores, fakes): (Vec<f64>, Vec<bool>) = images
            .values()
            .filter_map(|r| r.measured().map(|m| (m.clean.p_fake, r.label == Label::Fake)))
            .unzip();
        let here: Vec<&Group> = groups.iter().filter(|g| g.network == name && g.data == data).collect();
        let own: Vec<&Record> =
            records.iter().copied().filter(|r| r.network == name && r.data == data).collect();
        let worst = worst::worst(&own, &here);
        let attacks = || {
            groups
                .iter()
                .enumerate()
                .filter(move |(_, g)| g.network == name && g.data == data)
                .filter(|(_, g)| g.kind.is_attack() && g.eps.is_some())
        };
        let mut budgets: Vec<Budget> = attacks().filter_map(|(_, g)| g.eps.clone()).collect();
        budgets.sort_by(|a, b| a.eps().value().total_cmp(&b.eps().value()));
        budgets.dedup();
        let size = |g: &Group| g.eps.as_ref().map_or(0.0, |b| b.eps().value());
        let success = |g: &Group| g.success.value().unwrap_or(0.0);
        // The first of equals wins, in the order of groups, so ties fall the same way on every run.
        let strongest = |at: Option<f32>| {
            let there = attacks().filter(|(_, g)| Some(size(g)) == at);
            there.reduce(|a, b| if success(b.1) > success(a.1) { b } else { a }).map(|(i, _)| i)
        };
        let sizes = || budgets.iter().map(|b| b.eps().value());
        let is_broken =
            |size: &f32| worst.success(f64::from(*size)).value().is_some_and(|v| v >= metrics.breaks);
        let breaking = sizes().find(is_broken);
        Network {
            name: name.to_owned(),
            data: data.to_owned(),
            subject: group::subject(name, data, several),
            clean,
            auc: auc(&scores, &fakes),
            breaks: strongest(breaking),
            strongest: strongest(sizes().next_back()),
            saturated: saturated(images.values().copied()),
            worst,
            budgets,
        }
    };
    seen.into_iter().map(network).collect()
}

fn saturated<'r>(images: impl Iterator<Item = &'r Record>) -> Share {
    let mut share = Share::default();
    for margin in images.filter_map(|r| r.measured()).map(|m| m.clean.margin.abs()) {
        if margin > 1.0 {
            return Share::default();
        }
        share.count(margin > 0.999);
    }
    share
}

fn curves(groups: &[Group]) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for chunk in groups.chunk_by(|a, b| a.is_at(b) && a.is_attack_of(b)) {
        let points: Vec<_> =
            chunk.iter().filter_map(|g| Some((g.eps.clone()?, g.after))).filter(|p| p.1.of > 0).collect();
        if !points.is_empty() {
            let g = &chunk[0];
            let (network, data, subject) = (g.network.clone(), g.data.clone(), g.subject.clone());
            curves.push(Curve { network, data, subject, label: g.label.clone(), kind: g.kind, points });
        }
    }
    curves
}

#[cfg(test)]
mod tests;
