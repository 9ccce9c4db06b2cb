//! Loops over strided values, with as few levels as their strides allow.

use moire_tensor::Shape;

use crate::layout::{MAX_RANK, order};

/// A loop nest over the elements of a shape in memory order, for `N` values read or written along the way.
///
/// Neighbouring axes that all values cross in one stride become one level, so that most nests are one or two
/// levels deep with a long innermost run.
#[derive(Debug, Clone)]
pub(crate) struct Nest<const N: usize> {
    levels: Vec<([usize; N], usize)>,
    run: usize,
    steps: [usize; N],
}

impl<const N: usize> Nest<N> {
    /// The nest over `shape`, where value `v` moves by `strides[v][axis]`.
    ///
    /// # Panics
    /// The shape has more than [`MAX_RANK`] axes.
    pub(crate) fn new(shape: &Shape, strides: [&[usize]; N]) -> Self {
        assert!(shape.len() <= MAX_RANK, "values have at most {MAX_RANK} axes");
        let mut levels: Vec<([usize; N], usize)> = Vec::new();
        for axis in order(shape.len()) {
            if shape[axis] == 1 {
                continue;
            }
            let step = std::array::from_fn(|v| strides[v][axis]);
            match levels.last_mut() {
                Some((outer, extent)) if (0..N).all(|v| outer[v] == step[v] * shape[axis]) => {
                    (*outer, *extent) = (step, *extent * shape[axis]);
                }
                _ => levels.push((step, shape[axis])),
            }
        }
        let (steps, run) = levels.pop().unwrap_or(([0; N], 1));
        Self { levels, run, steps }
    }

    /// The length of the innermost run.
    pub(crate) fn run(&self) -> usize {
        self.run
    }

    /// How far each value moves along the innermost run.
    pub(crate) fn steps(&self) -> [usize; N] {
        self.steps
    }

    /// Calls `f` with where each value stands at the start of each innermost run.
    pub(crate) fn each_run(&self, mut f: impl FnMut([usize; N])) {
        let mut index = [0usize; MAX_RANK];
        let mut at = [0; N];
        loop {
            f(at);
            let mut level = self.levels.len();
            loop {
                let Some(next) = level.checked_sub(1) else { return };
                level = next;
                let (step, extent) = &self.levels[level];
                index[level] += 1;
                if index[level] < *extent {
                    (0..N).for_each(|v| at[v] += step[v]);
                    break;
                }
                (0..N).for_each(|v| at[v] -= step[v] * (extent - 1));
                index[level] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use moire_tensor::Shape;

    use super::Nest;
    use crate::layout::{broadcast_strides, strides};

    #[test]
    fn contiguous_values_are_one_run() {
        let shape = Shape::from([2, 3, 4, 5]);
        let own = strides(&shape);
        let nest = Nest::new(&shape, [&own, &own]);
        assert_eq!((nest.run(), nest.steps()), (120, [1, 1]));
    }

    #[test]
    fn a_value_by_channel_repeats_over_pixels() {
        let (shape, channel) = (Shape::from([1, 3, 2, 2]), Shape::from([1, 3, 1, 1]));
        let nest = Nest::new(&shape, [&strides(&shape), &broadcast_strides(&channel, &shape)]);
        assert_eq!((nest.run(), nest.steps()), (3, [1, 1]));
        let mut starts = Vec::new();
        nest.each_run(|at| starts.push(at));
        assert_eq!(starts, [[0, 0], [3, 0], [6, 0], [9, 0]]);
    }
}
