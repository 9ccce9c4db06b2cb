use std::fmt;

use moire_tensor::{Shape, Tensor};

use crate::error::{Error, Repr};
use crate::ops::Op;

/// A value of a graph: the result of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub(crate) u32);

impl ValueId {
    /// The position of the value's node in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One op applied to earlier values.
#[derive(Debug, Clone)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// From which values.
    pub inputs: Vec<ValueId>,
    /// The shape of the result.
    pub shape: Shape,
    /// A name that is unique in its graph, as in `encoder.3.conv2d`.
    pub name: String,
}

impl Node {
    /// The result for `operands`, in plain loops over `f64`: what a reader folds constants with.
    ///
    /// # Panics
    /// The operands are not of the shapes that the node was built for, or the node is an input.
    pub fn eval(&self, operands: &[&Tensor<f64>]) -> Tensor<f64> {
        self.op.eval(operands, &self.shape)
    }
}

/// A network for one sample: nodes in the order of computation, inputs and outputs by name.
///
/// Values that look like images have shape `[r, c, h, w]`, where the `r` rows are independent of each other
/// (1 for a photograph, k for the k edits of it). Built by [`Builder`](crate::Builder) alone, so every
/// shape in it has been inferred and every input precedes its use.
#[derive(Clone)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) outputs: Vec<(String, ValueId)>,
}

impl Graph {
    /// All nodes, each after its inputs. A value's node stands at [`ValueId::index`].
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Every value with its node, in order.
    pub fn values(&self) -> impl Iterator<Item = (ValueId, &Node)> {
        self.nodes.iter().enumerate().map(|(i, node)| (ValueId(i as u32), node))
    }

    /// The node of a value.
    pub fn node(&self, value: ValueId) -> &Node {
        &self.nodes[value.index()]
    }

    /// The shape of a value.
    pub fn shape(&self, value: ValueId) -> &Shape {
        &self.node(value).shape
    }

    /// The inputs, in the order in which they were declared; a node's name is its input's name.
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// The outputs by name.
    pub fn outputs(&self) -> &[(String, ValueId)] {
        &self.outputs
    }

    /// The input called `name`.
    ///
    /// # Errors
    /// There is none.
    pub fn input(&self, name: &str) -> Result<ValueId, Error> {
        let found = self.inputs.iter().copied().find(|&v| self.node(v).name == name);
        found.ok_or_else(|| Repr::Unknown { what: "input", name: name.to_owned() }.into())
    }

    /// The output called `name`.
    ///
    /// # Errors
    /// There is none.
    pub fn output(&self, name: &str) -> Result<ValueId, Error> {
        let found = self.outputs.iter().find(|(n, _)| n == name).map(|&(_, v)| v);
        found.ok_or_else(|| Repr::Unknown { what: "output", name: name.to_owned() }.into())
    }

    /// By value, whether these outputs depend on it.
    ///
    /// # Errors
    /// There is no such output.
    pub fn behind(&self, outputs: &[&str]) -> Result<Vec<bool>, Error> {
        let mut behind = vec![false; self.nodes.len()];
        for name in outputs {
            behind[self.output(name)?.index()] = true;
        }
        for at in (0..behind.len()).rev() {
            if behind[at] {
                self.nodes[at].inputs.iter().for_each(|v| behind[v.index()] = true);
            }
        }
        Ok(behind)
    }

    /// The value whose node is called `name`: a layer that an attack wants to look at.
    ///
    /// # Errors
    /// There is none.
    pub fn value(&self, name: &str) -> Result<ValueId, Error> {
        let found = self.nodes.iter().position(|n| n.name == name);
        found
            .map(|i| ValueId(i as u32))
            .ok_or_else(|| Repr::Unknown { what: "value", name: name.to_owned() }.into())
    }

    /// How often each value is read, by a node or as an output.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        let reads = self.nodes.iter().flat_map(|n| &n.inputs).chain(self.outputs.iter().map(|(_, v)| v));
        for value in reads {
            uses[value.index()] += 1;
        }
        uses
    }

    /// Floating-point operations of all convolutions and matrix products for one sample: two a product term,
    /// as a direct convolution counts them.
    pub fn flops(&self) -> usize {
        self.values().map(|(v, _)| self.node_flops(v)).sum()
    }

    /// What one value contributes to [`Graph::flops`].
    pub fn node_flops(&self, value: ValueId) -> usize {
        let node = self.node(value);
        let inner = |i: usize| self.shape(node.inputs[i]);
        2 * match &node.op {
            Op::Conv2d(_) => node.shape.numel() * inner(1)[1..].iter().product::<usize>(),
            Op::ConvTranspose2d(_) => inner(0).numel() * inner(1)[1..].iter().product::<usize>(),
            Op::MatMul(op) => {
                let a = inner(0);
                node.shape.numel() * a[a.len() - if op.transpose_a { 2 } else { 1 }]
            }
            _ => 0,
        }
    }
}

impl fmt::Debug for Graph {
    /// One line a node: `%3 encoder.0.conv2d = Conv2d(%0, %1, %2): [1, 8, 256, 256]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (value, node) in self.values() {
            let inputs: Vec<_> = node.inputs.iter().map(|v| format!("%{}", v.0)).collect();
            writeln!(
                f,
                "%{} {} = {}({}): {}",
                value.0,
                node.name,
                node.op.name(),
                inputs.join(", "),
                node.shape
            )?;
        }
        for (name, value) in &self.outputs {
            writeln!(f, "{name} -> %{}", value.0)?;
        }
        Ok(())
    }
}
