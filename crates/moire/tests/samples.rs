//! What comes with the program: faces to try things on, and networks by plain names.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Read;
use std::process::{Command, Stdio};

use support::{run, text};

#[test]
fn sample_faces_can_be_audited_with_what_comes_along() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let written = run(&["samples", &place("faces")]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert!(text(&written.stdout).contains("moire audit ynet-swap"), "{}", text(&written.stdout));
    let (data, out) = (place("faces/swap"), place("study"));
    let audit =
        ["audit", "ynet-swap", "--data", &data, "--limit", "8", "--attack", "fgsm", "--out", &out, "--json"];
    let audited = run(&audit);
    assert!(audited.status.success(), "{}", text(&audited.stderr));
    let records = std::fs::read_to_string(folder.path().join("study/records.json")).unwrap();
    let records: serde_json::Value = serde_json::from_str(&records).unwrap();
    let clean = records["records"].as_array().unwrap().iter().filter(|r| r["attack"] == "clean").count();
    assert_eq!(clean, 16, "eight of each label as they are");
}

#[test]
fn cards_and_layers_of_what_comes_along_are_shown() {
    let shown = text(&run(&["zoo", "show", "ynet-swap"]).stdout);
    assert!(shown.contains("# ynet-swap") && shown.contains("non-commercial"), "{shown}");
    let layers = text(&run(&["zoo", "show", "ynet-swap", "--layers"]).stdout);
    assert!(layers.contains("encoder"), "{layers}");
}

#[test]
fn a_reader_who_has_seen_enough_ends_the_command_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_moire"))
        .args(["zoo", "list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    assert_eq!(said, "");
}
