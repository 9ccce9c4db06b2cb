use moire_tensor::{Eps, Images, Rng, SampleId, Tensor};

use crate::ascent::{Ascent, Samples};
use crate::ball::sign;
use crate::error::Error;
use crate::loss::Loss;
use crate::params::Alpha;

/// One change for all images, that each of them gets (CMUA-Watermark: Huang et al., arXiv 2105.10872).
///
/// Steps of the sign, each on a few of the images, which take turns in an order drawn anew for each round: each image's
/// direction, divided by its L1 norm, so that none outweighs the others, is averaged, and the mean accumulates with
/// momentum. The paper averages over images first and weighs models by a search; here the ascent combines its models for
/// each image, so that the same strategies serve one image and many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cmua {
    /// Steps, at least 1.
    pub steps: u32,
    /// Images a step, at least 1.
    pub batch: usize,
    /// The length of a step.
    pub alpha: Alpha,
    /// How much of the earlier directions is kept, 0 or more.
    pub mu: f32,
}

impl Default for Cmua {
    fn default() -> Self {
        Self { steps: 100, batch: 8, alpha: Alpha::OfEps(10.0), mu: 0.9 }
    }
}

impl Cmua {
    /// Crafts the change `[3, h, w]` within `eps` for `samples`; `told` hears of each step.
    ///
    /// # Errors
    /// The samples are not what the ascent was given, or a network cannot run or answers with something that is not
    /// finite.
    pub fn craft(
        &self,
        ascent: &mut dyn Ascent,
        samples: &Samples<'_>,
        eps: Eps,
        mut told: impl FnMut(u32),
    ) -> Result<Vec<f32>, Error> {
        samples.check()?;
        let Samples { images, ids, seed } = *samples;
        let (size, eps) = (images.image(0).len(), eps.value());
        let alpha = self.alpha.value(Eps::new(eps)?);
        // At the images themselves the gradient may be 0.
        let mut rng = Rng::new(seed, SampleId(0), "universal change");
        let nudge = ascent.nudge().min(eps);
        let mut change: Vec<f32> = (0..size).map(|_| rng.uniform(-nudge, nudge)).collect();
        let mut momentum = vec![0.0f32; size];
        let mut waiting: Vec<usize> = Vec::new();
        for step in 0..self.steps {
            if waiting.is_empty() {
                waiting = shuffled(ids, &mut rng);
            }
            let now: Vec<usize> = waiting.split_off(waiting.len().saturating_sub(self.batch.max(1)));
            let shape = images.tensor().shape().with(0, now.len());
            let moved = now.iter().flat_map(|&i| images.image(i).iter().zip(&change).map(|(x, v)| x + v));
            let x = Images::project(Tensor::new(shape, moved.collect())?)?;
            let seen = ascent.direction(&x, &now, Loss::Margin)?;
            momentum.iter_mut().for_each(|m| *m *= self.mu);
            for row in 0..now.len() {
                let direction = seen.descent.row(row);
                let length: f32 = direction.iter().map(|g| g.abs()).sum();
                let share = if length > 0.0 { 1.0 / (length * now.len() as f32) } else { 0.0 };
                momentum.iter_mut().zip(direction).for_each(|(m, g)| *m += g * share);
            }
            for (v, &m) in change.iter_mut().zip(&momentum) {
                *v = (*v + alpha * sign(m)).clamp(-eps, eps);
            }
            told(step + 1);
        }
        Ok(change)
    }
}

/// The places of the images in an order that hangs on who they are, not on how they came.
fn shuffled(ids: &[SampleId], rng: &mut Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|&i| ids[i]);
    let mut drawn: Vec<(f32, usize)> = order.into_iter().map(|i| (rng.uniform(0.0, 1.0), i)).collect();
    drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
    drawn.into_iter().map(|(_, i)| i).collect()
}
