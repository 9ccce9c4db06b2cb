use moire_graph::{Act, Builder, Device, Footprint, Graph, Program, ReduceKind, simplify};

use crate::error::{Error, Repr};
use crate::mgda::{even, gram, shortest, sum};
use crate::strategy::Combination;

/// One model, compiled to be broken.
pub struct Editor {
    /// Edits, their losses and the gradient of these, one after another.
    step: Box<dyn Program>,
    /// The edits that run together: the rows of the graph's condition.
    rows: usize,
    /// Numbers of one row of a condition; 0 for a model that takes none.
    width: usize,
    /// Numbers of one edit.
    size: usize,
}

/// What a step of an attack learns of one model on one image.
pub(crate) struct Slope {
    /// The losses of the edits that were looked at.
    pub(crate) losses: Vec<f32>,
    /// The direction in which those of them grow together that still have to: the others are left out.
    pub(crate) gradient: Vec<f32>,
}

impl Slope {
    /// The losses up to `enough`: of the edits that the gradient is about.
    pub(crate) fn standing(&self, enough: f32) -> impl Iterator<Item = f32> {
        self.losses.iter().copied().filter(move |&loss| loss <= enough)
    }
}

const CLEAN: &str = "clean edits";
const WEIGHTS: &str = "weights";
const ENOUGH: &str = "enough";
const EDITS: &str = "edits";
const LOSSES: &str = "losses";
const GRADIENT: &str = "gradient";

impl Editor {
    /// An editor from a graph with an input `x` `[1, 3, h, w]`, an input `c` `[k, n]` where it takes conditions, and an
    /// output `y` `[k, 3, h, w]`. A condition of more rows than `k` runs `k` rows at a time: with 1 a single edit costs no
    /// more than itself, with all of them what they share is computed once.
    ///
    /// # Errors
    /// The graph has no such input or output, or the device cannot run it.
    pub fn new(device: &dyn Device, graph: &Graph) -> Result<Self, Error> {
        let (x, y) = (graph.input("x")?, graph.output("y")?);
        let shape = graph.shape(y).clone();
        let rows = shape.first().copied().unwrap_or(0);
        let mut b = Builder::from(graph.clone());
        b.scope("loss");
        let clean = b.input(CLEAN, shape.clone())?;
        let difference = b.sub(y, clean)?;
        let square = b.act(difference, Act::Square)?;
        let losses = b.reduce(square, ReduceKind::Mean, &[1, 2, 3])?;
        let losses = b.reshape(losses, [rows])?;
        let weights = b.input(WEIGHTS, [rows])?;
        let enough = b.input(ENOUGH, [1])?;
        let missing = b.sub(enough, losses)?;
        let stands = b.act(missing, Act::Step)?;
        let weights = b.mul(weights, stands)?;
        let weighed = b.mul(losses, weights)?;
        let total = b.sum_all(weighed)?;
        let gradient = b.gradient(total, &[x])?[0];
        let step = b.finish([(EDITS, y), (LOSSES, losses), (GRADIENT, gradient)])?;
        Ok(Self {
            step: device.compile(&simplify(&step)?, 1)?,
            rows,
            width: graph.input("c").map_or(0, |c| graph.shape(c).numel() / rows),
            size: shape.numel() / rows,
        })
    }

    /// The bytes that its program needs.
    pub(crate) fn memory(&self) -> Footprint {
        self.step.memory()
    }

    /// How many edits a condition `[k, n]` asks for; 1 of a model that takes none.
    ///
    /// # Errors
    /// It has no whole number of rows, or not a multiple of those that run together.
    pub(crate) fn edits(&self, condition: &[f32]) -> Result<usize, Error> {
        let rows = condition.len().checked_div(self.width).unwrap_or(self.rows);
        if rows > 0 && rows % self.rows == 0 && condition.len() == rows * self.width {
            Ok(rows)
        } else {
            let (numbers, rows, width) = (condition.len(), self.rows, self.width);
            Err(Repr::Condition { numbers, rows, width }.into())
        }
    }

    /// The edits of an image `[3, h, w]`, one a row of the condition `[k, n]`: `[k, 3, h, w]` in `[-1, 1]`.
    ///
    /// # Errors
    /// The image or the condition is not what the network takes, or it cannot run.
    pub fn edit(&mut self, x: &[f32], condition: &[f32]) -> Result<Vec<f32>, Error> {
        let mut edits = Vec::with_capacity(self.edits(condition)? * self.size);
        for first in (0..self.edits(condition)?).step_by(self.rows) {
            self.step.run_for(1, &self.inputs(x, condition, first), &[EDITS])?;
            edits.extend_from_slice(self.step.output(EDITS)?);
        }
        Ok(edits)
    }

