//! A limit on memory changes how many images are at work at once, and no bit of any result.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use moire_attack::Attack;
use moire_graph::{Device, Error, Footprint, Graph, Program};
use moire_image::{Picture, encode_png};
use moire_study::{
    Answer, AttackPlan, DataPlan, DetectorPlan, Judges, Memory, ModelSpec, Plan, Run, Store, Study,
    Surroundings,
};
use moire_testkit::Reference;
use moire_zoo::Reading;

/// A network of images `[n, 8, 6, 3]` with four classes.
const NETWORK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../moire-formats/tests/data/onnx/nhwc.onnx");

/// What a program of this device is said to hold: so much, and so much more for each sample.
const FIXED: usize = 900_000;
const EACH: usize = 100_000;

/// The reference, which keeps count of what its programs are said to hold.
#[derive(Default)]
struct Counting {
    held: Arc<AtomicUsize>,
    most: AtomicUsize,
}

struct Counted {
    inner: Box<dyn Program>,
    held: Arc<AtomicUsize>,
}

impl Device for Counting {
    fn compile(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Program>, Error> {
        let program = Counted { inner: Reference.compile(graph, batch)?, held: Arc::clone(&self.held) };
        let held = self.held.fetch_add(program.memory().own, Ordering::SeqCst) + program.memory().own;
        self.most.fetch_max(held, Ordering::SeqCst);
        Ok(Box::new(program))
    }
}

impl Program for Counted {
    fn batch(&self) -> usize {
        self.inner.batch()
    }

    fn memory(&self) -> Footprint {
        Footprint { own: FIXED + EACH * self.batch(), ..Footprint::default() }
    }

    fn run(&mut self, samples: usize, inputs: &[(&str, &[f32])]) -> Result<(), Error> {
        self.inner.run(samples, inputs)
    }

    fn run_for(&mut self, samples: usize, inputs: &[(&str, &[f32])], outputs: &[&str]) -> Result<(), Error> {
        self.inner.run_for(samples, inputs, outputs)
    }

    fn output(&self, name: &str) -> Result<&[f32], Error> {
        self.inner.output(name)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.held.fetch_sub(self.memory().own, Ordering::SeqCst);
    }
}

fn plan(folder: &Path) -> Plan {
    for (label, base) in [("real", 40), ("fake", 120)] {
        fs::create_dir_all(folder.join(label)).unwrap();
        for image in 0..4 {
            let value = |i: usize| (base + (i * (image + 3) * 7919) % 97 + image * 5) as u8;
            let picture = Picture::new(6, 8, (0..144).map(value).collect()).unwrap();
            fs::write(folder.join(label).join(format!("{image}.png")), encode_png(&picture)).unwrap();
        }
    }
    let detector = |name: &str, labels: &str| {
        let reading = Reading { meaning: Some(labels.parse().unwrap()), ..Reading::default() };
        let model: ModelSpec = format!("onnx:{NETWORK}").parse().unwrap();
        DetectorPlan { name: Some(name.to_owned()), ..DetectorPlan::from(model.read_as(&reading)) }
    };
    let attacks = Attack::parse_list("pgd(steps=4),iap(steps=2),deepfool").unwrap();
    Plan {
        detectors: vec![detector("a", "real,fake,x,y"), detector("b", "x,real,y,fake")],
        data: vec![DataPlan::new(folder)],
        attacks: vec![AttackPlan::from(attacks)],
        judges: Judges::All,
        transforms: vec!["jpeg(60)".parse().unwrap()],
        ..Plan::default()
    }
}

/// The records and saved files of a study under a limit, and the most that programs held.
fn made(mut plan: Plan, limit: Option<u64>, out: &Path) -> Result<(Vec<String>, usize), moire_study::Error> {
    plan.limits.memory = limit.map(Memory);
    let device = Counting::default();
    let surroundings =
        Surroundings { program: "test".to_owned(), command: String::new(), environment: Vec::new() };
    let study = Study::open(&plan)?;
    let (share, clock, surroundings) = (None, &|| 0.0, &surroundings);
    let run = Run { study: &study, folder: out, device: &device, batch: 5, share, clock, surroundings };
    run.run(&mut |_| ControlFlow::Continue(()))?;
    let mut all = Vec::new();
    for record in Store::open(&out.join("study.sqlite"))?.records()? {
        if let Answer::Measured(measured) = &record.answer {
            let files = measured.file.iter().map(|file| format!("{:?}", fs::read(out.join(file)).unwrap()));
            all.extend(files);
        }
        all.push(format!("{record:?}"));
    }
    all.sort();
    Ok((all, device.most.into_inner()))
}

#[test]
fn a_limit_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&folder.path().join("faces"));
    let under = |limit, name: &str| made(plan.clone(), limit, &folder.path().join(name));
    let (free, most) = under(None, "free").unwrap();
    let programs = most / (FIXED + 5 * EACH);
    assert!(programs >= 4 && most == programs * (FIXED + 5 * EACH), "{most} bytes at once");
    let limit = |images: usize| (programs * (FIXED + images * EACH)) as u64;
    for images in [4, 2] {
        let (held, most) = under(Some(limit(images)), &format!("for {images}")).unwrap();
        assert_eq!(most as u64, limit(images), "as many images as fit");
        assert!(held == free, "other results with {images} images at once");
    }
    let error = under(Some(limit(1) / 2), "for none").unwrap_err().to_string();
    let (needed, allowed) = (Memory(limit(1)), Memory(limit(1) / 2));
    assert_eq!(
        error,
        format!("a: one image at a time needs {needed}, and the memory limit allows {allowed}")
    );
}
