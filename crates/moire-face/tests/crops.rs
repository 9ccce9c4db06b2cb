//! Crops as maps: what they cut, and what they are in a graph.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_cpu::Cpu;
use moire_face::{Bounds, Crop, ErrorKind, Face, Framing, Placement};
use moire_graph::{Builder, Device, Graph};
use moire_image::{Filter, Picture, Rect, crop, resize};
use moire_tensor::Images;
use moire_testkit::{check_gradient, seeded};
use proptest::prelude::*;

/// A photograph of seeded pixels, or of a smooth pattern.
fn noise(width: usize, height: usize) -> Picture {
    let rgb = seeded(&[height, width, 3], 5, "photograph");
    Picture::new(width, height, rgb.data().iter().map(|v| (127.0 * v.abs() + 60.0) as u8).collect()).unwrap()
}

fn largest_difference(a: &Images, b: &[f32]) -> f32 {
    assert_eq!(a.tensor().data().len(), b.len());
    a.tensor().data().iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The crop as a graph from the whole photograph `x` to `y`.
fn graph(crop: &Crop, photograph: &Picture) -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, photograph.height(), photograph.width()]).unwrap();
    let y = crop.push(&mut b, x).unwrap();
    b.finish([("y", y)]).unwrap()
}

fn in_graph(crop: &Crop, photograph: &Picture) -> Vec<f32> {
    let mut program = Cpu::new(1).compile(&graph(crop, photograph), 1).unwrap();
    program.run(1, &[("x", photograph.to_images().image(0))]).unwrap();
    program.output("y").unwrap().to_vec()
}

/// A face whose eyes are `apart` pixels apart around (x, y), tilted by `tilt` radians, as `CelebA`'s mean face has its
/// landmarks.
fn face(x: f32, y: f32, apart: f32, tilt: f32) -> Face {
    let scale = apart / 37.492;
    let mean = [[70.745, 112.0], [108.237, 112.0], [89.5, 135.0], [73.0, 153.514], [105.864, 153.514]];
    let landmarks = mean.map(|[u, v]: [f32; 2]| {
        let (u, v) = ((u - 89.5) * scale, (v - 130.0) * scale);
        [x + u * tilt.cos() - v * tilt.sin(), y + u * tilt.sin() + v * tilt.cos()]
    });
    let half = 1.2 * apart;
    let bounds = Bounds { left: x - half, top: y - 1.3 * half, right: x + half, bottom: y + 1.3 * half };
    Face { bounds, score: 1.0, landmarks }
}

#[test]
fn what_is_placed_over_a_face_is_what_its_crop_shows() {
    for (x, y, apart, tilt) in
        [(150.0, 160.0, 30.0, 0.0), (155.0, 150.0, 24.0, 0.5), (160.0, 155.0, 40.0, -0.3)]
    {
        let (face, size) = (face(x, y, apart, tilt), 64);
        let place = Placement::over_face(&face, [310, 320], size).unwrap();
        let region = place.region();
        assert!(region.fits(320, 310));
        // Two slopes of the square's own, red across and green down.
        let mut rgb = vec![0; 320 * 310 * 3];
        for (row, column) in (0..region.height).flat_map(|r| (0..region.width).map(move |c| (r, c))) {
            let (row, column) = (region.y + row, region.x + column);
            let [u, v] = place.at(column, row).map(|at| (30.0 + 3.0 * at).clamp(0.0, 255.0) as u8);
            rgb[3 * (320 * row + column)..][..3].copy_from_slice(&[u, v, 0]);
        }
        let photograph = Picture::new(320, 310, rgb).unwrap();
        let seen = Framing::StarGan.crop(&face, [310, 320], size).unwrap().cut(&photograph).unwrap();
        for (i, j) in (8..56).flat_map(|i| (8..56).map(move |j| (i, j))) {
            let pixel = |c: usize| 255.0 * seen.image(0)[(c * size + i) * size + j];
            let wanted = [j, i].map(|at| 30.0 + 3.0 * (at as f32 + 0.5));
            assert!((pixel(0) - wanted[0]).abs() < 2.0, "({i}, {j}): {} across, not {}", pixel(0), wanted[0]);
            assert!((pixel(1) - wanted[1]).abs() < 2.0, "({i}, {j}): {} down, not {}", pixel(1), wanted[1]);
        }
    }
    let whole = Placement::over_all([50, 100], 64).unwrap();
    assert_eq!((whole.at(0, 0), whole.at(99, 49)), ([0.32, 0.64], [63.68, 63.36]));
    let beside = face(900.0, 80.0, 30.0, 0.0);
    assert_eq!(Placement::over_face(&beside, [170, 200], 64).unwrap_err().kind(), ErrorKind::Face);
}

