//! `RetinaFace` against its `PyTorch` module (`train/reference/retinaface.py`): outputs and input gradient.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "the distances of a run that passes are worth a look")]

use std::collections::BTreeMap;
use std::fs;

use moire_cpu::Cpu;
use moire_formats::{Checkpoint, Limits, Loader};
use moire_graph::{Act, Builder, Device, simplify};
use moire_tensor::{Rng, SampleId, Tensor};
use moire_testkit::{relative_l2, shared};
use moire_zoo::{Form, Network, find};

const SEED: u64 = 7;
const SIZE: [usize; 2] = [42, 58];

/// The network with the weights that `golden` names; the heads' are small, as the script says.
fn network(golden: &Checkpoint) -> Network {
    let entry = find("retinaface").unwrap();
    let shapes: BTreeMap<String, Vec<usize>> = serde_json::from_str(&golden.metadata()["weights"]).unwrap();
    let mut random = Loader::random(SEED);
    let tensors = shapes.iter().map(|(name, shape)| {
        let small = if name.contains("Head") { 1e-3 } else { 1.0 };
        (format!("module.{name}"), random.tensor(name, shape.as_slice()).map(|v| v * small))
    });
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
    let mut rng = Rng::new(SEED, SampleId(0), "x");
    let x: Vec<f32> = (0..3 * SIZE[0] * SIZE[1]).map(|_| rng.uniform(0.0, 1.0)).collect();
    program.run(1, &[("x", &x)]).unwrap();
    for (name, _) in outputs {
        let distance = relative_l2(program.output(name).unwrap(), golden.get(name).unwrap().data());
        eprintln!("{name} {distance:.1e}");
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
