//! Work that rows share is done once.
//!
//! A graph of k edits is written plainly: the image, repeated to k rows, beside k conditions. Repetition commutes with
//! every op that treats rows alone, so it sinks to the first op that sees something of each row's own; a convolution
//! there splits into the image's share, computed for one row, and the condition's. A gradient that is built afterwards
//! inherits this: the adjoint of repeating is a sum over rows, taken before the shared part is crossed.

use moire_tensor::{Shape, Tensor};

use crate::builder::Builder;
use crate::error::Error;
use crate::graph::{Node, ValueId};
use crate::ops::{Concat, Expand, Op, Reshape};

/// The pass for one node: where its operands repeat one row, it is computed for that row.
pub(crate) fn hoist(
    b: &mut Builder,
    node: &Node,
    operands: &[ValueId],
    _: &[usize],
) -> Result<Option<ValueId>, Error> {
    if let Some(split) = split_convolution(b, node, operands)? {
        return Ok(Some(split));
    }
    let single: Vec<Option<ValueId>> = operands.iter().map(|&v| single_row(b, v)).collect();
    if single.iter().all(Option::is_none) {
        return Ok(None);
    }
    let rank = node.shape.len();
    // Operands that are the same for all rows as they are.
    let same = |v: ValueId| b.shape(v).len() < rank || b.shape(v).first() == Some(&1);
    let sinks = match &node.op {
        Op::Binary(_) => (0..2).all(|i| single[i].is_some() || same(operands[i])),
        Op::Concat(op) => op.axis != 0 && single.iter().all(Option::is_some),
        op => {
            by_rows(op, b.shape(operands[0]), &node.shape)
                && single[0].is_some()
                && single[1..].iter().all(Option::is_none)
        }
    };
    let lowered = || operands.iter().zip(&single).map(|(&v, s)| s.unwrap_or(v)).collect::<Vec<_>>();
    if sinks {
        let op = match &node.op {
            Op::Reshape(_) => Op::Reshape(Reshape(node.shape.with(0, 1))),
            op => op.clone(),
        };
        let one =
            b.adopt(Node { op, inputs: lowered(), shape: node.shape.with(0, 1), name: node.name.clone() });
        return b.expand(one, node.shape.clone()).map(Some);
    }
    if matches!(node.op, Op::Binary(_)) {
        // The other operand has rows of its own, and broadcasting repeats without a copy.
        return Ok(Some(b.adopt(Node { inputs: lowered(), ..node.clone() })));
    }
    Ok(None)
}

/// The one row that `value` repeats.
fn single_row(b: &Builder, value: ValueId) -> Option<ValueId> {
    let node = b.node(value);
    let (Op::Expand(Expand(shape)), [from]) = (&node.op, &node.inputs[..]) else { return None };
    let from_shape = b.shape(*from);
    let rows = from_shape.len() == shape.len() && from_shape.first() == Some(&1) && shape[0] > 1;
    (rows && from_shape[1..] == shape[1..]).then_some(*from)
}

/// Whether each row of the result is a function of the same row of the first operand, `x`, alone.
fn by_rows(op: &Op, x: &Shape, y: &Shape) -> bool {
    match op {
        Op::Conv2d(_)
        | Op::ConvTranspose2d(_)
        | Op::MaxPool2d(_)
        | Op::AvgPool2d(_)
        | Op::Act(_)
        | Op::BatchNorm(_)
        | Op::Warp(_) => true,
        Op::MatMul(op) => x.len() == 2 && !op.transpose_a,
        Op::Normalise(op) => !op.axes.contains(&0),
        Op::Reduce(op) => !op.axes.contains(&0),
        Op::Softmax(op) => op.axis != 0,
        Op::Reshape(_) => x.first() == y.first(),
        Op::Permute(op) => op.order.first() == Some(&0),
        Op::Slice(op) => op.axis != 0,
        Op::Pad(op) => op.axis != 0,
        Op::Resample(op) => op.axis != 0,
        _ => false,
    }
}

/// A convolution over channels of which some repeat one row: their share for that row, plus the share of the others.
fn split_convolution(b: &mut Builder, node: &Node, operands: &[ValueId]) -> Result<Option<ValueId>, Error> {
    let channel_axis = match node.op {
        Op::Conv2d(op) if op.groups == 1 => 1,
        Op::ConvTranspose2d(op) if op.groups == 1 => 0,
        _ => return Ok(None),
    };
    let concat = b.node(operands[0]).clone();
    let Op::Concat(Concat { axis: 1 }) = concat.op else { return Ok(None) };
    let Op::Constant(weights) = b.node(operands[1]).op.clone() else { return Ok(None) };
    let mut start = 0;
    let (mut shared, mut own) = (Share::default(), Share::default());
    for &part in &concat.inputs {
        let channels = start..start + b.shape(part)[1];
        start = channels.end;
        match single_row(b, part) {
            Some(row) => shared.push(row, channels),
            None => own.push(part, channels),
        }
    }
    if shared.parts.is_empty() || own.parts.is_empty() {
        return Ok(None);
    }
    let bias = operands.get(2).copied();
    let shared = shared.convolve(b, node, channel_axis, &weights, bias)?;
    let own = own.convolve(b, node, channel_axis, &weights, None)?;
    b.scope(&*node.name);
    b.add(own, shared).map(Some)
}

