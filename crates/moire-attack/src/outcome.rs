use std::fmt;
use std::str::FromStr;

use moire_tensor::Images;

use crate::ascent::Ascent;
use crate::error::{Error, Repr};

/// When an image counts as done, and on which numbers an attack searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Criterion {
    /// It is decided wrongly once rounded to the 8 bits of a file: what a user keeps. The search itself is in
    /// floating point.
    #[default]
    Saved,
    /// It is decided wrongly as computed, in numbers that no file can hold: for comparison with the literature.
    Float,
    /// Never: every step that an attack may take is taken.
    Spent,
    /// The network only ever sees images of 8 bits: gradients too are taken at what a file would hold, so a
    /// change smaller than half a level counts as none until it adds up.
    Grid,
}

impl Criterion {
    /// All of them, each with its name.
    const ALL: [(&'static str, Self); 4] =
        [("saved", Self::Saved), ("float", Self::Float), ("grid", Self::Grid), ("spent", Self::Spent)];

    /// Which of the images `x`, versions of `samples` with these margins, are done.
    pub(crate) fn met(
        self,
        ascent: &mut dyn Ascent,
        x: &Images,
        samples: &[usize],
        margins: &[f32],
        found: &mut [Found],
    ) -> Result<Vec<bool>, Error> {
        let mut met: Vec<bool> = margins.iter().map(|&m| m < 0.0 && self != Self::Spent).collect();
        if self != Self::Saved {
            return Ok(met);
        }
        // Rounding seldom helps: what has not crossed is not asked about.
        let crossed: Vec<usize> = (0..met.len()).filter(|&k| met[k]).collect();
        if crossed.is_empty() {
            return Ok(met);
        }
        let who: Vec<usize> = crossed.iter().map(|&k| samples[k]).collect();
        let margins = self.margins(ascent, &x.select(&crossed), &who)?;
        for ((k, margin), i) in crossed.into_iter().zip(margins).zip(who) {
            found[i].queries += 1;
            met[k] = margin < 0.0;
        }
        Ok(met)
    }

    /// The margins of the images `x` as this criterion sees them.
    pub(crate) fn margins(
        self,
        ascent: &mut dyn Ascent,
        x: &Images,
        samples: &[usize],
    ) -> Result<Vec<f32>, Error> {
        match self {
            Self::Saved | Self::Spent => ascent.margins(&x.quantised(), samples),
            Self::Float | Self::Grid => ascent.margins(x, samples),
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::ALL.iter().find(|(_, criterion)| criterion == self);
        f.write_str(named.expect("every criterion has a name").0)
    }
}

impl FromStr for Criterion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let named = Self::ALL.iter().find(|(name, _)| *name == text);
        named.map(|(_, criterion)| *criterion).ok_or_else(|| Repr::Criterion { text: text.to_owned() }.into())
    }
}

/// What an attack found for one image, and what that cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// The image meets the criterion.
    pub success: bool,
    /// Steps taken.
    pub steps: u32,
    /// Forward passes with a gradient.
    pub gradients: u32,
    /// Forward passes without one.
    pub queries: u32,
    /// A gradient was zero everywhere: the network hides it, and the result says little.
    pub zero_gradient: bool,
}

/// What an attack found for each image of a call.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The changed images, in the order of the samples.
    pub images: Images,
    /// What came of each.
    pub found: Vec<Found>,
    /// The mask `[h * w]` that each image was to get, for an attack that forges one; empty for all others.
    pub wanted_masks: Vec<Vec<f32>>,
}
