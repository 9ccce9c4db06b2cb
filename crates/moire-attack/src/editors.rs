//! Editors to be broken: one image, every model, every edit (CDMAA, Future Internet 14(2):46, 2022).
//!
//! For an image `x`, models `G_j` and conditions `c_i`, `L_j(x')` is the mean over i of the mean squared difference
//! between `G_j(x', c_i)` and `G_j(x, c_i)`, in the units of the edits, `[-1, 1]`. An [`Ascent`] over [`Editors`] combines
//! the gradients over the edits of each model, and these over the models.
//!
//! At `x` the losses and their gradients are exactly 0, so every search starts a hair beside it.

use moire_graph::{Act, Builder, Device, Graph, Program, ReduceKind, simplify};
use moire_tensor::{Images, Shape, Tensor};

use crate::ascent::{Ascent, Evaluation};
use crate::error::{Error, Repr};
use crate::loss::Loss;
use crate::mgda::shortest;

/// How gradients become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Combination {
    /// That of one of them, by its place.
    Single(usize),
    /// One a step, in turn.
    Iterative,
    /// Their mean.
    Uniform,
    /// The shortest vector of their convex hull.
    #[default]
    Mgda,
}

/// What a model's gradient is divided by before [`Combination::Mgda`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Regularisation {
    /// 1.
    None,
    /// Its length.
    L2,
    /// The model's loss: MGDA on the losses' logarithms.
    Logarithmic,
    /// 1 / (loss + delta): MGDA on half the squared losses (for delta 0), which lets a model gain the more the less it
    /// is broken. The formula is lost in the paper's text and derived from its claim that the gain is inverse to the
    /// loss; delta is said to be very small.
    #[default]
    Penalty,
}

/// The penalty's delta.
const DELTA: f64 = 1e-6;

/// How an ascent over editors combines them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strategy {
    /// Over the edits of one model: the mean unless said otherwise, for one gradient serves all.
    pub domains: Combination,
    /// Over models.
    pub models: Combination,
    /// For [`Combination::Mgda`] over models.
    pub regularisation: Regularisation,
    /// The loss above which an edit counts as broken, 0.05 in the paper.
    pub tau: f32,
}

impl Default for Strategy {
    fn default() -> Self {
        let (domains, models) = (Combination::Uniform, Combination::Mgda);
        Self { domains, models, regularisation: Regularisation::default(), tau: 0.05 }
    }
}

/// One model, compiled to edit and to be broken.
pub struct Editor {
    edit: Box<dyn Program>,
    watch: Box<dyn Program>,
    step: Box<dyn Program>,
    /// The rows of a condition: the edits that run together.
    domains: usize,
    conditioned: bool,
}

/// What one model does to one sample.
struct View {
    condition: Vec<f32>,
    /// The edits of the sample as it is, `[k, 3, h, w]`.
    clean: Vec<f32>,
}

/// All models with the samples that they are to be broken on.
pub struct Editors {
    models: Vec<Editor>,
    strategy: Strategy,
    /// By sample, then by model.
    views: Vec<Vec<View>>,
    /// The steps that each sample has taken.
    turns: Vec<usize>,
}

const CLEAN: &str = "clean edits";
const WEIGHTS: &str = "weights";

impl Editor {
    /// An editor from a graph with an input `x` `[1, 3, h, w]`, an input `c` `[k, n]` where it takes conditions, and an
    /// output `y` `[k, 3, h, w]`.
    ///
    /// # Errors
    /// The graph has no such input or output, or the device cannot run it.
    pub fn new(device: &dyn Device, graph: &Graph) -> Result<Self, Error> {
        let (x, y) = (graph.input("x")?, graph.output("y")?);
        let domains = graph.shape(y).first().copied().unwrap_or(0);
        let mut b = Builder::from(graph.clone());
        b.scope("loss");
        let clean = b.input(CLEAN, graph.shape(y).clone())?;
        let difference = b.sub(y, clean)?;
        let square = b.act(difference, Act::Square)?;
        let losses = b.reduce(square, ReduceKind::Mean, &[1, 2, 3])?;
        let losses = b.reshape(losses, [domains])?;
        let watch = b.finish([("losses", losses)])?;

        let mut b = Builder::from(watch.clone());
        let weights = b.input(WEIGHTS, [domains])?;
        let weighed = b.mul(losses, weights)?;
        let total = b.sum_all(weighed)?;
        let gradient = b.gradient(total, &[x])?[0];
        let step = b.finish([("losses", losses), ("gradient", gradient)])?;
        let edit = Builder::from(graph.clone()).finish([("y", y)])?;
        let compile = |graph: &Graph| Ok::<_, Error>(device.compile(&simplify(graph)?, 1)?);
        Ok(Self {
            edit: compile(&edit)?,
            watch: compile(&watch)?,
            step: compile(&step)?,
            domains,
            conditioned: graph.input("c").is_ok(),
        })
    }

