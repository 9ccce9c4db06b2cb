//! Small checkpoints that PyTorch and h5py wrote (`data/generate.py`), and the real ones where they are.

use std::fs;
use std::path::Path;

use moire_formats::{Checkpoint, Format, Limits, Loader};

fn read(path: &Path) -> Checkpoint {
    let bytes = fs::read(path).unwrap();
    Checkpoint::read(&bytes, &path.display().to_string(), &Limits::default()).unwrap()
}

fn fixture(name: &str) -> Checkpoint {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name))
}

/// A file of the folder that lies beside the repository, or a line that says that it is not there.
fn shared(name: &str) -> Option<Checkpoint> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights").join(name);
    if path.is_file() {
        return Some(read(&path));
    }
    println!("ignored: ../shared not found");
    None
}

fn ramp(count: usize) -> Vec<f32> {
    (0..count).map(|i| i as f32 / 8.0 - 1.0).collect()
}

#[test]
fn whole_modules_are_read_as_their_state_dicts() {
    for name in ["module.pt", "module_legacy.pt"] {
        let mut all = fixture(name).sub("net").unwrap();
        assert!(all.strip_prefix("module."));
        let mut net = Loader::new(all, name);
        let shapes: [(&str, &[usize]); 8] = [
            ("depthwise.weight", &[2, 1, 1, 1]),
            ("rest.0.weight", &[2]),
            ("rest.0.bias", &[2]),
            ("rest.0.running_mean", &[2]),
            ("rest.0.running_var", &[2]),
            ("rest.0.num_batches_tracked", &[]),
            ("rest.2.weight", &[1, 2]),
            ("rest.2.bias", &[1]),
        ];
        for (i, (key, shape)) in shapes.into_iter().enumerate() {
            let tensor = net.tensor(key, shape);
            let expected = ramp(tensor.data().len()).iter().map(|v| v + i as f32).collect::<Vec<_>>();
            // A count of batches is a whole number.
            let expected = if shape.is_empty() { vec![expected[0].trunc()] } else { expected };
            assert_eq!(tensor.data(), expected, "{name}: {key}");
        }
        net.finish().unwrap();
    }
}

#[test]
fn pytorch_state_dicts_are_read_exactly() {
    for (name, format) in [
        ("zip.pt", Format::PyTorchZip),
        ("legacy.pt", Format::PyTorchLegacy),
        ("legacy_protocol4.pt", Format::PyTorchLegacy),
    ] {
        let all = fixture(name);
        assert_eq!(all.format(), format);
        assert_eq!(all.get("optimizer.state.0.exp_avg").unwrap().data(), ramp(2), "{name}");
        assert_eq!(all.len(), 15, "{name}: {:?}", all.names().collect::<Vec<_>>());

        let mut net = Loader::new(all.sub("net").unwrap(), name);
        for key in ["float", "half", "bfloat16", "double"] {
            assert_eq!(net.tensor(key, [2, 3]).data(), ramp(6), "{name} {key}");
        }
        let r = ramp(6);
        assert_eq!(net.tensor("transposed", [2, 3]).data(), [r[0], r[2], r[4], r[1], r[3], r[5]], "{name}");
        assert_eq!(net.tensor("window", [3]).data(), &r[2..5], "{name}");
        assert_eq!(net.tensor("every_second", [3]).data(), [r[0], r[2], r[4]], "{name}");
        assert_eq!(net.tensor("scalar", []).data(), [2.5], "{name}");
        assert_eq!(net.tensor("empty", [0, 4]).data(), [0.0; 0], "{name}");
        assert_eq!(net.tensor("expanded", [3, 2]).data(), [1.5; 6], "{name}");
        assert_eq!(net.tensor("parameter", [2, 2]).data(), ramp(4), "{name}");
        assert_eq!(net.tensor("bool", [2]).data(), [1.0, 0.0], "{name}");
        assert_eq!(net.tensor("byte", [2]).data(), [0.0, 255.0], "{name}");
        assert_eq!(net.tensor("bn.num_batches_tracked", []).data(), [41.0], "{name}");
        net.finish().unwrap();
    }
}

