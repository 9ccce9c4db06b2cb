use std::fmt;
use std::sync::Arc;

use moire_graph::{Error, Footprint, Graph, Program, ValueId, check_inputs};
use moire_tensor::{Shape, Tensor};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::aligned::Aligned;
use crate::arena::Arena;
use crate::kernels::{Kernel, Operand};
use crate::layout::strides;
use crate::nest::Nest;
use crate::product::Shared;
use crate::scratch::{Pieces, Scratch};

/// Where in a run's memory a value lies, one sample after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) at: usize,
    /// Numbers a sample.
    pub(crate) size: usize,
}

/// Where an operand is read from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    Memory(Place),
    /// A constant, the same for all samples.
    Constant(usize),
    /// Nowhere: the kernel holds it.
    Held,
}

/// What a kernel fills, for all samples of a run.
pub(crate) struct Results<'a> {
    pub(crate) value: &'a mut [f32],
    /// What it keeps beside the value; empty for nothing.
    pub(crate) beside: &'a mut [f32],
}

/// One kernel with its operands and the buffers that it fills.
pub(crate) struct Step {
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) operands: Vec<Source>,
    pub(crate) out: Place,
    /// Where it puts what is kept beside its value.
    pub(crate) beside: Option<Place>,
    /// The steps whose results it reads, by place.
    pub(crate) after: Vec<usize>,
    /// What it computes, and the node that does most of the work.
    pub(crate) value: ValueId,
    pub(crate) root: ValueId,
}

/// A value that crosses the border, with the loop that changes its layout.
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) size: usize,
    nest: Nest<2>,
    /// The step that makes it; none for an input or a constant.
    made_by: Option<usize>,
    /// Row-major, for all samples; empty for inputs, which the caller holds.
    host: Vec<f32>,
    /// How many of them are of the last run.
    samples: usize,
}

impl Port {
    pub(crate) fn new(
        name: String,
        source: Source,
        shape: &Shape,
        made_by: Option<usize>,
        host: usize,
    ) -> Self {
        let nest = Nest::new(shape, [&shape.strides(), &strides(shape)]);
        Self { name, source, size: shape.numel(), nest, made_by, host: vec![0.0; host], samples: 0 }
    }
}

/// A graph compiled for the processor.
pub struct CpuProgram {
    pub(crate) graph: Graph,
    pub(crate) batch: usize,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) arena: Arc<Arena>,
    /// Numbers that values take in a run.
    pub(crate) values: usize,
    /// What it takes besides.
    pub(crate) pieces: Pieces,
    pub(crate) constants: Vec<Vec<f32>>,
    pub(crate) steps: Vec<Step>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    /// The steps of a run.
    pub(crate) needed: Vec<bool>,
}

/// What a kernel may look at while it runs.
pub(crate) struct Operands<'a> {
    sources: &'a [Source],
    memory: Shared<'a>,
    samples: usize,
    constants: &'a [Vec<f32>],
}

impl<'a> Operands<'a> {
    /// Operand `index`.
    #[allow(unsafe_code, reason = "results are written meanwhile, elsewhere in the memory of the run")]
    pub(crate) fn get(&self, index: usize) -> Operand<'a> {
        match self.sources[index] {
            Source::Memory(Place { at, size }) => {
                // SAFETY: a step writes its own results alone, and these lie apart from what it reads.
                let data = unsafe { self.memory.read(at, self.samples * size) };
                Operand { data, size, step: size }
            }
            Source::Constant(i) => {
                Operand { data: &self.constants[i], size: self.constants[i].len(), step: 0 }
            }
            Source::Held => unreachable!("a kernel does not read what it holds"),
        }
    }
}

impl fmt::Debug for CpuProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch, steps, .. } = self;
        f.debug_struct("CpuProgram")
            .field("batch", batch)
            .field("steps", &steps.len())
            .finish_non_exhaustive()
    }
}

impl CpuProgram {
    /// As [`Program::run`]; calls `after` with what each step computed as soon as it has.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_observed(
        &mut self,
        samples: usize,
        inputs: &[(&str, &[f32])],
        after: impl FnMut(ValueId, &'static str) + Send,
    ) -> Result<(), Error> {
        check_inputs(&self.graph, self.batch, samples, inputs, None)?;
        self.go(samples, inputs, |_| true, after);
        Ok(())
    }

