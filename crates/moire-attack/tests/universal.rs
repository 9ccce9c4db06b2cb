//! One change for all images, where the best one is known.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_attack::{Attack, Criterion, Detector, ErrorKind, Needs, Samples, Traits, Universal};
use moire_graph::{Act, Builder, Conv2d, Graph};
use moire_tensor::{Eps, Images, Label, SampleId, Tensor};
use moire_testkit::{Linear, Reference, linear};

const SIDE: usize = 6;
const SIZE: usize = 3 * SIDE * SIDE;

fn graph(network: &Linear) -> Graph {
    let mut b = Builder::from(network.graph.clone());
    let margin = b.reshape(network.graph.output("logits").unwrap(), []).unwrap();
    b.finish([("margin", margin)]).unwrap()
}

/// Images around grey with margins within `spread` of 0, fakes above and reals below, and their labels.
fn images(network: &Linear, spread: f32) -> (Images, Vec<Label>) {
    let squared: f32 = network.weights.iter().map(|w| w * w).sum();
    let labels: Vec<Label> = (0..8).map(|i| if i < 4 { Label::Fake } else { Label::Real }).collect();
    let value = |i: usize| {
        let (image, at) = (i / SIZE, i % SIZE);
        let margin = labels[image].sign() * spread * (0.7 + 0.1 * (image % 4) as f32);
        0.5 + margin * network.weights[at] / squared
    };
    (Images::new(Tensor::from_fn([8, 3, SIDE, SIDE], value)).unwrap(), labels)
}

fn ids(n: usize) -> Vec<SampleId> {
    (0..n as u64).map(SampleId).collect()
}

#[test]
fn a_change_made_of_images_fools_those_that_were_not_seen() {
    let network = linear(SIDE, 7, 0.0);
    let eps = Eps::new(0.05).unwrap();
    let l1: f32 = network.weights.iter().map(|w| w.abs()).sum();
    let (images, labels) = images(&network, 0.8 * eps.value() * l1);
    let mut detector = Detector::new(&Reference, &graph(&network), Traits::default(), 8).unwrap();
    let seen = [0, 3, 4, 7];
    detector.set_labels(&seen.map(|i| labels[i]));
    let made_of = Samples { images: &images.select(&seen), ids: &ids(4), seed: 1 };
    let attack: Attack = "uap(delta=0,passes=50)".parse().unwrap();
    assert_eq!(attack.needs(), Needs::Images(64));
    let ready = attack.prepare(&mut detector, Some(eps), 1, Some(&made_of)).unwrap();
    let change = ready.universal().unwrap().clone();
    for (i, (fakes, reals)) in change.of_fakes.iter().zip(&change.of_reals).enumerate() {
        assert!(fakes.abs() <= eps.value() && reals.abs() <= eps.value());
        assert!(fakes * network.weights[i] <= 0.0 && reals * network.weights[i] >= 0.0, "value {i}");
    }
    detector.set_labels(&labels);
    let samples = Samples { images: &images, ids: &ids(8), seed: 1 };
    let outcome = ready.run(&mut detector, &samples, Criterion::Float).unwrap();
    assert!(outcome.found.iter().all(|f| f.success && f.gradients == 0 && f.queries == 1));
    let moved = outcome.images.image(1).iter().zip(images.image(1)).map(|(x, c)| x - c);
    assert!(moved.zip(&change.of_fakes).all(|(d, v)| (d - v).abs() < 1e-6), "the same for each image");

    // The same change from somebody else's hands.
    let given: Attack = "universal(file=change.safetensors)".parse().unwrap();
    assert_eq!((given.needs(), given.takes_budget()), (Needs::Change("change.safetensors"), false));
    let again = given.prepared(change).run(&mut detector, &samples, Criterion::Float).unwrap();
    assert_eq!(again.images, outcome.images);
}

#[test]
fn what_it_is_made_of_has_to_be_there() {
    let network = linear(SIDE, 7, 0.0);
    let mut detector = Detector::new(&Reference, &graph(&network), Traits::default(), 8).unwrap();
    let mut error = |text: &str| {
        let attack: Attack = text.parse().unwrap();
        attack.prepare(&mut detector, Some(Eps::new(0.1).unwrap()), 0, None).unwrap_err()
    };
    assert_eq!(error("uap").to_string(), "uap is made of images, and there is none");
    assert_eq!(error("universal(file=x)").kind(), ErrorKind::Material);
    assert_eq!(error("gd_uap").kind(), ErrorKind::Graph, "a network without layers has none to fire");
}

/// Two layers that fire the more the brighter the image is.
#[test]
fn every_layer_fires_at_the_bound_of_the_budget() {
    let mut b = Builder::new();
    let mut x = b.input("x", [1, 3, SIDE, SIDE]).unwrap();
    for i in 0..2 {
        let w = b.literal(Tensor::from_fn([3, 3, 1, 1], |at| 0.1 + 0.01 * ((at + i) % 5) as f32));
        x = b.conv2d(x, w, None, Conv2d::default()).unwrap();
        x = b.act(x, Act::Relu).unwrap();
    }
    let margin = b.mean_all(x).unwrap();
    let graph = b.finish([("margin", margin)]).unwrap();
    let traits = Traits { mean: [0.5; 3], ..Traits::default() };
    let mut detector = Detector::new(&Reference, &graph, traits, 4).unwrap();
    let eps = Eps::new(0.02).unwrap();
    let attack: Attack = "gd_uap(steps=60,rate=0.1)".parse().unwrap();
    let Universal { size, of_fakes, of_reals } =
        attack.prepare(&mut detector, Some(eps), 3, None).unwrap().universal().unwrap().clone();
    assert_eq!((size, &of_reals), ([SIDE, SIDE], &of_fakes));
    assert!(of_fakes.iter().all(|v| (v - eps.value()).abs() < 1e-7), "{of_fakes:?}");
}
