use moire_graph::{AxisMap, Builder, Device, Footprint, Graph, Program, ReduceKind, simplify};
use moire_tensor::{Images, Label, Tensor};

use crate::ascent::{Evaluation, Objective};
use crate::attack::Attack;
use crate::error::{Error, Repr};
use crate::layers::KeyLayers;
use crate::loss::{Loss, LossKind};

/// What a detector is beyond its margin, as far as attacks look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traits {
    /// Subtracted from RGB in `[0, 1]` before the network sees it.
    pub mean: [f32; 3],
    /// What the difference is divided by.
    pub std: [f32; 3],
    /// Its output `y` `[1, 2]` holds the energies of a fake and of a real zone.
    pub zones: bool,
}

impl Default for Traits {
    /// Pixels as they are, and no zones.
    fn default() -> Self {
        Self { mean: [0.0; 3], std: [1.0; 3], zones: false }
    }
}

/// A detector to be fooled.
pub struct Detector<'d> {
    device: &'d dyn Device,
    graph: Graph,
    traits: Traits,
    batch: usize,
    forward: Box<dyn Program>,
    /// One program for each loss that was asked for.
    steps: Vec<(LossKind, Box<dyn Program>)>,
    /// The inner gradients that were last asked for.
    inner: Option<Inner>,
    labels: Vec<Label>,
    /// Numbers in one image.
    size: usize,
}

/// A program that gives the margin and, for each of a few layers, its gradient summed over channels.
struct Inner {
    layers: KeyLayers,
    program: Box<dyn Program>,
    /// Each output with the maps that enlarge it, vertically and horizontally.
    outputs: Vec<(String, [AxisMap; 2])>,
}

impl<'d> Detector<'d> {
    /// A detector from a graph with an input `x` `[1, 3, h, w]` and a scalar output `margin`, positive for
    /// fake. Up to `batch` images run at once.
    ///
    /// # Errors
    /// The graph has no such input or output, or the device cannot run it.
    pub fn new(device: &'d dyn Device, graph: &Graph, traits: Traits, batch: usize) -> Result<Self, Error> {
        let (x, margin) = (graph.input("x")?, graph.output("margin")?);
        let forward = Builder::from(graph.clone()).finish([("margin", margin)])?;
        Ok(Self {
            device,
            traits,
            batch,
            forward: device.compile(&simplify(&forward)?, batch)?,
            steps: Vec::new(),
            inner: None,
            labels: Vec::new(),
            size: graph.shape(x).numel(),
            graph: graph.clone(),
        })
    }

    /// The place of the program for a loss, compiled when it is first asked for.
    fn step(&mut self, kind: LossKind) -> Result<usize, Error> {
        if let Some(at) = self.steps.iter().position(|(known, _)| *known == kind) {
            return Ok(at);
        }
        if !kind.fits(&self.graph, self.traits.zones) {
            return Err(Repr::NoLoss { loss: kind.name() }.into());
        }
        let graph = simplify(&kind.graph(&self.graph, self.traits.zones)?)?;
        self.steps.push((kind, self.device.compile(&graph, self.batch)?));
        Ok(self.steps.len() - 1)
    }

    /// What the samples of the next attack are: the attack makes the detector say otherwise.
    pub fn set_labels(&mut self, labels: &[Label]) {
        self.labels = labels.to_vec();
    }

    /// The most bytes that its programs need under these attacks. Their programs are compiled here.
    ///
    /// # Errors
    /// The network has nothing that one of them looks at, or the device cannot run it.
    pub fn memory(&mut self, attacks: &[&Attack]) -> Result<Footprint, Error> {
        let mut inner = self.inner.as_ref().map(|inner| inner.program.memory()).unwrap_or_default();
        for attack in attacks {
            for kind in attack.losses() {
                self.step(kind)?;
            }
            if let Attack::Kra(kra) = attack {
                // One at a time.
                let other = self.inner(&kra.layers)?.program.memory();
                inner = Footprint { own: inner.own.max(other.own), ..inner + other };
            }
        }
        let steps = self.steps.iter().map(|(_, program)| program.memory());
        Ok(self.forward.memory() + steps.sum() + inner)
    }

    /// Sets what one sample is, whatever the others are.
    pub fn set_label(&mut self, sample: usize, label: Label) {
        if self.labels.len() <= sample {
            self.labels.resize(sample + 1, label);
        }
        self.labels[sample] = label;
    }

