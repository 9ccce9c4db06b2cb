use std::collections::{BTreeMap, BTreeSet};

use moire_attack::Criterion;
use moire_metric::auc;
use moire_tensor::Label;

use super::Share;
use crate::record::{Budget, CLEAN, MaskShift, Measured, Record};
use crate::words::{attack_name, attack_title, distinction};

/// All records of one network, one data set, one attack and one budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The network.
    pub network: String,
    /// The data set.
    pub data: String,
    /// What people call the network; with the data set where there are several.
    pub subject: String,
    /// The attack with its parameters.
    pub attack: String,
    /// When an image counted as done.
    pub criterion: Criterion,
    /// The data set that a universal change was made of, where it was made of images.
    pub made_of: Option<String>,
    /// What people call the attack; with its parameters where one name stands for several settings.
    pub label: String,
    /// What it uses.
    pub kind: Kind,
    /// The budget, if there is one.
    pub eps: Option<Budget>,
    /// Images that failed; all other numbers are about the rest.
    pub failed: u64,
    /// Accuracy on the images as they were given.
    pub before: Share,
    /// Accuracy on the saved files.
    pub after: Share,
    /// Attack success rate: saved files that flip, of the images that were called correctly before.
    pub success: Share,
    /// Successes before saving.
    pub flipped_float: u64,
    /// Successes before saving that the saved file does not show.
    pub lost_by_saving: u64,
    /// Images called correctly before that the attack returned without any change.
    pub untouched: u64,
    /// Area under the ROC curve of the scores of the saved files; none with one class only.
    pub auc: Option<f64>,
    /// How far the saved files lie from their images, in the middle: over images that were called correctly before, since
    /// no other is attacked. None where there are none.
    pub median: Option<Typical>,
    /// The same on average.
    pub mean: Option<Typical>,
    /// What became of the masks of forgeries; none where the network draws no masks.
    pub masks: Option<Masks>,
    /// Mean steps an image.
    pub steps: f64,
    /// Mean gradients an image.
    pub gradients: f64,
    /// Mean forward passes without a gradient an image.
    pub queries: f64,
    /// Seconds of all images together.
    pub seconds: f64,
}

/// What an attack uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Nothing: the image saved as it is.
    Clean,
    /// Gradients of the network.
    Gradient,
    /// The network's answers.
    Query,
    /// Gradients of the network, for a mask to be forged while the decision stays: nothing that fools a detector.
    Mask,
    /// Chance: the control that an attack must beat.
    Noise,
}

/// Medians over images (for an even number of them, the mean of the two in the middle), or means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Typical {
    /// Share of positions changed.
    pub p_l0: f64,
    /// Euclidean norm of the change, pixels in `[0, 1]`.
    pub l2: f64,
    /// Root mean square of the change, pixels in `[0, 1]`.
    pub rms: f64,
    /// Largest change, pixels in `[0, 1]`.
    pub linf: f64,
    /// In dB; none where it is infinite, for images that did not change at all.
    pub psnr: Option<f64>,
    /// None where images are too small for it.
    pub ssim: Option<f64>,
}

/// What became of the masks of forgeries that were called fake before. Overlaps are means of intersections over union.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Masks {
    /// How many of them are called fake still.
    pub stayed: Share,
    /// Of the masks after with those before.
    pub kept: f64,
    /// Of the masks before and after with the true ones, where the data has them.
    pub truth: Option<[f64; 2]>,
    /// Of the masks after with those that the attack was to forge, over images that are called fake still.
    pub wanted: Option<f64>,
    /// Mean of the root mean squared change, on the scale of 0 to 255.
    pub rmse_255: f64,
}

impl Kind {
    /// Whether it aims: noise and the unchanged image do not.
    pub fn is_attack(self) -> bool {
        matches!(self, Self::Gradient | Self::Query)
    }
}

impl Group {
    /// Whether the two are one attack, at whatever budget, on whatever network and data.
    pub(crate) fn is_attack_of(&self, other: &Self) -> bool {
        (&self.attack, self.criterion, &self.made_of) == (&other.attack, other.criterion, &other.made_of)
    }

