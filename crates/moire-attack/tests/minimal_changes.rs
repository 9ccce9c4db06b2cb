//! Attacks that look for the smallest change, on a linear detector whose optimum is known.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_attack::{Attack, Criterion, Detector, Samples, Traits};
use moire_graph::{Builder, Graph};
use moire_tensor::{Images, Label, Norm, SampleId, Tensor};
use moire_testkit::{Linear, Reference, linear};

const SIDE: usize = 8;

fn graph(network: &Linear) -> Graph {
    let mut b = Builder::from(network.graph.clone());
    let margin = b.reshape(network.graph.output("logits").unwrap(), []).unwrap();
    b.finish([("margin", margin)]).unwrap()
}

/// A batch of `n` images whose values lie in `[0.3, 0.7]`, all different.
fn images(n: usize) -> Images {
    let value = |i: usize| 0.3 + 0.4 * ((i * 37 % 101) as f32 / 101.0);
    Images::new(Tensor::from_fn([n, 3, SIDE, SIDE], value)).unwrap()
}

/// A linear detector whose margin on `images(1)` is `margin`.
fn detector_at(seed: u64, margin: f32) -> Linear {
    let network = linear(SIDE, seed, 0.0);
    let now = network.value(images(1).image(0)) as f32;
    linear(SIDE, seed, margin - now)
}

/// The change that an attack makes to a fake image that `network` calls fake.
fn change(text: &str, network: &Linear, criterion: Criterion) -> Vec<f32> {
    let images = images(1);
    let mut detector = Detector::new(&Reference, &graph(network), Traits::default(), 1).unwrap();
    detector.set_labels(&[Label::Fake]);
    let samples = Samples { images: &images, ids: &[SampleId(3)], seed: 0 };
    let attack: Attack = text.parse().unwrap();
    let outcome = attack.run(&mut detector, &samples, None, criterion).unwrap();
    assert!(outcome.found[0].success, "{text}");
    let x = outcome.images.image(0);
    assert!(network.value(x) < 0.0, "{text}: success is the network's to say");
    x.iter().zip(images.image(0)).map(|(x, c)| x - c).collect()
}

#[test]
fn the_smallest_euclidean_change_is_the_margin_over_the_norm_of_the_weights() {
    for seed in 0..4 {
        let network = detector_at(seed, 0.8);
        let optimum = 0.8 / Norm::L2.of(network.weights.iter().copied());
        for text in ["deepfool", "fmn", "cw(steps=300,c=0.1)", "cf_l2(steps=300,c=0.1)"] {
            let ratio = Norm::L2.of(change(text, &network, Criterion::Float)) / optimum;
            assert!((1.0..1.05).contains(&ratio), "{text}, seed {seed}: {ratio}");
        }
    }
}

#[test]
fn the_smallest_largest_change_is_the_margin_over_the_sum_of_the_weights() {
    for seed in 0..4 {
        let network = detector_at(seed, 0.8);
        let optimum = 0.8 / Norm::L1.of(network.weights.iter().copied());
        for text in ["deepfool(norm=linf)", "fmn(norm=linf)"] {
            let ratio = Norm::Linf.of(change(text, &network, Criterion::Float)) / optimum;
            assert!((1.0..1.05).contains(&ratio), "{text}, seed {seed}: {ratio}");
        }
    }
}

/// How many of these gains, largest first, use up the margin.
fn enough(mut gains: Vec<f64>, margin: f64) -> usize {
    gains.sort_by(|a, b| b.total_cmp(a));
    let mut left = margin;
    let spent = |g: &&f64| {
        let more = left >= 0.0;
        left -= **g;
        more
    };
    gains.iter().take_while(spent).count()
}

/// The fewest values that can do it: those whose weights and room gain most.
fn fewest(network: &Linear) -> usize {
    let clean = images(1);
    let gain = |(w, x): (&f32, &f32)| f64::from(w.abs() * if *w > 0.0 { *x } else { 1.0 - x });
    let gains: Vec<f64> = network.weights.iter().zip(clean.image(0)).map(gain).collect();
    enough(gains, network.value(clean.image(0)))
}

