//! Layers under the names of PyTorch's state dicts.

use moire_formats::Loader;
use moire_graph::{Act, Builder, Conv2d, ConvTranspose2d, Error, ValueId};
use moire_tensor::Shape;

/// A builder with the weights that it builds from.
pub(crate) struct Layers<'a> {
    pub(crate) b: Builder,
    pub(crate) weights: &'a mut Loader,
}

impl<'a> Layers<'a> {
    pub(crate) fn new(weights: &'a mut Loader) -> Self {
        Self { b: Builder::new(), weights }
    }

    /// The tensor `name` as a constant.
    pub(crate) fn weight(&mut self, name: &str, shape: impl Into<Shape>) -> Result<ValueId, Error> {
        let tensor = self.weights.tensor(name, shape);
        self.b.constant(name, tensor)
    }

    /// A convolution with bias from `i` to `o` channels, square kernel.
    pub(crate) fn conv(
        &mut self,
        x: ValueId,
        name: &str,
        [i, o]: [usize; 2],
        kernel: usize,
        conv: Conv2d,
    ) -> Result<ValueId, Error> {
        self.b.scope(name);
        let w = self.weight(&format!("{name}.weight"), [o, i / conv.groups, kernel, kernel])?;
        let bias = self.weight(&format!("{name}.bias"), [o])?;
        self.b.conv2d(x, w, Some(bias), conv)
    }

    /// A transposed convolution with bias from `i` to `o` channels, square kernel.
    pub(crate) fn conv_transpose(
        &mut self,
        x: ValueId,
        name: &str,
        [i, o]: [usize; 2],
        kernel: usize,
        conv: ConvTranspose2d,
    ) -> Result<ValueId, Error> {
        self.b.scope(name);
        let w = self.weight(&format!("{name}.weight"), [i, o, kernel, kernel])?;
        let bias = self.weight(&format!("{name}.bias"), [o])?;
        self.b.conv_transpose2d(x, w, Some(bias), conv)
    }

    /// Batch norm over `c` channels, statistics frozen.
    pub(crate) fn batch_norm(&mut self, x: ValueId, name: &str, c: usize) -> Result<ValueId, Error> {
        self.b.scope(name);
        let mut part = |end: &str| self.weight(&format!("{name}.{end}"), [c]);
        let stats = [part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?];
        self.b.batch_norm(x, stats, 1e-5)
    }

    pub(crate) fn relu(&mut self, x: ValueId) -> Result<ValueId, Error> {
        self.b.act(x, Act::Relu)
    }
}
