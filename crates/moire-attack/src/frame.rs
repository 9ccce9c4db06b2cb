use moire_graph::{Builder, Device, Graph, Program, simplify};

use crate::error::Error;

/// What happens to an image before a model sees it: a crop, a resize, a JPEG file on the way, or anything else that a
/// graph can say.
pub struct Frame {
    see: Box<dyn Program>,
    back: Box<dyn Program>,
}

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

    /// What is to be seen of an image `[3, H, W]`, `[3, h, w]`.
    ///
    /// # Errors
    /// The image is not of the frame's size, or the device fails.
    pub fn see(&mut self, photograph: &[f32]) -> Result<Vec<f32>, Error> {
        self.see.run(1, &[(PHOTOGRAPH, photograph)])?;
        Ok(self.see.output("x")?.to_vec())
    }

    /// The gradient with respect to the image of what has the gradient `cotangent` with respect to what is seen of it.
    ///
    /// # Errors
    /// As [`Frame::see`].
    pub fn back(&mut self, photograph: &[f32], cotangent: &[f32]) -> Result<Vec<f32>, Error> {
        self.back.run(1, &[(PHOTOGRAPH, photograph), (COTANGENT, cotangent)])?;
        Ok(self.back.output("gradient")?.to_vec())
    }
}