    /// The margins of any images, positive for fake, without regard to labels.
    fn towards_fake(&mut self, x: &Images) -> Result<Vec<f32>, Error> {
        let mut margins = Vec::with_capacity(x.len());
        for part in x.tensor().data().chunks(self.forward.batch() * self.size) {
            self.forward.run(part.len() / self.size, &[("x", part)])?;
            margins.extend_from_slice(self.forward.output("margin")?);
        }
        Ok(margins)
    }

    fn signs(&self, samples: &[usize]) -> Result<Vec<f32>, Error> {
        samples.iter().map(|&s| Ok(Objective::label(self, s)?.sign())).collect()
    }

    /// The program that looks into `layers`; the last one is kept.
    fn inner(&mut self, layers: &KeyLayers) -> Result<&mut Inner, Error> {
        if self.inner.as_ref().is_none_or(|inner| inner.layers != *layers) {
            // The one before it goes first: two at once would be more than `memory` says.
            self.inner = None;
            self.inner = Some(self.look_into(layers)?);
        }
        Ok(self.inner.as_mut().expect("it has just been made"))
    }

    fn look_into(&self, layers: &KeyLayers) -> Result<Inner, Error> {
        let (graph, values) = (&self.graph, layers.resolve(&self.graph)?);
        let [_, _, height, width] = graph.shape(graph.input("x")?)[..] else {
            unreachable!("the detector has been compiled for images")
        };
        let margin = graph.output("margin")?;
        let mut b = Builder::from(graph.clone());
        let gradients = b.gradient(margin, &values)?;
        let mut outputs = vec![("margin".to_owned(), margin)];
        let mut enlarged = Vec::new();
        for (i, (gradient, value)) in gradients.into_iter().zip(&values).enumerate() {
            let (shape, name) = (graph.shape(*value), format!("layer {i}"));
            outputs.push((name.clone(), b.reduce(gradient, ReduceKind::Sum, &[1])?));
            enlarged.push((name, [AxisMap::linear(shape[2], height), AxisMap::linear(shape[3], width)]));
        }
        let graph = b.finish(outputs.iter().map(|(name, value)| (name.as_str(), *value)))?;
        let program = self.device.compile(&simplify(&graph)?, self.batch)?;
        Ok(Inner { layers: layers.clone(), program, outputs: enlarged })
    }
}

