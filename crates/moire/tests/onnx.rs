//! ONNX files as a user brings them: alone, with flags, and with what they say of themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use moire_formats::{Checkpoint, Limits};
use moire_tensor::Tensor;
use support::{run, text, tiny_data};

/// A network of images `[n, 8, 6, 3]`, channels last, that ends in a softmax over four classes.
const NHWC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../moire-formats/tests/data/onnx/nhwc.onnx");

fn done(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn refused(args: &[&str]) -> String {
    let output = run(args);
    let said = text(&output.stderr);
    assert!(!output.status.success() && !said.contains("panicked"), "{args:?}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    said
}

fn read(path: &Path) -> Checkpoint {
    Checkpoint::read(&fs::read(path).unwrap(), "out", &Limits::default()).unwrap()
}

/// An input of one image, and where an answer goes.
fn image(folder: &Path) -> [PathBuf; 2] {
    let x = Tensor::from_fn([1, 3, 8, 6], |i| (i % 11) as f32 / 10.0);
    let paths = ["x", "y"].map(|name| folder.join(name).with_extension("safetensors"));
    fs::write(&paths[0], Checkpoint::new([("x".to_owned(), x)]).unwrap().write_safetensors()).unwrap();
    paths
}

#[test]
fn a_network_of_unknown_labels_is_evaluated_and_not_audited() {
    let folder = tempfile::tempdir().unwrap();
    let [x, y] = image(folder.path()).map(|p| p.display().to_string());
    let model = format!("onnx:{NHWC}");
    done(&["eval", &model, "--input", &x, "--grad", "--out", &y]);
    let answers = read(Path::new(&y));
    assert_eq!(answers.get("y").unwrap().shape().to_vec(), [1, 4]);
    assert!((answers.get("y").unwrap().data().iter().sum::<f32>() - 1.0).abs() < 1e-5);
    assert_eq!(answers.get("grad").unwrap().shape().to_vec(), [1, 3, 8, 6]);
    assert!(answers.get("grad").unwrap().data().iter().any(|&g| g != 0.0));

    let data = tiny_data(&folder.path().join("data")).display().to_string();
    let study = folder.path().join("study").display().to_string();
    let said = refused(&["audit", &model, "--data", &data, "--out", &study]);
    assert!(said.contains("--labels real,fake") && said.contains("nhwc"), "{said}");
    assert!(!Path::new(&study).exists(), "nothing is written");
    let said = refused(&["audit", &model, "--data", &data, "--out", &study, "--labels", "real,fake"]);
    assert!(said.contains("2 numbers for the labels real,fake"), "{said}");
}

#[test]
fn labels_make_it_a_detector() {
    let folder = tempfile::tempdir().unwrap();
    let [x, y] = image(folder.path()).map(|p| p.display().to_string());
    let model = format!("onnx:{NHWC}");
    let classes = ["--labels", "fake,other,real,other"];
    done(&[&["eval", &model, "--input", &x, "--out", &y], &classes[..]].concat());
    let answers = read(Path::new(&y));
    // The classes' logits, from before the softmax.
    let logits = answers.get("y").unwrap().data();
    assert!((logits.iter().sum::<f32>() - 1.0).abs() > 1e-3, "{logits:?}");
    assert!((answers.get("margin").unwrap().data()[0] - (logits[0] - logits[2])).abs() < 1e-6);

    let data = tiny_data(&folder.path().join("data")).display().to_string();
    let study = folder.path().join("study").display().to_string();
    let audit = ["audit", &model, "--data", &data, "--out", &study, "--attack", "fgsm", "--eps", "8/255"];
    done(&[&audit[..], &classes[..]].concat());
    assert!(folder.path().join("study/report.html").exists());
}

#[test]
fn range_mean_and_deviation_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let [x, y] = image(folder.path()).map(|p| p.display().to_string());
    let model = format!("onnx:{NHWC}");
    let answer = |flags: &[&str]| {
        done(&[&["eval", &model, "--input", &x, "--out", &y], flags].concat());
        read(Path::new(&y)).get("y").unwrap().data().to_vec()
    };
    let signed = answer(&["--range", "-1..1"]);
    assert_eq!(answer(&["--mean", "0.5", "--std", "0.5,0.5,0.5"]), signed);
    assert_eq!(answer(&["--range", "0..255", "--mean", "127.5", "--std", "127.5"]), signed);
    assert_ne!(answer(&[]), signed);
    let said = refused(&["eval", &model, "--input", &x, "--size", "224x224", "--out", &y]);
    assert!(said.contains("images of 224 x 224"), "{said}");
}

#[test]
fn a_file_that_is_no_network_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let [x, _] = image(folder.path()).map(|p| p.display().to_string());
    let wrong = folder.path().join("wrong.onnx");
    fs::write(&wrong, b"not a network").unwrap();
    let said = refused(&["eval", &format!("onnx:{}", wrong.display()), "--input", &x]);
    assert!(said.contains("wrong.onnx: ONNX: expected"), "{said}");
    let said = refused(&["zoo", "check", &format!("onnx:{NHWC}")]);
    assert!(said.contains("expected a checkpoint"), "{said}");
}
