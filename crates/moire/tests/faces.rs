//! `moire faces` as people and programs use it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use moire_image::{Limits, Picture, decode, encode_png};
use moire_testkit::shared;
use support::{run, text};

fn finder(root: &Path) -> String {
    format!("retinaface:{}", root.join("weights/retinaface/mobilenet0.25_Final.pth").display())
}

#[test]
fn a_folder_of_all_sorts() {
    let Some(root) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("in"), folder.path().join("out"));
    fs::create_dir_all(data.join("more")).unwrap();
    let portrait = fs::read(root.join("images/celebahq/015248.jpg")).unwrap();
    fs::write(data.join("a.jpg"), &portrait).unwrap();
    fs::write(data.join("cut.jpg"), &portrait[..portrait.len() / 2]).unwrap();
    fs::copy(root.join("images/selfies/female_222.jpg"), data.join("more/b.jpg")).unwrap();
    fs::write(data.join("note.png"), "shopping list").unwrap();
    let grey = Picture::new(300, 200, vec![90; 300 * 200 * 3]).unwrap();
    fs::write(data.join("wall.png"), encode_png(&grey)).unwrap();
    let missing = folder.path().join("missing.jpg");
    let [data, missing] = [&data, &missing].map(|p| p.display().to_string());
    let finder = finder(&root);

    let out_text = out.display().to_string();
    let crop = ["--crop", "celeba", "--size", "128", "--out", &out_text];
    let told = run(&[&["faces", &data, &missing, "--finder", &finder], &crop[..]].concat());
    let (said, complained) = (text(&told.stdout), text(&told.stderr));
    assert_eq!(told.status.code(), Some(3), "{said}{complained}");
    assert!(
        said.contains("a.jpg: 1024 x 1024, 1 face\n") && said.contains("wall.png: 300 x 200, no face\n"),
        "{said}"
    );
    assert!(said.ends_with("2 faces in 3 photographs\n"), "{said}");
    for name in ["cut.jpg", "note.png", "missing.jpg"] {
        assert!(complained.contains(name), "{name} is not in: {complained}");
    }
    assert!(complained.ends_with("3 photographs could not be read\n"), "{complained}");
    for name in ["a.jpg-1.png", "more/b.jpg-1.png"] {
        let crop = decode(&fs::read(out.join(name)).unwrap(), name, &Limits::default()).unwrap();
        assert_eq!((crop.width(), crop.height()), (128, 128));
    }

    let told = run(&["faces", &data, "--finder", &finder, "--json", "--threads", "1"]);
    assert_eq!(told.status.code(), Some(3));
    let lines: Vec<serde_json::Value> =
        text(&told.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    let faces: Vec<_> = lines.iter().filter_map(|l| l["faces"].as_array()).collect();
    assert_eq!(faces.iter().map(|f| f.len()).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(faces[0][0]["landmarks"].as_array().unwrap().len(), 5);
    assert_eq!(lines.iter().filter(|l| l["error"].is_string()).count(), 2);
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    for (args, names) in [
        (vec!["faces"], "IMAGE|DIR"),
        (
            vec!["faces", &path, "--finder", "retinaface:w.pth", "--crop", "celebs", "--out", "x"],
            "ffpp, classnseg",
        ),
        (vec!["faces", &path, "--finder", "retinaface:w.pth", "--crop", "ffpp"], "--out"),
    ] {
        let told = run(&args);
        let said = text(&told.stderr);
        assert_eq!(told.status.code(), Some(2), "{said}");
        assert!(said.contains(names), "{said}");
    }
    let told = run(&["faces", &path, "--finder", "retinaface:nowhere.pth"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("nowhere.pth"));

    let Some(root) = shared() else { return };
    let finder = finder(&root);
    let told = run(&["faces", &path, "--finder", &finder]);
    assert_eq!(told.status.code(), Some(1), "nothing could be read");
    assert!(
        text(&told.stderr).contains("expected PNG, JPEG or WebP images, found none"),
        "{}",
        text(&told.stderr)
    );
    let detector = format!("meso4:{}", root.join("weights/mesonet/Meso4_DF.h5").display());
    let told = run(&["faces", &path, "--finder", &detector]);
    assert_eq!(text(&told.stderr), "error: meso4 does not find faces\n");

    // Two photographs whose crops would overwrite each other.
    for side in ["a", "b"] {
        fs::create_dir(folder.path().join(side)).unwrap();
        fs::write(folder.path().join(side).join("x.png"), "nothing").unwrap();
    }
    let [a, b] = ["a", "b"].map(|side| folder.path().join(side).display().to_string());
    let told = run(&["faces", &a, &b, "--finder", &finder, "--crop", "ffpp", "--out", &path]);
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("would have one name"), "{}", text(&told.stderr));
}
