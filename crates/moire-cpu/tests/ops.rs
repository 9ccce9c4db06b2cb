//! Every kernel against the reference device, forwards and backwards, by table and by property.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_cpu::{Cpu, Isa};
use moire_graph::{
    Act, Builder, Conv2d, ConvTranspose2d, Device, Error, Graph, Normalise, ValueId, simplify,
};
use moire_testkit::{Reference, cases, relative_l2, seeded, strategies, with_vjp};
use proptest::prelude::*;

/// The processor with each set of instructions that this machine has.
fn devices() -> Vec<Cpu> {
    Isa::ALL.into_iter().filter_map(|isa| Cpu::with_isa(2, isa)).collect()
}

/// The largest relative error over all outputs and instructions, for a batch of two seeded samples.
fn worst_error(graph: &Graph, devices: &[Cpu]) -> (String, f64) {
    let inputs: Vec<(String, Vec<f32>)> = graph
        .inputs()
        .iter()
        .map(|&v| {
            let name = graph.node(v).name.clone();
            let samples = [1, 2].map(|seed| seeded(graph.shape(v), seed, &name).into_data());
            (name, samples.concat())
        })
        .collect();
    let inputs: Vec<(&str, &[f32])> = inputs.iter().map(|(n, d)| (n.as_str(), d.as_slice())).collect();
    let mut reference = Reference.compile(graph, 2).unwrap();
    reference.run(2, &inputs).unwrap();
    let graph = simplify(graph).unwrap();
    let errors = devices.iter().flat_map(|device| {
        let mut program = device.compile(&graph, 2).unwrap();
        program.run(2, &inputs).unwrap();
        let error = |name: &str| relative_l2(program.output(name).unwrap(), reference.output(name).unwrap());
        let named = |(name, _): &(String, _)| (format!("{name} ({})", device.isa()), error(name));
        graph.outputs().iter().map(named).collect::<Vec<_>>()
    });
    errors.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
}

#[test]
fn every_op_agrees_with_the_reference() {
    let devices = devices();
    assert!(devices.iter().any(|d| d.isa() == Isa::Portable), "plain arithmetic is everywhere");
    let failures: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let (name, error) = worst_error(&with_vjp(&case.graph), &devices);
            (error > 1e-5).then(|| format!("{}: {name} is off by {error:.1e}", case.name))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Weights of which one task takes a part, and a result whose columns do not lie one after another: no task may write
/// what another has computed.
#[test]
fn wide_products_of_tokens_in_rows_and_columns_are_shared_out_without_overlap() {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, 2, 1024]).unwrap();
    let w = b.literal(seeded(&[1024, 200], 1, "w"));
    let y = b.matmul(x, w).unwrap();
    let graph = b.finish([("y", y)]).unwrap();
    let (name, error) = worst_error(&graph, &devices());
    assert!(error < 1e-5, "{name} is off by {error:.1e}");
}

/// Lines of every remainder that a vector leaves, and values so low that what lies beyond a line's end would be the
/// largest.
#[test]
fn lines_of_any_length_are_normalised_by_themselves() {
    let devices = devices();
    let normal = |unbiased| Normalise { axes: vec![1], eps: 1.0, unbiased };
    for length in (1..=35).chain([197, 768]) {
        for what in [None, Some(normal(false)), Some(normal(length > 1))] {
            let mut b = Builder::new();
            let x = b.input("x", [5, length]).unwrap();
            let low = b.literal(seeded(&[1], 1, "low").map(|_| -50.0));
            let x = b.add(x, low).unwrap();
            let y = match what.clone() {
                None => b.softmax(x, 1).unwrap(),
                Some(normal) => b.normalise(x, normal).unwrap(),
            };
            let graph = b.finish([("y", y)]).unwrap();
            let (name, error) = worst_error(&with_vjp(&graph), &devices);
            assert!(error < 3e-5, "{what:?} of {length}: {name} is off by {error:.1e}");
        }
    }
}

