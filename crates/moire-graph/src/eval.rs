use std::collections::BTreeMap;

use moire_tensor::Tensor;

use crate::error::{Error, Repr};
use crate::graph::Graph;
use crate::ops::Op;

impl Graph {
    /// Runs the graph for one sample, in plain loops over `f64`: the definition that devices are held to.
    ///
    /// # Errors
    /// An input is missing, unknown or of another shape.
    pub fn eval(&self, inputs: &[(&str, &Tensor<f64>)]) -> Result<BTreeMap<String, Tensor<f64>>, Error> {
        for (name, _) in inputs {
            self.input(name)?;
        }
        let mut values: Vec<Tensor<f64>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let value = match &node.op {
                Op::Input => {
                    let (_, tensor) = inputs
                        .iter()
                        .find(|(name, _)| *name == node.name)
                        .ok_or_else(|| Repr::Unknown { what: "tensor for input", name: node.name.clone() })?;
                    if *tensor.shape() != node.shape {
                        let (expected, found) = (node.shape.clone(), tensor.shape().clone());
                        return Err(Repr::Bind { name: node.name.clone(), expected, found }.into());
                    }
                    (*tensor).clone()
                }
                op => {
                    let operands: Vec<_> = node.inputs.iter().map(|v| &values[v.index()]).collect();
                    op.eval(&operands, &node.shape)
                }
            };
            values.push(value);
        }
        Ok(self.outputs.iter().map(|(name, v)| (name.clone(), values[v.index()].clone())).collect())
    }
}
