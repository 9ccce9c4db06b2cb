//! Every network held to PyTorch: outputs and input gradients on seeded images and seeded weights, which
//! `train/reference/make_goldens.py` computed. The weights are made here by the same rule and loaded as a file in the
//! layout of the official checkpoints.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "the distances of a run that passes are worth a look")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use moire_cpu::Cpu;
use moire_formats::{Checkpoint, Limits, Loader};
use moire_graph::{Act, Builder, Device, Graph, simplify};
use moire_tensor::{Rng, SampleId, Shape, Tensor};
use moire_testkit::relative_l2;
use moire_zoo::{Entry, Form, Network, Role, entries, find};
use serde_json::Value;

/// The largest relative L2 distance.
const TOLERANCE: f64 = 1e-4;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file with the seeded weights that the golden names.
fn weights(entry: &Entry, about: &Value) -> Vec<u8> {
    let mut random = Loader::random(about["seed"].as_u64().unwrap());
    let inside = about["inside"].as_str().unwrap();
    let prefix = if inside.is_empty() { String::new() } else { format!("{inside}.") };
    let tensors = about["tensors"].as_array().unwrap().iter().map(|tensor| {
        let name = tensor[0].as_str().unwrap();
        let dims = tensor[1].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize);
        (format!("{prefix}{name}"), random.tensor(name, dims.collect::<Shape>()))
    });
    let mut tensors: Vec<_> = tensors.collect();
    if !inside.is_empty() {
        tensors.push(("optimizer.state.0.exp_avg".to_owned(), Tensor::full([3], 0.5)));
    }
    let mut file = Checkpoint::new(tensors).unwrap();
    if about["config"] != serde_json::json!({}) {
        let input = &entry.preprocess;
        let input = serde_json::json!({"size": input.size, "mean": input.mean, "std": input.std});
        for (key, value) in [
            ("format", "moire.network.v1"),
            ("architecture", entry.name),
            ("config", &about["config"].to_string()),
            ("input", &input.to_string()),
        ] {
            file.describe(key, value);
        }
    }
    file.write_safetensors()
}

/// Every output, and d mean(y^2) / dx.
fn with_gradient(network: &Network) -> Graph {
    let (x, y) = (network.graph.input("x").unwrap(), network.graph.output("y").unwrap());
    let mut b = Builder::from(network.graph.clone());
    let square = b.act(y, Act::Square).unwrap();
    let loss = b.mean_all(square).unwrap();
    let grad = b.gradient(loss, &[x]).unwrap()[0];
    let outputs = network.graph.outputs().iter().map(|(name, v)| (name.as_str(), *v));
    simplify(&b.finish(outputs.chain([("grad", grad)])).unwrap()).unwrap()
}

/// Compares with every golden of a folder; the architectures that were met.
fn compare(folder: &Path) -> BTreeSet<&'static str> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (mut met, mut far) = (BTreeSet::new(), Vec::new());
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let golden = Checkpoint::read(&fs::read(&path).unwrap(), &name, &Limits::default()).unwrap();
        let about: Value = serde_json::from_str(&golden.metadata()["golden"]).unwrap();
        let number = |key: &str| about[key].as_u64().unwrap() as usize;
        let entry = find(about["entry"].as_str().unwrap()).unwrap();
        let form = Form { size: [number("size"); 2], domains: number("domains") };
        let file = [(name.clone(), weights(entry, &about))];
        let network = entry.load(&file, &Limits::default(), &form).unwrap_or_else(|e| panic!("{name}: {e}"));

        let graph = with_gradient(&network);
        let mut program = Cpu::new(2).compile(&graph, 1).unwrap();
        let draw = |purpose: &str, low: f32, count: usize| -> Vec<f32> {
            let mut rng = Rng::new(about["seed"].as_u64().unwrap(), SampleId(0), purpose);
            (0..count).map(|_| rng.uniform(low, 1.0)).collect()
        };
        let x = draw("x", 0.0, 3 * form.size[0] * form.size[1]);
        let width = match &network.role {
            Role::Editor(editing) => editing.condition.as_ref().map_or(0, |c| c.attributes.len()),
            _ => 0,
        };
        let c = draw("c", -1.0, form.domains * width);
        let inputs: &[(&str, &[f32])] = if width == 0 { &[("x", &x)] } else { &[("x", &x), ("c", &c)] };
        program.run(1, inputs).unwrap();
        for output in golden.names() {
            let (found, expected) = (program.output(output).unwrap(), golden.get(output).unwrap().data());
            let step = about["steps"][output].as_u64().unwrap() as usize;
            let found: Vec<f32> = found.iter().step_by(step).copied().collect();
            let distance = relative_l2(&found, expected);
            eprintln!("{name}: {output} {distance:.1e}");
            if distance.is_nan() || distance > TOLERANCE {
                far.push(format!("{name}: {output} is off by {distance:.2e}"));
            }
        }
        met.insert(entry.name);
    }
    assert!(far.is_empty(), "{}", far.join("\n"));
    met
}

#[test]
fn narrow_networks_agree_with_pytorch() {
    let met = compare(&repository().join("train/reference/goldens"));
    let all: BTreeSet<_> = entries().iter().map(|e| e.name).collect();
    assert_eq!(met, all, "every network has a golden");
}

#[test]
#[ignore = "its goldens are made by `make parity-zoo`, which runs it"]
fn published_widths_agree_with_pytorch() {
    assert!(compare(&repository().join("target/parity-zoo/goldens")).len() > 10);
}
