//! Finding faces: with a network whose answer is known in closed form, and with the published one on photographs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use moire_cpu::Cpu;
use moire_face::{ErrorKind, Face, FaceFinder, Search};
use moire_formats::Limits;
use moire_graph::{AvgPool2d, Builder};
use moire_image::{Filter, Picture, Rect, crop, decode, resize};
use moire_tensor::Tensor;
use moire_testkit::{seeded, shared};
use moire_zoo::{Network, Preprocess, Role, find};

/// A network for 64 x 64 pixels that takes every bright cell of 4 x 4 for a face, its red mean for the score.
fn cells() -> Network {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, 64, 64]).unwrap();
    let pool = AvgPool2d { kernel: [4, 4], stride: [4, 4], padding: [0, 0], count_padding: true };
    let means = b.avg_pool2d(x, pool).unwrap();
    let red = b.slice(means, 1, 0, 1).unwrap();
    let scores = b.reshape(red, [256]).unwrap();
    let corner = |cell: usize, axis: usize| 4.0 * if axis == 0 { cell % 16 } else { cell / 16 } as f32;
    let boxes =
        b.literal(Tensor::from_fn([256, 4], |i| corner(i / 4, i % 2) + if i % 4 < 2 { 0.0 } else { 4.0 }));
    let landmarks = b.literal(Tensor::from_fn([256, 5, 2], |i| corner(i / 10, i % 2) + 2.0));
    let graph = b.finish([("boxes", boxes), ("scores", scores), ("landmarks", landmarks)]).unwrap();
    Network {
        name: "cells".to_owned(),
        graph,
        preprocess: Preprocess::plain(64),
        role: Role::Faces,
        crop: None,
    }
}

/// Black, with a white square.
fn square(width: usize, height: usize, [x, y]: [usize; 2], side: usize) -> Picture {
    let inside = |at: usize, from: usize| (from..from + side).contains(&at);
    let white = |at: usize| inside(at % width, x) && inside(at / width, y);
    let rgb = (0..width * height).flat_map(|at| [if white(at) { 255 } else { 0 }; 3]).collect();
    Picture::new(width, height, rgb).unwrap()
}

#[test]
fn places_are_in_pixels_of_the_photograph() {
    let search = Search { smallest: Some(96.0), ..Search::default() };
    let mut finder = FaceFinder::new(&Cpu::new(1), &cells(), search).unwrap();
    let found = finder.find(&square(50, 40, [12, 20], 4)).unwrap();
    assert_eq!(found.len(), 1);
    let Face { bounds, score, landmarks } = found[0];
    assert_eq!([bounds.left, bounds.top, bounds.right, bounds.bottom], [12.0, 20.0, 16.0, 24.0]);
    assert!((score - 1.0).abs() < 1e-6);
    assert_eq!(landmarks, [[14.0, 22.0]; 5]);
    // Half the size: four pixels of the network are eight of the photograph.
    let found = finder.find(&square(128, 96, [32, 48], 8)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].bounds.left, 32.0);
    assert_eq!(found[0].landmarks[0], [36.0, 52.0]);
}

#[test]
fn what_is_too_small_for_the_whole_is_found_in_tiles() {
    let photograph = square(256, 192, [120, 88], 8);
    let look = |smallest: f32| -> Vec<Face> {
        let search = Search { smallest: Some(smallest), ..Search::default() };
        FaceFinder::new(&Cpu::new(1), &cells(), search).unwrap().find(&photograph).unwrap()
    };
    assert_eq!(look(96.0), [], "the whole photograph shows two pixels of it");
    let found = look(8.0);
    let edges = |f: &Face| [f.bounds.left, f.bounds.top, f.bounds.right, f.bounds.bottom];
    assert!(found.iter().any(|f| edges(f) == [120.0, 88.0, 128.0, 96.0]), "{found:?}");
    for face in &found {
        let [left, top, right, bottom] = edges(face);
        assert!(left > 116.0 && top > 84.0 && right < 132.0 && bottom < 100.0, "{face:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let entry = find("meso4").unwrap();
    let detector = entry.random(0, &entry.form()).unwrap();
    let error = FaceFinder::new(&Cpu::new(1), &detector, Search::default()).err().unwrap();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Network, "meso4 does not find faces"));
    for search in [
        Search { score: 1.5, ..Search::default() },
        Search { overlap: f32::NAN, ..Search::default() },
        Search { smallest: Some(0.0), ..Search::default() },
    ] {
        let error = FaceFinder::new(&Cpu::new(1), &cells(), search).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Parameter);
    }
}

#[test]
fn answers_that_are_no_numbers_are_no_faces() {
    let mut network = cells();
    let mut b = Builder::from(network.graph.clone());
    let boxes = b.literal(Tensor::full([256, 4], f32::INFINITY));
    let [scores, landmarks] = ["scores", "landmarks"].map(|o| network.graph.output(o).unwrap());
    network.graph = b.finish([("boxes", boxes), ("scores", scores), ("landmarks", landmarks)]).unwrap();
    let mut finder = FaceFinder::new(&Cpu::new(1), &network, Search::default()).unwrap();
    assert_eq!(finder.find(&square(64, 64, [8, 8], 16)).unwrap(), []);
}

fn published(root: &Path, threads: usize) -> FaceFinder {
    let name = "mobilenet0.25_Final.pth";
    let files = [(name.to_owned(), fs::read(root.join("weights/retinaface").join(name)).unwrap())];
    let entry = find("retinaface").unwrap();
    let network = entry.load(&files, &Limits::default(), &entry.form()).unwrap();
    FaceFinder::new(&Cpu::new(threads), &network, Search::default()).unwrap()
}

