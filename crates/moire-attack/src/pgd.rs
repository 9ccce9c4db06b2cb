use moire_tensor::Eps;

use crate::ascent::{Ascent, Samples};
use crate::error::Error;
use crate::linf::SignMethod;
use crate::outcome::{Criterion, Outcome};
use crate::params::Walk;

/// Projected gradient descent from a uniformly random point of the ball (Madry et al., arXiv 1706.06083,
/// section 2.1): x <- project(x + alpha sign(g)).
///
/// # Errors
/// The network cannot run, or answers with something that is not finite.
pub fn pgd(
    ascent: &mut dyn Ascent,
    samples: &Samples<'_>,
    eps: Eps,
    walk: Walk,
    criterion: Criterion,
) -> Result<Outcome, Error> {
    let (alpha, steps) = (walk.alpha.value(eps), walk.steps);
    SignMethod { random_start: Some("pgd"), alpha, steps, momentum: None }
        .run(ascent, samples, eps, criterion)
}
