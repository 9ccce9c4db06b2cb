use moire_tensor::Eps;

use crate::ascent::{Ascent, Samples};
use crate::error::Error;
use crate::linf::SignMethod;
use crate::outcome::{Criterion, Outcome};

/// The fast gradient sign method: x + eps sign(g), once (Goodfellow et al., arXiv 1412.6572, section 4).
///
/// # Errors
/// The network cannot run, or answers with something that is not finite.
pub fn fgsm(
    ascent: &mut dyn Ascent,
    samples: &Samples<'_>,
    eps: Eps,
    criterion: Criterion,
) -> Result<Outcome, Error> {
    let method = SignMethod { random_start: None, alpha: eps.value(), steps: 1, momentum: None };
    method.run(ascent, samples, eps, criterion)
}
