//! Attacks on a linear detector, where theory says exactly what they must do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_attack::{Attack, Criterion, Detector, Objective, Samples, Traits};
use moire_graph::{Builder, Graph};
use moire_tensor::{Eps, Images, Label, SampleId, Tensor};
use moire_testkit::{Linear, Reference, linear};
use proptest::prelude::*;

fn graph(network: &Linear) -> Graph {
    let mut b = Builder::from(network.graph.clone());
    let margin = b.reshape(network.graph.output("logits").unwrap(), []).unwrap();
    b.finish([("margin", margin)]).unwrap()
}

fn grey(n: usize, size: usize) -> Images {
    Images::new(Tensor::full([n, 3, size, size], 0.5)).unwrap()
}

fn ids(n: usize) -> Vec<SampleId> {
    (0..n as u64).map(SampleId).collect()
}

/// Every gradient attack on mid grey, with the box too far away to matter.
const GRADIENT: [&str; 5] = ["fgsm", "i_fgsm", "pgd(steps=40)", "mi_fgsm", "apgd(steps=20)"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// |f| < eps ||w||_1 is the whole condition, and the change that flips is eps sign(w).
    #[test]
    fn sign_methods_flip_exactly_where_theory_says(
        seed in 0..1000u64,
        share in 0.5f32..1.5,
        fake in any::<bool>(),
    ) {
        prop_assume!((share - 1.0).abs() > 1e-3);
        let eps = Eps::new(0.05).unwrap();
        let l1: f32 = linear(4, seed, 0.0).weights.iter().map(|w| w.abs()).sum();
        let label = if fake { Label::Fake } else { Label::Real };
        let network = linear(4, seed, label.sign() * share * eps.value() * l1);
        let images = grey(1, 4);
        let samples = Samples { images: &images, ids: &ids(1), seed };
        let mut detector = Detector::new(&Reference, &graph(&network), Traits::default(), 4).unwrap();
        detector.set_labels(&[label]);
        for text in GRADIENT {
            let attack: Attack = text.parse().unwrap();
            let outcome = attack.run(&mut detector, &samples, Some(eps), Criterion::Float).unwrap();
            prop_assert_eq!(outcome.found[0].success, share < 1.0, "{} at share {}", text, share);
            if share >= 1.0 {
                let sum: f32 = outcome.images.image(0).iter().zip(&network.weights)
                    .map(|(x, w)| (x - 0.5) * w * -label.sign()).sum();
                prop_assert!((sum / (eps.value() * l1) - 1.0).abs() < 1e-4, "{} spends the whole budget", text);
            }
        }
    }
}

/// Squares of one pixel and three colours reach the best corner of the ball, one by one; more than that nobody can do.
#[test]
fn squares_flip_where_theory_says_without_a_gradient() {
    let eps = Eps::new(0.05).unwrap();
    let l1: f32 = linear(4, 11, 0.0).weights.iter().map(|w| w.abs()).sum();
    for (share, label) in [(0.95, Label::Fake), (0.95, Label::Real), (1.05, Label::Fake), (1.05, Label::Real)]
    {
        let network = linear(4, 11, label.sign() * share * eps.value() * l1);
        let images = grey(1, 4);
        let mut detector = Detector::new(&Reference, &graph(&network), Traits::default(), 1).unwrap();
        detector.set_labels(&[label]);
        let samples = Samples { images: &images, ids: &ids(1), seed: 2 };
        let attack: Attack = "square(queries=3000)".parse().unwrap();
        let outcome = attack.run(&mut detector, &samples, Some(eps), Criterion::Float).unwrap();
        let found = outcome.found[0];
        assert_eq!((found.success, found.gradients), (share < 1.0, 0), "{label} at {share}");
        if share > 1.0 {
            assert_eq!(found.queries, 3000);
            let moved = outcome.images.image(0).iter().zip(&network.weights);
            let gained: f32 = moved.map(|(x, w)| (0.5 - x) * w * label.sign()).sum();
            assert!(gained > 0.99 * eps.value() * l1, "{label}: {gained} of {}", eps.value() * l1);
        }
    }
}

#[test]
fn the_raw_gradient_goes_four_times_to_the_linearised_boundary_at_first() {
    for (seed, label) in [(1, Label::Fake), (2, Label::Real)] {
        let network = linear(4, seed, label.sign() * 0.1);
        let images = grey(1, 4);
        let mut detector = Detector::new(&Reference, &graph(&network), Traits::default(), 1).unwrap();
        detector.set_labels(&[label]);
        let samples = Samples { images: &images, ids: &ids(1), seed: 0 };
        let run = |detector: &mut Detector, text: &str| {
            let attack: Attack = text.parse().unwrap();
            attack.run(detector, &samples, None, Criterion::Float).unwrap().images
        };
        let one = run(&mut detector, "iap(steps=1)");
        let left = Objective::margins(&mut detector, &one, &[0]).unwrap()[0];
        assert!((left + 0.3).abs() < 1e-5, "{label}: {left} of 0.1");
        let all = run(&mut detector, "iap");
        assert!(Objective::margins(&mut detector, &all, &[0]).unwrap()[0] < 0.0, "{label}");
    }
}

