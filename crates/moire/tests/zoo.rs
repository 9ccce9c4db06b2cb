//! Editors from a checkpoint to edited images: named, converted, and alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use moire_formats::{Checkpoint, Limits};
use moire_image::{Picture, encode_png};
use moire_tensor::{Images, Tensor};
use support::{generator, run, text};

const SIDE: usize = 64;

fn read(path: &Path) -> Checkpoint {
    Checkpoint::read(&fs::read(path).unwrap(), "out", &Limits::default()).unwrap()
}

fn done(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn refused(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "{args:?}");
    text(&output.stderr)
}

#[test]
fn an_editor_edits_whether_it_is_named_or_says_itself_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let shown = |name: &str| path(name).display().to_string();
    generator("stargan", &path("G.ckpt"));
    let named = format!("stargan:{}", shown("G.ckpt"));
    let own = shown("own.safetensors");
    done(&["zoo", "convert", &named, "--size", "64", "--out", &own]);
    done(&["zoo", "convert", &named, "--size", "64", "--f16", "--out", &shown("half.safetensors")]);
    let said = done(&["zoo", "check", &own]);
    assert!(said.contains("stargan loads"), "{said}");
    let sizes = ["own", "half"].map(|f| fs::metadata(path(&format!("{f}.safetensors"))).unwrap().len());
    assert!(sizes[1] * 10 < sizes[0] * 6, "{sizes:?}");

    // One picture, all five edits.
    let rgb = (0..SIDE * SIDE * 3).map(|i| (i * 31 % 253) as u8).collect();
    let picture = Picture::new(SIDE, SIDE, rgb).unwrap();
    fs::write(path("face.png"), encode_png(&picture)).unwrap();
    let (face, edits) = (shown("face.png"), shown("edits.safetensors"));
    done(&["eval", &own, "--input", &face, "--attributes", "Black_Hair,Young", "--grad", "--out", &edits]);
    let edits = read(Path::new(&edits));
    let y = edits.get("y").unwrap();
    assert_eq!(y.shape().to_vec(), [5, 3, SIDE, SIDE]);
    assert_eq!(edits.get("grad").unwrap().shape().to_vec(), [5, 3, SIDE, SIDE]);

    // The same from tensors: the conditions as StarGAN encodes them.
    let c = [
        [1., 0., 0., 0., 1.],
        [0., 1., 0., 0., 1.],
        [0., 0., 1., 0., 1.],
        [1., 0., 0., 1., 1.],
        [1., 0., 0., 0., 0.],
    ];
    let x = Tensor::from_fn([5, 3, SIDE, SIDE], |i| {
        let (channel, pixel) = (i / (SIDE * SIDE) % 3, i % (SIDE * SIDE));
        ((3 * pixel + channel) * 31 % 253) as f32 / 255.0
    });
    let c = Tensor::new([5, 5], c.concat()).unwrap();
    let input = Checkpoint::new([("x".to_owned(), x.clone()), ("c".to_owned(), c)]).unwrap();
    fs::write(path("in.safetensors"), input.write_safetensors()).unwrap();
    done(&["eval", &named, "--input", &shown("in.safetensors"), "--out", &shown("same.safetensors")]);
    assert_eq!(read(&path("same.safetensors")).get("y"), Some(y), "the same bits");

    // The face from CelebA's table.
    fs::write(
        path("table.csv"),
        "image_id,Black_Hair,Blond_Hair,Brown_Hair,Male,Young\nface.jpg,1,0,0,0,1\n",
    )
    .unwrap();
    let from_table = shown("table.safetensors");
    done(&["eval", &own, "--input", &face, "--table", &shown("table.csv"), "--out", &from_table]);
    assert_eq!(read(Path::new(&from_table)).get("y"), Some(y));

    // What is missing is named.
    let said = refused(&["eval", &own, "--input", &face, "--out", &shown("none.safetensors")]);
    assert!(said.contains("--attributes Male,Young"), "{said}");
    let input = Checkpoint::new([("x".to_owned(), x)]).unwrap();
    fs::write(path("x.safetensors"), input.write_safetensors()).unwrap();
    let said =
        refused(&["eval", &own, "--input", &shown("x.safetensors"), "--out", &shown("none.safetensors")]);
    assert!(said.contains("expected a tensor c [5, 5], found none"), "{said}");
    let said = refused(&["zoo", "check", &format!("attgan:{own}")]);
    assert!(said.contains("it says that it is stargan, expected attgan"), "{said}");
    let said = refused(&["zoo", "check", &shown("in.safetensors")]);
    assert!(said.contains("which network it is"), "{said}");
    assert!(!path("none.safetensors").exists());
}

