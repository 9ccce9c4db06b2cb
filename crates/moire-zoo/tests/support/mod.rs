//! What the zoo's tests share.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::fs;
use std::path::{Path, PathBuf};

use moire_formats::{Checkpoint, Limits, Loader};
use moire_tensor::{Shape, Tensor};
use moire_zoo::Entry;
use serde_json::Value;

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The seeded weights that a golden names, laid out as the official checkpoint.
pub(crate) fn weights(entry: &Entry, about: &Value) -> Checkpoint {
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
    file
}

/// What a golden of the repository says about itself.
pub(crate) fn golden(name: &str) -> Value {
    let path = repository().join(format!("train/reference/goldens/{name}.safetensors"));
    let golden = Checkpoint::read(&fs::read(path).unwrap(), name, &Limits::default()).unwrap();
    serde_json::from_str(&golden.metadata()["golden"]).unwrap()
}
