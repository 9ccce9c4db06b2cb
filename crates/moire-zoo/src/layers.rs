//! Layers under the names of PyTorch's state dicts, and what networks read off a checkpoint's shapes.

use moire_formats::Loader;
use moire_graph::{
    Act, AxisMap, Builder, Conv2d, ConvTranspose2d, Error, MaxPool2d, Normalise, ReduceKind, ValueId,
};
use moire_tensor::{Shape, Tensor};

use crate::weights::Config;

/// A builder with the weights that it builds from.
pub(crate) struct Layers<'a> {
    pub(crate) b: Builder,
    pub(crate) weights: &'a mut Loader,
    /// What batch norm adds to the variance.
    pub(crate) batch_norm_eps: f32,
    /// What the shapes do not show.
    pub(crate) config: Config,
    /// The width of a condition whose attributes nobody named: nothing that was built may be used.
    pub(crate) nameless: Option<usize>,
}

/// A convolution as layer tables write it: kernel, stride, padding. Without bias unless `biased`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conv {
    kernel: [usize; 2],
    stride: usize,
    padding: [usize; 2],
    output_padding: usize,
    groups: usize,
    bias: bool,
}

impl Conv {
    pub(crate) const fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        let (kernel, padding) = ([kernel; 2], [padding; 2]);
        Self { kernel, stride, padding, output_padding: 0, groups: 1, bias: false }
    }

    /// Of stride 1, padded so that height and width stay.
    pub(crate) const fn same(kernel: [usize; 2]) -> Self {
        Self { kernel, padding: [kernel[0] / 2, kernel[1] / 2], ..Self::new(1, 1, 0) }
    }

    /// The pixels that a kernel reaches beyond its middle.
    pub(crate) const fn margin(self) -> usize {
        self.kernel[0] / 2
    }

    pub(crate) const fn biased(self) -> Self {
        Self { bias: true, ..self }
    }

    pub(crate) const fn grouped(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// A transposed convolution's extra pixels at the end.
    pub(crate) const fn output_padding(self, output_padding: usize) -> Self {
        Self { output_padding, ..self }
    }
}

/// How much wider or deeper than published a checkpoint's network may be.
const WIDER: usize = 4;

impl<'a> Layers<'a> {
    pub(crate) fn new(weights: &'a mut Loader, config: Config) -> Self {
        Self { b: Builder::new(), weights, batch_norm_eps: 1e-5, config, nameless: None }
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
        let Conv { kernel: [kh, kw], stride, padding, groups, .. } = conv;
        let channels = self.b.shape(x)[1];
        let weight = format!("{name}.weight");
        // Older files hold pointwise kernels as matrices.
        let matrix = [kh, kw] == [1, 1] && self.weights.shape(&weight).is_some_and(|s| s.len() == 2);
        let w = if matrix {
            let matrix = self.weights.tensor(&weight, [width, channels / groups]).into_data();
            let kernel =
                Tensor::new([width, channels / groups, 1, 1], matrix).expect("a matrix of as many numbers");
            self.b.constant(&weight, kernel)?
        } else {
            self.weight(&weight, [width, channels / groups, kh, kw])?
        };
        let bias = self.bias(name, width, conv)?;
        self.b.conv2d(x, w, bias, Conv2d { stride: [stride; 2], padding, groups, ..Conv2d::default() })
    }

