//! Studies as a user runs them, on a tiny network and tiny images: killed, shared out, damaged, changed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use moire_image::{Picture, encode_png};
use support::{moire, run, text};

/// A network of images `[n, 8, 6, 3]`, channels last, that ends in a softmax over four classes.
const NHWC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../moire-formats/tests/data/onnx/nhwc.onnx");

/// Images for it: so many of each label, no two alike.
fn images(folder: &Path, each: usize) {
    for (label, base) in [("real", 40), ("fake", 120)] {
        fs::create_dir_all(folder.join(label)).unwrap();
        for image in 0..each {
            let value = |i: usize| (base + (i * (image + 3) * 7919) % 97 + image * 5) as u8;
            let picture = Picture::new(6, 8, (0..144).map(value).collect()).unwrap();
            fs::write(folder.join(label).join(format!("{image:02}.png")), encode_png(&picture)).unwrap();
        }
    }
}

/// A plan of three detectors that read the same network's answers in three ways, six attacks, transforms and transfers.
fn plan(folder: &Path, more: &str) -> PathBuf {
    let mut text = format!(
        "seed = 5\nbudgets = ['8/255', '32/255']\njudges = 'all'\ntransforms = ['jpeg(60)']\n{more}\n"
    );
    for (name, labels) in [("a", "real,fake,x,y"), ("b", "x,real,y,fake"), ("c", "fake,x,real,y")] {
        writeln!(text, "[[detector]]\nname = '{name}'\nmodel = 'onnx:{NHWC}'\nlabels = '{labels}'").unwrap();
    }
    text += "[[data]]\npath = 'faces'\n[[attack]]\n\
             method = ['pgd(steps=3|30)', 'apgd(steps=20)', 'deepfool', 'cw(steps=10,searches=2)', 'urn']\n";
    let path = folder.join("plan-of-three.toml");
    fs::write(&path, text).unwrap();
    path
}

