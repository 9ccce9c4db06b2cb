//! Property-tested shapes: any convolution or pooling that a network may hold.

use moire_graph::{AvgPool2d, Builder, Conv2d, ConvTranspose2d, Error, Graph, MaxPool2d, ValueId};
use proptest::prelude::*;

use crate::gradient::seeded;

fn pair(range: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    [range.clone(), range]
}

/// Graphs of one convolution or transposed convolution with small random extents, strides, dilations, odd
/// paddings and groups; input `x`, output `y`.
pub fn convolution() -> impl Strategy<Value = Graph> {
    let channels = (1..4usize, 1..4usize, 1..3usize);
    let window = (pair(1..5), pair(1..4), pair(0..4), pair(1..3), pair(0..3));
    (any::<bool>(), 1..3usize, channels, pair(1..9), window).prop_filter_map(
        "windows that fit",
        |(transposed, rows, (i, o, groups), size, window)| {
            let (kernel, stride, padding, dilation, output_padding) = window;
            let build = || {
                let mut b = Builder::new();
                let x = b.input("x", [rows, i * groups, size[0], size[1]])?;
                let bias = b.constant("bias", seeded(&[o * groups], 3, "bias"))?;
                let y = if transposed {
                    let w = b.constant("w", seeded(&[i * groups, o, kernel[0], kernel[1]], 3, "w"))?;
                    let op = ConvTranspose2d { stride, padding, output_padding, dilation, groups };
                    b.conv_transpose2d(x, w, Some(bias), op)?
                } else {
                    let w = b.constant("w", seeded(&[o * groups, i, kernel[0], kernel[1]], 3, "w"))?;
                    b.conv2d(x, w, Some(bias), Conv2d { stride, padding, dilation, groups })?
                };
                b.finish([("y", y)])
            };
            build().ok()
        },
    )
}

/// Graphs of one pooling with small random extents; input `x`, output `y`.
pub fn pooling() -> impl Strategy<Value = Graph> {
    let window = (pair(1..4), pair(1..4), pair(0..3));
    (0..3u8, 1..3usize, 1..4usize, pair(1..9), window).prop_filter_map(
        "windows that fit",
        |(kind, rows, channels, size, (kernel, stride, padding))| {
            let build = |make: &dyn Fn(&mut Builder, ValueId) -> Result<ValueId, Error>| {
                let mut b = Builder::new();
                let x = b.input("x", [rows, channels, size[0], size[1]])?;
                let y = make(&mut b, x)?;
                b.finish([("y", y)])
            };
            let pooled = match kind {
                0 => build(&|b, x| b.max_pool2d(x, MaxPool2d { kernel, stride, padding })),
                _ => build(&|b, x| {
                    b.avg_pool2d(x, AvgPool2d { kernel, stride, padding, count_padding: kind == 1 })
                }),
            };
            // A window over padding alone has no maximum and no mean.
            let sees_pixels = |axis: usize| {
                let places = (size[axis] + 2 * padding[axis]).checked_sub(kernel[axis])? / stride[axis];
                (places * stride[axis] < size[axis] + padding[axis]).then_some(())
            };
            sees_pixels(0).and(sees_pixels(1))?;
            pooled.ok()
        },
    )
}
