//! From a graph to its program.

use std::sync::Arc;

use moire_graph::{Act, Error, Graph, Node, Op, ValueId};
use moire_tensor::Tensor;
use rayon::ThreadPool;

use crate::kernels::Kernel;
use crate::kernels::conv::Conv;
use crate::kernels::depthwise::Depthwise;
use crate::kernels::elementwise::{Map, MapGrad, Zip};
use crate::kernels::lattice;
use crate::kernels::matmul::Products;
use crate::kernels::movement::{Copy, Reshape};
use crate::kernels::normalise::Normalisation;
use crate::kernels::pool::{Pool, PoolKind};
use crate::kernels::reduce::{Groups, MaxGrad, Reduction};
use crate::kernels::resample::Resampling;
use crate::kernels::softmax::Probabilities;
use crate::kernels::warp::Warping;
use crate::layout::{MAX_RANK, Planes};
use crate::plan::plan;
use crate::program::{CpuProgram, Port, Source, Step, in_memory_order};
use crate::scratch::Scratch;

pub(crate) fn compile(graph: &Graph, batch: usize, pool: &Arc<ThreadPool>) -> Result<CpuProgram, Error> {
    let batch = batch.max(1);
    if let Some(node) = graph.nodes().iter().find(|n| n.shape.len() > MAX_RANK) {
        return Err(Error::unsupported(node, "values of at most 8 axes"));
    }
    let fused = fuse_activations(graph);
    let computed: Vec<bool> = (0..graph.nodes().len()).map(|i| !fused.absorbed[i]).collect();
    let operands = |value: ValueId| -> Vec<ValueId> {
        // A fused activation reads what its convolution reads.
        let from = fused.conv[value.index()].unwrap_or(value);
        let node = graph.node(from);
        let weights_are_packed = matches!(node.op, Op::Conv2d(_) | Op::ConvTranspose2d(_));
        if weights_are_packed { node.inputs[..1].to_vec() } else { node.inputs.clone() }
    };
    let mut last_use: Vec<usize> = (0..graph.nodes().len()).collect();
    for (value, _) in graph.values().filter(|(v, _)| computed[v.index()]) {
        operands(value).iter().for_each(|v| last_use[v.index()] = value.index());
    }
    graph.outputs().iter().for_each(|(_, v)| last_use[v.index()] = usize::MAX);
    let plan = plan(graph, &computed, &last_use);

    let mut constants: Vec<Vec<f32>> = Vec::new();
    let mut sources: Vec<Option<Source>> = vec![None; graph.nodes().len()];
    let mut source = |value: ValueId, constants: &mut Vec<Vec<f32>>| {
        *sources[value.index()].get_or_insert_with(|| {
            match (&graph.node(value).op, plan.slots[value.index()]) {
                (Op::Constant(tensor), _) => {
                    constants.push(in_memory_order(tensor));
                    Source::Constant(constants.len() - 1)
                }
                (_, Some(slot)) => Source::Buffer { slot, size: graph.shape(value).numel() },
                (_, None) => unreachable!("what is computed has a buffer"),
            }
        })
    };
    let mut steps = Vec::new();
    for (value, node) in graph.values().filter(|(v, _)| computed[v.index()]) {
        if matches!(node.op, Op::Input | Op::Constant(_)) {
            continue;
        }
        let Source::Buffer { slot, size } = source(value, &mut constants) else { continue };
        let (conv, act) = match (fused.conv[value.index()], &node.op) {
            (Some(conv), Op::Act(act)) => (graph.node(conv), Some(*act)),
            _ => (node, None),
        };
        let operands = operands(value).into_iter().map(|v| source(v, &mut constants)).collect();
        steps.push(Step { kernel: kernel(graph, conv, act)?, operands, slot, size });
    }
    let port = |name: &str, value: ValueId, source: Source, samples: usize| {
        Port::new(name.to_owned(), source, graph.shape(value), graph.shape(value).numel() * samples)
    };
    let mut inputs = Vec::new();
    for &v in graph.inputs() {
        inputs.push(port(&graph.node(v).name, v, source(v, &mut constants), 0));
    }
    let mut outputs = Vec::new();
    for (name, v) in graph.outputs() {
        outputs.push(port(name, *v, source(*v, &mut constants), batch));
    }
    let working = steps.iter().map(|s| s.kernel.scratch()).max().unwrap_or(0);
    Ok(CpuProgram {
        graph: graph.clone(),
        batch,
        pool: Arc::clone(pool),
        buffers: plan.sizes.iter().map(|size| vec![0.0; size * batch]).collect(),
        constants,
        steps,
        inputs,
        outputs,
        scratch: Scratch::new(pool.current_num_threads(), working),
        samples: 0,
    })
}

/// Activations that ride on the convolution before them.
struct Fused {
    /// By value: it is a convolution that its activation computes.
    absorbed: Vec<bool>,
    /// By value: it is an activation that computes this convolution too.
    conv: Vec<Option<ValueId>>,
}

fn fuse_activations(graph: &Graph) -> Fused {
    let uses = graph.uses();
    let count = graph.nodes().len();
    let mut fused = Fused { absorbed: vec![false; count], conv: vec![None; count] };
    for (value, node) in graph.values().filter(|(_, n)| matches!(n.op, Op::Act(_))) {
        let operand = node.inputs[0];
        let is_conv = matches!(graph.node(operand).op, Op::Conv2d(_) | Op::ConvTranspose2d(_));
        if is_conv && uses[operand.index()] == 1 {
            fused.absorbed[operand.index()] = true;
            fused.conv[value.index()] = Some(operand);
        }
    }
    fused
}