#[test]
fn an_upright_crop_is_crop_and_resize() {
    let photograph = noise(90, 70);
    for (x, y, width, height, to) in [
        (0, 0, 90, 70, [64, 64]),
        (7, 3, 61, 40, [16, 24]),
        (80, 60, 10, 10, [10, 10]),
        (1, 2, 5, 3, [32, 40]),
    ] {
        let region = Rect { x, y, width, height };
        let cropped = crop(&photograph.to_images(), region).unwrap();
        let expected = resize(&cropped, to[0], to[1], Filter::Bilinear).unwrap();
        let map = Crop::upright(region, to).unwrap();
        let cut = map.cut(&photograph).unwrap();
        assert_eq!([cut.height(), cut.width()], to);
        assert!(largest_difference(&cut, expected.tensor().data()) < 1e-6, "{region}");
        assert!(largest_difference(&cut, &in_graph(&map, &photograph)) < 1e-6, "{region} in a graph");
    }
}

#[test]
fn every_framing_is_the_same_map_in_a_graph() {
    let photograph = noise(150, 120);
    for framing in Framing::ALL {
        // Small and large, tilted, and at a corner that it leaves.
        for face in [face(70.0, 60.0, 12.0, 0.0), face(75.0, 55.0, 30.0, 0.4), face(8.0, 6.0, 14.0, -0.7)] {
            for size in [24, 64] {
                let map = framing.crop(&face, [120, 150], size).unwrap();
                assert_eq!(map.size(), [size, size]);
                let cut = map.cut(&photograph).unwrap();
                let distance = largest_difference(&cut, &in_graph(&map, &photograph));
                assert!(distance < 2e-6, "{framing} at {size}: {distance}");
            }
        }
    }
}

#[test]
fn the_gradient_reaches_the_photograph() {
    let photograph = noise(40, 36);
    for framing in Framing::ALL {
        for tilt in [0.0, 0.5] {
            let map = framing.crop(&face(18.0, 17.0, 9.0, tilt), [36, 40], 8).unwrap();
            check_gradient(&graph(&map, &photograph), 3, 2).unwrap_or_else(|e| panic!("{framing}: {e}"));
        }
    }
}

#[test]
fn faceforensics_squares_are_those_of_the_official_code() {
    let rect = |left: f32, top: f32, right: f32, bottom: f32| {
        let bounds = Bounds { left, top, right, bottom };
        let face = Face { bounds, score: 1.0, landmarks: [[0.0; 2]; 5] };
        Framing::FaceForensics.crop(&face, [480, 640], 64).unwrap().region()
    };
    // By hand from `get_boundingbox`: int(max(100, 120) * 1.3) = 156 around (150, 160).
    assert_eq!(rect(100.0, 100.0, 200.0, 220.0), Rect { x: 72, y: 82, width: 156, height: 156 });
    // At the upper left corner the square is moved inside, at the lower right one it is cut off.
    assert_eq!(rect(0.0, 10.0, 100.0, 110.0), Rect { x: 0, y: 0, width: 130, height: 130 });
    assert_eq!(rect(560.0, 400.0, 640.0, 480.0), Rect { x: 548, y: 388, width: 92, height: 92 });
}

#[test]
fn classnseg_rectangles_are_those_of_the_official_code() {
    let rect = |left: f32, top: f32, right: f32, bottom: f32| {
        let bounds = Bounds { left, top, right, bottom };
        let face = Face { bounds, score: 1.0, landmarks: [[0.0; 2]; 5] };
        Framing::ClassNSeg.crop(&face, [480, 640], 64).unwrap().region()
    };
    // int(120 * 1.3 / 2) = 78 around (150, 160).
    assert_eq!(rect(100.0, 100.0, 200.0, 220.0), Rect { x: 72, y: 82, width: 156, height: 156 });
    assert_eq!(rect(600.0, 100.0, 640.0, 220.0), Rect { x: 542, y: 82, width: 98, height: 156 });
}

