//! A sample's bits do not depend on its neighbours or on the threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_cpu::Cpu;
use moire_graph::{
    Act, Builder, Conv2d, ConvTranspose2d, Device, Error, Graph, MaxPool2d, Normalise, ValueId, simplify,
};
use moire_testkit::seeded;

/// A small encoder and decoder with every kind of layer that splits its work, and its input gradient.
fn network() -> Graph {
    let build = || -> Result<Graph, Error> {
        let mut b = Builder::new();
        let x = b.input("x", [1, 3, 40, 36])?;
        let conv = |b: &mut Builder, x: ValueId, name: &str, [i, o]: [usize; 2], op: Conv2d| {
            let w = b.constant(name, seeded(&[o, i / op.groups, 3, 3], 1, name))?;
            let y = b.conv2d(x, w, None, op)?;
            b.act(y, Act::LeakyRelu(0.1))
        };
        let same = Conv2d { padding: [1, 1], ..Conv2d::default() };
        let wide = conv(&mut b, x, "narrow", [3, 5], same)?;
        let wide = conv(&mut b, wide, "wide", [5, 34], Conv2d { stride: [2, 2], ..same })?;
        let wide = conv(&mut b, wide, "filtered", [34, 34], same)?;
        let deep = conv(&mut b, wide, "depthwise", [34, 34], Conv2d { groups: 34, ..same })?;
        let deep = b.normalise(deep, Normalise { axes: vec![2, 3], eps: 1e-5, unbiased: false })?;
        let pooled = b.max_pool2d(deep, MaxPool2d { kernel: [2, 2], stride: [2, 2], padding: [0, 0] })?;
        let w = b.constant("up", seeded(&[34, 20, 4, 4], 1, "up"))?;
        let op = ConvTranspose2d { stride: [2, 2], padding: [1, 1], ..ConvTranspose2d::default() };
        let up = b.conv_transpose2d(pooled, w, None, op)?;
        let all = b.softmax(up, 1)?;
        let flat = b.reshape(all, [1, 20 * 20 * 18])?;
        let w = b.constant("dense", seeded(&[2, 20 * 20 * 18], 1, "dense"))?;
        let y = b.linear(flat, w, None)?;
        let loss = b.sum_all(y)?;
        let gradient = b.gradient(loss, &[x])?[0];
        simplify(&b.finish([("y", y), ("gradient", gradient)])?)
    };
    build().unwrap()
}

const SAMPLES: usize = 8;
const SIZE: usize = 3 * 40 * 36;

fn inputs() -> Vec<f32> {
    (0..SAMPLES as u64).flat_map(|i| seeded(&[SIZE], i, "x").into_data()).collect()
}

/// All outputs for all samples, as bits.
fn run(graph: &Graph, batch: usize, threads: usize) -> Vec<u32> {
    let mut program = Cpu::new(threads).compile(graph, batch).unwrap();
    let (mut y, mut gradient) = (Vec::new(), Vec::new());
    for part in inputs().chunks(batch * SIZE) {
        program.run(part.len() / SIZE, &[("x", part)]).unwrap();
        y.extend(program.output("y").unwrap().iter().map(|v| v.to_bits()));
        gradient.extend(program.output("gradient").unwrap().iter().map(|v| v.to_bits()));
    }
    [y, gradient].concat()
}

#[test]
fn bits_do_not_depend_on_batch_or_threads() {
    let graph = network();
    let one = run(&graph, 1, 1);
    assert!(one.iter().any(|&bits| bits << 1 != 0), "not everything is zero");
    for (batch, threads) in [(1, 2), (3, 1), (3, 2), (8, 1), (8, 2), (8, 5)] {
        assert!(run(&graph, batch, threads) == one, "batch {batch} on {threads} threads differs");
    }
}
