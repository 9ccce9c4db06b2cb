use moire_tensor::{Images, Label, SampleId, Tensor};

use crate::error::{Error, Repr};
use crate::kra::KeyRegions;
use crate::layers::KeyLayers;
use crate::loss::Loss;

/// What an objective answers for a batch of images.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// How far each image is from being decided wrongly; below 0 it is.
    pub margins: Vec<f32>,
    /// The direction in which the loss falls, `[n, 3, h, w]`: its negative gradient. Where a loss is walked along by
    /// raw gradient steps ([`Loss::Activation`], [`Loss::Segmentation`]) it is that of the network's own normalised
    /// input, carried over to pixels.
    pub descent: Tensor,
    /// How fast each margin falls along its descent, to first order; 0 for a loss that is not about the decision.
    pub slopes: Vec<f32>,
}

/// A scalar of an image, for each sample.
///
/// `samples` names, for each image of a batch, which sample it is a version of: images leave a batch as they
/// are done, and what belongs to a sample (its label, its clean output) stays with it.
pub trait Objective {
    /// Margin and gradient of each image of `x`, a version of `samples`.
    ///
    /// # Errors
    /// The network has no such loss, cannot run, or answers with something that is not finite.
    fn value_and_grad(&mut self, x: &Images, samples: &[usize], loss: Loss<'_>) -> Result<Evaluation, Error>;

    /// The margins alone, for a forward pass.
    ///
    /// # Errors
    /// As [`Objective::value_and_grad`].
    fn margins(&mut self, x: &Images, samples: &[usize]) -> Result<Vec<f32>, Error>;

    /// For each image, the maps `[h * w]` of `layers` in `[0, 1]`: the gradient of the decision's score, summed over
    /// the layer's channels, scaled and enlarged to the image. A layer whose map has no contrast is left out.
    ///
    /// # Errors
    /// There are no such layers, or the network cannot run.
    fn heat_maps(&mut self, x: &Images, layers: &KeyLayers) -> Result<Vec<Vec<Vec<f32>>>, Error>;

    /// An image `[1, 3, h, w]` that is 0 everywhere as the network sees it.
    fn neutral(&self) -> Images;

    /// What a sample is.
    ///
    /// # Errors
    /// Nobody has said so.
    fn label(&self, sample: usize) -> Result<Label, Error>;
}

/// Where an iterative attack gets its direction: one objective's gradient, or many combined.
pub trait Ascent {
    /// Margins, and the direction in which to go, in place of gradients.
    ///
    /// # Errors
    /// As [`Objective::value_and_grad`].
    fn direction(&mut self, x: &Images, samples: &[usize], loss: Loss<'_>) -> Result<Evaluation, Error>;

    /// How far each image is from being decided wrongly; below 0 it is.
    ///
    /// # Errors
    /// As [`Objective::margins`].
    fn margins(&mut self, x: &Images, samples: &[usize]) -> Result<Vec<f32>, Error>;

    /// Where each image's decision hangs, or `None` for an image whose inner gradients say nothing.
    ///
    /// # Errors
    /// There are no such layers, or none at all, or as [`Objective::value_and_grad`].
    fn key_regions(&mut self, x: &Images, layers: &KeyLayers) -> Result<Vec<Option<KeyRegions>>, Error> {
        let _ = (x, layers);
        Err(Repr::NoLayers.into())
    }

    /// An image `[1, 3, h, w]` that is 0 everywhere as the network sees it, where there is one network.
    fn neutral(&self) -> Option<Images> {
        None
    }

    /// What a sample is.
    ///
    /// # Errors
    /// Nobody has said so.
    fn label(&self, sample: usize) -> Result<Label, Error> {
        Err(Repr::NoSample { sample, set: 0 }.into())
    }

    /// How far beside an image a search starts, uniformly at random, where the gradient at the image itself is 0.
    fn nudge(&self) -> f32 {
        0.0
    }
}

impl<O: Objective> Ascent for O {
    fn direction(&mut self, x: &Images, samples: &[usize], loss: Loss<'_>) -> Result<Evaluation, Error> {
        self.value_and_grad(x, samples, loss)
    }

    fn margins(&mut self, x: &Images, samples: &[usize]) -> Result<Vec<f32>, Error> {
        Objective::margins(self, x, samples)
    }

    fn key_regions(&mut self, x: &Images, layers: &KeyLayers) -> Result<Vec<Option<KeyRegions>>, Error> {
        Ok(self.heat_maps(x, layers)?.iter().map(|maps| KeyRegions::of(maps)).collect())
    }

    fn neutral(&self) -> Option<Images> {
        Some(Objective::neutral(self))
    }

    fn label(&self, sample: usize) -> Result<Label, Error> {
        Objective::label(self, sample)
    }
}

/// The images of one call with what fixes their randomness.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a> {
    /// The images as they are.
    pub images: &'a Images,
    /// Who they are, whatever their place here.
    pub ids: &'a [SampleId],
    /// The study's seed.
    pub seed: u64,
}

impl Samples<'_> {
    /// # Errors
    /// There are not as many identities as images.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (images, others) = (self.images.len(), self.ids.len());
        if images == others {
            Ok(())
        } else {
            Err(Repr::Counts { images, others, what: "identities" }.into())
        }
    }
}
