//! From a graph to its program.

use std::sync::Arc;

use moire_graph::{Error, Graph, MatMul, Normalise, Op, ValueId};
use moire_tensor::{Shape, Tensor};
use rayon::ThreadPool;

use crate::aligned::Aligned;
use crate::fuse::{Unit, fuse};
use crate::kernels::Kernel;
use crate::kernels::conv::Conv;
use crate::kernels::depthwise::Depthwise;
use crate::kernels::elementwise::{Map, MapGrad, Zip};
use crate::kernels::instance_norm::{InstanceNorm, Way};
use crate::kernels::lattice;
use crate::kernels::matmul::Products;
use crate::kernels::movement::{Copy, Reshape};
use crate::kernels::normalise::Normalisation;
use crate::kernels::pool::{Pool, PoolKind};
use crate::kernels::reduce::{Groups, MaxGrad, Reduction};
use crate::kernels::resample::Resampling;
use crate::kernels::softmax::Probabilities;
use crate::kernels::warp::Warping;
use crate::kernels::winograd::winograd;
use crate::layout::{MAX_RANK, Planes};
use crate::plan::plan;
use crate::product::{Finishing, Repeat};
use crate::program::{CpuProgram, Port, Source, Step, in_memory_order};
use crate::scratch::Scratch;
use crate::simd::Vectors;

