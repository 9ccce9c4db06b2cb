//! The layouts in which checkpoints come, and files that are none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use moire_cpu::Cpu;
use moire_formats::{Checkpoint, Limits};
use moire_graph::Device;
use moire_tensor::Tensor;
use moire_zoo::{Error, ErrorKind, Form, Network, Weights, entries, find};

fn load(name: &str, checkpoint: &Checkpoint, form: &Form) -> Result<Network, Error> {
    let file = ("file".to_owned(), checkpoint.write_safetensors());
    find(name).unwrap().load(&[file], &Limits::default(), form)
}

/// `y` on a ramp, conditions zero.
fn answer(network: &Network) -> Vec<f32> {
    let graph = &network.graph;
    let mut program = Cpu::new(2).compile(graph, 1).unwrap();
    let given = |name: &str| {
        let value = graph.input(name).unwrap();
        (0..graph.shape(value).numel()).map(|i| (i % 97) as f32 / 97.0).collect::<Vec<_>>()
    };
    let names: Vec<&str> = graph.inputs().iter().map(|&v| graph.node(v).name.as_str()).collect();
    let values: Vec<_> = names.iter().map(|name| given(name)).collect();
    let inputs: Vec<(&str, &[f32])> = names.iter().copied().zip(values.iter().map(Vec::as_slice)).collect();
    program.run(1, &inputs).unwrap();
    program.output("y").unwrap().to_vec()
}

/// The tensors of a checkpoint, each changed.
fn changed(from: &Checkpoint, change: impl Fn(&str, &Tensor) -> Vec<(String, Tensor)>) -> Checkpoint {
    Checkpoint::new(from.names().flat_map(|name| change(name, from.get(name).unwrap()))).unwrap()
}

#[test]
fn the_same_network_in_every_layout() {
    let form = Form { size: [64, 64], domains: 1 };
    for (name, entry) in
        [("stargan", "stargan"), ("xception", "xception"), ("stgan", "stgan"), ("resnet50", "resnet50")]
    {
        let official = support::weights(find(entry).unwrap(), &support::golden(name));
        let expected = answer(&load(entry, &official, &form).unwrap());
        let renamed =
            |prefix: &'static str| changed(&official, |name, t| vec![(format!("{prefix}{name}"), t.clone())]);
        let with_counts = changed(&official, |name, t| {
            let counts = name.strip_suffix("running_var").map(|norm| format!("{norm}num_batches_tracked"));
            let counts = counts.map(|counts| (counts, Tensor::full([1], 7.0)));
            [(name.to_owned(), t.clone())].into_iter().chain(counts).collect()
        });
        for layout in [renamed("module."), with_counts] {
            assert!(answer(&load(entry, &layout, &form).unwrap()) == expected, "{name}");
        }
    }
}

#[test]
fn pointwise_kernels_may_be_matrices() {
    let form = Form { size: [96, 96], domains: 1 };
    let official = support::weights(find("xception").unwrap(), &support::golden("xception"));
    let flat = changed(&official, |name, t| {
        let t = if name.contains("pointwise") {
            Tensor::new(t.shape()[..2].to_vec(), t.data().to_vec())
        } else {
            Ok(t.clone())
        };
        vec![(name.to_owned(), t.unwrap())]
    });
    let [expected, found] = [&official, &flat].map(|file| answer(&load("xception", file, &form).unwrap()));
    assert!(found == expected);
}

#[test]
fn stargan_ignores_the_running_statistics_that_it_was_saved_with() {
    let form = Form { size: [64, 64], domains: 2 };
    let official = support::weights(find("stargan").unwrap(), &support::golden("stargan"));
    let with_statistics = changed(&official, |name, t| {
        let norm = name.strip_suffix(".bias").into_iter();
        let statistics = norm.flat_map(|n| {
            ["running_mean", "running_var"]
                .map(|s| (format!("{n}.{s}"), Tensor::full(t.shape().clone(), 3.0)))
        });
        [(name.to_owned(), t.clone())].into_iter().chain(statistics).collect()
    });
    assert!(with_statistics.len() > official.len());
    let [expected, found] =
        [&official, &with_statistics].map(|file| answer(&load("stargan", file, &form).unwrap()));
    assert!(found == expected);
}

#[test]
fn another_networks_tensors_are_all_listed() {
    let form = find("attgan").unwrap().form();
    let stargan = support::weights(find("stargan").unwrap(), &support::golden("stargan"));
    let error = load("attgan", &stargan, &form).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Checkpoint);
    let text = error.to_string();
    assert!(
        text.contains("missing: enc_layers.0.layers.0.weight") && text.contains("unused: main.0.weight"),
        "{text}"
    );
}