/// Layers as editors and detectors have them: wide enough for minimal filtering, and with all that rides on a kernel.
fn layers() -> Vec<(&'static str, Graph)> {
    let graph = |make: &dyn Fn(&mut Builder, ValueId) -> Result<ValueId, Error>, shape: [usize; 4]| {
        let mut b = Builder::new();
        let x = b.input("x", shape).unwrap();
        let y = make(&mut b, x).unwrap();
        b.finish([("y", y)]).unwrap()
    };
    let weights = |b: &mut Builder, name: &str, shape: [usize; 4]| {
        let scale = 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt();
        b.constant(name, seeded(&shape, 7, name).map(|v| v * scale))
    };
    let same = Conv2d { padding: [1, 1], ..Conv2d::default() };
    let halve = Conv2d { stride: [2, 2], padding: [1, 1], ..Conv2d::default() };
    let double = ConvTranspose2d { stride: [2, 2], padding: [1, 1], ..ConvTranspose2d::default() };
    let bottleneck = move |b: &mut Builder, x: ValueId| {
        let w = weights(b, "a", [40, 33, 3, 3])?;
        let bias = b.constant("bias", seeded(&[40], 7, "bias"))?;
        let y = b.conv2d(x, w, Some(bias), same)?;
        let y = b.act(y, Act::Relu)?;
        let w = weights(b, "b", [33, 40, 3, 3])?;
        let y = b.conv2d(y, w, None, same)?;
        let y = b.add(y, x)?;
        b.act(y, Act::LeakyRelu(0.2))
    };
    let plain = move |shape: [usize; 4], conv: Conv2d| {
        move |b: &mut Builder, x: ValueId| {
            let w = weights(b, "w", shape)?;
            b.conv2d(x, w, None, conv)
        }
    };
    let up = move |b: &mut Builder, x: ValueId| {
        let w = weights(b, "w", [32, 36, 4, 4])?;
        b.conv_transpose2d(x, w, None, double)
    };
    let normed = move |b: &mut Builder, x: ValueId| {
        let w = weights(b, "w", [5, 5, 3, 3])?;
        let y = b.conv2d(x, w, None, same)?;
        let y = b.normalise(y, Normalise { axes: vec![2, 3], eps: 1e-5, unbiased: true })?;
        let scale = b.constant("scale", seeded(&[1, 5, 1, 1], 7, "scale"))?;
        let shift = b.constant("shift", seeded(&[1, 5, 1, 1], 7, "shift"))?;
        let y = b.mul(y, scale)?;
        let y = b.add(y, shift)?;
        let z = b.act(y, Act::Relu)?;
        let w = weights(b, "v", [5, 5, 3, 3])?;
        let z = b.conv2d(z, w, None, same)?;
        let z = b.normalise(z, Normalise { axes: vec![2, 3], eps: 1e-5, unbiased: false })?;
        let z = b.add(z, x)?;
        b.act(z, Act::Relu)
    };
    let shared = move |b: &mut Builder, x: ValueId| {
        let image = b.slice(x, 0, 0, 1)?;
        let rows = b.expand(image, [3, 8, 6, 6])?;
        let own = b.slice(x, 0, 1, 4)?;
        let joined = b.concat(&[rows, own], 1)?;
        let w = weights(b, "w", [4, 16, 3, 3])?;
        let y = b.conv2d(joined, w, None, same)?;
        b.act(y, Act::Relu)
    };
    let dense = |b: &mut Builder, x: ValueId| {
        let x = b.reshape(x, [3, 70])?;
        let w = b.constant("w", seeded(&[50, 70], 7, "w"))?;
        let bias = b.constant("bias", seeded(&[50], 7, "bias"))?;
        let y = b.linear(x, w, Some(bias))?;
        b.act(y, Act::Relu)
    };
    // A rectifier of its own, since its operand has another reader, whose way back rides on a convolution by channel or
    // by group.
    let apart = move |channels: usize, groups: usize| {
        move |b: &mut Builder, x: ValueId| {
            let y = b.act(x, Act::Relu)?;
            let w = weights(b, "w", [channels, channels / groups, 3, 3])?;
            let y = b.conv2d(y, w, None, Conv2d { groups, ..same })?;
            b.add(y, x)
        }
    };
    vec![
        ("four channels apart", graph(&apart(4, 4), [1, 4, 8, 6])),
        ("twenty channels apart", graph(&apart(20, 20), [1, 20, 8, 6])),
        ("groups of four", graph(&apart(32, 8), [1, 32, 8, 6])),
        ("residual block", graph(&bottleneck, [1, 33, 13, 14])),
        ("two images", graph(&bottleneck, [2, 33, 16, 12])),
        ("4x4 down", graph(&plain([36, 32, 4, 4], halve), [1, 32, 26, 24])),
        ("4x4 up", graph(&up, [1, 32, 13, 12])),
        // So many weights that small tiles filter them.
        ("heavy 3x3", graph(&plain([684, 684, 3, 3], same), [1, 684, 12, 13])),
        ("heavy 4x4 down", graph(&plain([410, 410, 4, 4], halve), [1, 410, 26, 24])),
        ("instance norm block", graph(&normed, [2, 5, 30, 40])),
        ("shared rows", graph(&shared, [4, 8, 6, 6])),
        ("dense", graph(&dense, [3, 7, 5, 2])),
    ]
}

#[test]
fn layers_with_all_that_rides_on_them_agree_with_the_reference() {
    let devices = devices();
    for (name, graph) in layers() {
        let (output, error) = worst_error(&with_vjp(&graph), &devices);
        assert!(error < 2e-5, "{name}: {output} is off by {error:.1e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_convolution_agrees_with_the_reference(graph in strategies::convolution()) {
        let (name, error) = worst_error(&with_vjp(&graph), &devices());
        prop_assert!(error < 1e-5, "{name} is off by {error:.1e}\n{graph:?}");
    }

    #[test]
    fn any_pooling_agrees_with_the_reference(graph in strategies::pooling()) {
        let (name, error) = worst_error(&with_vjp(&graph), &devices());
        prop_assert!(error < 1e-5, "{name} is off by {error:.1e}\n{graph:?}");
    }
}