#[test]
fn noise_of_the_same_size_does_not_flip_what_an_attack_flips() {
    let eps = Eps::from_u8(8).unwrap();
    let l1: f32 = linear(16, 3, 0.0).weights.iter().map(|w| w.abs()).sum();
    let network = linear(16, 3, 0.5 * eps.value() * l1);
    let images = grey(8, 16);
    let samples = Samples { images: &images, ids: &ids(8), seed: 1 };
    let mut detector = Detector::new(&Reference, &graph(&network), Traits::default(), 8).unwrap();
    detector.set_labels(&[Label::Fake; 8]);
    let flips = |detector: &mut Detector, text: &str| {
        let attack: Attack = text.parse().unwrap();
        let outcome = attack.run(detector, &samples, Some(eps), Criterion::Saved).unwrap();
        outcome.found.iter().filter(|f| f.success).count()
    };
    assert_eq!((flips(&mut detector, "fgsm"), flips(&mut detector, "urn")), (8, 0));
}

#[test]
fn a_sample_does_not_depend_on_its_neighbours() {
    let network = linear(6, 5, 1.0);
    let all =
        Images::new(Tensor::from_fn([5, 3, 6, 6], |i| 0.3 + 0.4 * ((i * 7 % 11) as f32 / 11.0))).unwrap();
    let labels = [Label::Fake, Label::Real, Label::Fake, Label::Fake, Label::Real];
    let eps = Eps::from_u8(8).unwrap();
    let run = |rows: &[usize], batch: usize| {
        let mut detector = Detector::new(&Reference, &graph(&network), Traits::default(), batch).unwrap();
        detector.set_labels(&rows.iter().map(|&r| labels[r]).collect::<Vec<_>>());
        let images = all.select(rows);
        let ids: Vec<_> = rows.iter().map(|&r| SampleId(100 + r as u64)).collect();
        let samples = Samples { images: &images, ids: &ids, seed: 9 };
        let attack: Attack = "pgd(steps=7)".parse().unwrap();
        let outcome = attack.run(&mut detector, &samples, Some(eps), Criterion::Saved).unwrap();
        rows.iter()
            .enumerate()
            .map(|(i, &r)| (r, outcome.images.image(i).to_vec(), outcome.found[i]))
            .collect::<Vec<_>>()
    };
    let mut forwards = run(&[0, 1, 2, 3, 4], 8);
    let mut parts = [run(&[4, 2], 1), run(&[3, 0, 1], 2)].concat();
    forwards.sort_by_key(|r| r.0);
    parts.sort_by_key(|r| r.0);
    assert!(forwards == parts);
}

#[test]
fn the_budget_and_the_box_hold() {
    let network = linear(5, 8, 0.1);
    let edge = Images::new(Tensor::from_fn([2, 3, 5, 5], |i| (i % 3) as f32 / 2.0)).unwrap();
    let eps = Eps::from_u8(4).unwrap();
    let attacks = Attack::ALL.iter().filter_map(|(name, _)| name.parse::<Attack>().ok());
    let fits = |a: &Attack| !matches!(a.name(), "kra" | "uap_overfire" | "gd_uap");
    for attack in attacks.filter(|a| a.takes_budget() && fits(a)) {
        let mut detector = Detector::new(&Reference, &graph(&network), Traits::default(), 2).unwrap();
        detector.set_labels(&[Label::Fake, Label::Real]);
        let samples = Samples { images: &edge, ids: &ids(2), seed: 0 };
        let outcome = attack.run(&mut detector, &samples, Some(eps), Criterion::Saved).unwrap();
        for (a, b) in outcome.images.tensor().data().iter().zip(edge.tensor().data()) {
            assert!((a - b).abs() <= eps.value() + 1e-7, "{attack}");
        }
    }
}

#[test]
fn a_hidden_gradient_is_reported() {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, 2, 2]).unwrap();
    let step = b.act(x, moire_graph::Act::Step).unwrap();
    let margin = b.mean_all(step).unwrap();
    let graph = b.finish([("margin", margin)]).unwrap();
    let mut detector = Detector::new(&Reference, &graph, Traits::default(), 1).unwrap();
    detector.set_labels(&[Label::Fake]);
    let images = grey(1, 2);
    let samples = Samples { images: &images, ids: &ids(1), seed: 0 };
    let attack: Attack = "mi_fgsm".parse().unwrap();
    let outcome =
        attack.run(&mut detector, &samples, Some(Eps::from_u8(8).unwrap()), Criterion::Saved).unwrap();
    assert!(outcome.found[0].zero_gradient && !outcome.found[0].success);
    assert_eq!(outcome.images, images, "a zero gradient moves nothing");
}

#[test]
fn labels_must_be_set() {
    let mut detector = Detector::new(&Reference, &graph(&linear(2, 0, 0.0)), Traits::default(), 1).unwrap();
    assert_eq!(
        detector.margins(&grey(1, 2), &[0]).unwrap_err().to_string(),
        "nothing is known of sample 0: 0 were set"
    );
}