    /// A convolution, then batch norm.
    pub(crate) fn conv_norm(
        &mut self,
        x: ValueId,
        [name, norm]: [&str; 2],
        width: usize,
        conv: Conv,
    ) -> Result<ValueId, Error> {
        let x = self.conv(x, name, width, conv)?;
        self.batch_norm(x, norm)
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
        let Conv { kernel: [kh, kw], stride, padding, output_padding, .. } = conv;
        let channels = self.b.shape(x)[1];
        let w = self.weight(&format!("{name}.weight"), [channels, width, kh, kw])?;
        let bias = self.bias(name, width, conv)?;
        let op = ConvTranspose2d {
            stride: [stride; 2],
            padding,
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
        self.b.batch_norm(x, stats, self.batch_norm_eps)
    }

    /// A dense layer of `x` `[r, i]`, with bias where `biased`.
    pub(crate) fn linear(
        &mut self,
        x: ValueId,
        name: &str,
        width: usize,
        biased: bool,
    ) -> Result<ValueId, Error> {
        self.b.scope(name);
        let inputs = self.b.shape(x)[1];
        let w = self.weight(&format!("{name}.weight"), [width, inputs])?;
        let bias = biased.then(|| self.weight(&format!("{name}.bias"), [width])).transpose()?;
        self.b.linear(x, w, bias)
    }

    /// Zero mean and unit variance by each image's own statistics, without scale and shift.
    pub(crate) fn instance_norm_plain(&mut self, x: ValueId) -> Result<ValueId, Error> {
        self.b.normalise(x, Normalise { axes: vec![2, 3], eps: 1e-5, unbiased: false })
    }

    /// Instance norm by each image's own statistics, with scale and shift.
    pub(crate) fn instance_norm(&mut self, x: ValueId, name: &str) -> Result<ValueId, Error> {
        self.b.scope(name);
        let y = self.instance_norm_plain(x)?;
        self.scale_shift(y, name, 1)
    }

    /// Zero mean and unit variance along one axis of each token or pixel, with scale and shift.
    pub(crate) fn layer_norm(&mut self, x: ValueId, name: &str, axis: usize) -> Result<ValueId, Error> {
        self.b.scope(name);
        let y = self.b.normalise(x, Normalise { axes: vec![axis], eps: 1e-6, unbiased: false })?;
        self.scale_shift(y, name, axis)
    }

    fn scale_shift(&mut self, x: ValueId, name: &str, axis: usize) -> Result<ValueId, Error> {
        let scale = self.by_axis(&format!("{name}.weight"), x, axis)?;
        let shift = self.by_axis(&format!("{name}.bias"), x, axis)?;
        let y = self.b.mul(x, scale)?;
        self.b.add(y, shift)
    }

    /// A number for each place of an axis of `x`.
    pub(crate) fn by_axis(&mut self, name: &str, x: ValueId, axis: usize) -> Result<ValueId, Error> {
        let shape = self.b.shape(x);
        let (extent, ones) = (shape[axis], Shape::from(vec![1; shape.len()]));
        let weight = self.weight(name, [extent])?;
        self.b.reshape(weight, ones.with(axis, extent))
    }

    /// `kernel`, stride, padding.
    pub(crate) fn max_pool(&mut self, x: ValueId, [k, s, p]: [usize; 3]) -> Result<ValueId, Error> {
        self.b.max_pool2d(x, MaxPool2d { kernel: [k; 2], stride: [s; 2], padding: [p; 2] })
    }

    /// The mean of each channel, `[r, c]`.
    pub(crate) fn spatial_mean(&mut self, x: ValueId) -> Result<ValueId, Error> {
        let [rows, channels] = [self.b.shape(x)[0], self.b.shape(x)[1]];
        let mean = self.b.reduce(x, ReduceKind::Mean, &[2, 3])?;
        self.b.reshape(mean, [rows, channels])
    }

    /// `p` more pixels on every side, mirrored.
    pub(crate) fn reflect(&mut self, x: ValueId, p: usize) -> Result<ValueId, Error> {
        let [h, w] = [self.b.shape(x)[2], self.b.shape(x)[3]];
        let x = self.b.resample(x, 2, AxisMap::reflect(h, p, p))?;
        self.b.resample(x, 3, AxisMap::reflect(w, p, p))
    }

    /// Twice the height and width, each pixel four times.
    pub(crate) fn double(&mut self, x: ValueId) -> Result<ValueId, Error> {
        let [h, w] = [self.b.shape(x)[2], self.b.shape(x)[3]];
        let x = self.b.resample(x, 2, AxisMap::nearest(h, 2 * h))?;
        self.b.resample(x, 3, AxisMap::nearest(w, 2 * w))
    }

    pub(crate) fn relu(&mut self, x: ValueId) -> Result<ValueId, Error> {
        self.b.act(x, Act::Relu)
    }
}
