//! Layers under the names of PyTorch's state dicts, and what networks read off a checkpoint's shapes.

use moire_formats::Loader;
use moire_graph::{Act, Builder, Conv2d, ConvTranspose2d, Error, Normalise, ValueId};
use moire_tensor::Shape;

/// A builder with the weights that it builds from.
pub(crate) struct Layers<'a> {
    pub(crate) b: Builder,
    pub(crate) weights: &'a mut Loader,
}

/// A convolution as layer tables write it: kernel, stride, padding. Without bias unless `biased`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conv {
    kernel: usize,
    stride: usize,
    padding: usize,
    output_padding: usize,
    bias: bool,
}

impl Conv {
    pub(crate) const fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel, stride, padding, output_padding: 0, bias: false }
    }

    pub(crate) const fn biased(self) -> Self {
        Self { bias: true, ..self }
    }

    /// A transposed convolution's extra pixels at the end.
    pub(crate) const fn output_padding(self, output_padding: usize) -> Self {
        Self { output_padding, ..self }
    }
}

/// How much wider or deeper than published a checkpoint's network may be.
const WIDER: usize = 4;

impl<'a> Layers<'a> {
    pub(crate) fn new(weights: &'a mut Loader) -> Self {
        Self { b: Builder::new(), weights }
    }

    /// The extent of one axis of a tensor, which says how wide this network is; `published` for random weights.
    pub(crate) fn extent(&self, name: &str, axis: usize, published: usize) -> usize {
        let found = self.weights.shape(name).and_then(|shape| shape.get(axis));
        found.map_or(published, |&n| n.clamp(1, WIDER * published))
    }

    /// How many layers of a kind there are: those from 0 on whose tensor exists; `published` for random weights.
    pub(crate) fn depth(&self, published: usize, tensor: impl Fn(usize) -> String) -> usize {
        match (0..WIDER * published).take_while(|&i| self.weights.shape(&tensor(i)).is_some()).count() {
            0 => published,
            count => count,
        }
    }

    /// The tensor `name` as a constant.
    pub(crate) fn weight(&mut self, name: &str, shape: impl Into<Shape>) -> Result<ValueId, Error> {
        let tensor = self.weights.tensor(name, shape);
        self.b.constant(name, tensor)
    }

    /// A convolution to `width` channels.
    pub(crate) fn conv(
        &mut self,
        x: ValueId,
        name: &str,
        width: usize,
        conv: Conv,
    ) -> Result<ValueId, Error> {
        self.b.scope(name);
        let Conv { kernel, stride, padding, .. } = conv;
        let channels = self.b.shape(x)[1];
        let w = self.weight(&format!("{name}.weight"), [width, channels, kernel, kernel])?;
        let bias = self.bias(name, width, conv)?;
        self.b.conv2d(x, w, bias, Conv2d { stride: [stride; 2], padding: [padding; 2], ..Conv2d::default() })
    }

    /// A transposed convolution to `width` channels.
    pub(crate) fn conv_transpose(
        &mut self,
        x: ValueId,
        name: &str,
        width: usize,
        conv: Conv,
    ) -> Result<ValueId, Error> {
        self.b.scope(name);
        let Conv { kernel, stride, padding, output_padding, .. } = conv;
        let channels = self.b.shape(x)[1];
        let w = self.weight(&format!("{name}.weight"), [channels, width, kernel, kernel])?;
        let bias = self.bias(name, width, conv)?;
        let op = ConvTranspose2d {
            stride: [stride; 2],
            padding: [padding; 2],
            output_padding: [output_padding; 2],
            ..ConvTranspose2d::default()
        };
        self.b.conv_transpose2d(x, w, bias, op)
    }

    fn bias(&mut self, name: &str, width: usize, conv: Conv) -> Result<Option<ValueId>, Error> {
        conv.bias.then(|| self.weight(&format!("{name}.bias"), [width])).transpose()
    }

    /// Batch norm, statistics frozen.
    pub(crate) fn batch_norm(&mut self, x: ValueId, name: &str) -> Result<ValueId, Error> {
        self.b.scope(name);
        let channels = self.b.shape(x)[1];
        let mut part = |end: &str| self.weight(&format!("{name}.{end}"), [channels]);
        let stats = [part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?];
        self.b.batch_norm(x, stats, 1e-5)
    }

    /// Instance norm by each image's own statistics, with scale and shift.
    pub(crate) fn instance_norm(&mut self, x: ValueId, name: &str) -> Result<ValueId, Error> {
        self.b.scope(name);
        let channels = self.b.shape(x)[1];
        let mut y = self.b.normalise(x, Normalise { axes: vec![2, 3], eps: 1e-5, unbiased: false })?;
        for (part, op) in [("weight", Builder::mul as fn(&mut Builder, _, _) -> _), ("bias", Builder::add)] {
            let factor = self.weight(&format!("{name}.{part}"), [channels])?;
            let factor = self.b.reshape(factor, [1, channels, 1, 1])?;
            y = op(&mut self.b, y, factor)?;
        }
        Ok(y)
    }

    pub(crate) fn relu(&mut self, x: ValueId) -> Result<ValueId, Error> {
        self.b.act(x, Act::Relu)
    }

    /// The input `c` `[domains, width]`.
    pub(crate) fn condition(&mut self, domains: usize, width: usize) -> Result<ValueId, Error> {
        self.b.input("c", [domains, width])
    }

    /// `x` beside the condition `c`, which is the same at every pixel: `[k, channels + width, h, w]`.
    pub(crate) fn with_condition(&mut self, x: ValueId, c: ValueId) -> Result<ValueId, Error> {
        let (image, condition) = (self.b.shape(x).clone(), self.b.shape(c).clone());
        let [_, channels, h, w] = image[..] else { unreachable!("an image has four axes") };
        let [domains, width] = condition[..] else { unreachable!("a condition has two axes") };
        let x = self.b.expand(x, [domains, channels, h, w])?;
        let c = self.b.reshape(c, [domains, width, 1, 1])?;
        let c = self.b.expand(c, [domains, width, h, w])?;
        self.b.concat(&[x, c], 1)
    }
}
