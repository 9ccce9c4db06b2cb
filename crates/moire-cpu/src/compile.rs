//! From a graph to its program.

use std::sync::Arc;

use moire_graph::{Error, Graph, MatMul, Normalise, Op, ReduceKind, ValueId};
use moire_tensor::{Shape, Tensor};
use rayon::ThreadPool;

use crate::arena::Arena;
use crate::fuse::{Fused, Read, Unit, fuse, sums_pixels};
use crate::kernels::Kernel;
use crate::kernels::conv::Conv;
use crate::kernels::depthwise::Depthwise;
use crate::kernels::elementwise::Chain;
use crate::kernels::image_norm::{ImageNorm, Way};
use crate::kernels::lattice;
use crate::kernels::lines::{Lines, What, line};
use crate::kernels::matmul::Products;
use crate::kernels::movement::{Copy, Reshape};
use crate::kernels::normalise::Normalisation;
use crate::kernels::pixel_sum::PixelSum;
use crate::kernels::pool::{Pool, PoolKind};
use crate::kernels::reading::Reading;
use crate::kernels::reduce::{Groups, MaxGrad, Reduction};
use crate::kernels::resample::Resampling;
use crate::kernels::softmax::Probabilities;
use crate::kernels::warp::Warping;
use crate::kernels::winograd::winograd;
use crate::layout::{MAX_RANK, Planes};
use crate::plan::{Item, plan};
use crate::product::{Beside, Finishing, Leak, Repeat, Smooth};
use crate::program::{CpuProgram, Place, Port, Source, Step, in_memory_order};
use crate::scratch::Pieces;
use crate::simd::Vectors;

pub(crate) fn compile(
    graph: &Graph,
    batch: usize,
    pool: &Arc<ThreadPool>,
    arena: &Arc<Arena>,
    vectors: Vectors,
) -> Result<CpuProgram, Error> {
    let batch = batch.max(1);
    if let Some(node) = graph.nodes().iter().find(|n| n.shape.len() > MAX_RANK) {
        return Err(Error::unsupported(node, "values of at most 8 axes"));
    }
    let fused = fuse(graph);
    let placed = placed(graph, &fused, batch);
    let mut constants: Vec<Vec<f32>> = Vec::new();
    let mut known: Vec<Option<Source>> = vec![None; graph.nodes().len()];
    let mut source = |read: Read| match read {
        Read::Beside(v) => Source::Memory(placed.beside[v.index()].expect("what is read was kept")),
        Read::Value(v) => *known[v.index()].get_or_insert_with(|| match &graph.node(v).op {
            Op::Constant(tensor) => {
                constants.push(in_memory_order(tensor));
                Source::Constant(constants.len() - 1)
            }
            _ => Source::Memory(placed.values[v.index()].expect("what is computed has a place")),
        }),
    };
    let mut steps = Vec::new();
    let mut made_by: Vec<Option<usize>> = vec![None; graph.nodes().len()];
    let context = Context { graph, fused: &fused, batch, vectors };
    for (value, _) in graph.values() {
        let Some(unit) = &fused.units[value.index()] else { continue };
        let kernel = context.kernel(value, unit)?;
        let reads = fused.reads(unit);
        let after = reads.iter().filter_map(|read| made_by[read.value().index()]).collect();
        made_by[value.index()] = Some(steps.len());
        let place = |(i, read)| if kernel.holds(i) { Source::Held } else { source(read) };
        let operands = reads.into_iter().enumerate().map(place).collect();
        let out = placed.values[value.index()].expect("what is computed has a place");
        steps.push(Step {
            kernel,
            operands,
            out,
            beside: placed.beside[value.index()],
            after,
            value,
            root: unit.root,
        });
    }
    let port = |name: &str, value: ValueId, source: Source, samples: usize| {
        let (shape, made_by) = (graph.shape(value), made_by[value.index()]);
        Port::new(name.to_owned(), source, shape, made_by, shape.numel() * samples)
    };
    let mut inputs = Vec::new();
    for &v in graph.inputs() {
        inputs.push(port(&graph.node(v).name, v, source(Read::Value(v)), 0));
    }
    let mut outputs = Vec::new();
    for (name, v) in graph.outputs() {
        outputs.push(port(name, *v, source(Read::Value(*v)), batch));
    }
    let working = |size: fn(&dyn Kernel) -> usize| steps.iter().map(|s| size(&*s.kernel)).max().unwrap_or(0);
    let pieces = Pieces::new(
        pool.current_num_threads(),
        working(|kernel| kernel.scratch()),
        working(|kernel| kernel.shared()),
    );
    Ok(CpuProgram {
        graph: graph.clone(),
        batch,
        pool: Arc::clone(pool),
        arena: Arc::clone(arena),
        values: placed.numbers,
        constants,
        needed: vec![false; steps.len()],
        steps,
        inputs,
        outputs,
        pieces,
    })
}

