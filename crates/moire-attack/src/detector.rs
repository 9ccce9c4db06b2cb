use moire_graph::{AxisMap, Builder, Device, Graph, Program, ReduceKind, simplify};
use moire_tensor::{Images, Label, Tensor};

use crate::ascent::{Evaluation, Objective};
use crate::error::{Error, Repr};
use crate::layers::KeyLayers;

/// A detector to be fooled: the objective is to push its margin to the wrong side.
///
/// The loss is the margin itself, signed by the label. Unlike cross-entropy it cannot saturate, and for one
/// logit, two classes and two zones alike its gradient has the direction of cross-entropy's.
pub struct Detector<'d> {
    device: &'d dyn Device,
    graph: Graph,
    batch: usize,
    forward: Box<dyn Program>,
    step: Box<dyn Program>,
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
    pub fn new(device: &'d dyn Device, graph: &Graph, batch: usize) -> Result<Self, Error> {
        let (x, margin) = (graph.input("x")?, graph.output("margin")?);
        let forward = Builder::from(graph.clone()).finish([("margin", margin)])?;
        let mut b = Builder::from(graph.clone());
        let gradient = b.gradient(margin, &[x])?[0];
        let step = b.finish([("margin", margin), ("gradient", gradient)])?;
        Ok(Self {
            device,
            batch,
            forward: device.compile(&simplify(&forward)?, batch)?,
            step: device.compile(&simplify(&step)?, batch)?,
            inner: None,
            labels: Vec::new(),
            size: graph.shape(x).numel(),
            graph: graph.clone(),
        })
    }

    /// What the samples of the next attack are: the attack makes the detector say otherwise.
    pub fn set_labels(&mut self, labels: &[Label]) {
        self.labels = labels.to_vec();
    }

    /// The margins of any images, positive for fake, without regard to labels.
    fn towards_fake(&mut self, x: &Images) -> Result<Vec<f32>, Error> {
        let mut margins = Vec::with_capacity(x.len());
        for part in x.tensor().data().chunks(self.forward.batch() * self.size) {
            self.forward.run(part.len() / self.size, &[("x", part)])?;
            margins.extend_from_slice(self.forward.output("margin")?);
        }
        finite("margin", &margins, 1)?;
        Ok(margins)
    }

    fn signs(&self, samples: &[usize]) -> Result<Vec<f32>, Error> {
        let sign = |&s: &usize| self.labels.get(s).map(|l| l.sign());
        samples.iter().map(sign).collect::<Option<_>>().ok_or_else(|| {
            Repr::Counts { images: samples.len(), others: self.labels.len(), what: "labels" }.into()
        })
    }

    /// The program that looks into `layers`; the last one is kept.
    fn inner(&mut self, layers: &KeyLayers) -> Result<&mut Inner, Error> {
        if self.inner.as_ref().is_none_or(|inner| inner.layers != *layers) {
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
    fn value_and_grad(&mut self, x: &Images, samples: &[usize]) -> Result<Evaluation, Error> {
        let signs = self.signs(samples)?;
        let (size, batch) = (self.size, self.step.batch());
        let mut margins = Vec::with_capacity(x.len());
        let mut gradients = Vec::with_capacity(x.tensor().data().len());
        for part in x.tensor().data().chunks(batch * size) {
            self.step.run(part.len() / size, &[("x", part)])?;
            margins.extend_from_slice(self.step.output("margin")?);
            gradients.extend_from_slice(self.step.output("gradient")?);
        }
        for (i, sign) in signs.iter().enumerate() {
            margins[i] *= sign;
            // What is to grow is the margin towards the wrong side.
            gradients[i * size..(i + 1) * size].iter_mut().for_each(|g| *g *= -sign);
        }
        finite("margin", &margins, 1)?;
        finite("gradient", &gradients, size)?;
        Ok(Evaluation { margins, gradients: Tensor::new(x.tensor().shape().clone(), gradients)? })
    }

    fn margins(&mut self, x: &Images, samples: &[usize]) -> Result<Vec<f32>, Error> {
        let signs = self.signs(samples)?;
        let margins = self.towards_fake(x)?;
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
                    finite("inner gradient", sum, sum.len())?;
                    maps[i].extend(heat_map(sum, sign, enlarge));
                }
            }
            all.extend(maps);
        }
        Ok(all)
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

fn finite(what: &'static str, values: &[f32], per_sample: usize) -> Result<(), Error> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Repr::NotFinite { what, sample: at / per_sample }.into()),
        None => Ok(()),
    }
}
