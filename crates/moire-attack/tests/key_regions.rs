//! The Key Region Attack on a network whose decision is known to hang on one corner.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_attack::{
    Attack, Criterion, Detector, ErrorKind, KeyLayers, Objective, Samples, Traits, key_layers,
};
use moire_graph::{Act, Builder, Conv2d, Graph};
use moire_tensor::{Eps, Images, Label, SampleId, Tensor};
use moire_testkit::{Reference, seeded};

const SIDE: usize = 16;

/// Two strided convolutions and a margin that weighs the pixels of the second: the nearer to the corner the more.
fn network() -> Graph {
    let mut b = Builder::new();
    let mut x = b.input("x", [1, 3, SIDE, SIDE]).unwrap();
    for (i, (from, to)) in [(3, 4), (4, 4)].into_iter().enumerate() {
        b.scope(format!("block{i}"));
        let positive = seeded(&[to, from, 3, 3], i as u64, "w").map(|v| 0.05 + 0.1 * v.abs());
        let w = b.constant(&format!("w{i}"), positive).unwrap();
        let conv = Conv2d { stride: [2, 2], padding: [1, 1], ..Conv2d::default() };
        x = b.conv2d(x, w, None, conv).unwrap();
        x = b.act(x, Act::Relu).unwrap();
    }
    b.scope("head");
    let weight = |i: usize| if i % 16 / 4 < 2 && i % 4 < 2 { 1.0 } else { 0.01 };
    let w = b.literal(Tensor::from_fn([1, 4, 4, 4], weight));
    let weighed = b.mul(x, w).unwrap();
    let sum = b.sum_all(weighed).unwrap();
    let bias = b.scalar(-20.0);
    let margin = b.add(sum, bias).unwrap();
    b.finish([("margin", margin)]).unwrap()
}

fn grey(n: usize) -> Images {
    Images::new(Tensor::from_fn([n, 3, SIDE, SIDE], |i| 0.5 + 0.01 * (i % 7) as f32)).unwrap()
}

fn attack(text: &str, eps: Option<Eps>) -> (Vec<f32>, bool) {
    let images = grey(1);
    let mut detector = Detector::new(&Reference, &network(), Traits::default(), 2).unwrap();
    let margin = {
        detector.set_labels(&[Label::Fake]);
        Objective::margins(&mut detector, &images, &[0]).unwrap()[0]
    };
    assert!(margin > 0.0, "{margin}");
    let samples = Samples { images: &images, ids: &[SampleId(1)], seed: 4 };
    let outcome =
        text.parse::<Attack>().unwrap().run(&mut detector, &samples, eps, Criterion::Float).unwrap();
    let change = outcome.images.image(0).iter().zip(images.image(0)).map(|(x, c)| x - c).collect();
    (change, outcome.found[0].success)
}

/// The positions that changed in any channel.
fn changed(change: &[f32]) -> Vec<usize> {
    let n = SIDE * SIDE;
    (0..n).filter(|p| (0..3).any(|c| change[c * n + p] != 0.0)).collect()
}

#[test]
fn the_change_stays_where_the_decision_hangs() {
    let eps = Some(Eps::new(0.5).unwrap());
    for (text, eps) in [
        ("kra", eps),
        ("kra:fgsm", eps),
        ("kra:i_fgsm", eps),
        ("kra:mi_fgsm", eps),
        ("kra:apgd(steps=10)", eps),
        ("kra(mask=after)", eps),
        ("kra:deepfool", None),
        ("kra:cw(steps=50,searches=3,c=1,rate=0.1)", None),
    ] {
        let (change, success) = attack(text, eps);
        let positions = changed(&change);
        assert!(success, "{text}");
        assert!(!positions.is_empty() && positions.len() < 120, "{text}: {} positions", positions.len());
        assert!(positions.iter().all(|p| p / SIDE < 11 && p % SIDE < 11), "{text} leaves the corner");
    }
    let plain = changed(&attack("pgd", eps).0).len();
    assert!(plain > 200, "without regions everything changes: {plain}");
}

#[test]
fn the_budget_bounds_the_sum_of_all_rounds() {
    let eps = Eps::new(0.02).unwrap();
    for text in ["kra(rounds=4)", "kra(rounds=4,mask=after)"] {
        let (change, success) = attack(text, Some(eps));
        assert!(!success, "{text} has too little to spend");
        assert!(change.iter().all(|d| d.abs() <= eps.value() + 1e-6), "{text}");
    }
    let none = "kra".parse::<Attack>().unwrap();
    let images = grey(1);
    let mut detector = Detector::new(&Reference, &network(), Traits::default(), 1).unwrap();
    detector.set_labels(&[Label::Fake]);
    let samples = Samples { images: &images, ids: &[SampleId(1)], seed: 4 };
    let error = none.run(&mut detector, &samples, None, Criterion::Saved).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Budget, "pgd is an attack within a budget, and there is none")
    );
}

#[test]
fn heat_maps_are_the_gradients_of_the_layers() {
    let graph = network();
    assert_eq!(key_layers(&graph).unwrap(), ["block0.conv2d", "block0.relu", "block1.conv2d", "block1.relu"]);
    let images = grey(1);
    let mut detector = Detector::new(&Reference, &graph, Traits::default(), 1).unwrap();
    let last = KeyLayers::Named(vec!["block1.relu".to_owned()]);
    let maps = detector.heat_maps(&images, &last).unwrap();
    // The gradient there is the head's weights, summed: 4 in the corner, 0.04 elsewhere.
    let map = &maps[0][0];
    assert_eq!((map[0], map[SIDE * SIDE - 1]), (1.0, 0.0));
    let between = map[7];
    assert!(
        (between - 0.625).abs() < 1e-6,
        "half-pixel bilinear between 1 and 0 at 7.5 / 4 - 0.5: {between}"
    );
}

#[test]
fn layers_that_say_nothing_are_left_out_and_none_is_reported() {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, 4, 4]).unwrap();
    b.scope("layer");
    let hidden = b.act(x, Act::Relu).unwrap();
    let margin = b.mean_all(hidden).unwrap();
    let graph = b.finish([("margin", margin)]).unwrap();
    let images = Images::new(Tensor::full([1, 3, 4, 4], 0.5)).unwrap();
    let mut detector = Detector::new(&Reference, &graph, Traits::default(), 1).unwrap();
    detector.set_labels(&[Label::Fake]);
    let samples = Samples { images: &images, ids: &[SampleId(0)], seed: 0 };
    let attack: Attack = "kra:deepfool".parse().unwrap();
    let outcome = attack.run(&mut detector, &samples, None, Criterion::Saved).unwrap();
    assert!(outcome.found[0].zero_gradient && !outcome.found[0].success);
    assert_eq!(outcome.images, images);
    let wrong = KeyLayers::Named(vec!["layer.relu2".to_owned()]);
    assert!(detector.heat_maps(&images, &wrong).unwrap_err().to_string().contains("layer.relu2"));
}