/// Where the values of a graph live, and what is kept beside them.
struct Placed {
    values: Vec<Option<Place>>,
    beside: Vec<Option<Place>>,
    /// Numbers in all.
    numbers: usize,
}

fn placed(graph: &Graph, fused: &Fused<'_>, batch: usize) -> Placed {
    let count = graph.nodes().len();
    let [mut values, mut beside] = [(); 2].map(|()| (0..count).collect::<Vec<usize>>());
    for (value, _) in graph.values() {
        for read in fused.units[value.index()].iter().flat_map(|unit| fused.reads(unit)) {
            match read {
                Read::Value(v) => values[v.index()] = value.index(),
                Read::Beside(v) => beside[v.index()] = value.index(),
            }
        }
    }
    graph.outputs().iter().for_each(|(_, v)| values[v.index()] = usize::MAX);
    let mut items = Vec::new();
    let mut owners = Vec::new();
    let mut item = |v: ValueId, is_beside: bool, size: usize, birth: usize| {
        let death = if is_beside { beside[v.index()] } else { values[v.index()] };
        items.push(Item { size: size * batch, birth, death });
        owners.push((v, is_beside, size));
    };
    // Inputs are written before the first step, so nothing may lie there earlier.
    for &v in graph.inputs() {
        item(v, false, graph.shape(v).numel(), 0);
    }
    for (v, node) in graph.values().filter(|(v, _)| fused.units[v.index()].is_some()) {
        let size = node.shape.numel();
        item(v, false, size, v.index());
        if let Some(kept) = fused.beside[v.index()] {
            item(v, true, kept.size(size), v.index());
        }
    }
    let plan = plan(&items);
    let mut placed = Placed { values: vec![None; count], beside: vec![None; count], numbers: plan.size };
    for (&at, (v, is_beside, size)) in plan.starts.iter().zip(owners) {
        let places = if is_beside { &mut placed.beside } else { &mut placed.values };
        places[v.index()] = Some(Place { at, size });
    }
    placed
}

/// What kernels are made from.
struct Context<'a> {
    graph: &'a Graph,
    fused: &'a Fused<'a>,
    batch: usize,
    vectors: Vectors,
}

