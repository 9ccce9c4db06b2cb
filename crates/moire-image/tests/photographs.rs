//! Real photographs, where the shared folder is there.

#![allow(clippy::unwrap_used, reason = "where it panics is where the test failed")]

use std::fs;
use std::path::{Path, PathBuf};

use moire_image::{Filter, Limits, Picture, Rect, crop, decode, encode_png, resize};

fn images_under(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            images_under(&path, found);
        } else if path.extension().is_some_and(|e| e == "png" || e == "jpg") {
            found.push(path);
        }
    }
}

#[test]
fn photographs_are_read_saved_and_resized() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/images");
    if !folder.is_dir() {
        println!("ignored: ../shared not found");
        return;
    }
    let mut paths = Vec::new();
    images_under(&folder, &mut paths);
    assert!(!paths.is_empty(), "photographs in ../shared/images");
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let picture = decode(&fs::read(&path).unwrap(), &name, &Limits::default()).unwrap();
        assert_eq!(decode(&encode_png(&picture), &name, &Limits::default()).unwrap(), picture, "{name}");
        let images = picture.to_images();
        let square = crop(&images, Rect::centre_square(picture.width(), picture.height())).unwrap();
        let small = resize(&square, 64, 64, Filter::Bilinear).unwrap();
        let mean = |v: &[f32]| v.iter().map(|&v| f64::from(v)).sum::<f64>() / v.len() as f64;
        assert!((mean(small.image(0)) - mean(square.image(0))).abs() < 0.02, "{name}");
        assert_eq!(Picture::from_images(&images, 0), picture);
    }
}