/// Some of the parts of a concatenation, with the channels that they are.
#[derive(Default)]
struct Share {
    parts: Vec<ValueId>,
    channels: Vec<usize>,
}

impl Share {
    fn push(&mut self, part: ValueId, channels: std::ops::Range<usize>) {
        self.parts.push(part);
        self.channels.extend(channels);
    }

    /// The convolution `node` over these channels alone.
    fn convolve(
        self,
        b: &mut Builder,
        node: &Node,
        channel_axis: usize,
        weights: &Tensor,
        bias: Option<ValueId>,
    ) -> Result<ValueId, Error> {
        b.scope(&*node.name);
        let x = if let [only] = self.parts[..] { only } else { b.concat(&self.parts, 1)? };
        let shape = weights.shape().with(channel_axis, self.channels.len());
        let inner: usize = shape[channel_axis + 1..].iter().product();
        let all = weights.shape()[channel_axis];
        let own = Tensor::from_fn(shape, |i| {
            let (outer, channel) = (i / inner / self.channels.len(), i / inner % self.channels.len());
            weights.data()[(outer * all + self.channels[channel]) * inner + i % inner]
        });
        let w = b.literal(own);
        let inputs = [&[x, w], bias.as_slice()].concat();
        let shape = node.shape.with(0, b.shape(x)[0]);
        Ok(b.adopt(Node { op: node.op.clone(), inputs, shape, name: node.name.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use moire_tensor::Tensor;

    use crate::builder::Builder;
    use crate::error::Error;
    use crate::graph::Graph;
    use crate::ops::{Act, Conv2d, ConvTranspose2d, Normalise};
    use crate::passes::simplify;

    fn noise(shape: &[usize], seed: u64) -> Tensor {
        let mut state = seed;
        Tensor::from_fn(shape.to_vec(), |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        })
    }

    /// An editor of three domains: the image and a condition, joined before, within and after a shared part.
    fn editor() -> Result<Graph, Error> {
        let mut b = Builder::new();
        let (x, c) = (b.input("x", [1, 2, 8, 6])?, b.input("c", [3, 2])?);
        let halve = Conv2d { stride: [2, 2], padding: [1, 1], ..Conv2d::default() };
        let rows = b.expand(x, [3, 2, 8, 6])?;
        let w = b.constant("enc", noise(&[4, 2, 4, 4], 1))?;
        let z = b.conv2d(rows, w, None, halve)?;
        let z = b.normalise(z, Normalise { axes: vec![2, 3], eps: 1e-5, unbiased: false })?;
        let z = b.act(z, Act::LeakyRelu(0.2))?;
        let c = b.reshape(c, [3, 2, 1, 1])?;
        let tiled = b.expand(c, [3, 2, 4, 3])?;
        let joined = b.concat(&[z, tiled], 1)?;
        let w = b.constant("up", noise(&[6, 5, 4, 4], 2))?;
        let bias = b.constant("bias", noise(&[5], 3))?;
        let double = ConvTranspose2d { stride: [2, 2], padding: [1, 1], ..ConvTranspose2d::default() };
        let y = b.conv_transpose2d(joined, w, Some(bias), double)?;
        let y = b.act(y, Act::Tanh)?;
        let beside = b.concat(&[rows, y], 1)?;
        let w = b.constant("last", noise(&[2, 7, 3, 3], 4))?;
        let y = b.conv2d(beside, w, None, Conv2d { padding: [1, 1], ..Conv2d::default() })?;
        let y = b.mul(y, rows)?;
        b.finish([("y", y)])
    }

    /// The output, and the gradient of the sum of its squares by the image.
    fn with_gradient(graph: &Graph) -> Result<Graph, Error> {
        let (x, y) = (graph.input("x")?, graph.output("y")?);
        let mut b = Builder::from(graph.clone());
        let square = b.act(y, Act::Square)?;
        let loss = b.sum_all(square)?;
        let gradient = b.gradient(loss, &[x])?[0];
        b.finish([("y", y), ("gradient", gradient)])
    }

    #[test]
    fn sharing_changes_neither_values_nor_gradients() {
        let plain = editor().unwrap();
        let hoisted = simplify(&plain).unwrap();
        let saved = 1.0 - hoisted.flops() as f64 / plain.flops() as f64;
        assert!(saved > 0.3, "the image's share is computed once, which saves {saved}");
        let (x, c) = (noise(&[1, 2, 8, 6], 5).to_f64(), noise(&[3, 2], 6).to_f64());
        let run = |graph: &Graph| with_gradient(graph).unwrap().eval(&[("x", &x), ("c", &c)]).unwrap();
        let (expected, found) = (run(&plain), run(&hoisted));
        for name in ["y", "gradient"] {
            let pairs = expected[name].data().iter().zip(found[name].data());
            let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart < 1e-12, "{name} is off by {apart:.1e}");
        }
    }
}
