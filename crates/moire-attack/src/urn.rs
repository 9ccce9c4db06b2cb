//! Uniform random noise from the ball: no attack, but what an attack has to beat.

use moire_tensor::Eps;

use crate::search::{Search, Start};
use crate::sign::SignMethod;

pub(crate) fn search(start: &Start, eps: Eps) -> Box<dyn Search> {
    SignMethod { random_start: true, alpha: 0.0, steps: 0, momentum: None }.search(start, eps)
}
