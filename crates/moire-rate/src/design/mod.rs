//! What is shown: which pairs, in which sets, in which order, on which side.

mod pairs;
mod sets;

use std::collections::BTreeSet;

use moire_study::Record;
use moire_tensor::{Rng, SampleId};

pub(crate) use pairs::Candidate;
pub(crate) use sets::Side;
pub(crate) use sets::Slot;

use crate::error::Error;
use crate::plan::RatePlan;

/// How strong the noise of a golden pair is, of 255: nobody misses it.
const GOLDEN: u8 = 72;

/// What a pair is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be rated, for this condition of the plan.
    Rated(usize),
    /// A change that nobody can miss.
    Golden,
    /// An image against itself, where the page says which answer to give.
    Trap,
    /// Practice.
    Training,
}

/// An image beside a version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) purpose: Purpose,
    /// The image as the study has it, for tables.
    pub(crate) image: String,
    /// SHA-256 of the image's file: who it is, whatever it is called.
    pub(crate) identity: String,
    /// The clean file, in the study's folder.
    pub(crate) clean: String,
    pub(crate) version: Version,
}

/// What stands beside the clean image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Version {
    /// A file in the study's folder; the clean one itself where nothing changes.
    File(String),
    /// The clean image with uniform noise of this size, of 255; to be made.
    Noise(u8),
}

/// The design of an experiment: the same plan and records give the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Design {
    pub(crate) pairs: Vec<Pair>,
    /// Indices of pairs, with what is random about showing them.
    pub(crate) sets: Vec<Vec<Slot>>,
}

impl Design {
    /// Draws the design.
    ///
    /// # Errors
    /// The records have nothing for a condition, or fewer images than a set shows.
    pub(crate) fn draw(plan: &RatePlan, records: &[Record]) -> Result<Self, Error> {
        let rated = pairs::choose(plan, records)?;
        let mut seen = BTreeSet::new();
        let images: Vec<&Candidate> =
            rated.iter().map(|(_, c)| c).filter(|c| seen.insert(c.identity.as_str())).collect();
        if images.len() < plan.set.get() {
            let expected = format!("at least {} images, for a set never shows one twice", plan.set.get());
            let found = format!("{} in the study's conditions; set can be smaller", images.len());
            return Err(Error::plan("set", expected, found));
        }
        let pair = |purpose, c: &Candidate, version| Pair {
            purpose,
            image: c.image.clone(),
            identity: c.identity.clone(),
            clean: c.clean.clone(),
            version,
        };
        let mut pairs: Vec<Pair> = rated
            .iter()
            .map(|(condition, c)| pair(Purpose::Rated(*condition), c, Version::File(c.version.clone())))
            .collect();
        // So many golden and trap images that each set finds enough that it does not show otherwise.
        let extra = &images[..plan.set.get()];
        if plan.golden.get() > 0 {
            pairs.extend(extra.iter().map(|c| pair(Purpose::Golden, c, Version::Noise(GOLDEN))));
        }
        if plan.traps.get() > 0 {
            pairs.extend(extra.iter().map(|c| pair(Purpose::Trap, c, Version::File(c.clean.clone()))));
        }
        let sets = sets::sets(plan, &pairs);
        pairs.extend(training(plan, &images).map(|(c, version)| pair(Purpose::Training, c, version)));
        Ok(Self { pairs, sets })
    }
}

/// Practice shows the whole range: from no change to one that nobody misses.
fn training<'a>(plan: &RatePlan, images: &[&'a Candidate]) -> impl Iterator<Item = (&'a Candidate, Version)> {
    let n = plan.training.get();
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(&mut order, &mut stream(plan, 0, "training"));
    let last: Vec<&Candidate> = images.iter().rev().copied().cycle().take(n).collect();
    order.into_iter().zip(last).map(move |(step, image)| {
        let share = step as f64 / (n.max(2) - 1) as f64;
        // Equal steps of what is seen are more than equal steps of noise.
        let noise = (f64::from(GOLDEN) * share * share).round() as u8;
        (image, if noise == 0 { Version::File(image.clean.clone()) } else { Version::Noise(noise) })
    })
}

/// The random numbers of one part of the design.
fn stream(plan: &RatePlan, part: u64, purpose: &str) -> Rng {
    Rng::new(plan.seed, SampleId(part), purpose)
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], rng: &mut Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, rng.below(i + 1));
    }
}
