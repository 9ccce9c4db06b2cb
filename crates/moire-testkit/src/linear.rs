use moire_graph::{Builder, Graph};
use moire_tensor::{Rng, SampleId, Tensor};

/// A linear detector f(x) = w . x + b over images `[1, 3, h, w]`.
#[derive(Debug, Clone)]
pub struct Linear {
    /// Input `x`, output `logits` `[1, 1]`.
    pub graph: Graph,
    /// The weights, one for each value of an image.
    pub weights: Vec<f32>,
    /// The constant.
    pub bias: f32,
}

impl Linear {
    /// f at an image's values.
    pub fn value(&self, x: &[f32]) -> f64 {
        f64::from(self.bias)
            + self.weights.iter().zip(x).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum::<f64>()
    }
}

/// A seeded linear detector over `size` x `size` images that answers `margin` on mid grey.
///
/// # Panics
/// Never: the graph fits itself.
pub fn linear(size: usize, seed: u64, margin: f32) -> Linear {
    let n = 3 * size * size;
    let mut rng = Rng::new(seed, SampleId(0), "linear");
    let weights: Vec<f32> = (0..n).map(|_| rng.uniform(-1.0, 1.0)).collect();
    let bias = (f64::from(margin) - 0.5 * weights.iter().map(|&w| f64::from(w)).sum::<f64>()) as f32;
    let build = || {
        let mut b = Builder::new();
        let x = b.input("x", [1, 3, size, size])?;
        let w = b.constant("w", Tensor::from_fn([1, n], |i| weights[i]))?;
        let c = b.constant("b", Tensor::full([1], bias))?;
        let flat = b.reshape(x, [1, n])?;
        let y = b.linear(flat, w, Some(c))?;
        b.finish([("logits", y)])
    };
    let graph = build().expect("the shapes fit");
    Linear { graph, weights, bias }
}
