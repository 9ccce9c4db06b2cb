//! Layers under the names and in the layouts of Keras' weight files: kernels `[h, w, i, o]`, dense `[i, o]`.

use moire_graph::{Conv2d, Error, ValueId};
use moire_tensor::{Shape, Tensor};

use crate::layers::Layers;

/// What Keras adds to the variance in batch norm.
const EPS: f32 = 1e-3;

impl Layers<'_> {
    fn keras_weight(&mut self, layer: &str, part: &str, shape: impl Into<Shape>) -> Tensor {
        self.weights.tensor(&format!("{layer}/{layer}/{part}:0"), shape)
    }

    /// A convolution with bias, padded so that height and width stay.
    pub(crate) fn keras_conv(
        &mut self,
        x: ValueId,
        layer: &str,
        [i, o]: [usize; 2],
        kernel: usize,
        dilation: usize,
    ) -> Result<ValueId, Error> {
        let hwio = self.keras_weight(layer, "kernel", [kernel, kernel, i, o]);
        let area = kernel * kernel;
        let oihw = Tensor::from_fn([o, i, kernel, kernel], |at| {
            let (o_at, i_at, tap) = (at / (i * area), at / area % i, at % area);
            hwio.data()[(tap * i + i_at) * o + o_at]
        });
        let bias = self.keras_weight(layer, "bias", [o]);
        let (w, bias) = (
            self.b.constant(&format!("{layer}.kernel"), oihw)?,
            self.b.constant(&format!("{layer}.bias"), bias)?,
        );
        self.b.scope(layer);
        let padding = [dilation * (kernel - 1) / 2; 2];
        self.b.conv2d(x, w, Some(bias), Conv2d { padding, dilation: [dilation; 2], ..Conv2d::default() })
    }

    /// Batch norm over `c` channels, statistics frozen.
    pub(crate) fn keras_batch_norm(&mut self, x: ValueId, layer: &str, c: usize) -> Result<ValueId, Error> {
        let mut stats = [x; 4];
        for (slot, part) in stats.iter_mut().zip(["gamma", "beta", "moving_mean", "moving_variance"]) {
            let tensor = self.keras_weight(layer, part, [c]);
            *slot = self.b.constant(&format!("{layer}.{part}"), tensor)?;
        }
        self.b.scope(layer);
        self.b.batch_norm(x, stats, EPS)
    }

    /// A dense layer of `x` `[1, i]`.
    pub(crate) fn keras_dense(
        &mut self,
        x: ValueId,
        layer: &str,
        [i, o]: [usize; 2],
    ) -> Result<ValueId, Error> {
        let kernel = self.keras_weight(layer, "kernel", [i, o]);
        let bias = self.keras_weight(layer, "bias", [o]);
        let w = self.b.constant(&format!("{layer}.kernel"), kernel)?;
        let bias = self.b.constant(&format!("{layer}.bias"), bias)?;
        self.b.scope(layer);
        let y = self.b.matmul(x, w)?;
        self.b.add(y, bias)
    }
}
