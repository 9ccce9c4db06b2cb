//! Editors to be broken: one image, every model, every edit (CDMAA, Future Internet 14(2):46, 2022).
//!
//! For an image `x`, models `G_j` and conditions `c_i`, `L_j(x')` is the mean over i of the mean squared difference
//! between `G_j(x', c_i)` and `G_j(x, c_i)`, in the units of the edits, `[-1, 1]`. An [`Ascent`] over [`Editors`] combines
//! the gradients over the edits of each model, and these over the models, as its [`Strategy`] says. Edits that are broken well
//! enough already are left out of both, so that steps serve those that still stand.
//!
//! At `x` the losses and their gradients are exactly 0, so every search starts a hair beside it.

use moire_graph::Footprint;
use moire_tensor::{Images, Norm, Tensor};

use crate::ascent::{Ascent, Evaluation};
use crate::editor::Editor;
use crate::error::{Error, Repr};
use crate::frame::Frame;
use crate::loss::Loss;
use crate::mgda::{even, gram, shortest, sum};
use crate::strategy::{Combination, Regularisation, Strategy};

/// The penalty's delta.
const DELTA: f64 = 1e-6;

/// One thing that an attack on a sample is to break: a model's edits of what there is to be seen of the image.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// The model's place.
    pub model: usize,
    /// The frames, by their places, that the image goes through before the model sees it, in that order.
    pub frames: Vec<usize>,
    /// The condition of its edits, `[k, n]`; empty for a model that takes none.
    pub condition: Vec<f32>,
}

/// What an attack looks at in one of its steps. Steps take the looks of a sample in turn, so that a change that has to
/// hold under many circumstances meets each of them; the first is the one that verdicts are about.
pub type Look = Vec<Sight>;

/// All models with the samples that they are to be broken on.
pub struct Editors {
    models: Vec<Editor>,
    strategy: Strategy,
    frames: Vec<Frame>,
    samples: Vec<Sample>,
    nudge: f32,
}

/// How far beside an image a search starts: 0.001 in the units of the edits.
const NUDGE: f32 = 0.0005;

struct Sample {
    looks: Vec<Vec<View>>,
    /// Steps taken.
    turn: usize,
}

/// A sight, and the edits that it is measured against: of the sample as it is, `[k, 3, h, w]`.
struct View {
    sight: Sight,
    clean: Vec<f32>,
}

impl Editors {
    /// All models under one strategy.
    pub fn new(models: Vec<Editor>, strategy: Strategy) -> Self {
        Self { models, strategy, frames: Vec::new(), samples: Vec::new(), nudge: NUDGE }
    }

    /// The bytes that the programs of all models need.
    pub fn memory(&self) -> Footprint {
        self.models.iter().map(Editor::memory).sum()
    }

    /// The strategy of what follows.
    pub fn set_strategy(&mut self, strategy: Strategy) {
        self.strategy = strategy;
    }

    /// Sets how far beside an image a search starts; `None` for a hair. Where frames round, a hair is lost, and with it
    /// every gradient.
    pub fn set_nudge(&mut self, nudge: Option<f32>) {
        self.nudge = nudge.unwrap_or(NUDGE);
    }

    /// Sets the samples of the next attack: `images` as they are, what happens to them before a model sees them, and for
    /// each what is to be broken on it, at least one look. The clean edits are computed here, once.
    ///
    /// # Errors
    /// There is no such model or frame, an image or a condition is not what one takes, or it cannot run.
    pub fn set_samples(
        &mut self,
        images: &Images,
        frames: Vec<Frame>,
        looks: Vec<Vec<Look>>,
    ) -> Result<(), Error> {
        if images.len() != looks.len() || looks.iter().any(Vec::is_empty) {
            let others = looks.iter().filter(|looks| !looks.is_empty()).count();
            return Err(Repr::Counts { images: images.len(), others, what: "lists of looks" }.into());
        }
        self.samples.clear();
        self.frames = frames;
        for (i, looks) in looks.into_iter().enumerate() {
            let mut view = |sight: Sight| {
                let (model, models) = (sight.model, self.models.len());
                let Some(editor) = self.models.get_mut(model) else {
                    return Err(Repr::NoModel { model, models }.into());
                };
                let passed = see(&mut self.frames, &sight.frames, images.image(i))?;
                let seen = passed.last().map_or(images.image(i), Vec::as_slice);
                let clean = editor.edit(seen, &sight.condition)?;
                Ok::<_, Error>(View { sight, clean })
            };
            let looks = looks.into_iter().map(|look| look.into_iter().map(&mut view).collect());
            self.samples.push(Sample { looks: looks.collect::<Result<_, _>>()?, turn: 0 });
        }
        Ok(())
    }