    /// The loss of each edit of an image whose clean edits these are.
    pub(crate) fn losses(&mut self, x: &[f32], condition: &[f32], clean: &[f32]) -> Result<Vec<f32>, Error> {
        let edits = self.edit(x, condition)?;
        let each = edits.chunks_exact(self.size).zip(clean.chunks_exact(self.size));
        Ok(each.map(|(edit, clean)| distance(edit, clean)).collect())
    }

    /// The gradients of an image whose clean edits these are, combined over those of its edits whose losses are up to
    /// `enough`; zero where none is.
    pub(crate) fn slope(
        &mut self,
        x: &[f32],
        condition: &[f32],
        clean: &[f32],
        (how, turn): (Combination, usize),
        enough: f32,
    ) -> Result<Slope, Error> {
        let k = self.edits(condition)?;
        let one = |i: usize| (0..k).map(|j| f32::from(u8::from(i == j))).collect::<Vec<f32>>();
        let mut under = |weights: &[f32]| self.weighed(x, condition, clean, weights, enough);
        match how {
            Combination::Uniform => {
                let mut slope = under(&vec![1.0 / k as f32; k])?;
                let share = k as f32 / slope.standing(enough).count().max(1) as f32;
                slope.gradient.iter_mut().for_each(|g| *g *= share);
                Ok(slope)
            }
            Combination::Single(i) => under(&one(i % k)),
            Combination::Iterative => under(&one(turn % k)),
            Combination::Even | Combination::Mgda => {
                let each = (0..k).map(|i| under(&one(i))).collect::<Result<Vec<_>, _>>()?;
                let losses = each.iter().flat_map(|slope| slope.losses.iter().copied()).collect();
                // The gradient of an edit that has enough is zero, and as such the shortest.
                let standing = each.iter().filter(|slope| slope.standing(enough).next().is_some());
                let gradients: Vec<&[f32]> = standing.map(|slope| &slope.gradient[..]).collect();
                if gradients.is_empty() {
                    return Ok(Slope { losses, gradient: vec![0.0; x.len()] });
                }
                let weights =
                    if how == Combination::Even { even(&gradients) } else { shortest(&gram(&gradients)) };
                Ok(Slope { losses, gradient: sum(&gradients, &weights) })
            }
        }
    }

    /// The gradient of the sum, under `weights`, of the losses up to `enough`, and all losses that have a weight.
    fn weighed(
        &mut self,
        x: &[f32],
        condition: &[f32],
        clean: &[f32],
        weights: &[f32],
        enough: f32,
    ) -> Result<Slope, Error> {
        let (rows, size, enough) = (self.rows, self.size, [enough]);
        let mut slope = Slope { losses: Vec::new(), gradient: Vec::new() };
        for (first, weights) in (0..).step_by(rows).zip(weights.chunks(rows)) {
            if weights.iter().all(|&w| w == 0.0) {
                continue;
            }
            let mut inputs = self.inputs(x, condition, first);
            inputs.extend([
                (CLEAN, &clean[first * size..][..rows * size]),
                (WEIGHTS, weights),
                (ENOUGH, &enough[..]),
            ]);
            self.step.run_for(1, &inputs, &[LOSSES, GRADIENT])?;
            let losses = self.step.output(LOSSES)?.iter().zip(weights);
            slope.losses.extend(losses.filter(|(_, weight)| **weight != 0.0).map(|(loss, _)| loss));
            let gradient = self.step.output(GRADIENT)?;
            if slope.gradient.is_empty() {
                slope.gradient = gradient.to_vec();
            } else {
                slope.gradient.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
            }
        }
        Ok(slope)
    }

    /// What a program takes for the edits from number `first` on.
    fn inputs<'a>(&self, x: &'a [f32], condition: &'a [f32], first: usize) -> Vec<(&'static str, &'a [f32])> {
        let mut inputs = vec![("x", x)];
        if self.width > 0 {
            inputs.push(("c", &condition[first * self.width..][..self.rows * self.width]));
        }
        inputs
    }
}

/// The mean squared difference.
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f32 {
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    (sum / a.len() as f64) as f32
}
