//! Every embedded network held to its PyTorch twin: outputs, and the input gradient of their mean square, on a sample
//! face. `python -m train export` computed them, in single precision, from the same 16-bit weights.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "the distances of a run that passes are worth a look")]

use std::fs;
use std::path::Path;

use moire_cpu::Cpu;
use moire_formats::{Checkpoint, Limits};
use moire_graph::{Act, Builder, Device, Graph, simplify};
use moire_testkit::relative_l2;
use moire_zoo::{Form, Network, Weights};
use serde_json::Value;

/// The largest relative L2 distance.
const TOLERANCE: f64 = 1e-3;

#[test]
fn embedded_networks_agree_with_pytorch() {
    let limits = Limits::default();
    let mut far = Vec::new();
    for embedded in moire_embedded::all() {
        let name = embedded.name;
        let weights = Weights::read(&[(name.to_owned(), embedded.weights.to_vec())], &limits).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(format!("{name}.safetensors"));
        let golden = Checkpoint::read(&fs::read(&path).unwrap(), name, &limits).unwrap();
        let about: Value = serde_json::from_str(&golden.metadata()["golden"]).unwrap();

        let entry = weights.entry().unwrap();
        let condition = golden.get("c");
        let domains = condition.map_or(1, |c| c.shape()[0]);
        let form = Form { domains, ..weights.form(entry) };
        let network = entry.network(weights, &form).unwrap();
        let mut program = Cpu::new(2).compile(&with_gradient(&network), 1).unwrap();
        let x: Vec<f32> = golden.get("x").unwrap().data().iter().map(|&byte| byte / 255.0).collect();
        let mut inputs = vec![("x", x.as_slice())];
        inputs.extend(condition.map(|c| ("c", c.data())));
        program.run(1, &inputs).unwrap();

        let compared: Vec<&str> = golden.names().filter(|n| !matches!(*n, "x" | "c")).collect();
        assert!(compared.contains(&"y") && compared.contains(&"grad"), "{name}: {compared:?}");
        for output in compared {
            let step = about["steps"][output].as_u64().unwrap() as usize;
            let found: Vec<f32> = program.output(output).unwrap().iter().step_by(step).copied().collect();
            let distance = relative_l2(&found, golden.get(output).unwrap().data());
            eprintln!("{name}: {output} {distance:.1e}");
            if distance.is_nan() || distance > TOLERANCE {
                far.push(format!("{name}: {output} is off by {distance:.2e}"));
            }
        }
    }
    assert!(far.is_empty(), "{}", far.join("\n"));
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

#[test]
fn weights_say_what_they_are_and_were_measured() {
    for embedded in moire_embedded::all() {
        let file = Checkpoint::read(embedded.weights, embedded.name, &Limits::default()).unwrap();
        assert_eq!(file.metadata()["name"], embedded.name);
        assert!(file.metadata()["license"].contains("non-commercial"), "{}", embedded.name);
        let card: Value = serde_json::from_str(&file.metadata()["card"]).unwrap();
        assert!(card["held_out"].is_object(), "{} was never measured", embedded.name);
        assert!(embedded.card.contains(&format!("\nname: \"{}\"\n", embedded.name)), "{}", embedded.name);
    }
    let bytes: usize = moire_embedded::all().map(|e| e.weights.len()).sum();
    assert!(bytes <= 30_000_000, "{bytes} bytes of weights");
}