#[test]
fn keras_weights_are_read_exactly() {
    for name in ["old_style.h5", "latest.h5"] {
        let all = fixture(name);
        assert_eq!(all.format(), Format::KerasH5);
        assert_eq!(all.metadata()["keras_version"], "2.1.5", "{name}");
        assert_eq!(all.metadata()["backend"], "tensorflow", "{name}");
        let layer = all.sub("conv2d_1").unwrap();
        assert_eq!(
            layer.names().collect::<Vec<_>>(),
            ["conv2d_1/bias:0", "conv2d_1/kernel:0", "conv2d_1/steps:0"]
        );
        let mut loader = Loader::new(all, name);
        assert_eq!(loader.tensor("conv2d_1/conv2d_1/kernel:0", [2, 1, 3]).data(), ramp(6));
        assert_eq!(loader.tensor("conv2d_1/conv2d_1/bias:0", [3]).data(), ramp(3));
        assert_eq!(loader.tensor("conv2d_1/conv2d_1/steps:0", []).data(), [41.0]);
        loader.finish().unwrap();
    }
}

#[test]
fn the_published_y_shaped_autoencoder_is_read() {
    let (Some(encoder), Some(decoder)) =
        (shared("classnseg/encoder_46.pt"), shared("classnseg/decoder_46.pt"))
    else {
        return;
    };
    let channels = [3, 8, 8, 16, 16, 32, 32, 64, 64, 128];
    let mut loader = Loader::new(encoder, "encoder_46.pt");
    for (i, pair) in channels.windows(2).enumerate() {
        loader.tensor(&format!("encoder.{}.weight", 3 * i), [pair[1], pair[0], 3, 3]);
        loader.tensor(&format!("encoder.{}.bias", 3 * i), [pair[1]]);
        for key in ["weight", "bias", "running_mean", "running_var"] {
            loader.tensor(&format!("encoder.{}.{key}", 3 * i + 1), [pair[1]]);
        }
    }
    loader.ignore("num_batches_tracked");
    loader.finish().unwrap();
    assert_eq!(decoder.get("shared.0.weight").unwrap().shape().to_vec(), [128, 64, 3, 3]);
    assert!(decoder.sub("segmenter").is_some() && decoder.sub("decoder").is_some());
}

#[test]
fn the_published_mesonets_are_read() {
    let (Some(meso4), Some(inception)) =
        (shared("mesonet/Meso4_DF.h5"), shared("mesonet/MesoInception_F2F.h5"))
    else {
        return;
    };
    let mut loader = Loader::new(meso4, "Meso4_DF.h5");
    for (layer, [k, i, o]) in [(5, [3, 3, 8]), (6, [5, 8, 8]), (7, [5, 8, 16]), (8, [5, 16, 16])] {
        let conv = format!("conv2d_{layer}/conv2d_{layer}");
        loader.tensor(&format!("{conv}/kernel:0"), [k, k, i, o]);
        loader.tensor(&format!("{conv}/bias:0"), [o]);
        for key in ["gamma", "beta", "moving_mean", "moving_variance"] {
            let norm = format!("batch_normalization_{layer}/batch_normalization_{layer}");
            loader.tensor(&format!("{norm}/{key}:0"), [o]);
        }
    }
    for (layer, [i, o]) in [(3, [1024, 16]), (4, [16, 1])] {
        loader.tensor(&format!("dense_{layer}/dense_{layer}/kernel:0"), [i, o]);
        loader.tensor(&format!("dense_{layer}/dense_{layer}/bias:0"), [o]);
    }
    loader.finish().unwrap();
    assert_eq!(inception.metadata()["keras_version"], "2.1.5");
    assert_eq!(inception.get("conv2d_15/conv2d_15/kernel:0").unwrap().shape().to_vec(), [5, 5, 12, 16]);
}

#[test]
fn a_published_face_finder_is_read() {
    let Some(mut finder) = shared("retinaface/mobilenet0.25_Final.pth") else { return };
    assert_eq!(finder.len(), 300);
    assert!(!finder.strip_prefix("module."));
    assert_eq!(finder.get("body.stage1.0.0.weight").unwrap().shape().to_vec(), [8, 3, 3, 3]);
}
