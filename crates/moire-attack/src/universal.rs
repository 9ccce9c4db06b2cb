//! Universal perturbations: one change for all images.
//!
//! `uap_overfire` (Huang et al., arXiv 1911.00660, section 3.2) needs no data: it looks for a change that, alone, makes one zone
//! of the latent fire and the other not. "Alone" is the change on an image that is 0 as the network sees it, a
//! mean-coloured one: on a black image the fake zone of the published weights never fires. Steps of the sign, from
//! uniform noise, all of them; one change for each class that is to be got rid of.
//!
//! Which reading of the formula ([`OverfireForm`]) is the default was measured on the published Y-shaped autoencoder, 70
//! `Face2Face` crops, 97 % of them called correctly; what is left on the saved files (`moire audit`):
//!
//! | eps | plain | hinge | noise |
//! |---|---|---|---|
//! | 2/255 | 36 % | 69 % | 97 % |
//! | 4/255 | 0 % | 0 % | 81 % |

use moire_tensor::{Eps, Images, Label, Rng, SampleId};

use crate::ascent::Ascent;
use crate::ball::sign;
use crate::error::{Error, Repr};
use crate::loss::{Loss, OverfireForm};

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

/// A change for each class of images, `[3 * h * w]`: what makes fakes look real, and what makes reals look fake.
#[derive(Debug, Clone, PartialEq)]
pub struct Universal {
    /// For images that are fake.
    pub of_fakes: Vec<f32>,
    /// For images that are real.
    pub of_reals: Vec<f32>,
}

impl Universal {
    /// The change for an image of this class.
    pub fn of(&self, label: Label) -> &[f32] {
        match label {
            Label::Fake => &self.of_fakes,
            Label::Real => &self.of_reals,
        }
    }
}

/// Crafts both changes within the budget. `ascent`'s labels do not matter.
pub(crate) fn overfire(
    ascent: &mut dyn Ascent,
    params: UapOverfire,
    eps: Eps,
    seed: u64,
) -> Result<Universal, Error> {
    let mut craft = |zone: Label| -> Result<Vec<f32>, Error> {
        let neutral = ascent.neutral().ok_or(Repr::NoLoss { loss: "over-firing" })?;
        let purpose = if zone == Label::Real { "uap real" } else { "uap fake" };
        let mut rng = Rng::new(seed, SampleId(0), purpose);
        let mut change: Vec<f32> =
            neutral.image(0).iter().map(|_| rng.uniform(-eps.value(), eps.value())).collect();
        let loss = Loss::Overfire { zone, k: params.k, form: params.form };
        for _ in 0..params.steps {
            let mut x = neutral.clone().into_tensor();
            x.data_mut().iter_mut().zip(&change).for_each(|(x, v)| *x += v);
            let seen = ascent.direction(&Images::project(x)?, &[0], loss)?;
            for (v, d) in change.iter_mut().zip(seen.descent.data()) {
                *v = (*v + params.alpha * eps.value() * sign(*d)).clamp(-eps.value(), eps.value());
            }
        }
        Ok(change)
    };
    Ok(Universal { of_fakes: craft(Label::Real)?, of_reals: craft(Label::Fake)? })
}