fn start(plan: &Path, out: &Path, more: &[&str]) -> Child {
    let mut command = moire();
    command.arg("run").arg(plan).arg("--out").arg(out).args(more);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn done(plan: &Path, out: &Path, more: &[&str]) {
    let output = start(plan, out, more).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// What a study is, without what time decides: its records, its report and all its pictures.
fn content(study: &Path) -> (serde_json::Value, String, Vec<(PathBuf, Vec<u8>)>) {
    let mut json: serde_json::Value =
        serde_json::from_slice(&fs::read(study.join("records.json")).unwrap()).unwrap();
    for record in json["records"].as_array_mut().unwrap() {
        if let Some(measured) = record.get_mut("measured") {
            measured["cost"]["seconds"] = 0.into();
        }
    }
    let mut files = Vec::new();
    let mut folders = vec![study.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "png") {
                files.push((path.strip_prefix(study).unwrap().to_owned(), fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    (json["records"].take(), untimed(&fs::read_to_string(study.join("report.html")).unwrap()), files)
}

/// A report without its times, each of which is marked as one, and without the command that made it.
fn untimed(page: &str) -> String {
    let mut page = page.to_owned();
    for (begin, end) in [
        ("<span class=\"time\">", "</span>"),
        ("<td class=\"num time\"", "</td>"),
        ("<pre tabindex=\"0\" class=\"command\">", "</pre>"),
        ("<dt>threads</dt>", "</dd>"),
    ] {
        let mut parts = page.split(begin);
        let mut kept = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            kept += part.split_once(end).expect("it ends").1;
        }
        page = kept;
    }
    page
}

#[test]
fn whatever_interrupts_it_a_study_ends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    images(&folder.path().join("faces"), 6);
    let plan = plan(folder.path(), "");
    let [calm, killed] = ["calm", "killed"].map(|name| folder.path().join(name));
    let began = Instant::now();
    done(&plan, &calm, &[]);
    let whole = began.elapsed();

    // Killed at many moments, each a little later than what the last one reached, with other batches and threads.
    let mut kills = 0;
    for (i, batch) in ["1", "3", "8", "5", "2", "8", "3", "1"].into_iter().enumerate() {
        let mut child =
            start(&plan, &killed, &["--batch", batch, "--threads", if i % 2 == 0 { "1" } else { "2" }]);
        std::thread::sleep(whole.mul_f64(0.1 + 0.05 * i as f64).max(Duration::from_millis(30)));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
    }
    assert!(kills >= 3, "{kills} kills in {whole:?}");
    done(&plan, &killed, &["--batch", "4"]);
    let ((records, page, files), (again, page_again, files_again)) = (content(&calm), content(&killed));
    // Three detectors, twelve images: as they are, and under four attacks at two budgets and two without; each judged by
    // three, as it is and after JPEG, but for the images as they are, which only their own detector judges.
    assert_eq!(records.as_array().unwrap().len(), 3 * 12 * (2 + (4 * 2 + 2) * 6));
    assert!(records == again, "the records differ");
    assert!(files == files_again, "the saved images differ");
    assert!(page == page_again, "the reports differ");
}

#[test]
fn shares_come_together_to_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    images(&folder.path().join("faces"), 5);
    let plan = plan(folder.path(), "");
    let path = |name: &str| folder.path().join(name);
    done(&plan, &path("whole"), &[]);
    for share in ["1/3", "2/3", "3/3"] {
        done(&plan, &path(&share.replace('/', "-")), &["--jobs-of", share]);
    }
    let names = ["joined", "1-3", "2-3", "3-3"].map(|n| path(n).display().to_string());
    let merge: Vec<&str> = ["merge"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let output = run(&merge[..4]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("the rest is still to be done"), "{}", text(&output.stdout));
    let output = run(&merge);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let ((records, _, files), (joined, _, files_joined)) =
        (content(&path("whole")), content(&path("joined")));
    assert!(records.as_array().unwrap().len() == joined.as_array().unwrap().len() && files == files_joined);
    assert!(records == joined, "the records differ");

    // A share of something else is refused.
    let other = plan_with_seed(folder.path());
    done(&other, &path("other"), &["--jobs-of", "1/3"]);
    let output = run(&["merge", &names[0], &path("other").display().to_string()]);
    assert!(
        !output.status.success() && text(&output.stderr).contains("+ seed = 6"),
        "{}",
        text(&output.stderr)
    );
    for wrong in ["0/3", "4/3", "3", "a/b"] {
        let said =
            text(&start(&plan, &path("none"), &["--jobs-of", wrong]).wait_with_output().unwrap().stderr);
        assert!(said.contains("expected K/N"), "{said}");
    }
}

fn plan_with_seed(folder: &Path) -> PathBuf {
    let path = plan(folder, "");
    let other = folder.join("other.toml");
    fs::write(&other, fs::read_to_string(path).unwrap().replace("seed = 5", "seed = 6")).unwrap();
    other
}

#[test]
fn what_is_wrong_with_one_image_is_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let faces = folder.path().join("faces");
    images(&faces, 3);
    let whole = fs::read(faces.join("fake/01.png")).unwrap();
    fs::write(faces.join("fake/01.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(faces.join("real/02.png"), "no picture at all").unwrap();
    let (plan, out) = (plan(folder.path(), ""), folder.path().join("study"));
    let output = start(&plan, &out, &[]).wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(3) && said.contains("2 images failed"), "{said}");
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("records.json")).unwrap()).unwrap();
    let records = json["records"].as_array().unwrap();
    let failed: Vec<_> = records.iter().filter(|r| r.get("failed").is_some()).collect();
    assert!(failed.iter().all(|r| r["image"] == "fake/01.png" || r["image"] == "real/02.png"));
    assert_eq!(failed.len() * 3, records.len(), "two images of six");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("real/02.png") && page.contains("found text"), "the report says why");
}

#[test]
fn a_changed_plan_and_a_second_run_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    images(&folder.path().join("faces"), 4);
    let (first, out) = (plan(folder.path(), ""), folder.path().join("study"));
    let mut child = start(&first, &out, &["--batch", "1"]);
    let start_of = Instant::now();
    while !out.join("images").exists() && start_of.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let second = start(&first, &out, &[]).wait_with_output().unwrap();
    if child.try_wait().unwrap().is_none() {
        assert!(text(&second.stderr).contains("another run holds this study"), "{}", text(&second.stderr));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let other = plan(folder.path(), "criterion = 'grid'");
    let said = text(&start(&other, &out, &[]).wait_with_output().unwrap().stderr);
    assert!(said.contains("- criterion = \"saved\"") && said.contains("+ criterion = \"grid\""), "{said}");
    // What only says when to stop, or where files lie, is no change.
    let limited = plan(folder.path(), "limits.time = '1h'");
    let moved = folder.path().join("moved.toml");
    fs::rename(folder.path().join("faces"), folder.path().join("elsewhere")).unwrap();
    let text_of = fs::read_to_string(limited).unwrap();
    fs::write(&moved, text_of.replace("path = 'faces'", "name = 'faces'\npath = 'elsewhere'")).unwrap();
    let said = text(&start(&moved, &out, &[]).wait_with_output().unwrap().stderr);
    assert!(said.contains("- path = \"faces\""), "a folder of another name is shown: {said}");
    fs::create_dir(folder.path().join("away")).unwrap();
    fs::rename(folder.path().join("elsewhere"), folder.path().join("away/faces")).unwrap();
    fs::write(&moved, text_of.replace("path = 'faces'", "path = 'away/faces'")).unwrap();
    done(&moved, &out, &[]);
    // The plan in the folder runs from anywhere.
    done(&out.join("plan.toml"), &out, &[]);
}