    /// Whether a record is one of those that it adds up, or would be but for where its file travelled.
    pub(crate) fn is_of(&self, r: &Record) -> bool {
        (&self.network, &self.data, &self.attack, &self.eps) == (&r.network, &r.data, &r.attack, &r.eps)
            && (self.criterion, &self.made_of) == (r.criterion, &r.made_of)
    }

    /// Whether the two are about one network and one data set.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        (&self.network, &self.data) == (&other.network, &other.data)
    }

    /// Mean seconds an image; none where every image failed.
    pub fn seconds_an_image(&self) -> Option<f64> {
        (self.after.of > 0).then(|| self.seconds / self.after.of as f64)
    }
}

/// What makes an attack another one: its text, its criterion, and what it was made of.
type Setting<'a> = (&'a str, Criterion, Option<&'a str>);

fn setting(record: &Record) -> Setting<'_> {
    (&record.attack, record.criterion, record.made_of.as_deref())
}

pub(super) fn groups(records: &[&Record]) -> Vec<Group> {
    let mut by_key: BTreeMap<_, Vec<&Record>> = BTreeMap::new();
    for record in records {
        // Budgets are never negative, so their bits are in their order.
        let eps = record.eps.as_ref().map(|b| (b.eps().value().to_bits(), b.text()));
        let (attack, criterion, made_of) = setting(record);
        let key =
            (record.network.as_str(), record.data.as_str(), attack, criterion.to_string(), made_of, eps);
        by_key.entry(key).or_default().push(record);
    }
    // An attack's kind and label are its own, the same for every network and budget.
    let with_gradients: BTreeSet<&str> = records
        .iter()
        .filter(|r| r.measured().is_some_and(|m| m.cost.gradients > 0))
        .map(|r| r.attack.as_str())
        .collect();
    let kind = |attack: &str| match attack_name(attack).as_str() {
        CLEAN => Kind::Clean,
        "urn" => Kind::Noise,
        "iap_seg" => Kind::Mask,
        _ if with_gradients.contains(attack) => Kind::Gradient,
        _ => Kind::Query,
    };
    let mut settings: Vec<Setting<'_>> = Vec::new();
    for record in records {
        if !settings.contains(&setting(record)) {
            settings.push(setting(record));
        }
    }
    let several = records.iter().any(|r| r.data != records[0].data);
    let mut groups: Vec<Group> = by_key
        .into_values()
        .map(|mut records| {
            records.sort_by(|a, b| a.image.cmp(&b.image));
            let first = records[0];
            let subject = subject(&first.network, &first.data, several);
            group(first, &records, subject, kind(&first.attack), label(setting(first), &settings))
        })
        .collect();
    groups.sort_by(|a, b| {
        let key = |g: &Group| (g.network.clone(), g.data.clone(), g.kind, g.attack.clone());
        key(a).cmp(&key(b))
    });
    groups
}

/// What people call a network on a data set, which is named where there are several.
pub(super) fn subject(network: &str, data: &str, several: bool) -> String {
    if several { format!("{network} on {data}") } else { network.to_owned() }
}

/// What people call an attack: as much of it as tells it from the others.
fn label(own: Setting<'_>, all: &[Setting<'_>]) -> String {
    let (attack, criterion, made_of) = own;
    let name = attack_name(attack);
    let alike = || all.iter().filter(|(other, ..)| attack_name(other) == name);
    let others: Vec<&str> = alike().map(|(other, ..)| *other).collect();
    let told = distinction(attack, &others);
    let mut label = attack_title(&name);
    if !told.is_empty() {
        label = format!("{label} ({told})");
    }
    if let Some(data) = made_of.filter(|_| alike().any(|(.., other)| *other != made_of)) {
        label += " of ";
        label += data;
    }
    if alike().any(|(_, other, _)| *other != criterion) {
        label += match criterion {
            Criterion::Saved => ", until saved",
            Criterion::Float => ", until computed",
            Criterion::Grid => ", on 8 bits",
            Criterion::Spent => ", all steps",
        };
    }
    label
}

