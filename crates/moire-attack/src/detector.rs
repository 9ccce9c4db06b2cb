use moire_graph::{Builder, Device, Graph, Program, simplify};
use moire_tensor::{Images, Label, Tensor};

use crate::ascent::{Evaluation, Objective};
use crate::error::{Error, Repr};

/// A detector to be fooled: the objective is to push its margin to the wrong side.
///
/// The loss is the margin itself, signed by the label. Unlike cross-entropy it cannot saturate, and for one
/// logit, two classes and two zones alike its gradient has the direction of cross-entropy's.
pub struct Detector {
    forward: Box<dyn Program>,
    step: Box<dyn Program>,
    labels: Vec<Label>,
    /// Numbers in one image.
    size: usize,
}

impl Detector {
    /// A detector from a graph with an input `x` `[1, 3, h, w]` and a scalar output `margin`, positive for
    /// fake. Up to `batch` images run at once.
    ///
    /// # Errors
    /// The graph has no such input or output, or the device cannot run it.
    pub fn new(device: &dyn Device, graph: &Graph, batch: usize) -> Result<Self, Error> {
        let (x, margin) = (graph.input("x")?, graph.output("margin")?);
        let forward = Builder::from(graph.clone()).finish([("margin", margin)])?;
        let mut b = Builder::from(graph.clone());
        let gradient = b.gradient(margin, &[x])?[0];
        let step = b.finish([("margin", margin), ("gradient", gradient)])?;
        Ok(Self {
            forward: device.compile(&simplify(&forward)?, batch)?,
            step: device.compile(&simplify(&step)?, batch)?,
            labels: Vec::new(),
            size: graph.shape(x).numel(),
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
}

impl Objective for Detector {
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
}

fn finite(what: &'static str, values: &[f32], per_sample: usize) -> Result<(), Error> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Repr::NotFinite { what, sample: at / per_sample }.into()),
        None => Ok(()),
    }
}