#[test]
fn conditions_of_unknown_width_are_named_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    generator("stgan_bias", Path::new(&path("G.pth")));
    let named = format!("stgan:{}", path("G.pth"));
    let said = refused(&["zoo", "check", &named]);
    assert!(said.contains("--attributes writes that down"), "{said}");
    let own = path("own.safetensors");
    let attributes = "Black_Hair,Blond_Hair,Brown_Hair,Male,Young";
    done(&["zoo", "convert", &named, "--size", "64", "--attributes", attributes, "--out", &own]);
    done(&["zoo", "check", &own]);
    let said = refused(&["zoo", "convert", &named, "--attributes", "Male", "--out", &path("none")]);
    assert!(said.contains("a condition of 5 numbers"), "{said}");
    let said = refused(&["zoo", "convert", &named, "--slope", "2", "--out", &path("none")]);
    assert!(said.contains("a slope lies between 0 and 1"), "{said}");
    assert!(!Path::new(&path("none")).exists());
}

#[test]
fn the_list_names_every_network_with_its_task_and_size() {
    let list = done(&["zoo", "list"]);
    let json: serde_json::Value = serde_json::from_str(&done(&["zoo", "list", "--json"])).unwrap();
    for entry in json.as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        assert!(list.lines().any(|line| line.starts_with(name)), "{name}");
        assert!(entry["embedded"] == true || entry["parameters"].as_u64().unwrap() > 10_000, "{name}");
    }
    let shown = done(&["zoo", "show", "attgan", "--layers"]);
    assert!(shown.contains("enc_layers.4.layers.1.leaky_relu [1, 1024, 8, 8]"), "{shown}");
    assert!(shown.contains("edits       Bald, Bangs, Black_Hair"), "{shown}");
    assert!(
        shown.contains("# attgan") && shown.contains("## Limits"),
        "the one that comes along, too: {shown}"
    );
}

#[test]
fn a_folder_is_protected_but_for_what_cannot_be_read_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let shown = |name: &str| path(name).display().to_string();
    generator("stargan", &path("G.ckpt"));
    done(&[
        "zoo",
        "convert",
        &format!("stargan:{}", shown("G.ckpt")),
        "--size",
        "32",
        "--out",
        &shown("own.safetensors"),
    ]);
    fs::create_dir(path("photographs")).unwrap();
    let image = Images::new(Tensor::from_fn([1, 3, 40, 50], |i| (i % 97) as f32 / 96.0)).unwrap();
    let png = encode_png(&Picture::from_images(&image, 0));
    fs::write(path("photographs/good.png"), &png).unwrap();
    fs::write(path("photographs/cut.png"), &png[..png.len() / 2]).unwrap();
    let protect = || {
        let (photographs, editor, out) = (shown("photographs"), shown("own.safetensors"), shown("out"));
        run(&["protect", &photographs, "--editor", &editor, "--attack", "i_fgsm(steps=2)", "--out", &out])
    };
    let first = protect();
    assert_eq!(first.status.code(), Some(3), "{}", text(&first.stderr));
    let (said, complaint) = (text(&first.stdout), text(&first.stderr));
    assert!(said.contains("taken whole, ") && said.contains("of 5 edits break"), "{said}");
    assert_eq!(complaint.matches("cut.png").count(), 1, "the file is named once: {complaint}");
    assert!(!path("out/cut.png").exists() && !path("out/cut.png.json").exists());
    let made = fs::metadata(path("out/good.png")).unwrap().modified().unwrap();
    let again = protect();
    assert_eq!((again.status.code(), text(&again.stdout)), (Some(3), said));
    assert_eq!(fs::metadata(path("out/good.png")).unwrap().modified().unwrap(), made, "what is there stays");
}
