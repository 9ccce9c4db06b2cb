//! An audit of a real detector: killed half-way, run again, and compared with an undisturbed one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use moire_testkit::shared;
use support::{moire, run, text};

fn audit(root: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = moire();
    command
        .arg("audit")
        .arg(format!("meso4:{}", root.join("weights/mesonet/Meso4_DF.h5").display()))
        .arg(format!("mesoinception4:{}", root.join("weights/mesonet/MesoInception_DF.h5").display()))
        .arg("--transfer")
        .args([
            "--attack",
            "kra(rounds=2):fgsm,pgd(steps=3),urn",
            "--eps",
            "1/255,4/255",
            "--limit",
            "2",
            "--batch",
            "2",
        ])
        .arg("--data")
        .arg(root.join("images/deepfakes"))
        .arg("--out")
        .arg(out)
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// A study's records without what time decides, and its saved images.
fn results(study: &Path) -> (serde_json::Value, Vec<(PathBuf, Vec<u8>)>) {
    let mut json: serde_json::Value =
        serde_json::from_slice(&fs::read(study.join("records.json")).unwrap()).unwrap();
    let records = json["records"].as_array_mut().expect("a list of records");
    records.iter_mut().for_each(|r| r["measured"]["cost"]["seconds"] = 0.into());
    let read = |path: &PathBuf| (path.strip_prefix(study).unwrap().to_owned(), fs::read(path).unwrap());
    (json["records"].clone(), images(study).iter().map(read).collect())
}

/// The PNG files of a study, by name.
fn images(study: &Path) -> Vec<PathBuf> {
    let (mut images, mut folders) = (Vec::new(), vec![study.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "png") {
                images.push(path);
            }
        }
    }
    images.sort();
    images
}

