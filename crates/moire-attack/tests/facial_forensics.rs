//! The attacks on networks with zones, on one whose energies are linear in the image.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_attack::{Attack, Criterion, Detector, ErrorKind, Samples, Traits};
use moire_graph::{Builder, Graph};
use moire_tensor::{Eps, Images, Label, SampleId, Shape, Tensor};
use moire_testkit::{Reference, seeded};

const SIDE: usize = 4;
const SIZE: usize = 3 * SIDE * SIDE;
const TRAITS: Traits = Traits { mean: [0.5, 0.4, 0.3], std: [0.5, 0.25, 0.2], zones: true };

/// Energies w x, one row of weights a zone (fake, real), as `y`.
fn network(weights: &Tensor) -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, SIDE, SIDE]).unwrap();
    let flat = b.reshape(x, [1, SIZE]).unwrap();
    let w = b.constant("w", weights.clone()).unwrap();
    let y = b.linear(flat, w, None).unwrap();
    let difference = b.literal(Tensor::new(Shape::from([2, 1]), vec![1.0, -1.0]).unwrap());
    let margin = b.matmul(y, difference).unwrap();
    let margin = b.reshape(margin, []).unwrap();
    b.finish([("y", y), ("margin", margin)]).unwrap()
}

fn weights() -> Tensor {
    seeded(&[2, SIZE], 3, "w")
}

fn grey() -> Images {
    Images::new(Tensor::full([1, 3, SIDE, SIDE], 0.5)).unwrap()
}

fn run(detector: &mut Detector<'_>, text: &str, eps: Option<Eps>, label: Label) -> Vec<f32> {
    detector.set_labels(&[label]);
    let images = grey();
    let samples = Samples { images: &images, ids: &[SampleId(1)], seed: 5 };
    let attack: Attack = text.parse().unwrap();
    let outcome = attack.run(detector, &samples, eps, Criterion::Float).unwrap();
    outcome.images.image(0).iter().map(|x| x - 0.5).collect()
}

#[test]
fn one_individual_step_is_the_gradient_in_normalised_units() {
    let weights = weights();
    let graph = network(&weights);
    let mut detector = Detector::new(&Reference, &graph, TRAITS, 1).unwrap();
    let change = run(&mut detector, "iap(steps=1,alpha=0.01)", None, Label::Fake);
    // Energies of x = 0.5: which side of 1 (real, wanted) and of 0 (fake, unwanted) they lie on.
    let energy = |zone: usize| weights.row(zone).iter().sum::<f32>() * 0.5;
    let (fake, real) = (energy(0).signum(), (energy(1) - 1.0).signum());
    for (i, d) in change.iter().enumerate() {
        let std = TRAITS.std[i * 3 / SIZE];
        let expected = -0.01 * std * std * (fake * weights.row(0)[i] + real * weights.row(1)[i]);
        assert!((d - expected).abs() < 1e-6, "value {i}: {d}, expected {expected}");
    }
    let all = run(&mut detector, "iap(steps=20,alpha=1,eps=0.01)", None, Label::Fake);
    assert!(all.iter().all(|d| d.abs() <= 0.01 + 1e-6), "the bound holds");
}

#[test]
fn without_zones_the_cross_entropy_is_walked_down() {
    let weights = weights();
    let graph = network(&weights);
    let mut detector = Detector::new(&Reference, &graph, Traits::default(), 1).unwrap();
    let change = run(&mut detector, "iap(steps=1,alpha=0.01)", None, Label::Real);
    let difference = |i: usize| weights.row(0)[i] - weights.row(1)[i];
    let margin: f32 = (0..SIZE).map(|i| 0.5 * difference(i)).sum();
    for (i, d) in change.iter().enumerate() {
        let expected = 0.01 * difference(i) / (1.0 + margin.exp());
        assert!((d - expected).abs() < 1e-6, "value {i}: {d}, expected {expected}");
    }
}

#[test]
fn a_universal_change_raises_one_zone_and_lowers_the_other_wherever_it_can() {
    let weights = weights().map(f32::abs);
    // Each value feeds one zone only.
    let weights =
        Tensor::from_fn([2, SIZE], |i| if i % SIZE % 2 == i / SIZE { weights.data()[i] } else { 0.0 });
    let graph = network(&weights);
    let eps = Eps::new(0.1).unwrap();
    for (label, on) in [(Label::Fake, 1), (Label::Real, 0)] {
        let mut detector = Detector::new(&Reference, &graph, TRAITS, 1).unwrap();
        let change = run(&mut detector, "uap_overfire(steps=40,k=0.1)", Some(eps), label);
        for (i, d) in change.iter().enumerate() {
            let expected = if i % 2 == on { 0.1 } else { -0.1 };
            assert!((d - expected).abs() < 1e-6, "{label}: value {i}: {d}");
        }
    }
}

#[test]
fn what_a_network_lacks_is_said() {
    let graph = network(&weights());
    let images = grey();
    let samples = Samples { images: &images, ids: &[SampleId(1)], seed: 5 };
    for text in ["iap_seg", "uap_overfire"] {
        let mut detector = Detector::new(&Reference, &graph, Traits::default(), 1).unwrap();
        detector.set_labels(&[Label::Fake]);
        let attack: Attack = text.parse().unwrap();
        let error =
            attack.run(&mut detector, &samples, Some(Eps::new(0.1).unwrap()), Criterion::Saved).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Graph, "{error}");
        assert!(error.to_string().contains("for networks with zones"), "{error}");
    }
}
