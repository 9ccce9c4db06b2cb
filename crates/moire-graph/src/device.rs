use std::iter::Sum;
use std::ops::Add;

use crate::error::{Error, Repr};
use crate::graph::{Graph, ValueId};

/// What turns graphs into programs: a processor, a graphics card, the reference.
pub trait Device {
    /// Makes `graph` ready to run for up to `batch` samples at a time. What a program has for itself is taken here, what
    /// programs of a device take turns with when one first runs.
    ///
    /// # Errors
    /// The device cannot run the graph, or has too little memory for it.
    fn compile(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Program>, Error>;
}

/// The bytes that programs of one device need. Sums are of programs that are kept side by side and run one at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// What they hold for themselves, packed weights above all: it adds up.
    pub own: usize,
    /// What they take turns with, values above all: the largest counts.
    pub in_turn: usize,
}

impl Footprint {
    /// All bytes.
    pub fn total(self) -> usize {
        self.own + self.in_turn
    }
}

impl Add for Footprint {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { own: self.own + other.own, in_turn: self.in_turn.max(other.in_turn) }
    }
}

impl Sum for Footprint {
    fn sum<I: Iterator<Item = Self>>(each: I) -> Self {
        each.fold(Self::default(), Add::add)
    }
}

/// A graph compiled for one device and one batch size.
///
/// Each sample's result depends on that sample alone: the same bits at any batch size and thread count.
pub trait Program: Send {
    /// How many samples one run can take.
    fn batch(&self) -> usize;

    /// The bytes that it needs.
    fn memory(&self) -> Footprint;

    /// Runs `samples` samples. Each input holds one value after another, each of the input's shape, row-major.
    ///
    /// # Errors
    /// More samples than [`Program::batch`], an unknown or missing input, or one of another length.
    fn run(&mut self, samples: usize, inputs: &[(&str, &[f32])]) -> Result<(), Error>;

    /// As [`Program::run`], but only as far as some outputs need it; inputs that they do not need may be missing.
    ///
    /// # Errors
    /// As there, or there is no output of such a name.
    fn run_for(&mut self, samples: usize, inputs: &[(&str, &[f32])], outputs: &[&str]) -> Result<(), Error>;

    /// An output of the last run: one value of its shape after another for each of its samples, row-major; empty where the
    /// run was not for it.
    ///
    /// # Errors
    /// There is no output of this name.
    fn output(&self, name: &str) -> Result<&[f32], Error>;
}

/// Checks what a caller gives [`Program::run`], or [`Program::run_for`] some outputs, against the graph; for devices to call
/// first.
///
/// # Errors
/// As these say.
pub fn check_inputs(
    graph: &Graph,
    batch: usize,
    samples: usize,
    inputs: &[(&str, &[f32])],
    outputs: Option<&[&str]>,
) -> Result<(), Error> {
    if samples == 0 || samples > batch {
        return Err(Repr::Batch { batch, samples }.into());
    }
    for &(name, data) in inputs {
        let shape = graph.shape(graph.input(name)?);
        let expected = shape.numel() * samples;
        if data.len() != expected {
            return Err(Repr::Length { name: name.to_owned(), expected, found: data.len() }.into());
        }
    }
    let needed = outputs.map(|outputs| graph.behind(outputs)).transpose()?;
    let is_needed = |value: &&ValueId| needed.as_ref().is_none_or(|needed| needed[value.index()]);
    for &value in graph.inputs().iter().filter(is_needed) {
        let name = &graph.node(value).name;
        if !inputs.iter().any(|(given, _)| given == name) {
            return Err(Repr::Unknown { what: "tensor for input", name: name.clone() }.into());
        }
    }
    Ok(())
}
