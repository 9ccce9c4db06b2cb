//! The universal perturbation that is made of images (Moosavi-Dezfooli et al., arXiv 1610.08401, algorithm 1).
//!
//! Image after image, in a random order: where the change does not yet fool the network, the smallest step beyond the
//! boundary is added, by `DeepFool` from the changed image, and the sum is brought back into the budget. It ends once
//! all but a share delta of the images are fooled. The paper makes one change for all classes; between two, what
//! helps one harms the other, so here it is one for fakes and one for reals, each made of images that are decided
//! rightly.

use std::fmt;

use moire_tensor::{Eps, Images, Label, Rng, SampleId, Tensor};

use crate::ascent::{Ascent, Samples};
use crate::deepfool::{self, DeepFool};
use crate::error::Error;
use crate::loss::Loss;
use crate::params::Params;
use crate::search::{Answer, Ask, Start};
use crate::universal::Universal;

/// Parameters of the universal attack that is made of images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uap {
    /// At most so many images of each label, at least 1.
    pub images: u32,
    /// Most times that all of them are gone through, at least 1.
    pub passes: u32,
    /// The share of images that may stay as they are decided, in `[0, 1]`.
    pub delta: f32,
    /// Most steps of `DeepFool`, at least 1.
    pub steps: u32,
}

impl Default for Uap {
    fn default() -> Self {
        Self { images: 64, passes: 10, delta: 0.2, steps: 10 }
    }
}

impl Uap {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            images: p.count("images", default.images)?,
            passes: p.count("passes", default.passes)?,
            delta: p.number("delta", default.delta, 0.0..=1.0)?,
            steps: p.count("steps", default.steps)?,
        })
    }
}

impl fmt::Display for Uap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "images={},passes={},delta={},steps={}", self.images, self.passes, self.delta, self.steps)
    }
}

pub(crate) fn craft(
    ascent: &mut dyn Ascent,
    params: Uap,
    eps: Eps,
    samples: &Samples<'_>,
) -> Result<Universal, Error> {
    samples.check()?;
    let images = samples.images;
    let mut of = |label: Label, purpose: &str| -> Result<Vec<f32>, Error> {
        let mut own = Vec::new();
        for i in 0..images.len() {
            let is_own = ascent.label(i)? == label;
            if is_own && ascent.margins(&images.select(&[i]), &[i])?[0] > 0.0 {
                own.push(i);
            }
        }
        own.truncate(params.images as usize);
        let rng = Rng::new(samples.seed, SampleId(0), purpose);
        Crafting { params, eps: eps.value(), images, own, rng }.run(ascent)
    };
    let size = [images.height(), images.width()];
    Ok(Universal {
        size,
        of_fakes: of(Label::Fake, "uap of fakes")?,
        of_reals: of(Label::Real, "uap of reals")?,
    })
}

/// The making of one change.
struct Crafting<'a> {
    params: Uap,
    eps: f32,
    images: &'a Images,
    /// The images that it is made of.
    own: Vec<usize>,
    rng: Rng,
}

impl Crafting<'_> {
    fn run(mut self, ascent: &mut dyn Ascent) -> Result<Vec<f32>, Error> {
        let mut change = vec![0.0; self.images.image(0).len()];
        for _ in 0..self.params.passes {
            for at in (1..self.own.len()).rev() {
                self.own.swap(at, self.rng.below(at + 1));
            }
            for &i in &self.own {
                self.push(ascent, i, &mut change)?;
            }
            if self.left(ascent, &change)? <= self.params.delta {
                break;
            }
        }
        Ok(change)
    }

    fn moved(&self, i: usize, change: &[f32]) -> Vec<f32> {
        self.images.image(i).iter().zip(change).map(|(x, v)| (x + v).clamp(0.0, 1.0)).collect()
    }

    fn batch(&self, values: Vec<f32>, count: usize) -> Result<Images, Error> {
        Ok(Images::new(Tensor::new(self.images.tensor().shape().with(0, count), values)?)?)
    }

    /// Adds to the change what takes one image over the boundary, where it is not there yet.
    fn push(&self, ascent: &mut dyn Ascent, i: usize, change: &mut [f32]) -> Result<(), Error> {
        let from = self.moved(i, change);
        let size = [self.images.height(), self.images.width()];
        let start =
            Start { clean: from.clone(), from: from.clone(), fresh: None, size, rng: self.rng.clone() };
        let mut search =
            deepfool::search(&start, DeepFool { steps: self.params.steps, ..DeepFool::default() });
        while let Some((ask, x)) = search.ask() {
            let x = self.batch(x.to_vec(), 1)?;
            if ask == Ask::Verdict {
                let margin = ascent.margins(&x, &[i])?[0];
                search.tell(&Answer::verdict(margin));
            } else {
                let seen = ascent.direction(&x, &[i], Loss::Margin)?;
                let (margin, slope) = (seen.margins[0], seen.slopes[0]);
                let direction = seen.descent.data();
                search.tell(&Answer { margin, met: margin < 0.0, direction, slope });
            }
        }
        let (to, _) = search.end();
        for (v, (to, from)) in change.iter_mut().zip(to.into_iter().zip(from)) {
            *v = (*v + to - from).clamp(-self.eps, self.eps);
        }
        Ok(())
    }

    /// The share of the images that are decided as before.
    fn left(&self, ascent: &mut dyn Ascent, change: &[f32]) -> Result<f32, Error> {
        if self.own.is_empty() {
            return Ok(0.0);
        }
        let values = self.own.iter().flat_map(|&i| self.moved(i, change)).collect();
        let margins = ascent.margins(&self.batch(values, self.own.len())?, &self.own)?;
        Ok(margins.iter().filter(|m| **m >= 0.0).count() as f32 / self.own.len() as f32)
    }
}