fn group(first: &Record, records: &[&Record], subject: String, kind: Kind, label: String) -> Group {
    let measured: Vec<(&Record, &Measured)> =
        records.iter().filter_map(|r| r.measured().map(|m| (*r, m))).collect();
    let (mut before, mut after, mut success) = (Share::default(), Share::default(), Share::default());
    for (record, _) in &measured {
        before.count(record.correct_before());
        after.count(record.correct_after());
        if record.correct_before() {
            success.count(record.flipped());
        }
    }
    let (scores, fakes): (Vec<f64>, Vec<bool>) =
        measured.iter().map(|(r, m)| (m.saved.p_fake, r.label == Label::Fake)).unzip();
    let number = |count: fn(&Record) -> bool| measured.iter().filter(|(r, _)| count(r)).count() as u64;
    let mean = |value: fn(&Measured) -> u64| {
        measured.iter().map(|(_, m)| value(m) as f64).sum::<f64>() / measured.len().max(1) as f64
    };
    Group {
        network: first.network.clone(),
        data: first.data.clone(),
        subject,
        attack: first.attack.clone(),
        criterion: first.criterion,
        made_of: first.made_of.clone(),
        label,
        kind,
        eps: first.eps.clone(),
        failed: (records.len() - measured.len()) as u64,
        before,
        after,
        success,
        flipped_float: number(Record::flipped_float),
        lost_by_saving: number(Record::lost_by_saving),
        untouched: number(|r| r.correct_before() && r.measured().is_some_and(|m| m.distance.l0_values == 0)),
        auc: auc(&scores, &fakes),
        median: typical(&measured, median),
        mean: typical(&measured, mean_of),
        masks: masks(&measured),
        steps: mean(|m| m.cost.steps),
        gradients: mean(|m| m.cost.gradients),
        queries: mean(|m| m.cost.queries),
        seconds: measured.iter().map(|(_, m)| m.cost.seconds).sum(),
    }
}

fn typical(
    measured: &[(&Record, &Measured)],
    pick: fn(&mut dyn Iterator<Item = f64>) -> Option<f64>,
) -> Option<Typical> {
    let of = |value: fn(&Measured) -> Option<f64>| {
        pick(&mut measured.iter().filter(|(r, _)| r.correct_before()).filter_map(|(_, m)| value(m)))
    };
    Some(Typical {
        p_l0: of(|m| Some(m.distance.p_l0))?,
        l2: of(|m| Some(m.distance.l2))?,
        rms: of(|m| Some(m.distance.rms))?,
        linf: of(|m| Some(m.distance.linf))?,
        // An unchanged image counts as infinitely good, as it is.
        psnr: of(|m| Some(m.distance.psnr.unwrap_or(f64::INFINITY))).filter(|v| v.is_finite()),
        ssim: of(|m| m.distance.ssim),
    })
}

fn masks(measured: &[(&Record, &Measured)]) -> Option<Masks> {
    let forged = measured.iter().filter(|(r, _)| r.label == Label::Fake && r.correct_before());
    let all: Vec<(&Measured, MaskShift)> = forged.filter_map(|(_, m)| Some((*m, m.mask?))).collect();
    let of =
        |value: &dyn Fn(&(&Measured, MaskShift)) -> Option<f64>| mean_of(&mut all.iter().filter_map(value));
    let stays = |m: &Measured| m.saved.decided == Label::Fake;
    let mut stayed = Share::default();
    all.iter().for_each(|(m, _)| stayed.count(stays(m)));
    let truth = |i: usize| of(&|(_, s)| s.truth.map(|t| t[i]));
    Some(Masks {
        stayed,
        kept: of(&|(_, s)| Some(s.kept))?,
        truth: truth(0).zip(truth(1)).map(|(before, after)| [before, after]),
        wanted: of(&|(m, s)| s.wanted.filter(|_| stays(m))),
        rmse_255: of(&|(m, _)| Some(m.distance.rmse_255))?,
    })
}

fn mean_of(values: &mut dyn Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

pub(super) fn median(values: &mut dyn Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}
