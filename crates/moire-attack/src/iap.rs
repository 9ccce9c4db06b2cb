//! The individual attacks on facial forensics models (Huang et al., arXiv 1911.00660, section 3.1:
//! `v <- clip(v - alpha grad L(x + v))` from `v = 0`): the raw gradient, without a sign, all steps whatever happens.
//!
//! alpha is in the units of the network's own normalised input; the paper's values are not stated. With 1 the published
//! Y-shaped autoencoder calls 97 % of 70 `Face2Face` crops correctly, and 77, 4, 0, 0 and 0 % of the saved files after
//! 1, 3, 5, 10 and 20 steps, whose changes have a root mean square of 0.3, 0.7, 0.8, 1.0 and 1.0 of 255 (`moire audit`).
//!
//! The mask, on 8 crops that are called fake, random triangles, 100 steps, saved files; all are called fake still:
//!
//! | cross-entropy | alpha | overlap with the wanted mask | RMS of 255 |
//! |---|---|---|---|
//! | of the mask's logits | 0.2 | 0.68 (4 crops) | 0.4 |
//! | of the mask's logits | 1 | 0.82 | 1.5 |
//! | of the mask's logits | 1.5 | 0.84 | 2.0 |
//! | as trained, of probabilities taken for logits | 0.2 | 0.43 | 0.3 |
//! | as trained, of probabilities taken for logits | 1 | 0.65 (4 crops) | 1.1 |
//!
//! The loss that the network was trained with saturates where it is sure, and there an attack has to move it: hence the
//! logits. A step of 1 keeps the change under 2 of 255.

use crate::ball::Ball;
use crate::search::{Answer, Ask, Search, Start};

/// Parameters of [`Attack::Iap`](crate::Attack::Iap) and [`Attack::IapSeg`](crate::Attack::IapSeg).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iap {
    /// Steps, at least 1.
    pub steps: u32,
    /// The factor of the gradient, above 0.
    pub alpha: f32,
    /// Bound of the change of any pixel, in `[0, 1]`; 1 is none.
    pub eps: f32,
}

impl Iap {
    /// The classification attack's defaults.
    pub const CLASSIFICATION: Self = Self { steps: 20, alpha: 1.0, eps: 1.0 };
    /// The segmentation attack's defaults.
    pub const SEGMENTATION: Self = Self { steps: 100, alpha: 1.0, eps: 1.0 };
}

/// How much the segmentation term weighs beside the activation term: the paper's 1.8.
pub(crate) const MASK_WEIGHT: f32 = 1.8;

struct IapSearch {
    params: Iap,
    ball: Ball,
    x: Vec<f32>,
    steps: u32,
    ended: Option<bool>,
}

pub(crate) fn search(start: &Start, params: Iap) -> Box<dyn Search> {
    let ball = Ball { clean: start.clean.clone(), eps: params.eps };
    Box::new(IapSearch { params, ball, x: start.from.clone(), steps: 0, ended: None })
}

impl Search for IapSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        let ask = if self.steps < self.params.steps { Ask::Gradient } else { Ask::Verdict };
        self.ended.is_none().then_some((ask, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        if answer.direction.is_empty() {
            self.ended = Some(answer.met);
            return;
        }
        for (i, (x, d)) in self.x.iter_mut().zip(answer.direction).enumerate() {
            *x = self.ball.project(i, *x - self.ball.clean[i] + self.params.alpha * d);
        }
        self.steps += 1;
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.x, self.ended == Some(true))
    }
}
