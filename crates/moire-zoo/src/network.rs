use moire_graph::{Act, Builder, Error, Graph, ValueId};
use moire_tensor::{Label, Tensor};

use crate::condition::Condition;

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
    pub const fn plain(size: usize) -> Self {
        Self { size: [size, size], mean: [0.0; 3], std: [1.0; 3] }
    }

    /// Pixels in `[-1, 1]`.
    pub const fn signed(size: usize) -> Self {
        Self { size: [size, size], mean: [0.5; 3], std: [0.5; 3] }
    }

    /// The mean and deviation of `ImageNet`, as torchvision has them.
    pub const fn imagenet(size: usize) -> Self {
        Self { size: [size, size], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    }

    /// Adds the input `x` `[1, 3, h, w]` in `[0, 1]`; the result is the same as the network sees it.
    ///
    /// # Errors
    /// The graph has an input `x` already.
    pub fn input(&self, b: &mut Builder) -> Result<ValueId, Error> {
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
    /// Logits `[1, k]` of classes: the larger of these two decides, equal is real.
    Classes {
        /// The class of real images.
        real: usize,
        /// The class of fakes.
        fake: usize,
    },
}

impl Decision {
    /// Adds `margin` and `p_fake`, both scalars, for an answer `y`.
    ///
    /// # Errors
    /// `y` has not the shape that this decision reads.
    pub fn outputs(self, b: &mut Builder, y: ValueId) -> Result<[(&'static str, ValueId); 2], Error> {
        b.scope("decision");
        let column = |b: &mut Builder, i: usize| {
            let part = b.slice(y, 1, i, i + 1)?;
            b.reshape(part, [])
        };
        match self {
            Self::Logit { positive } => {
                let logit = b.reshape(y, [])?;
                let margin = b.scale(logit, positive.sign())?;
                let score = b.act(margin, Act::Sigmoid)?;
                Ok([("margin", margin), ("p_fake", score)])
            }
            Self::Zones => {
                let (fake, real) = (column(b, 0)?, column(b, 1)?);
                let margin = b.sub(fake, real)?;
                let total = b.add(fake, real)?;
                let score = b.div(fake, total)?;
                Ok([("margin", margin), ("p_fake", score)])
            }
            Self::Classes { real, fake } => {
                let (fake, real) = (column(b, fake)?, column(b, real)?);
                let margin = b.sub(fake, real)?;
                // The softmax of two numbers is the sigmoid of their difference.
                let score = b.act(margin, Act::Sigmoid)?;
                Ok([("margin", margin), ("p_fake", score)])
            }
        }
    }
}

/// How an editor is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editing {
    /// What the numbers of a condition mean; `None` for an editor that takes no condition.
    pub condition: Option<Condition>,
    /// The edits of one image that run together: the rows of `c` and of `y`. 1 where there is no condition.
    pub domains: usize,
}

/// What a network is for, and how its answer is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Says whether an image is forged. Outputs `y`, `margin`, `p_fake`, and `mask` and `reconstruction` where it has
    /// them.
    Detector(Decision),
    /// Edits an image. Inputs `x` and, where it takes one, a condition `c` `[k, n]`; output `y` `[k, 3, h, w]` in
    /// `[-1, 1]`.
    Editor(Editing),
    /// Finds faces: outputs `boxes`, `scores` and `landmarks`.
    Faces,
    /// Its answer `y` is only itself: nobody said what it means.
    Plain,
}

/// A graph with what makes it usable.
#[derive(Debug, Clone)]
pub struct Network {
    /// What it is called: its architecture's name, or what its file says.
    pub name: String,
    /// From an image `x` to the outputs that the crate's docs list.
    pub graph: Graph,
    /// What the graph does to pixels first.
    pub preprocess: Preprocess,
    /// What it is for.
    pub role: Role,
    /// How its faces were cut out of photographs, where its file says so: a name of `moire_face::Framing`.
    pub crop: Option<String>,
}

/// What the user of an architecture chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Height and width of the image.
    pub size: [usize; 2],
    /// The edits of one image that run together; 1 for a network that takes no condition.
    pub domains: usize,
}

/// The sizes of images that an architecture takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// The least height and width.
    pub least: usize,
    /// The largest height and width.
    pub most: usize,
    /// Height and width are multiples of this.
    pub multiple: usize,
}
