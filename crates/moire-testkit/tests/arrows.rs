//! Arrows between crates point down only.

use std::collections::BTreeMap;
use std::process::Command;

/// The crates from the bottom to the top; each may use those on lines above its own.
const LAYERS: &[&[&str]] = &[
    &["moire-tensor", "moire-embedded"],
    &["moire-graph", "moire-image"],
    &["moire-formats", "moire-cpu", "moire-attack", "moire-metric", "moire-testkit"],
    &["moire-zoo"],
    &["moire-face"],
    &["moire-protect"],
    &["moire-study"],
    &["moire-rate"],
    &["moire"],
];

#[test]
fn arrows_between_crates_point_down() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let run = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&run.stdout).expect("cargo writes JSON");
    let layer: BTreeMap<&str, usize> =
        LAYERS.iter().enumerate().flat_map(|(i, names)| names.iter().map(move |&n| (n, i))).collect();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(packages.len() > 5, "the workspace was read");
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let own = *layer.get(name).unwrap_or_else(|| panic!("{name} stands on no layer"));
        for dependency in package["dependencies"].as_array().expect("a list") {
            let (to, kind) = (dependency["name"].as_str().expect("a name"), dependency["kind"].as_str());
            if let Some(&below) = layer.get(to) {
                assert!(kind == Some("dev") || below < own, "{name} uses {to}, which is not below it");
                assert!(kind == Some("dev") || to != "moire-testkit", "{name} ships the testkit");
            }
        }
    }
}
