use moire_tensor::Images;

use crate::ascent::Ascent;
use crate::error::Error;

/// When an image counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Criterion {
    /// It is decided wrongly once rounded to the 8 bits of a file: what a user keeps.
    #[default]
    Saved,
    /// It is decided wrongly as computed, in numbers that no file can hold.
    Float,
}

impl Criterion {
    /// Which of the images `x`, versions of `samples`, are done.
    pub(crate) fn met(
        self,
        ascent: &mut dyn Ascent,
        x: &Images,
        samples: &[usize],
    ) -> Result<Vec<bool>, Error> {
        match self {
            Self::Saved => ascent.fooled(&x.quantised(), samples),
            Self::Float => ascent.fooled(x, samples),
        }
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
}