    /// The edits of an image `[3, h, w]`, one a row of the condition `[k, n]`: `[k, 3, h, w]` in `[-1, 1]`.
    ///
    /// # Errors
    /// The image or the condition is not what the network takes, or it cannot run.
    pub fn edit(&mut self, x: &[f32], condition: &[f32]) -> Result<&[f32], Error> {
        let c = self.conditioned.then_some(("c", condition));
        self.edit.run(1, &[("x", x)].into_iter().chain(c).collect::<Vec<_>>())?;
        Ok(self.edit.output("y")?)
    }

    fn inputs<'a>(&self, x: &'a [f32], view: &'a View) -> Vec<(&'static str, &'a [f32])> {
        let mut inputs = vec![("x", x), (CLEAN, &view.clean)];
        if self.conditioned {
            inputs.push(("c", &view.condition));
        }
        inputs
    }

    /// The loss of each edit.
    fn losses(&mut self, x: &[f32], view: &View) -> Result<Vec<f32>, Error> {
        self.watch.run(1, &self.inputs(x, view))?;
        Ok(self.watch.output("losses")?.to_vec())
    }

    /// The loss of each edit, and the gradient of their sum under `weights`.
    fn gradient(&mut self, x: &[f32], view: &View, weights: &[f32]) -> Result<(Vec<f32>, Vec<f32>), Error> {
        let mut inputs = self.inputs(x, view);
        inputs.push((WEIGHTS, weights));
        self.step.run(1, &inputs)?;
        Ok((self.step.output("losses")?.to_vec(), self.step.output("gradient")?.to_vec()))
    }

    /// The model's loss, the smallest of its edits', and its gradient combined over them.
    fn combined(
        &mut self,
        x: &[f32],
        view: &View,
        how: Combination,
        turn: usize,
    ) -> Result<(f32, f32, Vec<f32>), Error> {
        let k = self.domains;
        let one = |i: usize| (0..k).map(|j| f32::from(u8::from(i == j))).collect::<Vec<f32>>();
        let (losses, gradient) = match how {
            Combination::Uniform => self.gradient(x, view, &vec![1.0 / k as f32; k])?,
            Combination::Single(i) => self.gradient(x, view, &one(i % k))?,
            Combination::Iterative => self.gradient(x, view, &one(turn % k))?,
            Combination::Mgda => {
                let each = (0..k).map(|i| self.gradient(x, view, &one(i))).collect::<Result<Vec<_>, _>>()?;
                let losses = each[0].0.clone();
                let gradients: Vec<Vec<f32>> = each.into_iter().map(|(_, gradient)| gradient).collect();
                let weights = shortest(&gram(&gradients));
                (losses, sum(&gradients, &weights))
            }
        };
        let mean = losses.iter().sum::<f32>() / k as f32;
        Ok((mean, losses.iter().copied().fold(f32::INFINITY, f32::min), gradient))
    }
}

/// The inner products of all pairs.
fn gram(vectors: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    vectors.iter().map(|a| vectors.iter().map(|b| dot(a, b)).collect()).collect()
}

fn sum(vectors: &[Vec<f32>], weights: &[f64]) -> Vec<f32> {
    let at = |i: usize| vectors.iter().zip(weights).map(|(v, w)| f64::from(v[i]) * w).sum::<f64>() as f32;
    (0..vectors[0].len()).map(at).collect()
}

impl Editors {
    /// All models under one strategy.
    pub fn new(models: Vec<Editor>, strategy: Strategy) -> Self {
        Self { models, strategy, views: Vec::new(), turns: Vec::new() }
    }

    /// Sets the samples of the next attack: `images` as they are, and for each the condition of each model (empty for a
    /// model that takes none). Their clean edits are computed here, once.
    ///
    /// # Errors
    /// An image or a condition is not what a model takes, or it cannot run.
    pub fn set_samples(&mut self, images: &Images, conditions: &[Vec<Vec<f32>>]) -> Result<(), Error> {
        if images.len() != conditions.len() || conditions.iter().any(|c| c.len() != self.models.len()) {
            let others = conditions.iter().map(Vec::len).max().unwrap_or(0);
            return Err(Repr::Counts { images: images.len(), others, what: "conditions" }.into());
        }
        self.turns = vec![0; images.len()];
        self.views.clear();
        for (i, conditions) in conditions.iter().enumerate() {
            let mut views = Vec::new();
            for (model, condition) in self.models.iter_mut().zip(conditions) {
                let clean = model.edit(images.image(i), condition)?.to_vec();
                views.push(View { condition: condition.clone(), clean });
            }
            self.views.push(views);
        }
        Ok(())
    }

