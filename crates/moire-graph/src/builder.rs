use std::collections::HashMap;
use std::sync::Arc;

use moire_tensor::{Shape, Tensor};

use crate::error::{Error, Repr};
use crate::graph::{Graph, Node, ValueId};
use crate::ops::{
    Act, AvgPool2d, AxisMap, BatchNorm, Binary, Concat, Conv2d, ConvTranspose2d, Expand, MatMul, MaxPool2d,
    Normalise, Op, Pad, Permute, PlaneMap, Reduce, ReduceKind, Resample, Reshape, Slice, Softmax, Warp,
};

/// Builds a [`Graph`], one value at a time.
///
/// Nodes are named by the current [`scope`](Builder::scope) and their op, as in `encoder.0.conv2d`.
#[derive(Debug)]
pub struct Builder {
    pub(crate) graph: Graph,
    /// Names that are taken, each with the last number that was put behind it.
    names: HashMap<String, usize>,
    scope: String,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Graph> for Builder {
    /// Goes on where a finished graph ended: its values keep their ids, its outputs are forgotten.
    fn from(mut graph: Graph) -> Self {
        graph.outputs.clear();
        let names = graph.nodes.iter().map(|n| (n.name.clone(), 1)).collect();
        Self { graph, names, scope: String::new() }
    }
}

impl Builder {
    /// An empty graph.
    pub fn new() -> Self {
        let graph = Graph { nodes: Vec::new(), inputs: Vec::new(), outputs: Vec::new() };
        Self { graph, names: HashMap::new(), scope: String::new() }
    }

    /// Names the nodes that follow `scope.op` until the next call. Usually a module's name in its checkpoint.
    pub fn scope(&mut self, scope: impl Into<String>) {
        self.scope = scope.into();
    }

    /// The shape of a value.
    pub fn shape(&self, value: ValueId) -> &Shape {
        self.graph.shape(value)
    }

    /// The node of a value.
    pub fn node(&self, value: ValueId) -> &Node {
        self.graph.node(value)
    }

    /// All nodes so far, each after its inputs.
    pub fn nodes(&self) -> &[Node] {
        self.graph.nodes()
    }

    /// Ends the graph with these outputs.
    ///
    /// # Errors
    /// Two outputs of one name.
    pub fn finish<'a>(
        mut self,
        outputs: impl IntoIterator<Item = (&'a str, ValueId)>,
    ) -> Result<Graph, Error> {
        for (name, value) in outputs {
            if self.graph.outputs.iter().any(|(taken, _)| taken == name) {
                return Err(Repr::Taken { name: name.to_owned() }.into());
            }
            self.graph.outputs.push((name.to_owned(), value));
        }
        Ok(self.graph)
    }

    /// A value that is given when the graph runs, one for each sample.
    ///
    /// # Errors
    /// The name is taken.
    pub fn input(&mut self, name: &str, shape: impl Into<Shape>) -> Result<ValueId, Error> {
        let value = self.push_named(name, Op::Input, vec![], shape.into())?;
        self.graph.inputs.push(value);
        Ok(value)
    }

    /// A weight, the same for all samples.
    ///
    /// # Errors
    /// The name is taken.
    pub fn constant(&mut self, name: &str, tensor: Tensor) -> Result<ValueId, Error> {
        let shape = tensor.shape().clone();
        self.push_named(name, Op::Constant(Arc::new(tensor)), vec![], shape)
    }

    /// A constant without a name of its own: a factor, a cotangent.
    pub fn literal(&mut self, tensor: Tensor) -> ValueId {
        let shape = tensor.shape().clone();
        let name = self.fresh_name("literal");
        self.insert(Node { op: Op::Constant(Arc::new(tensor)), inputs: vec![], shape, name })
    }

    /// A scalar constant.
    pub fn scalar(&mut self, value: f32) -> ValueId {
        self.literal(Tensor::full(Shape::default(), value))
    }