#[test]
fn sparse_attacks_come_close_to_the_fewest_values() {
    for seed in 0..4 {
        let network = detector_at(seed, 4.0);
        let fewest = fewest(&network);
        assert!(fewest >= 7, "the test needs some to count: {fewest}");
        // Two at a time; pixels of three values; each may be one step from the optimum.
        for (text, slack) in [("jsma", 3), ("sparsefool(lambda=1)", 3), ("sigma_zero(steps=300)", 3)] {
            let count = Norm::L0.of(change(text, &network, Criterion::Float)) as usize;
            assert!(
                (fewest..=fewest + slack).contains(&count),
                "{text}, seed {seed}: {count}, {fewest} would do"
            );
        }
    }
}

/// The fewest positions that can do it, all three channels of each free to move.
fn fewest_positions(network: &Linear) -> usize {
    let (clean, n) = (images(1), SIDE * SIDE);
    let gain = |i: usize| {
        let (w, x) = (network.weights[i], clean.image(0)[i]);
        f64::from(w.abs() * if w > 0.0 { x } else { 1.0 - x })
    };
    let gains: Vec<f64> = (0..n).map(|p| (0..3).map(|c| gain(c * n + p)).sum()).collect();
    enough(gains, network.value(clean.image(0)))
}

#[test]
fn freezing_comes_close_to_the_fewest_pixels() {
    for seed in 0..4 {
        let network = detector_at(seed, 4.0);
        let fewest = fewest_positions(&network);
        let change = change("cf_l0(rate=0.1)", &network, Criterion::Float);
        let n = SIDE * SIDE;
        let count = (0..n).filter(|p| (0..3).any(|c| change[c * n + p] != 0.0)).count();
        assert!((fewest..=fewest + 2).contains(&count), "seed {seed}: {count}, {fewest} would do");
    }
}

#[test]
fn what_is_smallest_survives_its_file() {
    let network = detector_at(1, 0.8);
    for text in [
        "deepfool",
        "fmn",
        "cw(steps=60,searches=4,c=1)",
        "sparsefool",
        "jsma",
        "sigma_zero(steps=100)",
        "cf_l0",
    ] {
        for criterion in [Criterion::Saved, Criterion::Grid] {
            let change = change(text, &network, criterion);
            let moved: Vec<f32> = images(1).image(0).iter().zip(&change).map(|(c, d)| c + d).collect();
            let file = Images::new(Tensor::new([1, 3, SIDE, SIDE], moved).unwrap()).unwrap().quantised();
            assert!(network.value(file.image(0)) < 0.0, "{text} under {criterion:?}");
        }
    }
}

#[test]
fn a_batch_is_as_many_images_alone() {
    let network = detector_at(2, 0.8);
    let all = images(3);
    let run = |rows: &[usize], text: &str| {
        let mut detector =
            Detector::new(&Reference, &graph(&network), Traits::default(), rows.len()).unwrap();
        detector.set_labels(&vec![Label::Fake; rows.len()]);
        let ids: Vec<SampleId> = rows.iter().map(|&r| SampleId(r as u64)).collect();
        let images = all.select(rows);
        let samples = Samples { images: &images, ids: &ids, seed: 0 };
        let outcome =
            text.parse::<Attack>().unwrap().run(&mut detector, &samples, None, Criterion::Saved).unwrap();
        let image = |k: usize| (outcome.images.image(k).to_vec(), outcome.found[k]);
        (0..rows.len()).map(image).collect::<Vec<_>>()
    };
    for text in [
        "deepfool",
        "fmn(steps=20)",
        "cw(steps=20,searches=3)",
        "cf_l0(steps=10)",
        "sparsefool",
        "sigma_zero(steps=40)",
        "jsma",
    ] {
        let alone: Vec<_> = (0..3).flat_map(|r| run(&[r], text)).collect();
        assert!(run(&[0, 1, 2], text) == alone, "{text}");
    }
}
