//! Editors to be broken: one image, every model, every edit (CDMAA, Future Internet 14(2):46, 2022).
//!
//! For an image `x`, models `G_j` and conditions `c_i`, `L_j(x')` is the mean over i of the mean squared difference
//! between `G_j(x', c_i)` and `G_j(x, c_i)`, in the units of the edits, `[-1, 1]`. An [`Ascent`] over [`Editors`]
//! combines the gradients over the edits of each model, and these over the models.
//!
//! At `x` the losses and their gradients are exactly 0, so every search starts a hair beside it.

use moire_tensor::{Images, Norm, Tensor};

use crate::ascent::{Ascent, Evaluation};
use crate::editor::{Editor, Frame, View};
use crate::error::{Error, Repr};
use crate::loss::Loss;
use crate::mgda::{gram, shortest, sum};

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

/// One thing that an attack on a sample is to break: a model's edits of the image, or of what a frame shows of it.
pub struct Sight {
    /// The model's place.
    pub model: usize,
    /// How it sees the image; `None` where the image is what it takes.
    pub frame: Option<Frame>,
    /// The condition of its edits, `[k, n]`; empty for a model that takes none.
    pub condition: Vec<f32>,
}

/// All models with the samples that they are to be broken on.
pub struct Editors {
    models: Vec<Editor>,
    strategy: Strategy,
    /// By sample.
    views: Vec<Vec<View>>,
    /// The steps that each sample has taken.
    turns: Vec<usize>,
}

impl Editors {
    /// All models under one strategy.
    pub fn new(models: Vec<Editor>, strategy: Strategy) -> Self {
        Self { models, strategy, views: Vec::new(), turns: Vec::new() }
    }

    /// Sets the samples of the next attack: `images` as they are, and for each what is to be broken on it. The clean
    /// edits are computed here, once.
    ///
    /// # Errors
    /// There is no such model, an image or a condition is not what one takes, or it cannot run.
    pub fn set_samples(&mut self, images: &Images, sights: Vec<Vec<Sight>>) -> Result<(), Error> {
        if images.len() != sights.len() {
            return Err(
                Repr::Counts { images: images.len(), others: sights.len(), what: "lists of sights" }.into()
            );
        }
        self.turns = vec![0; images.len()];
        self.views.clear();
        for (i, sights) in sights.into_iter().enumerate() {
            let view = |Sight { model, frame, condition }| {
                let models = self.models.len();
                let editor = self.models.get_mut(model).ok_or(Repr::NoModel { model, models })?;
                editor.view(model, images.image(i), frame, condition)
            };
            let views = sights.into_iter().map(view).collect::<Result<_, Error>>()?;
            self.views.push(views);
        }
        Ok(())
    }

    fn views(&self, sample: usize) -> Result<usize, Error> {
        let none = Repr::NoSample { sample, set: self.views.len() };
        self.views.get(sample).map(Vec::len).ok_or_else(|| none.into())
    }

    /// The loss of every edit of an image `x`, a version of `sample`: by its sights in their order, then by domain.
    ///
    /// # Errors
    /// There is no such sample, or a model cannot run.
    pub fn losses(&mut self, x: &[f32], sample: usize) -> Result<Vec<Vec<f32>>, Error> {
        self.views(sample)?;
        let models = &mut self.models;
        self.views[sample].iter_mut().map(|view| models[view.model].losses(x, view)).collect()
    }

    /// The direction for one image: its margin, and the models' gradients combined.
    fn ascend(&mut self, x: &[f32], sample: usize) -> Result<(f32, Vec<f32>), Error> {
        self.views(sample)?;
        let (turn, strategy, count) = (self.turns[sample], self.strategy, self.models.len());
        // In turn, the domains of a model change once it has been its turn.
        let round = if strategy.models == Combination::Iterative { turn / count } else { turn };
        let wanted = |model: usize| match strategy.models {
            Combination::Single(j) => model == j % count,
            Combination::Iterative => model == turn % count,
            Combination::Uniform | Combination::Mgda => true,
        };
        let mut least = f32::INFINITY;
        let mut parts: Vec<Option<Part>> = vec![None; count];
        for view in &mut self.views[sample] {
            let model = &mut self.models[view.model];
            let losses = if wanted(view.model) {
                let (losses, gradient) = model.combined(x, view, strategy.domains, round)?;
                parts[view.model].get_or_insert_with(|| Part::new(gradient.len())).add(&losses, &gradient);
                losses
            } else {
                model.losses(x, view)?
            };
            least = losses.into_iter().fold(least, f32::min);
        }
        self.turns[sample] += 1;
        let parts: Vec<Part> = parts.into_iter().flatten().map(Part::mean).collect();
        if parts.is_empty() {
            return Ok((strategy.tau - least, vec![0.0; x.len()]));
        }
        let scales: Vec<f64> = parts.iter().map(|part| scale(strategy.regularisation, part)).collect();
        let gradients: Vec<Vec<f32>> = parts.into_iter().map(|part| part.gradient).collect();
        let weights = if strategy.models == Combination::Mgda {
            let scaled = gradients.iter().zip(&scales).map(|(g, s)| sum(std::slice::from_ref(g), &[*s]));
            let weights = shortest(&gram(&scaled.collect::<Vec<_>>()));
            weights.iter().zip(&scales).map(|(w, s)| w * s).collect()
        } else {
            vec![1.0 / gradients.len() as f64; gradients.len()]
        };
        Ok((strategy.tau - least, sum(&gradients, &weights)))
    }
}

/// What the views of one model add up to.
#[derive(Clone)]
struct Part {
    views: usize,
    loss: f64,
    gradient: Vec<f32>,
}

impl Part {
    fn new(size: usize) -> Self {
        Self { views: 0, loss: 0.0, gradient: vec![0.0; size] }
    }

    fn add(&mut self, losses: &[f32], gradient: &[f32]) {
        self.views += 1;
        self.loss += losses.iter().map(|&l| f64::from(l)).sum::<f64>() / losses.len() as f64;
        self.gradient.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
    }

    fn mean(mut self) -> Self {
        self.loss /= self.views as f64;
        self.gradient.iter_mut().for_each(|g| *g /= self.views as f32);
        self
    }
}

/// What a gradient is multiplied by.
fn scale(how: Regularisation, part: &Part) -> f64 {
    let inverse = |v: f64| if v > 0.0 { 1.0 / v } else { 0.0 };
    match how {
        Regularisation::None => 1.0,
        Regularisation::L2 => inverse(Norm::L2.of(part.gradient.iter().copied())),
        Regularisation::Logarithmic => inverse(part.loss),
        Regularisation::Penalty => part.loss + DELTA,
    }
}

impl Ascent for Editors {
    /// The direction in which the combined loss grows. The margin is tau minus the smallest loss of any edit: below 0
    /// once every edit of every model is broken. Its slope is not known.
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
        let (descent, slopes) = (Tensor::new(x.tensor().shape().clone(), descent)?, vec![0.0; samples.len()]);
        Ok(Evaluation { margins, descent, slopes })
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