fn read(path: &Path) -> Picture {
    let name = path.display().to_string();
    decode(&fs::read(path).unwrap(), &name, &moire_image::Limits::default()).unwrap()
}

/// The images of a folder, by name.
fn images(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|p| p.extension().is_some_and(|e| e == "jpg" || e == "png")).collect();
    paths.sort();
    paths
}

#[test]
fn one_face_is_found_in_each_portrait_and_frame() {
    let Some(root) = shared() else { return };
    let mut finder = published(&root, 2);
    let mut looked_at = 0;
    for (folder, every) in [
        ("celebahq", 1),
        ("selfies", 1),
        ("face2face/real", 16),
        ("face2face/fake", 16),
        ("deepfakes/fake", 16),
    ] {
        for path in images(&root.join("images").join(folder)).into_iter().step_by(every) {
            let photograph = read(&path);
            let found = finder.find(&photograph).unwrap();
            assert_eq!(found.len(), 1, "{}: {found:?}", path.display());
            let Face { bounds: b, score, landmarks: [left, right, nose, low_left, low_right] } = found[0];
            assert!(score > 0.9, "{}", path.display());
            assert!(b.height() > 0.5 * photograph.height() as f32 && b.height() > b.width());
            assert!(left[0] < right[0] && low_left[0] < low_right[0], "eyes and mouth stand side by side");
            assert!(left[1] < nose[1] && right[1] < nose[1] && nose[1] < low_left[1].min(low_right[1]));
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 8 + 2 + 3 + 2 + 3);
}

/// Grass and sky: no face.
fn landscape(width: usize, height: usize) -> Vec<u8> {
    let grain = seeded(&[height, width], 3, "grass");
    let pixel = |at: usize| {
        let (x, y) = (at % width, at / width);
        let horizon = 0.6 + 0.1 * (x as f32 / 170.0).sin();
        if y as f32 > horizon * height as f32 {
            let level = 80.0 + 30.0 * grain.data()[at];
            [0.6 * level, level, 0.4 * level].map(|v| v as u8)
        } else {
            [120 + (y * 60 / height) as u8, 160 + (y * 60 / height) as u8, 225]
        }
    };
    (0..width * height).flat_map(pixel).collect()
}

/// The image at `side` x `side`, over the landscape at (x, y).
fn paste(scene: &mut [u8], width: usize, image: &Picture, [x, y, side]: [usize; 3]) {
    let small = resize(&image.to_images(), side, side, Filter::Bilinear).unwrap();
    let small = Picture::from_images(&small, 0);
    for (row, line) in small.rgb().chunks_exact(3 * side).enumerate() {
        scene[3 * ((y + row) * width + x)..][..3 * side].copy_from_slice(line);
    }
}

#[test]
fn none_five_and_cut_off_faces() {
    let Some(root) = shared() else { return };
    let mut finder = published(&root, 2);
    let (width, height) = (1800, 1200);
    let mut scene = landscape(width, height);
    let empty = Picture::new(width, height, scene.clone()).unwrap();
    assert_eq!(finder.find(&empty).unwrap(), []);
    let noise = seeded(&[480, 640, 3], 1, "noise").data().iter().map(|v| (127.5 + 127.5 * v) as u8).collect();
    assert_eq!(finder.find(&Picture::new(640, 480, noise).unwrap()).unwrap(), []);

    let portraits: Vec<Picture> =
        images(&root.join("images/celebahq")).iter().take(5).map(|p| read(p)).collect();
    let places = [[30, 40, 500], [600, 60, 300], [1000, 30, 640], [150, 650, 420], [800, 780, 200]];
    for (portrait, place) in portraits.iter().zip(places) {
        paste(&mut scene, width, portrait, place);
    }
    let collage = Picture::new(width, height, scene).unwrap();
    let found = finder.find(&collage).unwrap();
    assert_eq!(found.len(), 5);
    for [x, y, side] in places.map(|p| p.map(|n| n as f32)) {
        let inside = |f: &&Face| {
            let [cx, cy] = f.bounds.centre();
            (x..x + side).contains(&cx) && (y..y + side).contains(&cy)
        };
        assert_eq!(found.iter().filter(inside).count(), 1, "one face in each portrait");
    }
    let again = published(&root, 1).find(&collage).unwrap();
    assert_eq!(found, again, "neither what was looked at before nor the number of threads matters");

    let half = crop(&portraits[1].to_images(), Rect { x: 400, y: 0, width: 624, height: 1024 }).unwrap();
    assert_eq!(finder.find(&Picture::from_images(&half, 0)).unwrap().len(), 1, "a face at the border");
}

#[test]
fn small_faces_of_a_large_photograph_are_found() {
    let Some(root) = shared() else { return };
    let portraits: Vec<Picture> =
        images(&root.join("images/celebahq")).iter().take(3).map(|p| read(p)).collect();
    let (width, height) = (3200, 1800);
    let mut scene = landscape(width, height);
    // Faces are about three quarters of a portrait: 75, 75 and 800 pixels, the small ones near the borders of tiles.
    for (portrait, place) in portraits.iter().zip([[1540, 900, 100], [3090, 1690, 100], [300, 200, 1100]]) {
        paste(&mut scene, width, portrait, place);
    }
    let found = published(&root, 2).find(&Picture::new(width, height, scene).unwrap()).unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
}