fn kernel(graph: &Graph, node: &Node, act: Option<Act>) -> Result<Box<dyn Kernel>, Error> {
    let shape = &node.shape;
    let of = |i: usize| graph.shape(node.inputs[i]);
    Ok(match &node.op {
        Op::Input | Op::Constant(_) => unreachable!("inputs and constants are not computed"),
        Op::Conv2d(_) | Op::ConvTranspose2d(_) => return convolution(graph, node, act),
        Op::MatMul(op) => Box::new(Products::new(*op, of(0), of(1), shape)),
        Op::BatchNorm(_) => return Err(Error::unsupported(node, "statistics that are constants")),
        Op::Normalise(op) => Box::new(Normalisation::new(op, shape, false)),
        Op::NormaliseGrad(op) => Box::new(Normalisation::new(&op.0, shape, true)),
        Op::Act(act) => Box::new(Map { act: *act, size: shape.numel() }),
        Op::ActGrad(op) => Box::new(MapGrad { act: op.0, size: shape.numel() }),
        Op::Binary(op) => Box::new(Zip::new(*op, of(0), of(1), shape)),
        Op::MaxPool2d(op) => pool(PoolKind::Max(*op), Planes::of(of(0)), Planes::of(shape), false),
        Op::MaxPoolGrad(op) => pool(PoolKind::Max(op.0), Planes::of(shape), Planes::of(of(1)), true),
        Op::AvgPool2d(op) => pool(PoolKind::Avg(*op), Planes::of(of(0)), Planes::of(shape), false),
        Op::AvgPoolGrad(op) => pool(PoolKind::Avg(op.pool), Planes::of(shape), Planes::of(of(0)), true),
        Op::Reduce(op) => Box::new(Reduction { kind: op.kind, groups: Groups::new(of(0), &op.axes) }),
        Op::MaxGrad(op) => Box::new(MaxGrad { groups: Groups::new(shape, &op.axes) }),
        Op::Softmax(op) => Box::new(Probabilities { groups: Groups::new(shape, &[op.axis]), adjoint: false }),
        Op::SoftmaxGrad(op) => {
            Box::new(Probabilities { groups: Groups::new(shape, &[op.0.axis]), adjoint: true })
        }
        Op::Reshape(_) => Box::new(Reshape::new(of(0), shape)),
        Op::Permute(op) => Box::new(Copy::permute(of(0), &op.order, shape)),
        Op::Slice(op) => Box::new(Copy::slice(of(0), op.axis, op.start, shape)),
        Op::Concat(op) => {
            let parts: Vec<_> = (0..node.inputs.len()).map(of).collect();
            Box::new(Copy::concat(&parts, op.axis, shape))
        }
        Op::Expand(_) => Box::new(Copy::expand(of(0), shape)),
        Op::Pad(op) => Box::new(Copy::pad(of(0), op.axis, op.before, shape)),
        Op::Resample(op) => Box::new(Resampling::new(op, of(0))),
        Op::Warp(op) => Box::new(Warping { op: op.clone(), x: Planes::of(of(0)), y: Planes::of(shape) }),
    })
}

fn pool(kind: PoolKind, x: Planes, y: Planes, adjoint: bool) -> Box<dyn Kernel> {
    Box::new(Pool { kind, x, y, adjoint })
}

fn convolution(graph: &Graph, node: &Node, act: Option<Act>) -> Result<Box<dyn Kernel>, Error> {
    let constant = |i: usize| match &graph.node(node.inputs[i]).op {
        Op::Constant(tensor) => Ok(tensor),
        _ => Err(Error::unsupported(node, "weights that are constants")),
    };
    let weights: &Tensor = constant(1)?;
    let bias = if node.inputs.len() > 2 { Some(constant(2)?.data().to_vec()) } else { None };
    let planes = (Planes::of(graph.shape(node.inputs[0])), Planes::of(&node.shape));
    let (x, y) = planes;
    let [_, second, kh, kw] = weights.shape()[..] else {
        unreachable!("shape inference lets only rank 4 here")
    };
    let at =
        |a: usize, b: usize, ky: usize, kx: usize| weights.data()[((a * second + b) * kh + ky) * kw + kx];
    let outputs = [y.height, y.width];
    let (groups, lattices, transposed) = match &node.op {
        Op::Conv2d(op) => (op.groups, lattice::of_conv(op, [kh, kw], outputs), false),
        Op::ConvTranspose2d(op) => (op.groups, lattice::of_transposed(op, [kh, kw], outputs), true),
        _ => unreachable!("called for convolutions"),
    };
    if groups == x.channels && groups == y.channels {
        // Both kinds of weights are [c, 1, kh, kw] here.
        return Ok(Box::new(Depthwise::new(planes, &lattices, |c, ky, kx| at(c, 0, ky, kx), bias, act)));
    }
    let (inputs, per_group) = (x.channels / groups, y.channels / groups);
    let weight = |o: usize, i: usize, ky: usize, kx: usize| {
        if transposed { at(o / per_group * inputs + i, o % per_group, ky, kx) } else { at(o, i, ky, kx) }
    };
    Ok(Box::new(Conv::new(planes, groups, &lattices, weight, bias, act)))
}
