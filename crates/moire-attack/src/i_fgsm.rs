use moire_tensor::Eps;

use crate::ascent::{Ascent, Samples};
use crate::error::Error;
use crate::linf::SignMethod;
use crate::outcome::{Criterion, Outcome};
use crate::params::Alpha;

/// Parameters of [`i_fgsm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IFgsm {
    /// Most steps.
    pub steps: u32,
    /// The length of a step.
    pub alpha: Alpha,
}

impl Default for IFgsm {
    fn default() -> Self {
        Self { steps: 10, alpha: Alpha::default() }
    }
}

/// The iterated fast gradient sign method, from the image itself (Kurakin et al., arXiv 1607.02533,
/// section 2.2): x <- project(x + alpha sign(g)).
///
/// # Errors
/// The network cannot run, or answers with something that is not finite.
pub fn i_fgsm(
    ascent: &mut dyn Ascent,
    samples: &Samples<'_>,
    eps: Eps,
    params: &IFgsm,
    criterion: Criterion,
) -> Result<Outcome, Error> {
    let (alpha, steps) = (params.alpha.value(eps), params.steps);
    SignMethod { random_start: None, alpha, steps, momentum: None }.run(ascent, samples, eps, criterion)
}
