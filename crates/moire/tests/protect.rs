//! `moire protect` on folders as people have them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder};
use moire_image::{Limits, Metadata, Picture, decode_with_metadata, encode_png};
use moire_testkit::shared;
use serde_json::Value;
use support::{generator, run, text};

fn picture(width: usize, height: usize) -> Picture {
    let at = |i: usize| (70 + (i * 31 % 97) + i / width % 60) as u8;
    Picture::new(width, height, (0..3 * width * height).map(at).collect()).unwrap()
}

fn jpeg(picture: &Picture, color: JpegColor, set: impl FnOnce(&mut JpegEncoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new(&mut file, 95);
    set(&mut encoder);
    let bytes: Vec<u8> = match color {
        JpegColor::Cmyk => picture.rgb().chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 9]).collect(),
        _ => picture.rgb().to_vec(),
    };
    encoder.encode(&bytes, picture.width() as u16, picture.height() as u16, color).unwrap();
    file
}

fn sixteen_bits(picture: &Picture) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width() as u32, picture.height() as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Sixteen);
    let wide: Vec<u8> = picture.rgb().iter().flat_map(|&b| [b, b]).collect();
    encoder.write_header().unwrap().write_image_data(&wide).unwrap();
    file
}

/// EXIF data that asks for a quarter turn, and a profile of RGB colours.
fn sideways() -> (Vec<u8>, Vec<u8>) {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0".to_vec();
    exif.extend([0; 4]);
    let mut icc = vec![3; 200];
    icc[16..20].copy_from_slice(b"RGB ");
    icc[36..40].copy_from_slice(b"acsp");
    (exif, icc)
}

fn open(path: &Path) -> (Picture, Metadata) {
    decode_with_metadata(&fs::read(path).unwrap(), "out", &Limits::default()).unwrap()
}

