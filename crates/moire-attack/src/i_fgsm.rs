use moire_tensor::Eps;

use crate::ascent::{Ascent, Samples};
use crate::error::Error;
use crate::linf::SignMethod;
use crate::outcome::{Criterion, Outcome};
use crate::params::Walk;

/// The iterated fast gradient sign method, from the image itself (Kurakin et al., arXiv 1607.02533,
/// section 2.2): x <- project(x + alpha sign(g)).
///
/// # Errors
/// The network cannot run, or answers with something that is not finite.
pub fn i_fgsm(
    ascent: &mut dyn Ascent,
    samples: &Samples<'_>,
    eps: Eps,
    walk: Walk,
    criterion: Criterion,
) -> Result<Outcome, Error> {
    let (alpha, steps) = (walk.alpha.value(eps), walk.steps);
    SignMethod { random_start: None, alpha, steps, momentum: None }.run(ascent, samples, eps, criterion)
}