impl Objective for Detector<'_> {
    fn value_and_grad(&mut self, x: &Images, samples: &[usize], loss: Loss<'_>) -> Result<Evaluation, Error> {
        let (size, kind) = (self.size, loss.kind());
        let signs = match kind {
            LossKind::Overfire { .. } | LossKind::Layers => vec![1.0; samples.len()],
            _ => self.signs(samples)?,
        };
        let at = self.step(kind)?;
        let program = &mut self.steps[at].1;
        // What a fake is to become is real, and the other way round.
        let wanted: Vec<f32> = signs.iter().map(|&s| f32::from(s > 0.0)).collect();
        let masks: Vec<f32> = match loss {
            Loss::Segmentation { masks, .. } => {
                samples.iter().flat_map(|&s| masks[s].iter().copied()).collect()
            }
            _ => Vec::new(),
        };
        let mut margins = Vec::with_capacity(x.len());
        let mut descent = Vec::with_capacity(x.tensor().data().len());
        for (part, first) in
            x.tensor().data().chunks(program.batch() * size).zip((0..).step_by(program.batch()))
        {
            let count = part.len() / size;
            let mut inputs = vec![("x", part)];
            match kind {
                LossKind::Activation => inputs.push((LossKind::WANTED, &wanted[first..first + count])),
                LossKind::Segmentation { .. } => {
                    let each = size / 3;
                    inputs.push((LossKind::MASK, &masks[first * each..(first + count) * each]));
                }
                LossKind::Margin | LossKind::Overfire { .. } | LossKind::Layers => {}
            }
            program.run(count, &inputs)?;
            margins.extend_from_slice(program.output("margin")?);
            descent.extend(program.output("gradient")?.iter().map(|g| -g));
        }
        let mut slopes = vec![0.0; samples.len()];
        for (i, (margin, sign)) in margins.iter_mut().zip(&signs).enumerate() {
            *margin *= sign;
            let own = &mut descent[i * size..(i + 1) * size];
            match kind {
                LossKind::Margin => {
                    own.iter_mut().for_each(|d| *d *= sign);
                    slopes[i] = own.iter().map(|d| d * d).sum();
                }
                // Two factors: from the network's units to pixels, for the gradient and for the step along it.
                LossKind::Activation | LossKind::Segmentation { .. } => {
                    let mut slope = 0.0;
                    for (v, d) in own.iter_mut().enumerate() {
                        let raw = std::mem::replace(d, *d * self.traits.std[v * 3 / size].powi(2));
                        slope += raw * *d;
                    }
                    if kind == LossKind::Activation {
                        // The cross-entropy's gradient is the margin's times the probability that is left to the truth.
                        let share = if self.traits.zones { 1.0 } else { 1.0 / (1.0 + (-*margin).exp()) };
                        slopes[i] = slope / share;
                    }
                }
                LossKind::Overfire { .. } | LossKind::Layers => {}
            }
        }
        finite("margin", &margins, samples)?;
        finite("gradient", &descent, samples)?;
        Ok(Evaluation { margins, descent: Tensor::new(x.tensor().shape().clone(), descent)?, slopes })
    }

    fn margins(&mut self, x: &Images, samples: &[usize]) -> Result<Vec<f32>, Error> {
        let signs = self.signs(samples)?;
        let margins = self.towards_fake(x)?;
        finite("margin", &margins, samples)?;
        Ok(margins.iter().zip(signs).map(|(m, s)| m * s).collect())
    }

    fn heat_maps(&mut self, x: &Images, layers: &KeyLayers) -> Result<Vec<Vec<Vec<f32>>>, Error> {
        let size = self.size;
        let inner = self.inner(layers)?;
        let mut all = Vec::with_capacity(x.len());
        for part in x.tensor().data().chunks(inner.program.batch() * size) {
            let samples = part.len() / size;
            inner.program.run(samples, &[("x", part)])?;
            let margins = inner.program.output("margin")?;
            let mut maps = vec![Vec::new(); samples];
            for (name, enlarge) in &inner.outputs {
                let sums = inner.program.output(name)?;
                for (i, sum) in sums.chunks_exact(sums.len() / samples).enumerate() {
                    // The score is that of the decision made: the margin, or for a real image its negative.
                    let sign = Label::of_margin(margins[i].into()).sign();
                    finite("inner gradient", sum, &[all.len() + i])?;
                    maps[i].extend(heat_map(sum, sign, enlarge));
                }
            }
            all.extend(maps);
        }
        Ok(all)
    }

    fn label(&self, sample: usize) -> Result<Label, Error> {
        let none = Repr::NoSample { sample, set: self.labels.len() };
        self.labels.get(sample).copied().ok_or_else(|| none.into())
    }

    fn neutral(&self) -> Images {
        let x = self.graph.input("x").expect("the detector has been compiled for images");
        let (shape, size) = (self.graph.shape(x).clone(), self.size);
        let image = Tensor::from_fn(shape, |i| self.traits.mean[i * 3 / size]);
        Images::project(image).expect("a mean is a number, and the shape is an image's")
    }
}

/// `sign` times the map `gradient`, scaled to `[0, 1]` and enlarged; `None` where it has no contrast.
fn heat_map(gradient: &[f32], sign: f32, [vertical, horizontal]: &[AxisMap; 2]) -> Option<Vec<f32>> {
    let signed = gradient.iter().map(|g| sign * g);
    let (low, high) = signed.clone().fold((f32::MAX, f32::MIN), |(l, h), g| (l.min(g), h.max(g)));
    if low >= high {
        return None;
    }
    let scaled: Vec<f32> = signed.map(|g| (g - low) / (high - low)).collect();
    let width = horizontal.inputs();
    let rows: Vec<f32> = scaled
        .chunks_exact(width)
        .flat_map(|row| {
            (0..horizontal.outputs()).map(|j| horizontal.row(j).iter().map(|&(i, w)| w * row[i]).sum())
        })
        .collect();
    let width = horizontal.outputs();
    let at = |y: usize, x: usize| vertical.row(y).iter().map(|&(i, w)| w * rows[i * width + x]).sum();
    Some((0..vertical.outputs()).flat_map(|y| (0..width).map(move |x| at(y, x))).collect())
}

/// Whether all values are numbers: as many for each of `samples`.
fn finite(what: &'static str, values: &[f32], samples: &[usize]) -> Result<(), Error> {
    let each = (values.len() / samples.len().max(1)).max(1);
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Repr::NotFinite { what, sample: samples[at / each] }.into()),
        None => Ok(()),
    }
}
