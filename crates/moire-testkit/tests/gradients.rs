//! Every adjoint against central differences, by table and by property.

use moire_graph::{Act, simplify};
use moire_testkit::{STAND_INS, cases, check_gradient, relative_l2, seeded, strategies, with_vjp};
use proptest::prelude::*;

#[test]
fn every_op_agrees_with_central_differences() {
    let failures: Vec<String> = cases()
        .iter()
        .filter(|case| STAND_INS.iter().all(|(name, _)| case.name != *name))
        .filter_map(|case| check_gradient(&case.graph, 1, 2).err().map(|e| format!("{}: {e}", case.name)))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn roundings_have_the_derivatives_of_their_stand_ins() {
    for (name, act) in STAND_INS {
        let case = cases().into_iter().find(|case| case.name == name).unwrap();
        let graph = with_vjp(&case.graph);
        let x = seeded(graph.shape(graph.input("x").unwrap()), 1, "x").to_f64();
        let dy = seeded(x.shape(), 1, "dy").to_f64();
        let outputs = graph.eval(&[("x", &x), ("dy", &dy)]).unwrap();
        assert_eq!(outputs["y"], x.map(|v| (5.0 * v).round_ties_even()));
        let slope = |v: f64| if act == Act::Quantise && v.abs() < 0.5 { 3.0 * v * v } else { 1.0 };
        for ((&dx, &dy), &x) in outputs["dx"].data().iter().zip(dy.data()).zip(x.data()) {
            assert!((dx - 5.0 * slope(5.0 * x) * dy).abs() < 1e-5, "{name} at {}", 5.0 * x);
        }
    }
}

#[test]
fn simplifying_changes_no_result() {
    for case in cases() {
        let graph = with_vjp(&case.graph);
        let simple = simplify(&graph).unwrap();
        let inputs: Vec<_> = graph
            .inputs()
            .iter()
            .map(|&v| (graph.node(v).name.as_str(), seeded(graph.shape(v), 5, &graph.node(v).name).to_f64()))
            .collect();
        let inputs: Vec<_> = inputs.iter().map(|(name, t)| (*name, t)).collect();
        let (a, b) = (graph.eval(&inputs).unwrap(), simple.eval(&inputs).unwrap());
        for (name, value) in &a {
            let [x, y] = [value, &b[name]].map(|t| t.map(|v| v as f32).into_data());
            assert!(relative_l2(&y, &x) < 1e-6, "{}: {name}", case.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_convolution_agrees_with_central_differences(graph in strategies::convolution()) {
        check_gradient(&graph, 2, 1).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_pooling_agrees_with_central_differences(graph in strategies::pooling()) {
        check_gradient(&graph, 2, 1).map_err(TestCaseError::fail)?;
    }
}
