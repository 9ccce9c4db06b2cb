use crate::adam::Adam;

/// An image as (tanh(w) + 1) / 2, so that any w is a valid image (Carlini and Wagner, arXiv 1608.04644, section
/// V.B), on its way down a loss.
///
/// Pixels at 0 and 1, where the map is flat, start a little inside, so that they can move like all others; a pixel
/// that has not moved keeps its own value, to the bit.
#[derive(Debug, Clone)]
pub(crate) struct TanhBox {
    from: Vec<f32>,
    origin: Vec<f32>,
    w: Vec<f32>,
    adam: Adam,
    x: Vec<f32>,
}

impl TanhBox {
    pub(crate) fn new(from: &[f32]) -> Self {
        let origin: Vec<f32> = from.iter().map(|v| ((2.0 * v - 1.0) * 0.999_99).atanh()).collect();
        let (w, adam, x) = (origin.clone(), Adam::new(from.len()), from.to_vec());
        Self { from: from.to_vec(), origin, w, adam, x }
    }

    /// The image, values in `[0, 1]`.
    pub(crate) fn x(&self) -> &[f32] {
        &self.x
    }

    /// One step down a loss whose gradient with respect to the image is `gradient(i)`.
    pub(crate) fn descend(&mut self, gradient: impl Fn(usize) -> f32, rate: f32) {
        let slope = |w: f32| 0.5 * (1.0 - w.tanh() * w.tanh());
        let gradient: Vec<f32> = self.w.iter().enumerate().map(|(i, &w)| gradient(i) * slope(w)).collect();
        self.adam.descend(&mut self.w, &gradient, rate);
        for (i, x) in self.x.iter_mut().enumerate() {
            *x = if self.w[i] == self.origin[i] { self.from[i] } else { 0.5 * (self.w[i].tanh() + 1.0) };
        }
    }
}