pub(crate) fn compile(
    graph: &Graph,
    batch: usize,
    pool: &Arc<ThreadPool>,
    vectors: Vectors,
) -> Result<CpuProgram, Error> {
    let batch = batch.max(1);
    if let Some(node) = graph.nodes().iter().find(|n| n.shape.len() > MAX_RANK) {
        return Err(Error::unsupported(node, "values of at most 8 axes"));
    }
    let units = fuse(graph).units;
    let computed: Vec<bool> =
        graph.values().map(|(v, n)| units[v.index()].is_some() || is_given(&n.op)).collect();
    let mut last_use: Vec<usize> = (0..graph.nodes().len()).collect();
    for (value, _) in graph.values() {
        let operands = units[value.index()].map(|unit| unit.operands(graph)).unwrap_or_default();
        operands.iter().for_each(|v| last_use[v.index()] = value.index());
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
    let context = Context { graph, batch, vectors };
    for (value, _) in graph.values() {
        let Some(unit) = units[value.index()] else { continue };
        let Source::Buffer { slot, size } = source(value, &mut constants) else { continue };
        let operands = unit.operands(graph).into_iter().map(|v| source(v, &mut constants)).collect();
        steps.push(Step { kernel: context.kernel(&unit)?, operands, slot, size, value, root: unit.root });
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
    let working = |size: fn(&dyn Kernel) -> usize| steps.iter().map(|s| size(&*s.kernel)).max().unwrap_or(0);
    let scratch = Scratch::new(
        pool.current_num_threads(),
        working(|kernel| kernel.scratch()),
        working(|kernel| kernel.shared()),
    );
    Ok(CpuProgram {
        graph: graph.clone(),
        batch,
        pool: Arc::clone(pool),
        buffers: plan.sizes.iter().map(|size| Aligned::zeros(size * batch)).collect(),
        constants,
        steps,
        inputs,
        outputs,
        scratch,
        samples: 0,
    })
}

fn is_given(op: &Op) -> bool {
    matches!(op, Op::Input | Op::Constant(_))
}

/// What kernels are made from.
struct Context<'a> {
    graph: &'a Graph,
    batch: usize,
    vectors: Vectors,
}

impl Context<'_> {
    fn kernel(&self, unit: &Unit) -> Result<Box<dyn Kernel>, Error> {
        let graph = self.graph;
        let node = graph.node(unit.root);
        let shape = &node.shape;
        let of = |i: usize| graph.shape(node.inputs[i]);
        let vectors = self.vectors;
        Ok(match &node.op {
            Op::Input | Op::Constant(_) => unreachable!("inputs and constants are not computed"),
            Op::Conv2d(_) | Op::ConvTranspose2d(_) => return self.convolution(unit),
            Op::MatMul(op) => self.products(*op, unit),
            Op::BatchNorm(_) => return Err(Error::unsupported(node, "statistics that are constants")),
            Op::Normalise(op) if by_image(op, shape) => {
                let shift = unit.shift.map(|v| self.constant(v));
                let way = Way::Forward { shift, add: unit.add.is_some(), act: unit.act };
                self.instance_norm(op, shape, unit, way)
            }
            Op::NormaliseGrad(op) if by_image(&op.0, shape) => {
                let way = Way::Backward { gate: unit.gate.map(|(_, leak)| leak) };
                self.instance_norm(&op.0, shape, unit, way)
            }
            Op::Normalise(op) => Box::new(Normalisation::new(op, shape, false)),
            Op::NormaliseGrad(op) => Box::new(Normalisation::new(&op.0, shape, true)),
            Op::Act(act) => Box::new(Map { act: *act, size: shape.numel(), vectors }),
            Op::ActGrad(op) => Box::new(MapGrad { act: op.0, size: shape.numel(), vectors }),
            Op::Binary(op) => Box::new(Zip::new(*op, of(0), of(1), shape, vectors)),
            Op::MaxPool2d(op) => self.pool(PoolKind::Max(*op), Planes::of(of(0)), Planes::of(shape), false),
            Op::MaxPoolGrad(op) => self.pool(PoolKind::Max(op.0), Planes::of(shape), Planes::of(of(1)), true),
            Op::AvgPool2d(op) => self.pool(PoolKind::Avg(*op), Planes::of(of(0)), Planes::of(shape), false),
            Op::AvgPoolGrad(op) => {
                self.pool(PoolKind::Avg(op.pool), Planes::of(shape), Planes::of(of(0)), true)
            }
            Op::Reduce(op) => Box::new(Reduction { kind: op.kind, groups: Groups::new(of(0), &op.axes) }),
            Op::MaxGrad(op) => Box::new(MaxGrad { groups: Groups::new(shape, &op.axes) }),
            Op::Softmax(op) => {
                Box::new(Probabilities { groups: Groups::new(shape, &[op.axis]), adjoint: false })
            }
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
            Op::Resample(op) => Box::new(Resampling::new(vectors, op, of(0))),
            Op::Warp(op) => Box::new(Warping { op: op.clone(), x: Planes::of(of(0)), y: Planes::of(shape) }),
        })
    }

    /// The numbers of a value that is known to be a constant.
    fn constant(&self, value: ValueId) -> Vec<f32> {
        match &self.graph.node(value).op {
            Op::Constant(tensor) => tensor.data().to_vec(),
            _ => unreachable!("units hold constants here"),
        }
    }

    fn instance_norm(&self, op: &Normalise, shape: &Shape, unit: &Unit, way: Way) -> Box<dyn Kernel> {
        let planes = Planes::of(shape);
        let images = self.batch * planes.rows;
        let scale = unit.scale.map(|v| self.constant(v));
        let (eps, unbiased, vectors) = (op.eps, op.unbiased, self.vectors);
        Box::new(InstanceNorm { vectors, planes, eps, unbiased, scale, way, images })
    }

    fn pool(&self, kind: PoolKind, x: Planes, y: Planes, adjoint: bool) -> Box<dyn Kernel> {
        Box::new(Pool { vectors: self.vectors, kind, x, y, adjoint })
    }

    fn products(&self, op: MatMul, unit: &Unit) -> Box<dyn Kernel> {
        let node = self.graph.node(unit.root);
        let of = |i: usize| self.graph.shape(node.inputs[i]);
        let right = match &self.graph.node(node.inputs[1]).op {
            Op::Constant(tensor) if of(1).len() != 4 => Some(tensor.data()),
            _ => None,
        };
        let bias = unit.shift.map(|v| self.constant(v)).unwrap_or_default();
        let finishing = self.finishing(unit, &bias, 2);
        Box::new(Products::new(self.vectors, op, [of(0), of(1), &node.shape], right, finishing))
    }

    /// The epilogue of a unit whose own operands are the first `own`.
    fn finishing(&self, unit: &Unit, bias: &[f32], own: usize) -> Finishing {
        Finishing {
            bias: Finishing::pad(self.vectors, bias),
            add: unit.add.map(|v| {
                let (result, summand) = (self.graph.shape(unit.root), self.graph.shape(v));
                let image = result.numel() / result.first().copied().unwrap_or(1).max(1);
                (own, Repeat { image, rows: result.numel() / summand.numel().max(1) })
            }),
            act: unit.act,
            gate: unit.gate.map(|(_, leak)| (own + usize::from(unit.add.is_some()), leak)),
        }
    }

    fn convolution(&self, unit: &Unit) -> Result<Box<dyn Kernel>, Error> {
        let graph = self.graph;
        let node = graph.node(unit.root);
        let constant = |i: usize| match &graph.node(node.inputs[i]).op {
            Op::Constant(tensor) => Ok(tensor),
            _ => Err(Error::unsupported(node, "weights that are constants")),
        };
        let weights: &Tensor = constant(1)?;
        let bias = if node.inputs.len() > 2 { constant(2)?.data() } else { &[] };
        let finishing = self.finishing(unit, bias, 1);
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
            let weight = |c: usize, ky: usize, kx: usize| at(c, 0, ky, kx);
            return Ok(Box::new(Depthwise::new(self.vectors, planes, &lattices, weight, finishing)));
        }
        let (inputs, per_group) = (x.channels / groups, y.channels / groups);
        let weight = |o: usize, i: usize, ky: usize, kx: usize| {
            if transposed { at(o / per_group * inputs + i, o % per_group, ky, kx) } else { at(o, i, ky, kx) }
        };
        let finishing = match groups {
            1 => match winograd(self.vectors, planes, self.batch * x.rows, &lattices, weight, finishing) {
                Ok(kernel) => return Ok(kernel),
                Err(finishing) => finishing,
            },
            _ => finishing,
        };
        Ok(Box::new(Conv::new(self.vectors, planes, groups, &lattices, weight, finishing)))
    }
}

/// Whether each channel of each image has its own statistics.
fn by_image(op: &Normalise, shape: &Shape) -> bool {
    op.axes == [2, 3] && shape.len() == 4
}