#[test]
fn absurd_widths_are_errors_that_take_no_memory() {
    for entry in entries() {
        let official = names_of(entry.name);
        for name in official.iter().take(1).chain(official.iter().skip(1).step_by(6)) {
            for shape in [vec![0], vec![1, 100_000, 1, 1], vec![100_000, 1, 1, 1], vec![100_000, 2]] {
                let file = Checkpoint::new([(name.clone(), Tensor::full(shape.clone(), 0.0))]).unwrap();
                let error = load(entry.name, &file, &entry.form()).unwrap_err();
                assert!(
                    matches!(error.kind(), ErrorKind::Checkpoint | ErrorKind::Graph),
                    "{}: {name} {shape:?}: {error}",
                    entry.name
                );
            }
        }
    }
}

/// The names of an architecture's tensors, from the errors of a file that has none of them.
fn names_of(entry: &str) -> Vec<String> {
    let empty = Checkpoint::new([("x".to_owned(), Tensor::full([1], 0.0))]).unwrap();
    let text = load(entry, &empty, &find(entry).unwrap().form()).unwrap_err().to_string();
    let missing = text.lines().filter_map(|line| line.trim().strip_prefix("missing: "));
    missing.filter_map(|line| line.split_once(", expected").map(|(name, _)| name.to_owned())).collect()
}

#[test]
fn forms_that_an_architecture_has_not_are_refused() {
    for (name, size, domains, expected) in [
        (
            "ynet",
            [100, 100],
            1,
            "ynet takes height and width from 16 to 8192, in multiples of 16, found 100 x 100",
        ),
        ("meso4", [16, 256], 1, "meso4 takes height and width from 32 to 8192, found 16 x 256"),
        ("ugatit", [512, 512], 1, "from 16 to 256"),
        ("stargan", [128, 128], 0, "stargan takes 1 to 1024 edits at once, found 0"),
        ("ugatit_light", [128, 128], 2, "1 to 1 edits at once"),
        ("xception", [100_000, 299], 1, "found 100000 x 299"),
    ] {
        let error = find(name).unwrap().random(0, &Form { size, domains }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Form);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn what_a_file_says_of_itself_is_checked() {
    let entry = find("stargan").unwrap();
    let plain = support::weights(entry, &support::golden("stargan"));
    let refused = |key: &str, value: &str, expected: &str| {
        let mut file = plain.clone();
        for (key, value) in [
            ("format", "moire.network.v1"),
            ("architecture", "stargan"),
            ("config", "{}"),
            ("input", r#"{"size":[64,64],"mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5]}"#),
        ] {
            file.describe(key, value);
        }
        assert!(load("stargan", &file, &entry.form()).is_ok());
        file.describe(key, value);
        let error = load("stargan", &file, &entry.form()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused("architecture", "skynet", "the metadata's architecture: there is no network 'skynet'");
    refused("architecture", "attgan", "it says that it is attgan, expected stargan");
    refused("config", r#"{"slope":"steep"}"#, "the metadata's config: ");
    refused("config", r#"{"attributes":["Tall"]}"#, "no attribute 'Tall'");
    refused("config", r#"{"attributes":["Male","Male","Young","Bald","Bangs"]}"#, "each is there once");
    refused("config", r#"{"attributes":["Male"]}"#, "a condition of 5 numbers");
    refused("input", r#"{"size":[99999,64],"mean":[0,0,0],"std":[1,1,1]}"#, "2048 x 2048 pixels at most");
    refused("input", r#"{"size":[64,64],"mean":[0,0,0],"std":[1,0,1]}"#, "a deviation is positive");
}

#[test]
fn a_file_may_say_how_its_faces_were_cut() {
    let entry = find("stargan").unwrap();
    let plain = support::weights(entry, &support::golden("stargan"));
    assert_eq!(load("stargan", &plain, &entry.form()).unwrap().crop, None);
    let mut file = plain;
    for (key, value) in [
        ("format", "moire.network.v1"),
        ("architecture", "stargan"),
        ("config", "{}"),
        ("input", r#"{"size":[64,64],"mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"crop":"celeba"}"#),
    ] {
        file.describe(key, value);
    }
    assert_eq!(load("stargan", &file, &entry.form()).unwrap().crop.as_deref(), Some("celeba"));
    // And says it still where it is written again.
    let files = [("file".to_owned(), file.write_safetensors())];
    let weights = Weights::read(&files, &Limits::default()).unwrap();
    let again = weights.describe(entry, [64, 64], |_| ()).unwrap();
    assert_eq!(load("stargan", &again, &entry.form()).unwrap().crop.as_deref(), Some("celeba"));
}