#[test]
fn a_killed_audit_goes_on_to_the_same_bits() {
    let Some(root) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [calm, killed] = ["calm", "killed"].map(|name| folder.path().join(name));
    let output = audit(&root, &calm, &[]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));

    // The last of these is when all images are saved, and only transfers are left.
    for enough in [5, 20, 2 * 4 * 7] {
        let place = killed.join("images");
        let saved = || if place.exists() { images(&place).len() } else { 0 };
        let start = Instant::now();
        let mut child = audit(&root, &killed, &[]).spawn().unwrap();
        while saved() < enough
            && start.elapsed() < Duration::from_secs(60)
            && child.try_wait().unwrap().is_none()
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Other threads, another batch size: what is left to do is done to the same bits.
    let output = audit(&root, &killed, &["--threads", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let ((calm, calm_images), (killed, killed_images)) = (results(&calm), results(&killed));
    assert_eq!(
        calm.as_array().unwrap().len(),
        2 * 4 * (7 + 6),
        "four images on two detectors, as they are and under three attacks at two budgets, which the other judges too"
    );
    assert!(calm == killed, "the records differ");
    assert!(calm_images == killed_images, "the saved images differ");
    let regions = calm_images.iter().filter(|(path, _)| path.starts_with("regions")).count();
    assert!(regions > 0, "key regions are kept for the report");
}

#[test]
fn findings_can_be_asked_to_fail_on_and_other_plans_are_refused() {
    let Some(root) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study");
    let output = audit(&root, &study, &["--fail-below", "99"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let page = fs::read_to_string(study.join("report.html")).unwrap();
    assert!(page.contains("meso4") && page.contains("random noise"));

    let output = audit(&root, &study, &["--seed", "1"]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("another plan") && said.contains("- seed = 0\n  + seed = 1"), "{said}");

    fs::remove_file(study.join("report.html")).unwrap();
    assert!(run(&["report", &study.display().to_string()]).status.success());
    assert!(fs::read_to_string(study.join("report.html")).unwrap() == page, "a report is its records'");
}

#[test]
fn eval_meets_the_oracle_on_the_ramp() {
    let Some(root) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("x.safetensors"), folder.path().join("y.safetensors"));
    let ramp = moire_tensor::Tensor::from_fn([1, 3, 256, 256], |at| {
        ((7 * (at / 65536) + 3 * (at / 256 % 256) + 5 * (at % 256)) % 256) as f32 / 255.0
    });
    let file = moire_formats::Checkpoint::new([("x".to_owned(), ramp)]).unwrap();
    fs::write(&input, file.write_safetensors()).unwrap();
    let model = format!("ynet:{}", root.join("weights/classnseg").display());
    let paths = [&input, &out].map(|p| p.display().to_string());
    let output = run(&["eval", &model, "--input", &paths[0], "--grad", "--out", &paths[1], "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let y = &json["images"][0]["y"];
    for (i, expected) in [0.942_773_699_760_437, 0.048_253_253_102_302_55].into_iter().enumerate() {
        let found = y[i].as_f64().unwrap();
        assert!((found - expected).abs() <= 1e-4 * expected, "zone {i}: {found}");
    }
    let limits = moire_formats::Limits::default();
    let answers = moire_formats::Checkpoint::read(&fs::read(out).unwrap(), "y", &limits).unwrap();
    assert_eq!(answers.get("grad").unwrap().shape().to_vec(), [1, 3, 256, 256]);
    assert_eq!(answers.get("mask").unwrap().shape().to_vec(), [1, 1, 256, 256]);
}

#[test]
fn the_small_commands_work() {
    for args in [&["--version"][..], &["zoo", "list"], &["zoo", "list", "--json"], &["zoo", "show", "ynet"]] {
        let output = run(args);
        assert!(output.status.success() && !output.stdout.is_empty(), "{args:?}: {}", text(&output.stderr));
    }
    let output = run(&["bench", "ynet", "--json"]);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(line["step_ms"].as_f64().unwrap() > line["forward_ms"].as_f64().unwrap());
    let output = run(&["bench", "stargan", "--together", "--domains", "2", "--runs", "5", "--json"]);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["edits"], 2);
    assert!(line["step_ms"].as_f64().unwrap() > 0.0 && line["peak_mb"].as_f64().unwrap() > 1.0);
    let output = run(&["bench", "ynet", "--together"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("ynet: expected an editor"), "{}", text(&output.stderr));
}

#[test]
fn bench_times_every_step_of_an_attack() {
    let output =
        run(&["bench", "meso4", "--batch", "2", "--attack", "pgd(steps=3)", "--eps", "4/255", "--json"]);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let attack = &line["attack"];
    let number = |key: &str| attack[key].as_f64().unwrap();
    assert_eq!((number("gradients"), attack["eps"].as_str()), (3.0, Some("4/255")), "{attack}");
    assert!(number("ms") > line["step_ms"].as_f64().unwrap(), "three steps and more: {attack}");
    assert!((number("change") - 4.0 / 255.0).abs() < 1e-5, "{attack}");
    assert!(attack["margins"][1].as_f64() < attack["margins"][0].as_f64(), "{attack}");
    let output = run(&["bench", "meso4", "--attack", "uap"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("made of images"));
}

#[test]
fn a_paper_is_made_again_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (out, faces) = (place("ffm"), place("faces"));
    assert!(run(&["samples", &faces]).status.success());
    let (models, data) = ("mesoinception4-swap,ynet-swap", format!("{faces}/swap"));
    let args =
        ["reproduce", "ffm", "--models", models, "--data", &data, "--limit", "1", "--out", &out, "--json"];
    let output = run(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("is not attacked with uap_overfire"), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["tables"].as_array().unwrap().len(), 4);
    let unseen = json["tables"][3]["rows"].as_array().unwrap();
    let carried = |row: &serde_json::Value| row[1] == "ynet-swap" && row[2] == "mesoinception4-swap";
    assert!(unseen.iter().any(|row| row[0] == "here" && carried(row)), "{unseen:?}");
    let made = Path::new(&out)
        .join("universal/ynet-swap/uap_overfire-steps=70-k=10-alpha=0.1-form=plain/4-255.safetensors");
    let file =
        moire_formats::Checkpoint::read(&fs::read(&made).unwrap(), "uap", &moire_formats::Limits::default());
    let file = file.unwrap();
    let change = file.get("of_fakes").unwrap();
    assert_eq!(change.shape().to_vec(), [3, 128, 128]);
    let largest = change.data().iter().fold(0.0f32, |most, v| most.max(v.abs()));
    assert!((0.99 * 4.0 / 255.0..=1.001 * 4.0 / 255.0).contains(&largest), "{largest}");
    let about = |key: &str| file.metadata()[key].as_str();
    assert_eq!(
        [about("network"), about("budget"), about("steps"), about("seed")],
        ["ynet-swap", "4/255", "70", "0"]
    );
    assert!(about("weights_sha256").contains("ynet-swap"));
    let page = fs::read_to_string(Path::new(&out).join("report.html")).unwrap();
    assert!(page.contains("change of all fakes") && page.contains("mask wanted"));
    let markdown = fs::read_to_string(Path::new(&out).join("tables.md")).unwrap();
    assert!(markdown.contains("## Table 4") && markdown.contains("| 24.06 |"), "{markdown}");

    // The change that was crafted there, on another detector.
    let given = format!("universal(file={}),urn", made.display());
    let elsewhere = place("elsewhere");
    let args = [
        "audit",
        "mesoinception4-swap",
        "--data",
        &data,
        "--limit",
        "1",
        "--attack",
        &given,
        "--eps",
        "4/255",
        "--out",
        &elsewhere,
    ];
    let output = run(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let records = fs::read_to_string(Path::new(&elsewhere).join("records.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&records).unwrap();
    let kept = json["meta"]["checksums"].to_string();
    assert!(kept.contains("universal: ") && kept.contains(".safetensors"), "{kept}");
    assert!(records.contains("universal(file="), "{records}");
}

#[test]
fn the_paper_on_editors_is_one_study_too() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cdmaa");
    let place = out.display().to_string();
    let args = ["reproduce", "cdmaa", "--models", "stargan", "--limit", "1", "--out", &place];
    let output = run(&[&args[..], &["--memory", "1MB"]].concat());
    assert!(text(&output.stderr).contains("stargan"), "{}", text(&output.stderr));
    let output = run(&[&args[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let tables = json["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 9);
    let models: Vec<_> = tables[2]["rows"].as_array().unwrap().iter().filter(|r| r[2] == "worst").collect();
    let names: Vec<_> = models.iter().map(|r| r[1].as_str().unwrap()).collect();
    assert_eq!(names, ["stargan alone", "models in turn", "mean over models", "I-FGSM"]);
    let verdicts = tables[5]["rows"].as_array().unwrap();
    assert!(verdicts.len() >= 10, "{verdicts:?}");
    for file in ["report.html", "tables.md", "paper.tex", "edits.csv", "figure-4.png", "figure-7.png"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    // A further run finds all of it done.
    let before = fs::read(out.join("edits.csv")).unwrap();
    assert!(run(&args).status.success());
    assert_eq!(fs::read(out.join("edits.csv")).unwrap(), before);
}
