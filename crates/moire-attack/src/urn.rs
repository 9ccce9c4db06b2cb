use moire_tensor::Eps;

use crate::ascent::{Ascent, Samples};
use crate::error::Error;
use crate::linf::SignMethod;
use crate::outcome::{Criterion, Outcome};

/// Uniform random noise from the ball: no attack, but what an attack has to beat.
///
/// # Errors
/// The network cannot run, or answers with something that is not finite.
pub fn urn(
    ascent: &mut dyn Ascent,
    samples: &Samples<'_>,
    eps: Eps,
    criterion: Criterion,
) -> Result<Outcome, Error> {
    let method = SignMethod { random_start: Some("urn"), alpha: 0.0, steps: 0, momentum: None };
    method.run(ascent, samples, eps, criterion)
}
