use moire_tensor::Eps;

/// Where a bounded attack may go: the L-infinity ball around an image, within the box of valid images.
#[derive(Debug, Clone)]
pub(crate) struct Ball {
    pub(crate) clean: Vec<f32>,
    pub(crate) eps: f32,
}

impl Ball {
    pub(crate) fn new(clean: Vec<f32>, eps: Eps) -> Self {
        Self { clean, eps: eps.value() }
    }

    /// The nearest allowed value of element `at` to the image's own plus `change`.
    pub(crate) fn project(&self, at: usize, change: f32) -> f32 {
        (self.clean[at] + change.clamp(-self.eps, self.eps)).clamp(0.0, 1.0)
    }
}

/// The sign, 0 at 0.
pub(crate) fn sign(v: f32) -> f32 {
    if v == 0.0 { 0.0 } else { v.signum() }
}
