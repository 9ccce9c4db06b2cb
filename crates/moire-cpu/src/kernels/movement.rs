use moire_tensor::Shape;
use rayon::prelude::*;

use super::Kernel;
use crate::layout::{broadcast_strides, strides};
use crate::nest::Nest;
use crate::program::{Operands, Results};
use crate::scratch::Scratch;

/// Elements of one operand that go to places of the result at fixed distances.
struct Part {
    nest: Nest<2>,
    from: usize,
    to: usize,
}

/// Permutations, slices, concatenations, paddings and expansions: strided copies into a result.
pub(crate) struct Copy {
    size: usize,
    parts: Vec<Part>,
    /// The parts leave places free, which are zero.
    holes: bool,
}

impl Copy {
    pub(crate) fn permute(x: &Shape, order: &[usize], shape: &Shape) -> Self {
        let own = strides(x);
        let read: Vec<usize> = order.iter().map(|&axis| own[axis]).collect();
        Self::whole(shape, &read, 0)
    }

    pub(crate) fn slice(x: &Shape, axis: usize, start: usize, shape: &Shape) -> Self {
        Self::whole(shape, &strides(x), start * strides(x)[axis])
    }

    pub(crate) fn expand(x: &Shape, shape: &Shape) -> Self {
        Self::whole(shape, &broadcast_strides(x, shape), 0)
    }

    pub(crate) fn pad(x: &Shape, axis: usize, before: usize, shape: &Shape) -> Self {
        let to = strides(shape);
        let nest = Nest::new(x, [&to, &strides(x)]);
        let part = Part { nest, from: 0, to: before * to[axis] };
        Self { size: shape.numel(), parts: vec![part], holes: true }
    }

    pub(crate) fn concat(xs: &[&Shape], axis: usize, shape: &Shape) -> Self {
        let to = strides(shape);
        let mut start = 0;
        let parts = xs.iter().map(|x| {
            let part = Part { nest: Nest::new(x, [&to, &strides(x)]), from: 0, to: start * to[axis] };
            start += x[axis];
            part
        });
        Self { size: shape.numel(), parts: parts.collect(), holes: false }
    }

    fn whole(shape: &Shape, read: &[usize], from: usize) -> Self {
        let nest = Nest::new(shape, [&strides(shape), read]);
        Self { size: shape.numel(), parts: vec![Part { nest, from, to: 0 }], holes: false }
    }
}

impl Kernel for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn run(&self, operands: &Operands<'_>, Results { value: out, .. }: Results<'_>, _: &Scratch<'_>) {
        out.par_chunks_mut(self.size).enumerate().for_each(|(s, out)| {
            if self.holes {
                out.fill(0.0);
            }
            for (i, part) in self.parts.iter().enumerate() {
                copy(&part.nest, &operands.get(i).sample(s)[part.from..], &mut out[part.to..]);
            }
        });
    }
}

/// Value 1 of the nest to value 0.
fn copy(nest: &Nest<2>, from: &[f32], to: &mut [f32]) {
    let (run, steps) = (nest.run(), nest.steps());
    nest.each_run(|[o, i]| match steps {
        [1, 1] => to[o..o + run].copy_from_slice(&from[i..i + run]),
        [1, 0] => to[o..o + run].fill(from[i]),
        [so, si] => (0..run).for_each(|k| to[o + k * so] = from[i + k * si]),
    });
}

/// Another shape over the same elements, row-major in both: through row-major order where memory differs.
pub(crate) struct Reshape {
    size: usize,
    read: Nest<2>,
    write: Nest<2>,
    direct: bool,
}

impl Reshape {
    pub(crate) fn new(x: &Shape, shape: &Shape) -> Self {
        let read = Nest::new(x, [&x.strides(), &strides(x)]);
        let write = Nest::new(shape, [&strides(shape), &shape.strides()]);
        let direct = |nest: &Nest<2>| nest.run() == x.numel() && nest.steps()[0] == nest.steps()[1];
        Self { size: x.numel(), direct: direct(&read) || direct(&write), read, write }
    }
}

impl Kernel for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn run(&self, operands: &Operands<'_>, Results { value: out, .. }: Results<'_>, scratch: &Scratch<'_>) {
        let x = operands.get(0);
        out.par_chunks_mut(self.size).enumerate().for_each(|(s, out)| {
            if !self.direct {
                return scratch.with(|plain| {
                    copy(&self.read, x.sample(s), plain);
                    copy(&self.write, plain, out);
                });
            }
            let [row_major, memory] = self.read.steps();
            let nest =
                if self.read.run() == self.size && row_major == memory { &self.write } else { &self.read };
            copy(nest, x.sample(s), out);
        });
    }

    fn scratch(&self) -> usize {
        if self.direct { 0 } else { self.size }
    }
}