    /// The edits of an image `[3, h, w]` by a model, as [`Editor::edit`].
    ///
    /// # Errors
    /// There is no such model, or as there.
    pub fn edit(&mut self, model: usize, x: &[f32], condition: &[f32]) -> Result<Vec<f32>, Error> {
        let models = self.models.len();
        self.models.get_mut(model).ok_or(Repr::NoModel { model, models })?.edit(x, condition)
    }

    /// The loss of every edit of an image `x`, a version of `sample`: by the sights of its first look, then by domain.
    ///
    /// # Errors
    /// There is no such sample, or a model cannot run.
    pub fn losses(&mut self, x: &[f32], sample: usize) -> Result<Vec<Vec<f32>>, Error> {
        let none = Repr::NoSample { sample, set: self.samples.len() };
        let mut losses = Vec::new();
        for View { sight, clean } in &self.samples.get(sample).ok_or(none)?.looks[0] {
            let passed = see(&mut self.frames, &sight.frames, x)?;
            let seen = passed.last().map_or(x, Vec::as_slice);
            losses.push(self.models[sight.model].losses(seen, &sight.condition, clean)?);
        }
        Ok(losses)
    }

    /// The direction for one image: its margin, and the models' gradients combined.
    fn ascend(&mut self, x: &[f32], sample: usize) -> Result<(f32, Vec<f32>), Error> {
        let none = Repr::NoSample { sample, set: self.samples.len() };
        let Sample { looks, turn } = self.samples.get_mut(sample).ok_or(none)?;
        let (now, strategy, count) = (*turn, self.strategy, self.models.len());
        *turn += 1;
        // In turn, the domains of a model change once it has been its turn.
        let round = if strategy.models == Combination::Iterative { now / count } else { now };
        let wanted = |model: usize| match strategy.models {
            Combination::Single(j) => model == j % count,
            Combination::Iterative => model == now % count,
            Combination::Uniform | Combination::Even | Combination::Mgda => true,
        };
        let mut least = f32::INFINITY;
        let mut parts: Vec<Option<Part>> = vec![None; count];
        for View { sight, clean } in looks[now % looks.len()].iter().filter(|v| wanted(v.sight.model)) {
            let passed = see(&mut self.frames, &sight.frames, x)?;
            let seen = passed.last().map_or(x, Vec::as_slice);
            let model = &mut self.models[sight.model];
            let how = (strategy.domains, round);
            let mut slope = model.slope(seen, &sight.condition, clean, how, strategy.enough)?;
            least = slope.losses.iter().copied().fold(least, f32::min);
            let standing: Vec<f32> = slope.standing(strategy.enough).collect();
            if standing.is_empty() {
                continue;
            }
            for (i, &frame) in sight.frames.iter().enumerate().rev() {
                let before = if i == 0 { x } else { &passed[i - 1] };
                slope.gradient = self.frames[frame].back(before, &slope.gradient)?;
            }
            let part = parts[sight.model].get_or_insert_with(|| Part::new(x.len()));
            part.add(&standing, &slope.gradient);
        }
        let parts: Vec<Part> = parts.into_iter().flatten().map(Part::mean).collect();
        if parts.is_empty() {
            let margin = if least.is_finite() { strategy.tau - least } else { f32::INFINITY };
            return Ok((margin, vec![0.0; x.len()]));
        }
        let gradients: Vec<&[f32]> = parts.iter().map(|part| &part.gradient[..]).collect();
        let weights = match strategy.models {
            Combination::Mgda => {
                let scales: Vec<f64> =
                    parts.iter().map(|part| scale(strategy.regularisation, part)).collect();
                let mut gram = gram(&gradients);
                for (row, a) in gram.iter_mut().zip(&scales) {
                    row.iter_mut().zip(&scales).for_each(|(product, b)| *product *= a * b);
                }
                shortest(&gram).iter().zip(&scales).map(|(w, s)| w * s).collect()
            }
            Combination::Even => even(&gradients),
            _ => vec![1.0 / gradients.len() as f64; gradients.len()],
        };
        Ok((strategy.tau - least, sum(&gradients, &weights)))
    }
}

/// What each frame of `chain` makes of what the one before it made of `image`.
fn see(frames: &mut [Frame], chain: &[usize], image: &[f32]) -> Result<Vec<Vec<f32>>, Error> {
    let mut passed: Vec<Vec<f32>> = Vec::with_capacity(chain.len());
    for &at in chain {
        let count = frames.len();
        let frame = frames.get_mut(at).ok_or(Repr::NoFrame { frame: at, frames: count })?;
        passed.push(frame.see(passed.last().map_or(image, Vec::as_slice))?);
    }
    Ok(passed)
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
    /// The direction in which the combined loss grows, zero where every edit has enough. The margin is tau minus the
    /// smallest loss of any edit that the step looks at: below 0 once all of them are broken. Its slope is not known.
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

    fn nudge(&self) -> f32 {
        self.nudge
    }
}
