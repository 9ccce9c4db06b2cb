//! Projected gradient descent from a uniformly random point of the ball (Madry et al., arXiv 1706.06083,
//! section 2.1): x <- project(x + alpha sign(g)).

use moire_tensor::Eps;

use crate::params::Walk;
use crate::search::{Search, Start};
use crate::sign::SignMethod;

pub(crate) fn search(start: &Start, eps: Eps, walk: Walk) -> Box<dyn Search> {
    let (alpha, steps) = (walk.alpha.value(eps), walk.steps);
    SignMethod { random_start: true, alpha, steps, momentum: None }.search(start, eps)
}
