//! How values lie in memory: rank 4 channel-last, everything else row-major.

use moire_tensor::Shape;

/// The most axes that a value may have on this device.
pub(crate) const MAX_RANK: usize = 8;

/// The axes of a value in the order in which they lie in memory, slowest first.
pub(crate) fn order(rank: usize) -> Vec<usize> {
    if rank == 4 { vec![0, 2, 3, 1] } else { (0..rank).collect() }
}

/// For each axis of `shape` the distance between neighbours in memory.
pub(crate) fn strides(shape: &Shape) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut next = 1;
    for &axis in order(shape.len()).iter().rev() {
        strides[axis] = next;
        next *= shape[axis];
    }
    strides
}

/// The strides of `from` as it is read by a value of shape `to` that it broadcasts to: 0 where it repeats.
pub(crate) fn broadcast_strides(from: &Shape, to: &Shape) -> Vec<usize> {
    let own = strides(from);
    let lead = to.len() - from.len();
    (0..to.len()).map(|a| if a < lead || from[a - lead] == 1 { 0 } else { own[a - lead] }).collect()
}

/// Channels, and pixels in a row of images, of an image-like value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planes {
    pub(crate) rows: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Planes {
    /// The extents of `[r, c, h, w]`.
    pub(crate) fn of(shape: &Shape) -> Self {
        let [rows, channels, height, width] = shape[..] else {
            unreachable!("shape inference lets only images of rank 4 here")
        };
        Self { rows, height, width, channels }
    }

    /// The numbers in one image of the row.
    pub(crate) fn image(&self) -> usize {
        self.height * self.width * self.channels
    }
}
