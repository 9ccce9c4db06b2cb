//! The fast gradient sign method: x + eps sign(g), once (Goodfellow et al., arXiv 1412.6572, section 4).

use moire_tensor::Eps;

use crate::search::{Search, Start};
use crate::sign::SignMethod;

pub(crate) fn search(start: &Start, eps: Eps) -> Box<dyn Search> {
    let method = SignMethod { random_start: false, alpha: eps.value(), steps: 1, momentum: None };
    method.search(start, eps)
}
