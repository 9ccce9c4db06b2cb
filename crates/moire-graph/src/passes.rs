//! Passes: from a graph to an equal graph that costs less.

use std::sync::Arc;

use moire_tensor::Tensor;

use crate::builder::Builder;
use crate::error::Error;
use crate::graph::{Graph, Node, ValueId};
use crate::hoist::hoist;
use crate::ops::{Op, by_channel};

/// Folds frozen batch norm and constants, computes once what rows share, then drops what no output needs. Inputs stay, and so do the names
/// of nodes that stay.
///
/// # Errors
/// Never for a graph that a [`Builder`] made; the signature is that of building.
pub fn simplify(graph: &Graph) -> Result<Graph, Error> {
    let graph = rewrite(graph, fold_batch_norm)?;
    let graph = rewrite(&graph, fold_constants)?;
    let graph = rewrite(&graph, hoist)?;
    drop_dead(&graph)
}

/// Rebuilds a graph node by node. `pass` sees each node with its operands in the new graph and either
/// answers with the value that replaces it or leaves it as it is.
fn rewrite(
    graph: &Graph,
    pass: impl Fn(&mut Builder, &Node, &[ValueId], &[usize]) -> Result<Option<ValueId>, Error>,
) -> Result<Graph, Error> {
    let uses = graph.uses();
    let mut b = Builder::new();
    let mut new: Vec<ValueId> = Vec::with_capacity(graph.nodes.len());
    for node in graph.nodes() {
        let operands: Vec<ValueId> = node.inputs.iter().map(|v| new[v.index()]).collect();
        let operand_uses: Vec<usize> = node.inputs.iter().map(|v| uses[v.index()]).collect();
        let value = match pass(&mut b, node, &operands, &operand_uses)? {
            Some(value) => value,
            None => b.adopt(Node { inputs: operands, ..node.clone() }),
        };
        new.push(value);
    }
    b.finish(graph.outputs.iter().map(|(name, v)| (name.as_str(), new[v.index()])))
}

/// Batch norm goes into the convolution before it where nothing else reads that, else it becomes a product
/// and a sum.
fn fold_batch_norm(
    b: &mut Builder,
    node: &Node,
    operands: &[ValueId],
    uses: &[usize],
) -> Result<Option<ValueId>, Error> {
    let Op::BatchNorm(norm) = node.op else { return Ok(None) };
    let Some((scale, shift)) = norm.scale_shift(b, operands) else { return Ok(None) };
    if uses[0] == 1 {
        if let Some(folded) = fold_into_conv(b, operands[0], node, &scale, &shift) {
            return Ok(Some(folded));
        }
    }
    let rank = node.shape.len();
    let (scale, shift) = (b.literal(by_channel(&scale, rank)), b.literal(by_channel(&shift, rank)));
    b.scope(&*node.name);
    let scaled = b.mul(operands[0], scale)?;
    b.add(scaled, shift).map(Some)
}

fn fold_into_conv(b: &mut Builder, x: ValueId, node: &Node, scale: &[f64], shift: &[f64]) -> Option<ValueId> {
    let conv = b.node(x).clone();
    let constant = |v: &ValueId| match &b.node(*v).op {
        Op::Constant(tensor) => Some(Arc::clone(tensor)),
        _ => None,
    };
    let weights = conv.inputs.get(1).and_then(constant);
    let bias = conv.inputs.get(2).map(constant);
    let (Some(weights), None | Some(Some(_))) = (weights, &bias) else { return None };
    let [first, second, ..] = weights.shape()[..] else { return None };
    let inner = weights.data().len() / (first * second);
    let channel: Box<dyn Fn(usize) -> usize> = match conv.op {
        Op::Conv2d(_) => Box::new(move |i| i / (second * inner)),
        // Channel o of group g is written by rows of that group alone.
        Op::ConvTranspose2d(op) => {
            let rows = first / op.groups;
            Box::new(move |i| i / (second * inner) / rows * second + i / inner % second)
        }
        _ => return None,
    };
    let scaled = |i: usize| (f64::from(weights.data()[i]) * scale[channel(i)]) as f32;
    let folded = Tensor::from_fn(weights.shape().clone(), scaled);
    let old_bias = |c: usize| bias.as_ref().and_then(Option::as_ref).map_or(0.0, |t| f64::from(t.data()[c]));
    let bias = Tensor::from_fn([scale.len()], |c| (old_bias(c) * scale[c] + shift[c]) as f32);
    let (w, bias) = (b.literal(folded), b.literal(bias));
    let inputs = vec![conv.inputs[0], w, bias];
    Some(b.adopt(Node { op: conv.op, inputs, shape: node.shape.clone(), name: node.name.clone() }))
}

/// An op over constants alone is a constant, unless that would be larger than what it is made of: an
/// expanded scalar is cheaper to broadcast than to read.
#[allow(clippy::unnecessary_wraps, reason = "the signature of a pass")]
fn fold_constants(
    b: &mut Builder,
    node: &Node,
    operands: &[ValueId],
    _: &[usize],
) -> Result<Option<ValueId>, Error> {
    let constants: Option<Vec<Tensor<f64>>> = operands
        .iter()
        .map(|&v| match &b.node(v).op {
            Op::Constant(tensor) => Some(tensor.to_f64()),
            _ => None,
        })
        .collect();
    let size = |c: &Vec<Tensor<f64>>| c.iter().map(|t| t.data().len()).sum::<usize>();
    let Some(constants) = constants.filter(|c| size(c) >= node.shape.numel()) else { return Ok(None) };
    let value = node.op.eval(&constants.iter().collect::<Vec<_>>(), &node.shape);
    let op = Op::Constant(Arc::new(value.map(|v| v as f32)));
    Ok(Some(b.adopt(Node { op, inputs: vec![], ..node.clone() })))
}

fn drop_dead(graph: &Graph) -> Result<Graph, Error> {
    let mut live = vec![false; graph.nodes.len()];
    for &(_, v) in &graph.outputs {
        live[v.index()] = true;
    }
    for (value, node) in graph.values().collect::<Vec<_>>().into_iter().rev() {
        if live[value.index()] {
            node.inputs.iter().for_each(|v| live[v.index()] = true);
        }
    }
    let mut b = Builder::new();
    let mut new: Vec<Option<ValueId>> = vec![None; graph.nodes.len()];
    for (value, node) in graph.values() {
        if live[value.index()] || matches!(node.op, Op::Input) {
            let inputs = node.inputs.iter().map(|v| new[v.index()].expect("operands of the living live"));
            let node = Node { inputs: inputs.collect(), ..node.clone() };
            new[value.index()] = Some(b.adopt(node));
        }
    }
    let outputs = graph.outputs.iter();
    b.finish(outputs.map(|(name, v)| (name.as_str(), new[v.index()].expect("outputs live"))))
}
