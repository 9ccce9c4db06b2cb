//! What the command's tests share.

#![allow(dead_code, reason = "each test file uses its own part of this")]

pub(crate) mod rating;
pub(crate) mod rating_study;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use moire_formats::{Checkpoint, Limits, Loader};
use moire_tensor::Shape;

/// The command, with nothing from outside but its arguments.
pub(crate) fn moire() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("moire"))
}

pub(crate) fn run(args: &[&str]) -> Output {
    moire().args(args).output().expect("the command starts")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A PNG of a size that is claimed in its header alone.
pub(crate) fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\r".to_vec();
    png.extend(&header);
    png.extend(crc32(&header).to_be_bytes());
    png
}

/// The checksum of PNG chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 })
    };
    !bytes.iter().fold(!0, step)
}

/// A folder of data with one image of each label, made here.
pub(crate) fn tiny_data(folder: &Path) -> PathBuf {
    for (label, level) in [("real", 90u8), ("fake", 160)] {
        let (w, h) = (16, 16);
        let rgb = (0..w * h * 3).map(|i| level.wrapping_add((i % 7) as u8)).collect();
        let picture = moire_image::Picture::new(w, h, rgb).expect("the sizes fit");
        fs::create_dir_all(folder.join(label)).expect("a temporary folder");
        fs::write(folder.join(label).join("a.png"), moire_image::encode_png(&picture))
            .expect("a temporary file");
    }
    folder.to_owned()
}

/// A narrow generator with random weights under the names that a golden lists.
pub(crate) fn generator(golden: &str, at: &Path) {
    let file = format!("{}/../../train/reference/goldens/{golden}.safetensors", env!("CARGO_MANIFEST_DIR"));
    let golden = Checkpoint::read(&fs::read(file).expect("a golden is whole"), golden, &Limits::default())
        .expect("a golden is whole");
    let about: serde_json::Value =
        serde_json::from_str(&golden.metadata()["golden"]).expect("a golden is whole");
    let mut random = Loader::random(1);
    let tensors = about["tensors"].as_array().expect("a golden is whole").iter().map(|tensor| {
        let dims = tensor[1]
            .as_array()
            .expect("a golden is whole")
            .iter()
            .map(|d| d.as_u64().expect("a golden is whole") as usize);
        let name = tensor[0].as_str().expect("a golden is whole");
        (format!("module.{name}"), random.tensor(name, dims.collect::<Shape>()))
    });
    fs::write(at, Checkpoint::new(tensors).expect("a golden is whole").write_safetensors())
        .expect("a golden is whole");
}
