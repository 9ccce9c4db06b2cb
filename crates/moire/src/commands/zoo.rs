use std::process::ExitCode;

use anyhow::Context;
use moire_cpu::Cpu;
use moire_graph::Device;
use moire_study::{ModelSpec, Source};
use moire_tensor::Tensor;
use moire_zoo::{Entry, entries, find};

use crate::cli::{ZooArgs, ZooCommand};
use crate::terminal::table;

pub(crate) fn run(args: &ZooArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ZooCommand::List { json: true } => {
            println!("{}", serde_json::Value::from(entries().iter().map(as_json).collect::<Vec<_>>()));
        }
        ZooCommand::List { json: false } => list(),
        ZooCommand::Show { name } => show(find(name)?)?,
        ZooCommand::Check { model } => check(model)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(entry: &Entry) -> serde_json::Value {
    let published = entry.published.iter();
    serde_json::json!({
        "name": entry.name,
        "summary": entry.summary,
        "source": entry.source,
        "licence": entry.licence,
        "files": entry.files,
        "labels": entry.labels,
        "size": entry.preprocess.size,
        "mean": entry.preprocess.mean,
        "std": entry.preprocess.std,
        "published": published
            .map(|p| serde_json::json!({"file": p.file, "sha256": p.sha256, "about": p.about}))
            .collect::<Vec<_>>(),
    })
}

fn list() {
    let mut rows = vec![["name", "input", "checkpoint's licence"].map(str::to_owned).to_vec()];
    for entry in entries() {
        let [h, w] = entry.preprocess.size;
        rows.push(vec![entry.name.to_owned(), format!("{h} x {w}"), entry.licence.to_owned()]);
    }
    println!("{}\n", table(&rows));
    for entry in entries() {
        println!("{}: {}", entry.name, entry.summary);
    }
    println!("\nmoire zoo show NAME tells where its checkpoints are published and what its answers mean.");
}

fn show(entry: &Entry) -> anyhow::Result<()> {
    let network = entry.random(0, &entry.form())?;
    let [h, w] = entry.preprocess.size;
    println!("{}\n{}\n", entry.name, entry.summary);
    println!("use         {}:PATH, where PATH is {}", entry.name, entry.files);
    println!("input       RGB, {h} x {w}, mean {:?}, std {:?}", entry.preprocess.mean, entry.preprocess.std);
    println!("answers     {}", entry.labels);
    println!("parameters  {}", entry.parameters);
    println!("source      {}", entry.source);
    println!("licence     {}", entry.licence);
    for published in entry.published {
        println!(
            "known       {} (trained on {})\n            sha256 {}",
            published.file,
            published.about,
            published.sha256.unwrap_or("not known")
        );
    }
    println!("outputs");
    for (name, value) in network.graph.outputs() {
        println!("  {name} {}", network.graph.shape(*value));
    }
    Ok(())
}

/// Loads strictly, compares checksums, and runs the network on a ramp.
fn check(spec: &ModelSpec) -> anyhow::Result<()> {
    let model = spec.load()?;
    for (file, hash) in &model.files {
        let published = match &spec.source {
            Source::Zoo(entry) => entry.published,
            Source::Onnx(_) => &[],
        };
        let known = published.iter().find(|p| p.sha256 == Some(hash));
        let word = known.map_or("not a published checkpoint that is known here".to_owned(), |p| {
            format!("the published {}, trained on {}", p.file, p.about)
        });
        println!("{file}: {word}\n  sha256 {hash}");
    }
    let [h, w] = model.network.preprocess.size;
    let ramp = Tensor::from_fn([1, 3, h, w], |at| {
        let (c, i, j) = (at / (h * w), at / w % h, at % w);
        ((7 * c + 3 * i + 5 * j) % 256) as f32 / 255.0
    });
    let mut program = Cpu::new(0).compile(&model.network.graph, 1)?;
    program.run(1, &[("x", ramp.data())])?;
    let y = program.output("y")?;
    y.iter().all(|v| v.is_finite()).then_some(()).context("the network's answer to a ramp is not finite")?;
    println!("{} loads: every tensor is there and none is left over", spec.source.name());
    println!("its answer to the ramp ((7c + 3i + 5j) mod 256) / 255 is {y:?}");
    Ok(())
}
