//! `RetinaFace` against its `PyTorch` module (`train/reference/retinaface.py`): outputs and input gradient.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;

use moire_cpu::Cpu;
use moire_formats::{Checkpoint, Limits};
use moire_graph::{Act, Builder, Device, simplify};
use moire_tensor::Tensor;
use moire_testkit::{relative_l2, shared};
use moire_zoo::{Form, Network, find};

const SIZE: [usize; 2] = [42, 58];

/// `count` numbers in `[0, 1)` that hang on `name`: splitmix64 from its FNV-1a hash, the top 24 bits of each.
fn unit(name: &str, count: usize) -> Vec<f32> {
    let seed = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let number = |i: u64| {
        let mut z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 24) as f32
    };
    (1..=count as u64).map(number).collect()
}

/// A weight as the script makes it.
fn made(name: &str, shape: &[usize]) -> Tensor {
    let u = unit(name, shape.iter().product());
    let heads = if name.contains("Head") { 1e-3 } else { 1.0 };
    Tensor::from_fn(shape, |i| {
        if shape.len() > 1 {
            let bound = (6.0 / shape[1..].iter().product::<usize>() as f32).sqrt();
            (2.0 * u[i] - 1.0) * (bound * heads)
        } else if name.ends_with("weight") || name.ends_with("running_var") {
            u[i] + 0.5
        } else {
            0.2 * u[i] - 0.1
        }
    })
}

/// The network with the weights that `golden` names, filled by the formula.
fn network(golden: &Checkpoint) -> Network {
    let entry = find("retinaface").unwrap();
    let shapes: BTreeMap<String, Vec<usize>> = serde_json::from_str(&golden.metadata()["weights"]).unwrap();
    let tensors = shapes.iter().map(|(name, shape)| (format!("module.{name}"), made(name, shape)));
    let file = Checkpoint::new(tensors).unwrap().write_safetensors();
    let form = Form { size: SIZE, ..entry.form() };
    entry.load(&[("made.safetensors".to_owned(), file)], &Limits::default(), &form).unwrap()
}

/// The priors of an image, as their definition has them: centre and side.
fn priors([height, width]: [usize; 2]) -> Vec<([f32; 2], f32)> {
    let mut priors = Vec::new();
    for (step, sides) in [(8, [16.0, 32.0]), (16, [64.0, 128.0]), (32, [256.0, 512.0])] {
        for row in 0..height.div_ceil(step) {
            for column in 0..width.div_ceil(step) {
                let middle = |i: usize| (i as f32 + 0.5) * step as f32;
                sides.iter().for_each(|&side| priors.push(([middle(column), middle(row)], side)));
            }
        }
    }
    priors
}

#[test]
fn outputs_and_gradient_are_those_of_pytorch() {
    let bytes = include_bytes!("golden/retinaface.safetensors");
    let golden = Checkpoint::read(bytes, "retinaface.safetensors", &Limits::default()).unwrap();
    let priors = priors(SIZE);
    let n = priors.len();

    let graph = network(&golden).graph;
    let mut b = Builder::from(graph.clone());
    let [boxes, scores, landmarks] = ["boxes", "scores", "landmarks"].map(|o| graph.output(o).unwrap());
    let corners = Tensor::from_fn([n, 4], |i| {
        let (centre, side) = priors[i / 4];
        centre[i % 2] + if i % 4 < 2 { -0.5 * side } else { 0.5 * side }
    });
    let centres = Tensor::from_fn([n, 1, 2], |i| priors[i / 2].0[i % 2]);
    let (corners, centres) = (b.literal(corners), b.literal(centres));
    let boxes = b.sub(boxes, corners).unwrap();
    let landmarks = b.sub(landmarks, centres).unwrap();
    let mut mean_square = |v, factor| {
        let square = b.act(v, Act::Square).unwrap();
        let mean = b.mean_all(square).unwrap();
        b.scale(mean, factor).unwrap()
    };
    let terms = [mean_square(scores, 1.0), mean_square(boxes, 1e-3), mean_square(landmarks, 1e-3)];
    let loss = b.add(terms[0], terms[1]).unwrap();
    let loss = b.add(loss, terms[2]).unwrap();
    let gradient = b.gradient(loss, &[graph.input("x").unwrap()]).unwrap()[0];
    let outputs = [("boxes", boxes), ("scores", scores), ("landmarks", landmarks), ("gradient", gradient)];
    let graph = simplify(&b.finish(outputs).unwrap()).unwrap();

    let mut program = Cpu::new(2).compile(&graph, 1).unwrap();
    program.run(1, &[("x", &unit("x", 3 * SIZE[0] * SIZE[1]))]).unwrap();
    for (name, _) in outputs {
        let distance = relative_l2(program.output(name).unwrap(), golden.get(name).unwrap().data());
        assert!(distance < 1e-4, "{name} is off by {distance}");
    }
}

#[test]
fn the_published_checkpoint_loads_strictly() {
    let Some(root) = shared() else { return };
    let path = root.join("weights/retinaface/mobilenet0.25_Final.pth");
    let files = [("mobilenet0.25_Final.pth".to_owned(), fs::read(path).unwrap())];
    let entry = find("retinaface").unwrap();
    let network = entry.load(&files, &Limits::default(), &entry.form()).unwrap();
    let boxes = network.graph.output("boxes").unwrap();
    assert_eq!(
        network.graph.shape(boxes).to_vec(),
        [16_800, 4],
        "80 x 80, 40 x 40 and 20 x 20 cells, two each"
    );
}