    /// Any op over any values, its shape inferred.
    ///
    /// # Errors
    /// The op does not fit the values' shapes; the error names the node, what was expected and what was found.
    pub fn push(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, Error> {
        let shapes: Vec<&Shape> = inputs.iter().map(|&v| self.graph.shape(v)).collect();
        let name = if self.scope.is_empty() {
            op.name().to_owned()
        } else {
            format!("{}.{}", self.scope, op.name())
        };
        let inferred = op.infer(&shapes);
        let shape = match inferred {
            Ok(shape) => shape,
            Err(expected) => {
                let found = shapes.into_iter().cloned().collect();
                return Err(Repr::Op { node: name, op: op.name(), expected, found }.into());
            }
        };
        let name = self.fresh_name(&name);
        Ok(self.insert(Node { op, inputs: inputs.to_vec(), shape, name }))
    }

    fn push_named(
        &mut self,
        name: &str,
        op: Op,
        inputs: Vec<ValueId>,
        shape: Shape,
    ) -> Result<ValueId, Error> {
        if self.names.contains_key(name) {
            return Err(Repr::Taken { name: name.to_owned() }.into());
        }
        self.names.insert(name.to_owned(), 1);
        Ok(self.insert(Node { op, inputs, shape, name: name.to_owned() }))
    }

    /// Takes over a node under its own name, or a fresh one where that is taken.
    pub(crate) fn adopt(&mut self, node: Node) -> ValueId {
        let name = self.fresh_name(&node.name);
        let is_input = matches!(node.op, Op::Input);
        let value = self.insert(Node { name, ..node });
        if is_input {
            self.graph.inputs.push(value);
        }
        value
    }

    fn insert(&mut self, node: Node) -> ValueId {
        self.graph.nodes.push(node);
        ValueId(self.graph.nodes.len() as u32 - 1)
    }

    fn fresh_name(&mut self, base: &str) -> String {
        let Some(&last) = self.names.get(base) else {
            self.names.insert(base.to_owned(), 1);
            return base.to_owned();
        };
        let mut count = last + 1;
        let mut name = format!("{base}.{count}");
        while self.names.contains_key(&name) {
            count += 1;
            name = format!("{base}.{count}");
        }
        self.names.insert(base.to_owned(), count);
        self.names.insert(name.clone(), 1);
        name
    }
}

/// The ops by name. Each refuses shapes that do not fit, as [`Builder::push`] says.
#[allow(clippy::missing_errors_doc, reason = "all fail as `push` does")]
impl Builder {
    /// Convolution of `x` `[r, c, h, w]` with `w` `[o, c / groups, kh, kw]` and `bias` `[o]`.
    pub fn conv2d(
        &mut self,
        x: ValueId,
        w: ValueId,
        bias: Option<ValueId>,
        conv: Conv2d,
    ) -> Result<ValueId, Error> {
        self.push(Op::Conv2d(conv), &[&[x, w], bias.as_slice()].concat())
    }

    /// Transposed convolution of `x` `[r, c, h, w]` with `w` `[c, o / groups, kh, kw]` and `bias` `[o]`.
    pub fn conv_transpose2d(
        &mut self,
        x: ValueId,
        w: ValueId,
        bias: Option<ValueId>,
        conv: ConvTranspose2d,
    ) -> Result<ValueId, Error> {
        self.push(Op::ConvTranspose2d(conv), &[&[x, w], bias.as_slice()].concat())
    }

    /// Batch norm with frozen statistics; `[gamma, beta, mean, var]` are `[c]` each.
    pub fn batch_norm(&mut self, x: ValueId, stats: [ValueId; 4], eps: f32) -> Result<ValueId, Error> {
        self.push(Op::BatchNorm(BatchNorm { eps }), &[&[x], &stats[..]].concat())
    }

    /// A function of each element.
    pub fn act(&mut self, x: ValueId, act: Act) -> Result<ValueId, Error> {
        self.push(Op::Act(act), &[x])
    }

