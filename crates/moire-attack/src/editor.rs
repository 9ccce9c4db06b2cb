use moire_graph::{Act, Builder, Device, Graph, Program, ReduceKind, simplify};

use crate::editors::Combination;
use crate::error::Error;
use crate::mgda::{gram, shortest, sum};

/// One model, compiled to edit and to be broken.
pub struct Editor {
    edit: Box<dyn Program>,
    watch: Box<dyn Program>,
    step: Box<dyn Program>,
    /// The rows of a condition: the edits that run together.
    domains: usize,
    conditioned: bool,
}

/// How a model sees a photograph: a differentiable crop, or anything else that a graph can say.
pub struct Frame {
    see: Box<dyn Program>,
    back: Box<dyn Program>,
}

/// What one model does to one sample.
pub(crate) struct View {
    pub(crate) model: usize,
    frame: Option<Frame>,
    condition: Vec<f32>,
    /// The edits of the sample as it is, `[k, 3, h, w]`.
    clean: Vec<f32>,
}

const CLEAN: &str = "clean edits";
const WEIGHTS: &str = "weights";

/// The inputs of a frame's graphs.
const PHOTOGRAPH: &str = "photograph";
const COTANGENT: &str = "cotangent";

impl Frame {
    /// A frame from a graph with an input `photograph` `[1, 3, H, W]` and an output `x` `[1, 3, h, w]`, both in `[0, 1]`.
    ///
    /// # Errors
    /// The graph has no such input or output, or the device cannot run it.
    pub fn new(device: &dyn Device, graph: &Graph) -> Result<Self, Error> {
        let (photograph, x) = (graph.input(PHOTOGRAPH)?, graph.output("x")?);
        let mut b = Builder::from(graph.clone());
        let cotangent = b.input(COTANGENT, graph.shape(x).clone())?;
        let gradient = b.vjp(&[(x, cotangent)], &[photograph])?[0];
        let back = b.finish([("gradient", gradient)])?;
        let compile = |graph: &Graph| Ok::<_, Error>(device.compile(&simplify(graph)?, 1)?);
        Ok(Self { see: compile(graph)?, back: compile(&back)? })
    }

    /// What the model sees.
    fn see(&mut self, photograph: &[f32]) -> Result<Vec<f32>, Error> {
        self.see.run(1, &[(PHOTOGRAPH, photograph)])?;
        Ok(self.see.output("x")?.to_vec())
    }

    /// The gradient with respect to the photograph of what has this gradient with respect to what the model sees.
    fn back(&mut self, photograph: &[f32], cotangent: &[f32]) -> Result<Vec<f32>, Error> {
        self.back.run(1, &[(PHOTOGRAPH, photograph), (COTANGENT, cotangent)])?;
        Ok(self.back.output("gradient")?.to_vec())
    }
}

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

    /// A sample as this model, number `model`, is to be broken on it.
    pub(crate) fn view(
        &mut self,
        model: usize,
        image: &[f32],
        mut frame: Option<Frame>,
        condition: Vec<f32>,
    ) -> Result<View, Error> {
        let seen = frame.as_mut().map(|frame| frame.see(image)).transpose()?;
        let clean = self.edit(seen.as_deref().unwrap_or(image), &condition)?.to_vec();
        Ok(View { model, frame, condition, clean })
    }

    /// The loss of each edit of an image, a version of the view's.
    pub(crate) fn losses(&mut self, image: &[f32], view: &mut View) -> Result<Vec<f32>, Error> {
        let seen = view.see(image)?;
        let inputs = view.inputs(seen.as_deref().unwrap_or(image), self.conditioned);
        self.watch.run(1, &inputs)?;
        Ok(self.watch.output("losses")?.to_vec())
    }

    /// The loss of each edit, and the gradient of their sum under `weights`.
    fn gradient(
        &mut self,
        image: &[f32],
        view: &mut View,
        weights: &[f32],
    ) -> Result<(Vec<f32>, Vec<f32>), Error> {
        let seen = view.see(image)?;
        let mut inputs = view.inputs(seen.as_deref().unwrap_or(image), self.conditioned);
        inputs.push((WEIGHTS, weights));
        self.step.run(1, &inputs)?;
        let losses = self.step.output("losses")?.to_vec();
        let gradient = self.step.output("gradient")?;
        let gradient = match &mut view.frame {
            Some(frame) => frame.back(image, gradient)?,
            None => gradient.to_vec(),
        };
        Ok((losses, gradient))
    }

    /// The loss of each edit, and the gradients combined over them.
    pub(crate) fn combined(
        &mut self,
        x: &[f32],
        view: &mut View,
        how: Combination,
        turn: usize,
    ) -> Result<(Vec<f32>, Vec<f32>), Error> {
        let k = self.domains;
        let one = |i: usize| (0..k).map(|j| f32::from(u8::from(i == j))).collect::<Vec<f32>>();
        Ok(match how {
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
        })
    }
}

impl View {
    /// What the model sees of an image, where that is not the image itself.
    fn see(&mut self, image: &[f32]) -> Result<Option<Vec<f32>>, Error> {
        self.frame.as_mut().map(|frame| frame.see(image)).transpose()
    }

    fn inputs<'a>(&'a self, x: &'a [f32], conditioned: bool) -> Vec<(&'static str, &'a [f32])> {
        let mut inputs = vec![("x", x), (CLEAN, self.clean.as_slice())];
        if conditioned {
            inputs.push(("c", &self.condition));
        }
        inputs
    }
}
