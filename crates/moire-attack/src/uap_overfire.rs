//! The data-free universal perturbation for networks with zones (Huang et al., arXiv 1911.00660, section 3.2): a
//! change that, alone, makes one zone of the latent fire and the other not. "Alone" is the change on an image that is
//! 0 as the network sees it, a mean-coloured one: on a black image the fake zone of the published weights never
//! fires. Steps of the sign, from uniform noise, all of them; one change for each class that is to be got rid of.
//!
//! Which reading of the formula ([`OverfireForm`]) is the default was measured on the published Y-shaped autoencoder,
//! 70 `Face2Face` crops, 97 % of them called correctly; what is left on the saved files (`moire audit`):
//!
//! | eps | plain | hinge | noise |
//! |---|---|---|---|
//! | 2/255 | 36 % | 69 % | 97 % |
//! | 4/255 | 0 % | 0 % | 81 % |

use std::fmt;

use moire_tensor::{Eps, Label};

use crate::ascent::Ascent;
use crate::ball::sign;
use crate::error::{Error, Repr};
use crate::loss::{Loss, OverfireForm};
use crate::params::Params;
use crate::universal::{Alone, Universal};

/// Parameters of the over-firing universal attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UapOverfire {
    /// Steps, at least 1.
    pub steps: u32,
    /// The exponent's factor, above 0.
    pub k: f32,
    /// The step as a share of the budget, above 0.
    pub alpha: f32,
    /// The formula.
    pub form: OverfireForm,
}

impl Default for UapOverfire {
    fn default() -> Self {
        Self { steps: 280, k: 10.0, alpha: 0.1, form: OverfireForm::default() }
    }
}

impl UapOverfire {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            steps: p.count("steps", default.steps)?,
            k: p.number("k", default.k, 1e-3..=1e3)?,
            alpha: p.number("alpha", default.alpha, 1e-4..=2.0)?,
            form: p.take("form", "plain or hinge", default.form, OverfireForm::parse)?,
        })
    }
}

impl fmt::Display for UapOverfire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},k={},alpha={},form={}", self.steps, self.k, self.alpha, self.form)
    }
}

/// Crafts both changes within the budget. `ascent`'s labels do not matter.
pub(crate) fn craft(
    ascent: &mut dyn Ascent,
    params: UapOverfire,
    eps: Eps,
    seed: u64,
) -> Result<Universal, Error> {
    let neutral = ascent.neutral().ok_or(Repr::NoLoss { loss: "over-firing" })?;
    let mut fire = |zone: Label| -> Result<Vec<f32>, Error> {
        let purpose = if zone == Label::Real { "uap real" } else { "uap fake" };
        let mut alone = Alone::new(neutral.clone(), eps, seed, purpose);
        let loss = Loss::Overfire { zone, k: params.k, form: params.form };
        for _ in 0..params.steps {
            let descent = alone.descent(ascent, loss)?;
            alone
                .change
                .iter_mut()
                .zip(&descent)
                .for_each(|(v, d)| *v += params.alpha * eps.value() * sign(*d));
            alone.project();
        }
        Ok(alone.change)
    };
    let size = [neutral.height(), neutral.width()];
    Ok(Universal { size, of_fakes: fire(Label::Real)?, of_reals: fire(Label::Fake)? })
}