#[test]
fn time_that_is_up_stops_a_run_that_then_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    images(&folder.path().join("faces"), 12);
    let (plan, out) =
        (plan(folder.path(), "limits = { time = '1s', steps = 4 }"), folder.path().join("study"));
    let mut stops = 0;
    loop {
        let output = start(&plan, &out, &[]).wait_with_output().unwrap();
        if output.status.success() {
            break;
        }
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains("time is up after"), "{said}");
        stops += 1;
        assert!(stops < 200, "{said}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("records.json")).unwrap()).unwrap();
    let looks = |r: &serde_json::Value| {
        let cost = &r["measured"]["cost"];
        cost["gradients"].as_u64().unwrap() + cost["queries"].as_u64().unwrap()
    };
    // One more where a verdict follows a gradient within a step.
    let most = json["records"].as_array().unwrap().iter().map(looks).max().unwrap();
    assert!((4..=5).contains(&most), "{most}");
}

#[test]
fn a_plan_can_be_looked_at_before_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    images(&folder.path().join("faces"), 2);
    let plan = plan(folder.path(), "").display().to_string();
    let output = run(&["run", &plan, "--check"]);
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("744 records in all, in plan-of-three"), "{said}");
    let schema: serde_json::Value = serde_json::from_slice(&run(&["run", "--schema"]).stdout).unwrap();
    assert!(schema["properties"]["attack"].is_object() && schema["additionalProperties"] == false);

    fs::write(&plan, "judges = 'everyone'\n").unwrap();
    let output = run(&["run", &plan]);
    let said = text(&output.stderr);
    assert!(said.starts_with("error: ") && said.contains("plan-of-three.toml:1:10: "), "{said}");
    assert!(said.contains("1 | judges = 'everyone'\n    |          ^^^^^^^^^^"), "{said}");
}

/// Photographs under settings, with an editor that comes with the program: killed, and run again.
#[test]
fn photographs_are_protected_by_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(run(&["samples", &path("samples").display().to_string()]).status.success());
    let plan = path("plan.of.photographs.toml");
    let protect = "[[protect]]\nmethod = 'fgsm'\ncurve = true\n[[protect]]\nname = 'Uniform'\nmethod = 'fgsm'\n\
                   strategy = 'models=uniform,domains=iterative'\nsave = 'jpeg(90)'\n";
    let text = format!(
        "transforms = ['jpeg(75)']\n[[editor]]\nmodel = 'stargan'\n[[photographs]]\npath = 'samples/faces'\n\
         limit = 2\n{protect}"
    );
    fs::write(&plan, text).unwrap();
    let mut child = start(&plan, &path("killed"), &[]);
    std::thread::sleep(Duration::from_millis(700));
    child.kill().unwrap();
    child.wait().unwrap();
    let edits = |out: &str| {
        done(&plan, &path(out), &[]);
        let table = fs::read_to_string(path(out).join("edits.csv")).unwrap();
        // All but the time, behind the five parts of the strategy.
        table
            .lines()
            .map(|l| l.split(',').enumerate().filter(|(i, _)| *i != 19).map(|c| c.1.to_owned()).collect())
            .collect()
    };
    let calm: Vec<Vec<String>> = edits("calm");
    assert!(calm == edits("killed"), "the edits differ");
    // A line of names; two photographs under two settings, five edits each.
    assert_eq!(calm.len(), 1 + 2 * 2 * 5);
    let page = fs::read_to_string(path("calm").join("report.html")).unwrap();
    assert!(page.contains("Protected photographs") && page.contains("Uniform"), "no section");
    assert_eq!(page.matches("class=\"shield\"").count(), 4);
    assert_eq!(page.matches("class=\"pair\"").count(), 20);
}
