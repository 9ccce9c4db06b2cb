//! What passes values on, and branches whose condition is known.

use super::Read;
use crate::onnx::array::{Array, Ints};
use crate::onnx::fault::unsupported;
use crate::onnx::node::{Node, Outcome, Value, one};
use moire_tensor::Tensor;

pub(super) const OPS: &[(&str, Read)] =
    &[("Constant", constant), ("Identity", identity), ("Dropout", dropout), ("If", branch)];

fn constant(node: &mut Node<'_, '_, '_>) -> Outcome {
    if let Some(value) = node.tensor("value")? {
        return Ok(vec![value]);
    }
    if let Some(ints) = node.list("value_ints") {
        return one(Ints::vector(ints));
    }
    if node.has("value_int") {
        return one(Array::scalar(node.int("value_int", 0)));
    }
    if let Some(floats) = node.floats("value_floats") {
        let tensor = Tensor::from_fn([floats.len()], |i| floats[i]);
        return one(node.literal(tensor)?);
    }
    if node.has("value_float") {
        let value = node.float("value_float", 0.0);
        return one(node.b().scalar(value));
    }
    unsupported("a text or a sparse tensor")
}

fn identity(node: &mut Node<'_, '_, '_>) -> Outcome {
    Ok(vec![node.value(0)?])
}

fn dropout(node: &mut Node<'_, '_, '_>) -> Outcome {
    if node.get(2).is_some() && node.scalar(2)? != 0.0 {
        return unsupported("training_mode");
    }
    identity(node)
}

fn branch(node: &mut Node<'_, '_, '_>) -> Outcome {
    let condition = node.ints(0)?;
    let [taken] = condition.data[..] else {
        return Err(node.fault("one truth", format!("{} of them", condition.data.len())));
    };
    let graph = node.graph(if taken != 0 { "then_branch" } else { "else_branch" })?;
    let place = node.place.clone();
    let results: Vec<Value> = node.import.branch(&place, &graph)?;
    if results.len() == node.outputs.len() {
        Ok(results)
    } else {
        Err(node.fault(format!("a branch with {} results", node.outputs.len()), results.len().to_string()))
    }
}
