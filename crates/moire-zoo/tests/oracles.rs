//! The real checkpoints on real images, held to numbers of an independent port, and their gradients to central
//! differences.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "the distances of a run that passes are worth a look")]

use std::fs;
use std::path::Path;

use moire_cpu::Cpu;
use moire_formats::Limits;
use moire_graph::{Builder, Device, Program};
use moire_tensor::{Images, Tensor};
use moire_testkit::{relative_l2, seeded, shared};
use moire_zoo::{Network, find};

/// A network from its `name:path` below the shared folder.
fn load(spec: &str, root: &Path) -> Network {
    let (name, path) = spec.split_once(':').unwrap();
    let path = root.join(path);
    let paths: Vec<_> = if path.is_dir() {
        let inside = fs::read_dir(path).unwrap().map(|e| e.unwrap().path());
        inside.filter(|p| p.extension().is_some_and(|e| e == "pt")).collect()
    } else {
        vec![path]
    };
    let files: Vec<_> = paths.iter().map(|p| (p.display().to_string(), fs::read(p).unwrap())).collect();
    let entry = find(name).unwrap();
    entry.load(&files, &Limits::default(), &entry.form()).unwrap()
}

/// An image from its key in the oracle: the ramp, or a PNG.
fn image(key: &str, root: &Path) -> Images {
    if key.starts_with("ramp") {
        let ramp = Tensor::from_fn([1, 3, 256, 256], |at| {
            let (c, i, j) = (at / 65536, at / 256 % 256, at % 256);
            ((7 * c + 3 * i + 5 * j) % 256) as f32 / 255.0
        });
        return Images::new(ramp).unwrap();
    }
    let bytes = fs::read(root.join(key)).unwrap();
    moire_image::decode(&bytes, key, &moire_image::Limits::default()).unwrap().to_images()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn the_numbers_of_the_oracle_are_met() {
    let Some(root) = shared() else { return };
    let text = fs::read_to_string(root.join("oracles/detectors.json")).unwrap();
    let oracle: serde_json::Value = serde_json::from_str(&text).unwrap();
    let device = Cpu::new(2);
    let mut compared = 0;
    // JPEG leaves the last level to the decoder, so the oracle's own pixels are needed there: `make oracles`.
    for (key, expected) in oracle.as_object().unwrap().iter().filter(|(key, _)| !key.contains(".jpg")) {
        let x = image(key, &root);
        for (spec, expected) in expected.as_object().unwrap() {
            let network = load(spec, &root);
            let mut program = device.compile(&network.graph, 1).unwrap();
            program.run(1, &[("x", x.image(0))]).unwrap();
            let y = program.output("y").unwrap();
            let found = if network.name == "ynet" {
                let mask = program.output("mask").unwrap();
                let mean = mask.iter().map(|&v| f64::from(v)).sum::<f64>() / mask.len() as f64;
                let share = mask.iter().filter(|&&v| v >= 0.5).count() as f64 / mask.len() as f64;
                vec![
                    ("a0", f64::from(y[0])),
                    ("a1", f64::from(y[1])),
                    ("seg_mean_p1", mean),
                    ("seg_frac_ge_.5", share),
                ]
            } else {
                vec![("", sigmoid(f64::from(y[0])))]
            };
            for (part, value) in found {
                let expected = if part.is_empty() { expected } else { &expected[part] }.as_f64().unwrap();
                // One pixel of 65,536 may lie on the threshold itself.
                let tolerance =
                    if part.starts_with("seg_frac") { 2.0 / 65536.0 } else { 1e-4 * expected.abs() };
                assert!(
                    (value - expected).abs() <= tolerance,
                    "{spec} on {key}: {part} {value}, not {expected}"
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 4 * (4 + 3), "the ramp and every PNG were compared");
}

/// d mean(y^2) / dx of a graph with output `y`.
fn with_gradient(network: &Network) -> moire_graph::Graph {
    let (x, y) = (network.graph.input("x").unwrap(), network.graph.output("y").unwrap());
    let mut b = Builder::from(network.graph.clone());
    let square = b.act(y, moire_graph::Act::Square).unwrap();
    let loss = b.mean_all(square).unwrap();
    let grad = b.gradient(loss, &[x]).unwrap()[0];
    moire_graph::simplify(&b.finish([("loss", loss), ("grad", grad)]).unwrap()).unwrap()
}

#[test]
fn input_gradients_agree_with_the_adjoint_in_f64_and_that_with_central_differences() {
    let Some(root) = shared() else { return };
    for spec in [
        "ynet:weights/classnseg",
        "meso4:weights/mesonet/Meso4_DF.h5",
        "mesoinception4:weights/mesonet/MesoInception_F2F.h5",
    ] {
        let graph = with_gradient(&load(spec, &root));
        // Off the ends of the range, with less than a level of noise: where an image is flat, pooled maxima tie and
        // have no one gradient.
        let photograph = image("images/face2face/fake/face2face_750_743_0100.png", &root).into_tensor();
        let noise = seeded(photograph.shape(), 4, "noise");
        let x = Tensor::from_fn(photograph.shape().clone(), |i| {
            0.01 + 0.98 * photograph.data()[i] + noise.data()[i] / 512.0
        });
        let x = Images::new(x).unwrap();
        let mut program: Box<dyn Program> = Cpu::new(2).compile(&graph, 1).unwrap();
        program.run(1, &[("x", x.image(0))]).unwrap();
        let grad = program.output("grad").unwrap();
        let exact = graph.eval(&[("x", &x.tensor().to_f64())]).unwrap()["grad"].data().to_vec();
        // A rectifier or a maximum whose operands lie within rounding of a tie goes either way.
        let rounded: Vec<f32> = exact.iter().map(|&g| g as f32).collect();
        let distance = relative_l2(grad, &rounded);
        assert!(distance < 1e-2, "{spec}: {distance} from the adjoint in f64");
        eprintln!("{spec}: {distance:.1e} from the adjoint in f64");

        let x = x.tensor().to_f64();
        // Along the gradient itself, so that the derivative is its length; and along a random direction.
        let length = exact.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!(length > 0.0, "{spec}: a gradient that is zero tells nothing");
        let random = seeded(x.shape(), 1, "direction").to_f64();
        let along = [exact.iter().map(|g| g / length).collect::<Vec<f64>>(), random.data().to_vec()];
        for direction in along {
            let analytic: f64 = exact.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let shifted = |h: f64| {
                let mut moved = x.clone();
                moved.data_mut().iter_mut().zip(&direction).for_each(|(v, d)| *v += h * d);
                graph.eval(&[("x", &moved)]).unwrap()["loss"].data()[0]
            };
            let h = 1e-9; // small enough to cross no kink
            let numeric = (shifted(h) - shifted(-h)) / (2.0 * h);
            let scale = numeric.abs().max(1e-2 * length);
            assert!((analytic - numeric).abs() <= 1e-4 * scale, "{spec}: {analytic} against {numeric}");
        }
    }
}

#[test]
fn a_sample_has_the_same_bits_at_every_batch_size_and_thread_count() {
    let Some(root) = shared() else { return };
    for spec in ["ynet:weights/classnseg", "mesoinception4:weights/mesonet/MesoInception_F2F.h5"] {
        let graph = with_gradient(&load(spec, &root));
        let x: Vec<f32> =
            (0..8).flat_map(|i| seeded(&[3, 256, 256], i, "x").map(f32::abs).into_data()).collect();
        let run = |batch: usize, threads: usize| {
            let mut program = Cpu::new(threads).compile(&graph, batch).unwrap();
            let mut grads = Vec::new();
            for chunk in x.chunks(batch * 3 * 65536) {
                program.run(chunk.len() / (3 * 65536), &[("x", chunk)]).unwrap();
                grads.extend(program.output("grad").unwrap().iter().map(|g| g.to_bits()));
            }
            grads
        };
        let one = run(1, 1);
        for (batch, threads) in [(1, 2), (3, 1), (3, 2), (8, 1), (8, 2)] {
            assert!(run(batch, threads) == one, "{spec}: batch {batch} on {threads} threads differs");
        }
    }
}

#[test]
fn loading_is_strict() {
    let Some(root) = shared() else { return };
    let file = |path: &str| (path.to_owned(), fs::read(root.join(path)).unwrap());
    let entry = find("ynet").unwrap();
    let half = entry
        .load(&[file("weights/classnseg/encoder_46.pt")], &Limits::default(), &entry.form())
        .unwrap_err();
    assert!(
        half.to_string().contains("missing: segmenter.12.weight, expected [8, 2, 3, 3]")
            || half.to_string().contains("missing"),
        "{half}"
    );
    let entry = find("meso4").unwrap();
    let files = [file("weights/mesonet/MesoInception_DF.h5")];
    let other = entry.load(&files, &Limits::default(), &entry.form());
    assert!(other.unwrap_err().to_string().contains("unused"));
}
