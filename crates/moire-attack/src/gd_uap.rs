//! The data-free universal perturbation for any network (Mopuri et al., arXiv 1801.08092, section 3; "GD-UAP"): a
//! change that, alone, makes every layer fire, whatever that does to the decision.
//!
//! Adam descends `-sum over layers of log(||h||_2^2 / 2)`, h the features after each nonlinearity. Where more than
//! half of the values have reached the bound and no more come, the change is halved, so that it can go on. Then, and
//! at the end, it is tried on images of noise: kept is what changes most of their decisions. It has no direction:
//! fakes and reals get the same.
//!
//! The rate is the paper's, a hundredth of the budget a step. It stops after ten trials without progress, which take
//! thousands of steps; here there is a limit besides.

use std::fmt;

use moire_tensor::{Eps, Images, Rng, SampleId, Tensor};

use crate::adam::Adam;
use crate::ascent::Ascent;
use crate::error::{Error, Repr};
use crate::loss::Loss;
use crate::params::Params;
use crate::universal::{Alone, Universal};

/// Parameters of the universal attack that fires every layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GdUap {
    /// Most steps, at least 1.
    pub steps: u32,
    /// Adam's rate as a share of the budget, above 0.
    pub rate: f32,
}

impl Default for GdUap {
    fn default() -> Self {
        Self { steps: 500, rate: 0.01 }
    }
}

impl GdUap {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            steps: p.count("steps", default.steps)?,
            rate: p.number("rate", default.rate, 1e-6..=1.0)?,
        })
    }
}

impl fmt::Display for GdUap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},rate={}", self.steps, self.rate)
    }
}

/// Images of noise that a change is tried on.
const TRIAL: usize = 16;
/// Trials without progress after which it ends.
const PATIENCE: u32 = 10;
/// When a change counts as saturated: more than this share at the bound, and less than that more with a step.
const SATURATED: (f32, f32) = (0.5, 1e-5);

pub(crate) fn craft(ascent: &mut dyn Ascent, params: GdUap, eps: Eps, seed: u64) -> Result<Universal, Error> {
    let neutral = ascent.neutral().ok_or(Repr::NoLoss { loss: "over-firing" })?;
    let size = [neutral.height(), neutral.width()];
    let trial = Trial::new(ascent, size, seed)?;
    let mut alone = Alone::new(neutral, eps, seed, "gd_uap");
    let mut adam = Adam::new(alone.change.len());
    let mut best: Option<(usize, Vec<f32>)> = None;
    let (mut saturation, mut without_progress) = (alone.saturation(), 0);
    for step in 1..=params.steps {
        let gradient: Vec<f32> = alone.descent(ascent, Loss::Layers)?.iter().map(|d| -d).collect();
        adam.descend(&mut alone.change, &gradient, params.rate * eps.value());
        alone.project();
        let before = std::mem::replace(&mut saturation, alone.saturation());
        let saturated = saturation > SATURATED.0 && (saturation - before).abs() < SATURATED.1;
        if saturated || step == params.steps {
            let changed = trial.changed(ascent, &alone.change)?;
            without_progress += 1;
            if best.as_ref().is_none_or(|(most, _)| changed > *most) {
                best = Some((changed, alone.change.clone()));
                without_progress = 0;
            }
            if without_progress == PATIENCE {
                break;
            }
            alone.change.iter_mut().for_each(|v| *v /= 2.0);
            saturation = 0.0;
        }
    }
    let change = best.map_or(alone.change, |(_, change)| change);
    Ok(Universal { size, of_reals: change.clone(), of_fakes: change })
}

/// Images of Gaussian noise around grey, in whose place no data are needed, and how they are decided.
struct Trial {
    images: Images,
    margins: Vec<f32>,
}

impl Trial {
    fn new(ascent: &mut dyn Ascent, [height, width]: [usize; 2], seed: u64) -> Result<Self, Error> {
        let mut rng = Rng::new(seed, SampleId(0), "gd_uap trial");
        // The sum of twelve uniform numbers is as good as normal; three deviations reach black and white.
        let mut normal = || (0..12).map(|_| rng.unit()).sum::<f32>() - 6.0;
        let noise = Tensor::from_fn([TRIAL, 3, height, width], |_| 0.5 + normal() / 6.0);
        let images = Images::project(noise)?;
        let margins = Self::margins(ascent, &images)?;
        Ok(Self { images, margins })
    }

    /// Positive for fake; these images have no labels.
    fn margins(ascent: &mut dyn Ascent, images: &Images) -> Result<Vec<f32>, Error> {
        Ok(ascent.direction(images, &[0; TRIAL], Loss::Layers)?.margins)
    }

    /// How many of them are decided otherwise with this change.
    fn changed(&self, ascent: &mut dyn Ascent, change: &[f32]) -> Result<usize, Error> {
        let mut moved = self.images.clone().into_tensor();
        moved.data_mut().iter_mut().zip(change.iter().cycle()).for_each(|(x, v)| *x += v);
        let margins = Self::margins(ascent, &Images::project(moved)?)?;
        let otherwise = |(a, b): &(&f32, &f32)| (**a > 0.0) != (**b > 0.0);
        Ok(margins.iter().zip(&self.margins).filter(otherwise).count())
    }
}
