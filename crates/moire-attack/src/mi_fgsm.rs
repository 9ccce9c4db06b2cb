use moire_tensor::Eps;

use crate::ascent::{Ascent, Samples};
use crate::error::Error;
use crate::linf::SignMethod;
use crate::outcome::{Criterion, Outcome};
use crate::params::Walk;

/// Parameters of [`mi_fgsm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MiFgsm {
    /// How it walks.
    pub walk: Walk,
    /// How much of the earlier directions is kept, 0 or more.
    pub mu: f32,
}

impl Default for MiFgsm {
    fn default() -> Self {
        Self { walk: Walk::default(), mu: 1.0 }
    }
}

/// The momentum iterative method (Dong et al., arXiv 1710.06081, algorithm 1):
/// m <- mu m + g / ||g||_1, x <- project(x + alpha sign(m)). A gradient of zero adds nothing to m.
///
/// # Errors
/// The network cannot run, or answers with something that is not finite.
pub fn mi_fgsm(
    ascent: &mut dyn Ascent,
    samples: &Samples<'_>,
    eps: Eps,
    params: MiFgsm,
    criterion: Criterion,
) -> Result<Outcome, Error> {
    let (alpha, steps) = (params.walk.alpha.value(eps), params.walk.steps);
    let method = SignMethod { random_start: None, alpha, steps, momentum: Some(params.mu) };
    method.run(ascent, samples, eps, criterion)
}