    /// The loss of every edit of an image `x`, a version of `sample`: by model, then by domain.
    ///
    /// # Errors
    /// There is no such sample, or a model cannot run.
    pub fn losses(&mut self, x: &[f32], sample: usize) -> Result<Vec<Vec<f32>>, Error> {
        let none = Repr::NoSample { sample, set: self.views.len() };
        let views = self.views.get(sample).ok_or(none)?;
        self.models.iter_mut().zip(views).map(|(model, view)| model.losses(x, view)).collect()
    }

    /// The direction for one image: its margin, and the models' gradients combined.
    fn ascend(&mut self, x: &[f32], sample: usize) -> Result<(f32, Vec<f32>), Error> {
        let none = Repr::NoSample { sample, set: self.views.len() };
        let (turn, strategy) = (self.turns.get(sample).copied().unwrap_or(0), self.strategy);
        let views = self.views.get(sample).ok_or(none)?;
        let count = self.models.len();
        let wanted: Vec<usize> = match strategy.models {
            Combination::Single(j) => vec![j % count],
            Combination::Iterative => vec![turn % count],
            Combination::Uniform | Combination::Mgda => (0..count).collect(),
        };
        let (mut least, mut gradients, mut scales) = (f32::INFINITY, Vec::new(), Vec::new());
        for (j, (model, view)) in self.models.iter_mut().zip(views).enumerate() {
            if !wanted.contains(&j) {
                least = model.losses(x, view)?.into_iter().fold(least, f32::min);
                continue;
            }
            // In turn, the domains of a model change once it has been its turn.
            let round = if strategy.models == Combination::Iterative { turn / count } else { turn };
            let (loss, smallest, gradient) = model.combined(x, view, strategy.domains, round)?;
            least = least.min(smallest);
            scales.push(scale(strategy.regularisation, f64::from(loss), &gradient));
            gradients.push(gradient);
        }
        let weights = if strategy.models == Combination::Mgda {
            let scaled: Vec<Vec<f32>> = gradients
                .iter()
                .zip(&scales)
                .map(|(g, s)| g.iter().map(|v| (f64::from(*v) * s) as f32).collect())
                .collect();
            shortest(&gram(&scaled)).iter().zip(&scales).map(|(w, s)| w * s).collect()
        } else {
            vec![1.0 / gradients.len() as f64; gradients.len()]
        };
        self.turns[sample] += 1;
        Ok((strategy.tau - least, sum(&gradients, &weights)))
    }
}

/// What a gradient is multiplied by.
fn scale(how: Regularisation, loss: f64, gradient: &[f32]) -> f64 {
    let inverse = |v: f64| if v > 0.0 { 1.0 / v } else { 0.0 };
    match how {
        Regularisation::None => 1.0,
        Regularisation::L2 => {
            inverse(gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt())
        }
        Regularisation::Logarithmic => inverse(loss),
        Regularisation::Penalty => loss + DELTA,
    }
}

impl Ascent for Editors {
    /// The direction in which the combined loss grows. The margin is tau minus the smallest loss of any edit: below 0
    /// once every edit of every model is broken.
    fn direction(&mut self, x: &Images, samples: &[usize], loss: Loss<'_>) -> Result<Evaluation, Error> {
        if !matches!(loss, Loss::Margin) {
            return Err(Repr::NoLoss { loss: loss.kind().name() }.into());
        }
        let (mut margins, mut descent) = (Vec::new(), Vec::new());
        for (row, &sample) in samples.iter().enumerate() {
            let (margin, direction) = self.ascend(x.image(row), sample)?;
            margins.push(margin);
            descent.extend(direction);
        }
        let shape: Shape = x.tensor().shape().clone();
        Ok(Evaluation { margins, descent: Tensor::new(shape, descent)? })
    }

    fn margins(&mut self, x: &Images, samples: &[usize]) -> Result<Vec<f32>, Error> {
        let tau = self.strategy.tau;
        let each = samples.iter().enumerate().map(|(row, &sample)| {
            let losses = self.losses(x.image(row), sample)?;
            Ok(tau - losses.into_iter().flatten().fold(f32::INFINITY, f32::min))
        });
        each.collect()
    }

    /// 0.001 in the units of the edits.
    fn nudge(&self) -> f32 {
        0.0005
    }
}
