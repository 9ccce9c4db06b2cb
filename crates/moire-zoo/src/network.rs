use moire_graph::{Act, Builder, Error, Graph, ValueId};
use moire_tensor::{Label, Tensor};

/// What happens to pixels before a network sees them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preprocess {
    /// Height and width that the network takes.
    pub size: [usize; 2],
    /// Subtracted from RGB in `[0, 1]`.
    pub mean: [f32; 3],
    /// What the difference is divided by.
    pub std: [f32; 3],
}

impl Preprocess {
    /// Pixels in `[0, 1]` as they are.
    pub(crate) const fn plain(size: usize) -> Self {
        Self { size: [size, size], mean: [0.0; 3], std: [1.0; 3] }
    }

    /// The mean and deviation of `ImageNet`, as torchvision has them.
    pub(crate) const fn imagenet(size: usize) -> Self {
        Self { size: [size, size], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    }

    /// The input `x` `[1, 3, h, w]` in `[0, 1]`, and the same as the network sees it.
    pub(crate) fn input(&self, b: &mut Builder) -> Result<ValueId, Error> {
        b.scope("preprocess");
        let x = b.input("x", [1, 3, self.size[0], self.size[1]])?;
        if self.mean == [0.0; 3] && self.std == [1.0; 3] {
            return Ok(x);
        }
        let factor = b.literal(Tensor::from_fn([1, 3, 1, 1], |c| 1.0 / self.std[c]));
        let shift = b.literal(Tensor::from_fn([1, 3, 1, 1], |c| -self.mean[c] / self.std[c]));
        let scaled = b.mul(x, factor)?;
        b.add(scaled, shift)
    }
}

/// How a detector's answer `y` is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// One logit, `[1, 1]`: above 0 means `positive`.
    Logit {
        /// What a positive logit says.
        positive: Label,
    },
    /// Energies `[1, 2]` of the fake zone and of the real zone: the larger decides, equal is real.
    Zones,
}

impl Decision {
    /// Adds `margin` and `p_fake`, both scalars, for an answer `y`.
    pub(crate) fn outputs(self, b: &mut Builder, y: ValueId) -> Result<[(&'static str, ValueId); 2], Error> {
        b.scope("decision");
        match self {
            Self::Logit { positive } => {
                let logit = b.reshape(y, [])?;
                let margin = b.scale(logit, positive.sign())?;
                let score = b.act(margin, Act::Sigmoid)?;
                Ok([("margin", margin), ("p_fake", score)])
            }
            Self::Zones => {
                let zone = |b: &mut Builder, i: usize| {
                    let part = b.slice(y, 1, i, i + 1)?;
                    b.reshape(part, [])
                };
                let (fake, real) = (zone(b, 0)?, zone(b, 1)?);
                let margin = b.sub(fake, real)?;
                let total = b.add(fake, real)?;
                let score = b.div(fake, total)?;
                Ok([("margin", margin), ("p_fake", score)])
            }
        }
    }
}

/// A graph with what makes it usable.
#[derive(Debug, Clone)]
pub struct Network {
    /// The architecture's name.
    pub name: &'static str,
    /// From an image `x` to the outputs that the crate's docs list.
    pub graph: Graph,
    /// What the graph does to pixels first.
    pub preprocess: Preprocess,
    /// How its answer is read.
    pub decision: Decision,
}