    /// Sum, with broadcasting.
    pub fn add(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Error> {
        self.push(Op::Binary(Binary::Add), &[a, b])
    }

    /// Difference, with broadcasting.
    pub fn sub(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Error> {
        self.push(Op::Binary(Binary::Sub), &[a, b])
    }

    /// Product, with broadcasting.
    pub fn mul(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Error> {
        self.push(Op::Binary(Binary::Mul), &[a, b])
    }

    /// Quotient, with broadcasting.
    pub fn div(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Error> {
        self.push(Op::Binary(Binary::Div), &[a, b])
    }

    /// Product with a number.
    pub fn scale(&mut self, x: ValueId, factor: f32) -> Result<ValueId, Error> {
        let factor = self.scalar(factor);
        self.mul(x, factor)
    }

    /// Matrix product of `a` `[.., m, k]` and `b` `[.., k, n]`, with broadcasting of what stands before.
    pub fn matmul(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Error> {
        self.push(Op::MatMul(MatMul::default()), &[a, b])
    }

    /// A dense layer: `x` `[r, i]` times the transpose of `w` `[o, i]`, plus `bias` `[o]`.
    pub fn linear(&mut self, x: ValueId, w: ValueId, bias: Option<ValueId>) -> Result<ValueId, Error> {
        let y = self.push(Op::MatMul(MatMul { transpose_b: true, ..MatMul::default() }), &[x, w])?;
        bias.map_or(Ok(y), |bias| self.add(y, bias))
    }

    /// Zero mean and unit variance over the `axes`: instance norm over `[2, 3]`, layer norm over `[1, 2, 3]`.
    pub fn normalise(&mut self, x: ValueId, normalise: Normalise) -> Result<ValueId, Error> {
        self.push(Op::Normalise(normalise), &[x])
    }

    /// Largest value under each window.
    pub fn max_pool2d(&mut self, x: ValueId, pool: MaxPool2d) -> Result<ValueId, Error> {
        self.push(Op::MaxPool2d(pool), &[x])
    }

    /// Mean value under each window.
    pub fn avg_pool2d(&mut self, x: ValueId, pool: AvgPool2d) -> Result<ValueId, Error> {
        self.push(Op::AvgPool2d(pool), &[x])
    }

    /// Sum, mean or maximum over `axes`, which stay with extent 1.
    pub fn reduce(&mut self, x: ValueId, kind: ReduceKind, axes: &[usize]) -> Result<ValueId, Error> {
        self.push(Op::Reduce(Reduce { kind, axes: axes.to_vec() }), &[x])
    }

    /// The sum of all elements, a scalar.
    pub fn sum_all(&mut self, x: ValueId) -> Result<ValueId, Error> {
        self.reduce_all(x, ReduceKind::Sum)
    }

    /// The mean of all elements, a scalar.
    pub fn mean_all(&mut self, x: ValueId) -> Result<ValueId, Error> {
        self.reduce_all(x, ReduceKind::Mean)
    }

    fn reduce_all(&mut self, x: ValueId, kind: ReduceKind) -> Result<ValueId, Error> {
        let axes: Vec<usize> = (0..self.shape(x).len()).collect();
        let y = self.reduce(x, kind, &axes)?;
        self.reshape(y, [])
    }

    /// Probabilities along `axis`.
    pub fn softmax(&mut self, x: ValueId, axis: usize) -> Result<ValueId, Error> {
        self.push(Op::Softmax(Softmax { axis }), &[x])
    }

    /// The same elements, row-major, under another shape.
    pub fn reshape(&mut self, x: ValueId, shape: impl Into<Shape>) -> Result<ValueId, Error> {
        let shape = shape.into();
        if *self.shape(x) == shape { Ok(x) } else { self.push(Op::Reshape(Reshape(shape)), &[x]) }
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]` of `x`.
    pub fn permute(&mut self, x: ValueId, order: &[usize]) -> Result<ValueId, Error> {
        self.push(Op::Permute(Permute { order: order.to_vec() }), &[x])
    }

    /// The part `start..end` of `axis`.
    pub fn slice(&mut self, x: ValueId, axis: usize, start: usize, end: usize) -> Result<ValueId, Error> {
        self.push(Op::Slice(Slice { axis, start, end }), &[x])
    }

    /// Values one after another along `axis`.
    pub fn concat(&mut self, parts: &[ValueId], axis: usize) -> Result<ValueId, Error> {
        self.push(Op::Concat(Concat { axis }), parts)
    }

    /// Extents of 1 repeated to those of `shape`.
    pub fn expand(&mut self, x: ValueId, shape: impl Into<Shape>) -> Result<ValueId, Error> {
        let shape = shape.into();
        if *self.shape(x) == shape { Ok(x) } else { self.push(Op::Expand(Expand(shape)), &[x]) }
    }

    /// Zeros around `axis`.
    pub fn pad(&mut self, x: ValueId, axis: usize, before: usize, after: usize) -> Result<ValueId, Error> {
        self.push(Op::Pad(Pad { axis, before, after }), &[x])
    }

    /// A linear map along `axis`: resizing, reflection.
    pub fn resample(&mut self, x: ValueId, axis: usize, map: AxisMap) -> Result<ValueId, Error> {
        self.push(Op::Resample(Resample { axis, map: Arc::new(map) }), &[x])
    }

    /// A linear map of the planes of `x` `[r, c, h, w]`: rotation.
    pub fn warp(&mut self, x: ValueId, map: PlaneMap) -> Result<ValueId, Error> {
        self.push(Op::Warp(Warp(Arc::new(map))), &[x])
    }
}
