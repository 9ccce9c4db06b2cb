//! One layer each, as networks have them; `cargo bench -p moire-cpu -- 3x3` picks some.

#![allow(missing_docs, reason = "criterion's macros")]

use criterion::{Criterion, criterion_group, criterion_main};
use moire_cpu::Cpu;
use moire_graph::{Builder, Conv2d, ConvTranspose2d, Device, Error, MaxPool2d, Normalise, ValueId, simplify};
use moire_tensor::Tensor;

/// Times a graph of one layer on `x` `[1, channels, side, side]`, on one thread.
fn layer(
    criterion: &mut Criterion,
    name: &str,
    [channels, side]: [usize; 2],
    make: impl Fn(&mut Builder, ValueId) -> Result<ValueId, Error>,
) {
    let build = || {
        let mut b = Builder::new();
        let x = b.input("x", [1, channels, side, side])?;
        let y = make(&mut b, x)?;
        // A mean, so that what is timed is the layer and not the way of its result to the caller.
        let y = b.mean_all(y)?;
        simplify(&b.finish([("y", y)])?)
    };
    let graph = build().expect("the layers of this file fit");
    let mut program = Cpu::new(1).compile(&graph, 1).expect("the layers of this file are supported");
    let x: Vec<f32> = (0..channels * side * side).map(|i| (i % 251) as f32 / 250.0).collect();
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| program.run(1, &[("x", &x)]).expect("one input of the right length"));
    });
}

fn weights(b: &mut Builder, shape: [usize; 4]) -> ValueId {
    b.literal(Tensor::from_fn(shape, |i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5))
}

fn kernels(c: &mut Criterion) {
    let same = Conv2d { padding: [1, 1], ..Conv2d::default() };
    for [side, channels] in [[56, 64], [28, 128], [14, 256], [7, 512]] {
        layer(c, &format!("3x3 {channels} at {side}"), [channels, side], |b, x| {
            let w = weights(b, [channels, channels, 3, 3]);
            b.conv2d(x, w, None, same)
        });
        layer(c, &format!("1x1 {channels} to {} at {side}", 4 * channels), [channels, side], |b, x| {
            let w = weights(b, [4 * channels, channels, 1, 1]);
            b.conv2d(x, w, None, Conv2d::default())
        });
    }
    layer(c, "7x7 3 to 64 at 224", [3, 224], |b, x| {
        let w = weights(b, [64, 3, 7, 7]);
        b.conv2d(x, w, None, Conv2d { stride: [2, 2], padding: [3, 3], ..Conv2d::default() })
    });
    layer(c, "7x7 64 to 3 at 128", [64, 128], |b, x| {
        let w = weights(b, [3, 64, 7, 7]);
        b.conv2d(x, w, None, Conv2d { padding: [3, 3], ..Conv2d::default() })
    });
    layer(c, "4x4 down 64 to 128 at 128", [64, 128], |b, x| {
        let w = weights(b, [128, 64, 4, 4]);
        b.conv2d(x, w, None, Conv2d { stride: [2, 2], ..same })
    });
    layer(c, "4x4 up 128 to 64 at 64", [128, 64], |b, x| {
        let w = weights(b, [128, 64, 4, 4]);
        b.conv_transpose2d(
            x,
            w,
            None,
            ConvTranspose2d { stride: [2, 2], padding: [1, 1], ..ConvTranspose2d::default() },
        )
    });
    layer(c, "depthwise 728 at 19", [728, 19], |b, x| {
        let w = weights(b, [728, 1, 3, 3]);
        b.conv2d(x, w, None, Conv2d { groups: 728, ..same })
    });
    layer(c, "instance norm 64 at 128", [64, 128], |b, x| {
        b.normalise(x, Normalise { axes: vec![2, 3], eps: 1e-5, unbiased: false })
    });
    layer(c, "max pool 64 at 112", [64, 112], |b, x| {
        b.max_pool2d(x, MaxPool2d { kernel: [3, 3], stride: [2, 2], padding: [1, 1] })
    });
}

criterion_group!(benches, kernels);
criterion_main!(benches);
