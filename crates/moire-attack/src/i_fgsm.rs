//! The basic iterative method: the sign method in small steps from the image itself, projected after each
//! (Kurakin et al., arXiv 1607.02533, section 2.2).

use moire_tensor::Eps;

use crate::params::Walk;
use crate::search::{Search, Start};
use crate::sign::SignMethod;

pub(crate) fn search(start: &Start, eps: Eps, walk: Walk) -> Box<dyn Search> {
    let (alpha, steps) = (walk.alpha.value(eps), walk.steps);
    SignMethod { random_start: false, alpha, steps, momentum: None }.search(start, eps)
}