impl Context<'_> {
    /// The kernel of the unit that computes `value`.
    fn kernel(&self, value: ValueId, unit: &Unit) -> Result<Box<dyn Kernel>, Error> {
        let graph = self.graph;
        let beside = self.fused.beside[value.index()];
        let node = graph.node(unit.root);
        let shape = &node.shape;
        let of = |i: usize| graph.shape(node.inputs[i]);
        let vectors = self.vectors;
        Ok(match &node.op {
            Op::Input | Op::Constant(_) => unreachable!("inputs and constants are not computed"),
            Op::Conv2d(_) | Op::ConvTranspose2d(_) => return self.convolution(unit, beside),
            Op::MatMul(op) => self.products(*op, unit, beside),
            Op::BatchNorm(_) => return Err(Error::unsupported(node, "statistics that are constants")),
            Op::Normalise(op) if by_image(op, shape) => {
                let shift = unit.shift.map(|v| self.constant(v));
                let act = unit.act.and_then(Leak::of);
                let way = Way::Forward { shift, add: unit.add.is_some(), act, beside };
                self.image_norm(op, shape, unit, way)
            }
            Op::NormaliseGrad(op) if by_image(&op.0, shape) => {
                let gate = unit.gate.and_then(|(saved, act)| self.fused.gate(saved, act));
                let way = Way::Backward { gate: gate.map(|(gate, _)| gate) };
                self.image_norm(&op.0, shape, unit, way)
            }
            Op::Normalise(op) => self.normalisation(op, shape, false),
            Op::NormaliseGrad(op) => self.normalisation(&op.0, shape, true),
            Op::Act(_) | Op::ActGrad(_) | Op::Binary(_) => self.chain(shape, unit, beside),
            Op::MaxPool2d(op) => {
                let kind = PoolKind::Max(*op, beside.is_some());
                self.pool(kind, Planes::of(of(0)), Planes::of(shape), false)
            }
            Op::MaxPoolGrad(op) => {
                let kind = PoolKind::Max(op.0, self.fused.winners(unit.root).is_some());
                self.pool(kind, Planes::of(shape), Planes::of(of(1)), true)
            }
            Op::AvgPool2d(op) => self.pool(PoolKind::Avg(*op), Planes::of(of(0)), Planes::of(shape), false),
            Op::AvgPoolGrad(op) => {
                self.pool(PoolKind::Avg(op.pool), Planes::of(shape), Planes::of(of(0)), true)
            }
            Op::Reduce(op) if sums_pixels(op, of(0)) => {
                let (planes, mean) = (Planes::of(of(0)), op.kind == ReduceKind::Mean);
                let images = self.batch * planes.rows;
                Box::new(PixelSum { vectors, planes, mean, product: unit.factors.is_some(), images })
            }
            Op::Reduce(op) => Box::new(Reduction { kind: op.kind, groups: Groups::new(of(0), &op.axes) }),
            Op::MaxGrad(op) => Box::new(MaxGrad { groups: Groups::new(shape, &op.axes) }),
            Op::Softmax(op) => self.softmax(op.axis, shape, false),
            Op::SoftmaxGrad(op) => self.softmax(op.0.axis, shape, true),
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

    fn chain(&self, shape: &Shape, unit: &Unit, beside: Option<Beside>) -> Box<dyn Kernel> {
        let (links, reads) = self.fused.chain(unit);
        let reading = |read: &Read| match read {
            Read::Value(v) => Reading::new(self.graph.shape(*v), shape),
            Read::Beside(_) => Reading::Whole,
        };
        let readings = reads.iter().map(reading).collect();
        Box::new(Chain { vectors: self.vectors, size: shape.numel(), links, readings, beside })
    }

    /// The numbers of a value that is known to be a constant.
    fn constant(&self, value: ValueId) -> Vec<f32> {
        match &self.graph.node(value).op {
            Op::Constant(tensor) => tensor.data().to_vec(),
            _ => unreachable!("units hold constants here"),
        }
    }

    fn image_norm(&self, op: &Normalise, shape: &Shape, unit: &Unit, way: Way) -> Box<dyn Kernel> {
        let planes = Planes::of(shape);
        let images = self.batch * planes.rows;
        let scale = unit.scale.map(|v| self.constant(v));
        let (eps, unbiased, vectors) = (op.eps, op.unbiased, self.vectors);
        Box::new(ImageNorm { vectors, planes, eps, unbiased, scale, way, images })
    }

    fn normalisation(&self, op: &Normalise, shape: &Shape, adjoint: bool) -> Box<dyn Kernel> {
        match line(shape, &op.axes) {
            Some(length) => self.lines(What::normalise(op, length), length, shape, adjoint),
            None => Box::new(Normalisation::new(op, shape, adjoint)),
        }
    }

    fn softmax(&self, axis: usize, shape: &Shape, adjoint: bool) -> Box<dyn Kernel> {
        match line(shape, &[axis]) {
            Some(length) => self.lines(What::Softmax, length, shape, adjoint),
            None => Box::new(Probabilities { groups: Groups::new(shape, &[axis]), adjoint }),
        }
    }

    fn lines(&self, what: What, length: usize, shape: &Shape, adjoint: bool) -> Box<dyn Kernel> {
        Box::new(Lines { vectors: self.vectors, length, size: shape.numel(), what, adjoint })
    }

    fn pool(&self, kind: PoolKind, x: Planes, y: Planes, adjoint: bool) -> Box<dyn Kernel> {
        Box::new(Pool { vectors: self.vectors, kind, x, y, adjoint })
    }

    fn products(&self, op: MatMul, unit: &Unit, beside: Option<Beside>) -> Box<dyn Kernel> {
        let node = self.graph.node(unit.root);
        let of = |i: usize| self.graph.shape(node.inputs[i]);
        let right = match &self.graph.node(node.inputs[1]).op {
            Op::Constant(tensor) if of(1).len() != 4 => Some(tensor.data()),
            _ => None,
        };
        let bias = unit.shift.map(|v| self.constant(v)).unwrap_or_default();
        let finishing = self.finishing(unit, &bias, 2, beside);
        Box::new(Products::new(self.vectors, op, [of(0), of(1), &node.shape], right, finishing))
    }

    /// The epilogue of a unit whose own operands are the first `own`.
    fn finishing(&self, unit: &Unit, bias: &[f32], own: usize, beside: Option<Beside>) -> Finishing {
        Finishing {
            bias: Finishing::pad(self.vectors, bias),
            add: unit.add.map(|v| {
                let (result, summand) = (self.graph.shape(unit.root), self.graph.shape(v));
                let image = result.numel() / result.first().copied().unwrap_or(1).max(1);
                (own, Repeat { image, rows: result.numel() / summand.numel().max(1) })
            }),
            leak: unit.act.and_then(Leak::of),
            smooth: unit.act.and_then(Smooth::of),
            gate: unit.gate.and_then(|(saved, act)| {
                let (gate, _) = self.fused.gate(saved, act)?;
                Some((own + usize::from(unit.add.is_some()), gate))
            }),
            beside,
        }
    }

    fn convolution(&self, unit: &Unit, beside: Option<Beside>) -> Result<Box<dyn Kernel>, Error> {
        let graph = self.graph;
        let node = graph.node(unit.root);
        let constant = |i: usize| match &graph.node(node.inputs[i]).op {
            Op::Constant(tensor) => Ok(tensor),
            _ => Err(Error::unsupported(node, "weights that are constants")),
        };
        let weights: &Tensor = constant(1)?;
        let bias = if node.inputs.len() > 2 { constant(2)?.data() } else { &[] };
        let finishing = self.finishing(unit, bias, 1, beside);
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
