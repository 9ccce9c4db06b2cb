//! Every kernel against the reference device, forwards and backwards, by table and by property.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_cpu::Cpu;
use moire_graph::{Device, Graph, simplify};
use moire_testkit::{Reference, cases, relative_l2, seeded, strategies, with_vjp};
use proptest::prelude::*;

/// The largest relative error over all outputs, for a batch of two seeded samples.
fn worst_error(graph: &Graph) -> (String, f64) {
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
    let mut program = Cpu::new(2).compile(&simplify(graph).unwrap(), 2).unwrap();
    reference.run(2, &inputs).unwrap();
    program.run(2, &inputs).unwrap();
    let errors = graph.outputs().iter().map(|(name, _)| {
        (name.clone(), relative_l2(program.output(name).unwrap(), reference.output(name).unwrap()))
    });
    errors.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
}

#[test]
fn every_op_agrees_with_the_reference() {
    let failures: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let (name, error) = worst_error(&with_vjp(&case.graph));
            (error > 1e-5).then(|| format!("{}: {name} is off by {error:.1e}", case.name))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_convolution_agrees_with_the_reference(graph in strategies::convolution()) {
        let (name, error) = worst_error(&with_vjp(&graph));
        prop_assert!(error < 1e-5, "{name} is off by {error:.1e}\n{graph:?}");
    }

    #[test]
    fn any_pooling_agrees_with_the_reference(graph in strategies::pooling()) {
        let (name, error) = worst_error(&with_vjp(&graph));
        prop_assert!(error < 1e-5, "{name} is off by {error:.1e}\n{graph:?}");
    }
}
