use moire_tensor::{Shape, Tensor};

use crate::builder::Builder;
use crate::error::{Error, Repr};
use crate::graph::ValueId;
use crate::ops::{Op, ReduceKind};

/// Where one node's adjoint is built: its operands, its result and the cotangent of its result.
pub(crate) struct Adjoint<'a> {
    pub(crate) b: &'a mut Builder,
    pub(crate) inputs: &'a [ValueId],
    pub(crate) output: ValueId,
    pub(crate) dy: ValueId,
}

impl Adjoint<'_> {
    /// The shape of operand `input`.
    pub(crate) fn input_shape(&self, input: usize) -> Shape {
        self.b.shape(self.inputs[input]).clone()
    }

    /// The refusal to differentiate by operand `input`.
    pub(crate) fn refuse(&self, input: usize) -> Error {
        let node = self.b.node(self.output);
        Repr::NoAdjoint { node: node.name.clone(), op: node.op.name(), input }.into()
    }
}

impl Builder {
    /// Extends the graph by a vector-Jacobian product: the sum over `seeds` `(y, dy)` of dy times the
    /// derivative of y, for each value of `wrt`. A value that no y depends on gets zeros.
    ///
    /// Only what lies between `wrt` and the seeds is built.
    ///
    /// # Errors
    /// A cotangent's shape is not its value's, or an op on the way has no derivative (weights of a
    /// convolution, say).
    pub fn vjp(&mut self, seeds: &[(ValueId, ValueId)], wrt: &[ValueId]) -> Result<Vec<ValueId>, Error> {
        let end = seeds.iter().map(|(y, _)| y.index() + 1).max().unwrap_or(0);
        let mut active = vec![false; end];
        for i in 0..end {
            let id = ValueId(i as u32);
            active[i] = wrt.contains(&id) || self.node(id).inputs.iter().any(|v| active[v.index()]);
        }
        let mut cotangents: Vec<Option<ValueId>> = vec![None; end];
        self.scope("vjp");
        for &(y, dy) in seeds {
            if self.shape(y) != self.shape(dy) {
                let found = vec![self.shape(dy).clone()];
                let (node, expected) = (self.node(y).name.clone(), format!("a cotangent {}", self.shape(y)));
                return Err(Repr::Op { node, op: "vjp", expected, found }.into());
            }
            self.accumulate(&mut cotangents[y.index()], dy)?;
        }
        for i in (0..end).rev() {
            let (true, Some(dy)) = (active[i], cotangents[i]) else { continue };
            let output = ValueId(i as u32);
            let node = self.node(output).clone();
            for (k, operand) in node.inputs.iter().enumerate() {
                if active[operand.index()] {
                    let mut at = Adjoint { b: self, inputs: &node.inputs, output, dy };
                    if let Some(dx) = node.op.vjp(&mut at, k)? {
                        self.accumulate(&mut cotangents[operand.index()], dx)?;
                    }
                }
            }
        }
        let known = |v: &ValueId| cotangents.get(v.index()).copied().flatten();
        Ok(wrt.iter().map(|v| known(v).unwrap_or_else(|| self.zeros_like(*v))).collect())
    }

    /// The gradient of a scalar with respect to each value of `wrt`.
    ///
    /// # Errors
    /// `loss` is not a scalar, or as [`Builder::vjp`].
    pub fn gradient(&mut self, loss: ValueId, wrt: &[ValueId]) -> Result<Vec<ValueId>, Error> {
        if !self.shape(loss).is_empty() {
            let node = self.node(loss);
            return Err(Repr::NotScalar { node: node.name.clone(), found: node.shape.clone() }.into());
        }
        let one = self.scalar(1.0);
        self.vjp(&[(loss, one)], wrt)
    }

    fn accumulate(&mut self, slot: &mut Option<ValueId>, dy: ValueId) -> Result<(), Error> {
        *slot = Some(match *slot {
            None => dy,
            Some(sum) => self.add(sum, dy)?,
        });
        Ok(())
    }

    fn zeros_like(&mut self, value: ValueId) -> ValueId {
        let shape = self.shape(value).clone();
        self.literal(Tensor::full(shape, 0.0))
    }

    /// `value` summed to `shape`, of which it is a broadcast.
    pub(crate) fn sum_to(&mut self, value: ValueId, shape: &Shape) -> Result<ValueId, Error> {
        let from = self.shape(value).clone();
        if from == *shape {
            return Ok(value);
        }
        let lead = from.len() - shape.len();
        let axes: Vec<usize> =
            (0..from.len()).filter(|&a| a < lead || (shape[a - lead] == 1 && from[a] != 1)).collect();
        let summed = if axes.is_empty() { value } else { self.reduce(value, ReduceKind::Sum, &axes)? };
        self.reshape(summed, shape.clone())
    }

    /// The saved operand and the cotangent through `op`, an adjoint op.
    pub(crate) fn adjoint(&mut self, op: Op, operands: &[ValueId]) -> Result<Option<ValueId>, Error> {
        self.push(op, operands).map(Some)
    }
}
