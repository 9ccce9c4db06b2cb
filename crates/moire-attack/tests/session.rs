//! Images that come and go: what becomes of each is the same whoever sits beside it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_attack::{Attack, Criterion, Detector, ErrorKind, Left, Samples, Traits};
use moire_graph::{Act, Builder, Graph};
use moire_tensor::{Eps, Images, Label, SampleId, Tensor};
use moire_testkit::{Reference, linear};

const SIDE: usize = 8;

/// A detector whose margin is no number where the mean of the image is below 0.25.
fn graph() -> Graph {
    let network = linear(SIDE, 5, 0.1);
    let mut b = Builder::from(network.graph.clone());
    let x = network.graph.input("x").unwrap();
    let mean = b.mean_all(x).unwrap();
    let mean = b.reshape(mean, []).unwrap();
    let shift = b.scalar(0.25);
    let above = b.sub(mean, shift).unwrap();
    let root = b.act(above, Act::Log).unwrap();
    let nothing = b.scale(root, 0.0).unwrap();
    let margin = b.reshape(network.graph.output("logits").unwrap(), []).unwrap();
    let margin = b.add(margin, nothing).unwrap();
    b.finish([("margin", margin)]).unwrap()
}

fn images(n: usize) -> Images {
    let values = |i: usize| 0.4 + 0.2 * ((i * 7919 % 101) as f32 / 101.0);
    Images::new(Tensor::from_fn([n, 3, SIDE, SIDE], values)).unwrap()
}

fn label(i: usize) -> Label {
    if i % 3 == 0 { Label::Real } else { Label::Fake }
}

/// Runs images through `seats` seats, the next one in as soon as one is free.
fn stream(text: &str, images: &Images, seats: usize, most: Option<u32>) -> Vec<Result<Left, ErrorKind>> {
    let attack: Attack = text.parse().unwrap();
    let mut detector = Detector::new(&Reference, &graph(), Traits::default(), seats).unwrap();
    let ready = attack.prepare(&mut detector, Some(Eps::from_u8(2).unwrap()), 9, None).unwrap();
    let mut session = ready.session(seats, Criterion::Saved, 9).at_most(most);
    let mut sits = vec![usize::MAX; seats];
    let mut results: Vec<Option<Result<Left, ErrorKind>>> = vec![None; images.len()];
    let mut waiting = (0..images.len()).collect::<std::collections::VecDeque<_>>();
    loop {
        let free: Vec<usize> = session.free().into_iter().take(waiting.len()).collect();
        let who: Vec<usize> = waiting.drain(..free.len()).collect();
        for (&seat, &i) in free.iter().zip(&who) {
            sits[seat] = i;
            detector.set_label(seat, label(i));
        }
        if !who.is_empty() {
            let ids: Vec<_> = who.iter().map(|&i| SampleId(i as u64)).collect();
            session.enter(&mut detector, &images.select(&who), &free, &ids).unwrap();
        }
        if session.is_idle() {
            break;
        }
        for finished in session.step(&mut detector).unwrap() {
            results[sits[finished.seat]] = Some(finished.result.map_err(|e| e.kind()));
        }
    }
    results.into_iter().map(Option::unwrap).collect()
}

#[test]
fn a_stream_ends_as_a_batch_does_for_any_number_of_seats() {
    let images = images(11);
    let ids: Vec<_> = (0..11).map(SampleId).collect();
    let labels: Vec<_> = (0..11).map(label).collect();
    for text in ["pgd(steps=6)", "apgd(steps=9)", "deepfool", "cw(steps=5,searches=2)", "urn"] {
        let attack: Attack = text.parse().unwrap();
        let mut detector = Detector::new(&Reference, &graph(), Traits::default(), 11).unwrap();
        detector.set_labels(&labels);
        let samples = Samples { images: &images, ids: &ids, seed: 9 };
        let eps = Some(Eps::from_u8(2).unwrap());
        let batch = attack.run(&mut detector, &samples, eps, Criterion::Saved).unwrap();
        for seats in [1, 3, 11] {
            for (i, left) in stream(text, &images, seats, None).into_iter().enumerate() {
                let left = left.unwrap();
                assert!(left.image == batch.images.image(i), "{text}, image {i}, {seats} seats");
                assert_eq!(left.found, batch.found[i], "{text}, image {i}, {seats} seats");
            }
        }
    }
}

#[test]
fn an_image_without_an_answer_fails_alone() {
    let dark = |i: usize| if i / (3 * SIDE * SIDE) == 2 { 0.1 } else { 0.5 };
    let mixed = Images::new(Tensor::from_fn([6, 3, SIDE, SIDE], dark)).unwrap();
    for text in ["pgd(steps=3)", "urn"] {
        let results = stream(text, &mixed, 4, None);
        let failed: Vec<usize> = (0..6).filter(|&i| results[i] == Err(ErrorKind::NotFinite)).collect();
        assert_eq!(failed, [2], "{text}");
    }
}

#[test]
fn no_image_looks_more_often_than_it_may() {
    for left in stream("i_fgsm(steps=50,alpha=0.0001)", &images(4), 2, Some(7)) {
        let found = left.unwrap().found;
        assert!(found.gradients + found.queries <= 8, "{found:?}");
    }
}