fn lines(output: &std::process::Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// Writes a folder of all sorts, of which three can be protected.
fn all_sorts(data: &Path) {
    let small = picture(80, 66);
    let (exif, icc) = sideways();
    let camera = jpeg(&small, JpegColor::Rgb, |e| {
        e.add_app_segment(1, &[b"Exif\0\0", &exif[..]].concat()).unwrap();
        e.add_icc_profile(&icc).unwrap();
    });
    fs::create_dir_all(data.join("more")).unwrap();
    fs::write(data.join("a.png"), encode_png(&small)).unwrap();
    fs::write(data.join("camera.jpg"), &camera).unwrap();
    fs::write(data.join("more/deep.PNG"), sixteen_bits(&small)).unwrap();
    fs::write(data.join("cut.jpg"), &camera[..camera.len() / 2]).unwrap();
    fs::write(data.join("press.jpg"), jpeg(&small, JpegColor::Cmyk, |_| ())).unwrap();
    fs::write(data.join("moving.gif"), b"GIF89a\x01\0\x01\0\0\0\0;").unwrap();
    fs::write(data.join("note.png"), "shopping list").unwrap();
    fs::write(data.join("notes.txt"), "not a picture, and not meant as one").unwrap();
}

#[test]
fn a_folder_of_all_sorts() {
    let folder = tempfile::tempdir().unwrap();
    let [data, out, editor] = ["in", "out", "own.safetensors"].map(|n| folder.path().join(n));
    generator("stargan", &folder.path().join("G.ckpt"));
    let named = format!("stargan:{}", folder.path().join("G.ckpt").display());
    let [data_, out_, editor_] = [&data, &out, &editor].map(|p| p.display().to_string());
    assert!(run(&["zoo", "convert", &named, "--size", "64", "--out", &editor_]).status.success());
    all_sorts(&data);
    let with = ["--editor", &editor_, "--attributes", "Young,Black_Hair", "--attack", "i_fgsm(steps=2)"];
    let protect = |more: &[&str]| run(&[&["protect", &data_, "--out", &out_], &with[..], more].concat());

    let told = protect(&[]);
    let (said, complained) = (text(&told.stdout), text(&told.stderr));
    assert_eq!(told.status.code(), Some(3), "{said}{complained}");
    for (file, reason) in [
        ("cut.jpg", "cut off"),
        ("press.jpg", "CMYK"),
        ("moving.gif", "found a GIF image"),
        ("note.png", "found text"),
    ] {
        let line = complained.lines().find(|l| l.contains(file));
        assert!(line.is_some_and(|l| l.contains(reason)), "{file}: {complained}");
    }
    assert!(complained.ends_with("4 photographs could not be protected\n"), "{complained}");
    assert!(said.contains("own Blond_Hair") && said.contains("after jpeg(75)"), "{said}");
    assert!(
        said.contains("all edits of a photograph") && said.contains("3 photographs protected, "),
        "{said}"
    );
    assert!(!complained.contains("notes.txt"));

    let (upright, metadata) = open(&out.join("camera.jpg.png"));
    assert_eq!((upright.width(), upright.height()), (66, 80), "it stands as a viewer shows it");
    assert_eq!(metadata.icc(), Some(&sideways().1[..]));
    assert_eq!(metadata.exif().unwrap()[18], 1, "and asks for no turn");
    assert!(out.join("a.png").exists() && out.join("more/deep.PNG").exists());

    // Again, it does only what is left; and a new photograph is new.
    let written = |name: &str| fs::metadata(out.join(name)).unwrap().modified().unwrap();
    let before = ["a.png", "camera.jpg.png"].map(written);
    fs::write(data.join("b.png"), encode_png(&picture(64, 64))).unwrap();
    fs::remove_file(out.join("more/deep.PNG")).unwrap();
    let told = protect(&["--json"]);
    assert_eq!(told.status.code(), Some(3));
    assert_eq!(["a.png", "camera.jpg.png"].map(written), before);
    let lines_ = lines(&told);
    let records: Vec<&Value> = lines_.iter().filter(|l| l["edits"].is_array()).collect();
    assert_eq!((records.len(), lines_.iter().filter(|l| l["error"].is_string()).count()), (4, 4));
    assert_eq!(records[0]["edits"].as_array().unwrap().len(), 5);
    assert!(records[0]["edits"][0]["after"]["resize(0.5)"].is_number());
    assert!(records[0]["parts"][0]["distance"]["psnr"].as_f64().unwrap() > 30.0);
    let summary = &lines_.last().unwrap()["summary"];
    assert_eq!((&summary["photographs"], &summary["failed"]), (&4.into(), &4.into()));
    assert!(out.join("more/deep.PNG").exists() && out.join("b.png").exists());

    // Once more there is nothing left to do; the bad ones are named again.
    let every = ["a.png", "a.png.json", "camera.jpg.png", "camera.jpg.json", "b.png", "more/deep.PNG"];
    let before = every.map(written);
    let told = protect(&[]);
    assert_eq!(told.status.code(), Some(3));
    assert_eq!(text(&told.stderr).lines().filter(|l| l.starts_with("error: ")).count(), 4);
    assert_eq!(every.map(written), before);

    // Another setting is another result.
    let told = protect(&["--format", "jpeg", "--quality", "90", "--robust", "--seed", "4"]);
    assert_eq!(told.status.code(), Some(3), "{}", text(&told.stderr));
    let (picture, metadata) = open(&out.join("camera.jpg"));
    assert_eq!((picture.width(), metadata.icc().is_some(), metadata.exif().is_some()), (66, true, true));
    assert!(out.join("a.png.jpg").exists());
}

#[test]
fn one_change_for_many_photographs() {
    let folder = tempfile::tempdir().unwrap();
    let [data, out, change] = ["in", "out", "change.safetensors"].map(|n| folder.path().join(n));
    generator("stargan", &folder.path().join("G.ckpt"));
    let [data_, out_, change_] = [&data, &out, &change].map(|p| p.display().to_string());
    let editor = folder.path().join("own.safetensors").display().to_string();
    let named = format!("stargan:{}", folder.path().join("G.ckpt").display());
    assert!(run(&["zoo", "convert", &named, "--size", "64", "--out", &editor]).status.success());
    all_sorts(&data);
    let with = ["--attributes", "Young", "--json"];
    let craft = ["--editor", &editor, "--craft", &change_, "--steps", "3"];
    let told = run(&[&["protect", &data_], &with[..], &craft[..]].concat());
    assert_eq!(told.status.code(), Some(3), "{}", text(&told.stderr));
    let crafted = lines(&told).pop().unwrap();
    assert_eq!((&crafted["specimens"], &crafted["size"]), (&3.into(), &64.into()));

    let lay = ["--universal", &change_, "--out", &out_];
    let told = run(&[&["protect", &data_], &with[..], &lay[..]].concat());
    assert_eq!(told.status.code(), Some(3));
    assert!(lines(&told)[0]["edits"].as_array().unwrap().is_empty(), "nobody judges");
    let laid = open(&out.join("a.png")).0;
    let apart = laid.rgb().iter().zip(picture(80, 66).rgb()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(apart.is_some_and(|most| (1..=6).contains(&most)), "{apart:?}");
    let told = run(&[&["protect", &data_, "--editor", &editor], &with[..], &lay[..]].concat());
    assert_eq!(lines(&told)[0]["edits"].as_array().unwrap().len(), 5, "an editor judges");
    assert_eq!(open(&out.join("a.png")).0, laid);

    let told = run(&[&["protect", &data_, "--universal", &editor, "--out", &out_], &with[..]].concat());
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("expected a universal change"), "{}", text(&told.stderr));
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    for (args, names) in [
        (vec!["protect"], "IMAGE|DIR"),
        (vec!["protect", "x.png", "--framing", "ffpp"], "--finder"),
        (vec!["protect", "x.png", "--editor", "onnx:e.onnx", "--models", "best"], "mgda"),
        (vec!["protect", "x.png", "--editor", "onnx:e.onnx", "--quality", "0"], "1..=100"),
        (vec!["protect", "x.png", "--universal", "u", "--robust"], "--robust"),
    ] {
        let told = run(&args);
        assert_eq!(told.status.code(), Some(2), "{args:?}: {}", text(&told.stderr));
        assert!(text(&told.stderr).contains(names), "{}", text(&told.stderr));
    }
    let told = run(&["protect", "nowhere.png", "--editor", "onnx:nowhere.onnx"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("nowhere"), "{}", text(&told.stderr));
}

#[test]
fn faces_are_protected_where_they_are() {
    let Some(root) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [data, out] = ["in", "out"].map(|n| folder.path().join(n));
    let editor = folder.path().join("own.safetensors").display().to_string();
    generator("stargan", &folder.path().join("G.ckpt"));
    let named = format!("stargan:{}", folder.path().join("G.ckpt").display());
    assert!(run(&["zoo", "convert", &named, "--size", "64", "--out", &editor]).status.success());
    fs::create_dir(&data).unwrap();
    // Beside a wall as wide as itself.
    let portrait = open(&root.join("images/celebahq/015248.jpg")).0;
    let rgb: Vec<u8> =
        portrait.rgb().chunks_exact(3 * 1024).flat_map(|row| [&[90; 3 * 1024], row].concat()).collect();
    fs::write(data.join("portrait.png"), encode_png(&Picture::new(2048, 1024, rgb).unwrap())).unwrap();
    let wall = Picture::new(300, 200, vec![90; 300 * 200 * 3]).unwrap();
    fs::write(data.join("wall.png"), encode_png(&wall)).unwrap();
    let finder = format!("retinaface:{}", root.join("weights/retinaface/mobilenet0.25_Final.pth").display());
    let [data_, out_] = [&data, &out].map(|p| p.display().to_string());
    let told = run(&[
        "protect",
        &data_,
        "--out",
        &out_,
        "--editor",
        &editor,
        "--finder",
        &finder,
        "--framing",
        "ffpp",
        "--attributes",
        "Young",
        "--attack",
        "i_fgsm(steps=2)",
        "--json",
    ]);
    assert_eq!(told.status.code(), Some(3));
    assert!(text(&told.stderr).contains("wall.png: no face was found"), "{}", text(&told.stderr));
    let record = &lines(&told)[0];
    assert_eq!(record["faces"].as_array().unwrap().len(), 1);
    let part = &record["parts"][0];
    let side = |key: &str| part[key].as_u64().unwrap() as usize;
    let (x, y, width, height) = (side("x"), side("y"), side("width"), side("height"));
    assert!(x > 800 && x + width <= 2048 && y + height <= 1024, "a part: {part}");
    let [before, after] = [&data, &out].map(|folder| open(&folder.join("portrait.png")).0);
    let mut inside = 0;
    for (i, (a, b)) in before.rgb().iter().zip(after.rgb()).enumerate() {
        let (column, row) = (i / 3 % 2048, i / 3 / 2048);
        let within = (x..x + width).contains(&column) && (y..y + height).contains(&row);
        assert!(a.abs_diff(*b) <= 6 && (within || a == b), "({column}, {row})");
        inside += usize::from(a != b);
    }
    assert!(inside > width * height, "most of the face has changed: {inside} values");
}
