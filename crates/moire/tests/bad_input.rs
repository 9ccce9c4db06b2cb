//! Bad input, each as a new user would meet it: one line that says what is wrong, exit code 1 or 2, and nothing
//! written.

mod support;

use std::fs;
use std::path::Path;

use moire_testkit::shared;
use support::{png_header, run, text, tiny_data};

/// Runs an audit that has to fail, and answers with what it said.
fn refused(model: &str, data: &Path, more: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let study = folder.path().join("study");
    let data = data.display().to_string();
    let out = study.display().to_string();
    let mut args = vec!["audit", model, "--data", &data, "--out", &out];
    args.extend(more);
    let output = run(&args);
    let code = output.status.code().expect("it ends by itself");
    let said = text(&output.stderr);
    assert!(code == 1 || code == 2, "exit code {code}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(output.stdout.is_empty(), "an error leaves standard output alone");
    assert!(!study.exists(), "nothing is written");
    (code, said)
}

/// One line, which names what it is about.
fn one_line(said: &str, names: &str) {
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.starts_with("error: ") && said.contains(names), "{said}");
}

#[test]
fn usage_that_names_nothing_known() {
    let folder = tempfile::tempdir().unwrap();
    let data = tiny_data(folder.path());
    let model = format!("ynet:{}", folder.path().display());
    for (model, more, names) in [
        (model.as_str(), vec!["--attack", "pdg"], "there are fgsm, i_fgsm, pgd, mi_fgsm, apgd"),
        (&model, vec!["--attack", "pgd(steps=0)"], "from 1 to 1000000"),
        (&model, vec!["--eps", "8"], "[0, 1]"),
        (&model, vec!["--eps", "a lot"], "4/255"),
        (&model, vec!["--batch", "0"], "--batch"),
        ("Cargo.toml", vec![], "write NAME:Cargo.toml"),
        ("ynet", vec![], "write ynet:PATH"),
        ("resnet9000:x", vec![], "mesoinception4, resnet101"),
    ] {
        let (code, said) = refused(model, &data, &more);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(names), "{names} is not in: {said}");
    }
}

#[test]
fn checkpoints_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let data = tiny_data(&folder.path().join("data"));
    let file = folder.path().join("weights.bin");
    let model = format!("meso4:{}", file.display());
    let mut claim =
        br#"{"w":{"dtype":"F32","shape":[100000,100000],"data_offsets":[0,40000000000]}}"#.to_vec();
    claim.splice(0..0, (claim.len() as u64).to_le_bytes());
    for (bytes, names) in
        [(claim, "weights.bin"), (b"no checkpoint at all".to_vec(), "weights.bin"), (vec![], "weights.bin")]
    {
        fs::write(&file, bytes).unwrap();
        let (code, said) = refused(&model, &data, &[]);
        assert_eq!(code, 1);
        one_line(&said, names);
    }
    let (_, said) = refused("meso4:nowhere/Meso4_DF.h5", &data, &[]);
    one_line(&said, "nowhere/Meso4_DF.h5");
    let (_, said) = refused(&format!("ynet:{}", data.display()), &data, &[]);
    one_line(&said, "no checkpoint file");
}

#[test]
fn real_checkpoints_made_bad() {
    let Some(root) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = tiny_data(&folder.path().join("data"));
    let weights = folder.path().join("weights");
    fs::create_dir(&weights).unwrap();
    for part in ["encoder_46.pt", "decoder_46.pt"] {
        fs::copy(root.join("weights/classnseg").join(part), weights.join(part)).unwrap();
    }
    let model = format!("ynet:{}", weights.display());
    let whole = fs::read(weights.join("encoder_46.pt")).unwrap();

    fs::write(weights.join("encoder_46.pt"), &whole[..whole.len() / 2]).unwrap();
    one_line(&refused(&model, &data, &[]).1, "encoder_46.pt");

    let (from, to) = (b"ctorch._utils\n_rebuild_tensor_v2\n".as_slice(), b"cos\nsystem\n".as_slice());
    let at = whole.windows(from.len()).position(|w| w == from).expect("a state dict rebuilds tensors");
    fs::write(weights.join("encoder_46.pt"), [&whole[..at], to, &whole[at + from.len()..]].concat()).unwrap();
    let said = refused(&model, &data, &[]).1;
    one_line(&said, "os.system");

    fs::remove_file(weights.join("encoder_46.pt")).unwrap();
    let said = refused(&model, &data, &[]).1;
    assert!(said.contains("missing") && said.contains("encoder.0.weight, expected [8, 3, 3, 3]"), "{said}");
}

#[test]
fn images_and_folders_that_are_none() {
    let Some(root) = shared() else { return };
    let model = format!("meso4:{}", root.join("weights/mesonet/Meso4_DF.h5").display());
    let with = |files: &[(&str, &[u8])]| {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    };
    let case = |files: &[(&str, &[u8])], names: &[&str]| {
        let folder = with(files);
        let (code, said) = refused(&model, folder.path(), &[]);
        assert_eq!(code, 1);
        names.iter().for_each(|n| one_line(&said, n));
    };
    case(&[("real/note.png", b"shopping list")], &["note.png", "text"]);
    case(&[("fake/huge.png", &png_header(30_000, 30_000))], &["huge.png", "30000 x 30000", "limit"]);
    case(&[], &["real and fake", "nothing"]);
    case(&[("a.png", b""), ("b.png", b"")], &["real and fake", "a.png, b.png"]);
    case(&[("real/readme.txt", b"")], &["PNG, JPEG or WebP", "none"]);
    let (_, said) = refused(&model, Path::new("nowhere"), &[]);
    one_line(&said, "nowhere");
}