    /// Does what the outputs that are `wanted` need.
    #[allow(unsafe_code, reason = "results are written beside what is read, in one memory")]
    fn go(
        &mut self,
        samples: usize,
        inputs: &[(&str, &[f32])],
        wanted: impl Fn(&str) -> bool,
        mut after: impl FnMut(ValueId, &'static str) + Send,
    ) {
        let mut memory = self.arena.take(self.numbers());
        let (values, rest) = memory.split_at_mut(self.values);
        for port in &self.inputs {
            let Source::Memory(Place { at, size }) = port.source else { continue };
            let Some((_, data)) = inputs.iter().find(|(name, _)| *name == port.name) else { continue };
            let to = values[at..][..samples * size].par_chunks_mut(size);
            let ways = to.zip(data.par_chunks(size));
            self.pool.install(|| ways.for_each(|(to, from)| transfer(&port.nest, from, to, [0, 1])));
        }
        self.mark(&wanted);
        let Self { pool, steps, constants, pieces, needed, .. } = self;
        let (shared, scratch) = (Shared::new(values), Scratch::new(pieces, rest));
        pool.install(|| {
            for (step, _) in steps.iter().zip(needed).filter(|(_, needed)| **needed) {
                let operands = Operands { sources: &step.operands, memory: shared, samples, constants };
                // SAFETY: one step runs at a time, and what it writes lies apart from all that is alive beside it: the
                // plan sees to that.
                let part = |place: Place| unsafe { shared.part(place.at, samples * place.size) };
                let results = Results { value: part(step.out), beside: step.beside.map_or(&mut [], part) };
                step.kernel.run(&operands, results, &scratch);
                after(step.value, step.kernel.name());
            }
        });
        for port in &mut self.outputs {
            let Port { name, source, size, nest, host, samples: kept, .. } = port;
            *kept = if wanted(name) { samples } else { 0 };
            if *kept == 0 {
                continue;
            }
            let from = |s: usize| match *source {
                Source::Memory(Place { at, size }) => &values[at + s * size..][..size],
                Source::Constant(i) => &self.constants[i],
                Source::Held => unreachable!("outputs are read"),
            };
            let values = host[..samples * *size].par_chunks_mut((*size).max(1)).enumerate();
            self.pool.install(|| values.for_each(|(s, to)| transfer(nest, from(s), to, [1, 0])));
        }
        self.arena.give(memory);
    }

    /// Numbers that a run takes: values, and working memory.
    fn numbers(&self) -> usize {
        self.values + self.pieces.len()
    }

    /// Marks the steps that the outputs that are `wanted` need.
    fn mark(&mut self, wanted: impl Fn(&str) -> bool) {
        let Self { needed, steps, outputs, .. } = self;
        needed.fill(false);
        for step in outputs.iter().filter(|port| wanted(&port.name)).filter_map(|port| port.made_by) {
            needed[step] = true;
        }
        for at in (0..needed.len()).rev() {
            if needed[at] {
                steps[at].after.iter().for_each(|&before| needed[before] = true);
            }
        }
    }

    /// The shapes of what the step that made `value` worked on, and its operations for one sample.
    pub fn describe(&self, value: ValueId) -> (String, usize) {
        let root = self.steps.iter().find(|s| s.value == value).map_or(value, |s| s.root);
        let node = self.graph.node(root);
        let shapes = node.inputs.iter().take(2).map(|&v| self.graph.shape(v).to_string());
        let from = shapes.collect::<Vec<_>>().join(" ");
        (format!("{} {from} -> {}", node.op.name(), node.shape), self.graph.node_flops(root))
    }

    /// The graph that runs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
}

impl Drop for CpuProgram {
    fn drop(&mut self) {
        self.arena.free();
    }
}

impl Program for CpuProgram {
    fn batch(&self) -> usize {
        self.batch
    }

    fn memory(&self) -> Footprint {
        let floats = |vs: &[Vec<f32>]| vs.iter().map(|v| size_of_val(&v[..])).sum::<usize>();
        let hosts: usize = self.outputs.iter().map(|p| size_of_val(&p.host[..])).sum();
        let packed: usize = self.steps.iter().map(|s| s.kernel.bytes()).sum();
        Footprint {
            own: floats(&self.constants) + hosts + packed,
            in_turn: Aligned::bytes_of(self.numbers()),
        }
    }

    fn run(&mut self, samples: usize, inputs: &[(&str, &[f32])]) -> Result<(), Error> {
        self.run_observed(samples, inputs, |_, _| {})
    }

    fn run_for(&mut self, samples: usize, inputs: &[(&str, &[f32])], outputs: &[&str]) -> Result<(), Error> {
        check_inputs(&self.graph, self.batch, samples, inputs, Some(outputs))?;
        self.go(samples, inputs, |name| outputs.contains(&name), |_, _| {});
        Ok(())
    }

    fn output(&self, name: &str) -> Result<&[f32], Error> {
        self.graph.output(name)?;
        let port = self.outputs.iter().find(|p| p.name == name).expect("every output has a port");
        Ok(&port.host[..port.samples * port.size])
    }
}

/// Copies between row-major (value 0 of the nest) and memory order (value 1).
fn transfer(nest: &Nest<2>, from: &[f32], to: &mut [f32], [from_at, to_at]: [usize; 2]) {
    let steps = nest.steps();
    nest.each_run(|at| {
        let (from, to) = (&from[at[from_at]..], &mut to[at[to_at]..]);
        match (steps[from_at], steps[to_at]) {
            (1, 1) => to[..nest.run()].copy_from_slice(&from[..nest.run()]),
            (step, 1) => {
                to[..nest.run()].iter_mut().zip(from.iter().step_by(step)).for_each(|(t, f)| *t = *f);
            }
            (from_step, to_step) => {
                (0..nest.run()).for_each(|i| to[i * to_step] = from[i * from_step]);
            }
        }
    });
}

/// A constant in memory order.
pub(crate) fn in_memory_order(tensor: &Tensor) -> Vec<f32> {
    let shape = tensor.shape();
    let mut data = vec![0.0; shape.numel()];
    transfer(&Nest::new(shape, [&shape.strides(), &strides(shape)]), tensor.data(), &mut data, [0, 1]);
    data
}