#[test]
fn an_image_that_is_aligned_already_is_taken_as_it_is() {
    // A photograph of CelebA's own size whose eyes and mouth stand where CelebA has them: each editor's crop is its
    // window, pixel for pixel.
    let photograph = noise(178, 218);
    let mean = [[70.745, 112.0], [108.237, 112.0], [89.0, 135.0], [73.0, 153.514], [105.864, 153.514]];
    let landmarks = mean.map(|p: [f32; 2]| p.map(|v| v - 0.5));
    let bounds = Bounds { left: 50.0, top: 70.0, right: 130.0, bottom: 180.0 };
    let face = Face { bounds, score: 1.0, landmarks };
    for (framing, x, y, side) in
        [(Framing::StarGan, 0, 20, 178), (Framing::AttGan, 4, 24, 170), (Framing::StGan, 3, 26, 170)]
    {
        let cut = framing.crop(&face, [218, 178], side).unwrap().cut(&photograph).unwrap();
        let window = Rect { x, y, width: side, height: side };
        let expected = crop(&photograph.to_images(), window).unwrap();
        assert!(largest_difference(&cut, expected.tensor().data()) < 1e-4, "{framing}");
    }
}

#[test]
fn alignment_undoes_tilt_size_and_place() {
    // A pattern painted relative to the face shows the same crop, however the face stands.
    let painted = |face: &Face, width: usize, height: usize| {
        let [left, right] = [face.landmarks[0], face.landmarks[1]];
        let (ax, ay) = (right[0] - left[0], right[1] - left[1]);
        let square = ax * ax + ay * ay;
        let mut rgb = Vec::new();
        for at in 0..width * height {
            let (dx, dy) = ((at % width) as f32 + 0.5 - left[0], (at / width) as f32 + 0.5 - left[1]);
            let (u, v) = ((dx * ax + dy * ay) / square, (dy * ax - dx * ay) / square);
            for wave in [(2.0 * u).sin(), (2.0 * v).cos(), (u + 2.0 * v).sin()] {
                rgb.push((127.5 + 100.0 * wave) as u8);
            }
        }
        Picture::new(width, height, rgb).unwrap()
    };
    let upright = face(200.0, 200.0, 60.0, 0.0);
    let expected = Framing::StarGan.crop(&upright, [400, 400], 64).unwrap();
    let expected = expected.cut(&painted(&upright, 400, 400)).unwrap();
    // 260 pixels apart, the crop is shrunk upright first.
    for (apart, tilt) in [(60.0, 0.6), (110.0, -1.9), (260.0, 0.3)] {
        let extent = 400.max((apart * 8.0) as usize);
        let turned = face(extent as f32 / 2.0, extent as f32 / 2.0, apart, tilt);
        let crop = Framing::StarGan.crop(&turned, [extent, extent], 64).unwrap();
        let found = crop.cut(&painted(&turned, extent, extent)).unwrap();
        let distance = largest_difference(&found, expected.tensor().data());
        assert!(distance < 0.03, "{apart} pixels, {tilt} radians: {distance}");
    }
}

#[test]
fn what_has_no_crop_is_an_error() {
    let bounds = Bounds { left: 900.0, top: 10.0, right: 950.0, bottom: 60.0 };
    let beside = Face { bounds, score: 1.0, landmarks: [[920.0, 30.0]; 5] };
    for framing in Framing::ALL {
        let error = framing.crop(&beside, [100, 100], 64).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Face, "{error}");
        let error = framing.crop(&face(50.0, 50.0, 20.0, 0.0), [100, 100], 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameter, "{error}");
    }
    let map = Framing::StarGan.crop(&face(50.0, 50.0, 20.0, 0.0), [100, 100], 64).unwrap();
    assert_eq!(map.cut(&noise(20, 20)).unwrap_err().kind(), ErrorKind::Photograph);
    assert!("celebs".parse::<Framing>().unwrap_err().to_string().contains("ffpp, classnseg, celeba"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Wherever a face lies and however it is tilted, a crop of one colour has that colour.
    #[test]
    fn weights_sum_to_one(x in -20f32..90., y in -20f32..90., apart in 0.5f32..60., tilt in -3.2f32..3.2, which in 0usize..5) {
        let photograph = Picture::new(70, 60, vec![200; 70 * 60 * 3]).unwrap();
        if let Ok(map) = Framing::ALL[which].crop(&face(x, y, apart, tilt), [60, 70], 16) {
            let cut = map.cut(&photograph).unwrap();
            prop_assert!(cut.tensor().data().iter().all(|v| (v - 200.0 / 255.0).abs() < 1e-5));
        }
    }
}
