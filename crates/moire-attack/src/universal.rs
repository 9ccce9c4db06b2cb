//! Universal perturbations: one change for all images of a class.

use moire_tensor::{Eps, Images, Label, Rng, SampleId};

use crate::ascent::Ascent;
use crate::error::Error;
use crate::loss::Loss;

/// A change for each class of images, `[3 * h * w]`: what makes fakes look real, and what makes reals look fake.
#[derive(Debug, Clone, PartialEq)]
pub struct Universal {
    /// Height and width.
    pub size: [usize; 2],
    /// For images that are fake.
    pub of_fakes: Vec<f32>,
    /// For images that are real.
    pub of_reals: Vec<f32>,
}

/// What an attack is made of before it meets its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs<'a> {
    /// The network alone.
    Nothing,
    /// At most so many images of each label.
    Images(usize),
    /// A change that somebody has crafted, by the name that the attack gives it.
    Change(&'a str),
}

impl Universal {
    /// The change for an image of this class.
    pub fn of(&self, label: Label) -> &[f32] {
        match label {
            Label::Fake => &self.of_fakes,
            Label::Real => &self.of_reals,
        }
    }

    /// The same change for images of another size: cut off at the right and the bottom where they are smaller,
    /// mirrored there where they are larger. What these changes consist of are textures as fine as pixels, which
    /// resizing would blur.
    #[must_use]
    pub fn fitted(&self, size: [usize; 2]) -> Self {
        let [height, width] = self.size;
        let mirrored = |at: usize, length: usize| {
            let at = at % (2 * length);
            if at < length { at } else { 2 * length - 1 - at }
        };
        let fit = |change: &[f32]| {
            let value = |i: usize| {
                let (channel, y, x) = (i / (size[0] * size[1]), i / size[1] % size[0], i % size[1]);
                change[(channel * height + mirrored(y, height)) * width + mirrored(x, width)]
            };
            (0..3 * size[0] * size[1]).map(value).collect()
        };
        Self { size, of_fakes: fit(&self.of_fakes), of_reals: fit(&self.of_reals) }
    }
}

/// A change that a network sees without any image: on what is 0 everywhere as the network sees it.
pub(crate) struct Alone {
    neutral: Images,
    eps: f32,
    pub(crate) change: Vec<f32>,
}

impl Alone {
    /// Uniform noise of the budget's size.
    pub(crate) fn new(neutral: Images, eps: Eps, seed: u64, purpose: &str) -> Self {
        let (mut rng, eps) = (Rng::new(seed, SampleId(0), purpose), eps.value());
        let change = neutral.image(0).iter().map(|_| rng.uniform(-eps, eps)).collect();
        Self { neutral, eps, change }
    }

    /// The direction in which a loss falls here.
    pub(crate) fn descent(&self, ascent: &mut dyn Ascent, loss: Loss<'_>) -> Result<Vec<f32>, Error> {
        let mut x = self.neutral.clone().into_tensor();
        x.data_mut().iter_mut().zip(&self.change).for_each(|(x, v)| *x += v);
        Ok(ascent.direction(&Images::project(x)?, &[0], loss)?.descent.into_data())
    }

    /// Back into the budget.
    pub(crate) fn project(&mut self) {
        self.change.iter_mut().for_each(|v| *v = v.clamp(-self.eps, self.eps));
    }

    /// The share of the values that have reached the bound.
    pub(crate) fn saturation(&self) -> f32 {
        let saturated = self.change.iter().filter(|v| v.abs() >= self.eps).count();
        saturated as f32 / self.change.len() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::Universal;

    #[test]
    fn other_sizes_cut_or_mirror() {
        let of_fakes: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let own = Universal { size: [2, 2], of_reals: of_fakes.clone(), of_fakes };
        assert_eq!(own.fitted([2, 2]), own);
        assert_eq!(own.fitted([1, 1]).of_fakes, [0.0, 4.0, 8.0]);
        let wide = own.fitted([3, 5]);
        assert_eq!(wide.of_reals[..5], [0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(wide.of_reals[10..15], [2.0, 3.0, 3.0, 2.0, 2.0], "the last row is the second again");
        assert_eq!(wide.of_fakes.len(), 45);
    }
}
