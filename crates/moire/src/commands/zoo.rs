use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use moire_cpu::Cpu;
use moire_embedded::Embedded;
use moire_graph::{Device, Op};
use moire_study::{ModelSpec, Opened, files};
use moire_tensor::Tensor;
use moire_zoo::{Encoding, Entry, Network, Role, Sizes, Task, entries, find};

use crate::cli::{ConvertArgs, ZooArgs, ZooCommand};

pub(crate) fn run(args: &ZooArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ZooCommand::List { json: true } => {
            let embedded = moire_embedded::all().map(embedded_as_json);
            println!(
                "{}",
                serde_json::Value::from(embedded.chain(entries().iter().map(as_json)).collect::<Vec<_>>())
            );
        }
        ZooCommand::List { json: false } => list(),
        ZooCommand::Show { name, layers } => show_all(name, *layers)?,
        ZooCommand::Check { model } => check(model)?,
        ZooCommand::Convert(args) => convert(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(entry: &Entry) -> serde_json::Value {
    let published = entry.published.iter();
    serde_json::json!({
        "name": entry.name,
        "task": match entry.task() {
            Task::Detect => "detect",
            Task::Edit => "edit",
            Task::Find => "find",
        },
        "summary": entry.summary,
        "source": entry.source,
        "licence": entry.licence,
        "files": entry.files,
        "labels": entry.labels,
        "parameters": entry.parameters,
        "size": entry.preprocess.size,
        "mean": entry.preprocess.mean,
        "std": entry.preprocess.std,
        "published": published
            .map(|p| serde_json::json!({"file": p.file, "sha256": p.sha256, "about": p.about}))
            .collect::<Vec<_>>(),
    })
}

/// The architecture of that name, and the network that comes with moire: either, or one after the other.
fn show_all(name: &str, layers: bool) -> anyhow::Result<()> {
    let Some(embedded) = moire_embedded::find(name) else { return show(find(name)?, layers) };
    if let Ok(entry) = find(name) {
        show(entry, layers)?;
        println!("\ncomes with moire, trained by the project itself:\n");
    }
    println!("{}", embedded.card);
    show_graph(&embedded.name.parse::<ModelSpec>()?.load()?.network, layers);
    Ok(())
}

fn embedded_as_json(embedded: &Embedded) -> serde_json::Value {
    serde_json::json!({"name": embedded.name, "summary": embedded.summary(), "embedded": true})
}

/// Two lines a network: its numbers, and what it is for.
fn list() {
    println!("come with moire, for non-commercial research (a name alone is a model)");
    for embedded in moire_embedded::all() {
        println!("{:<32}{}", embedded.name, embedded.summary());
    }
    println!();
    for (task, title) in
        [(Task::Detect, "detectors"), (Task::Edit, "editors"), (Task::Find, "finders of faces")]
    {
        println!("{title:<18}{:>9}{:>13}   checkpoints are under", "input", "parameters");
        for entry in entries().iter().filter(|e| e.task() == task) {
            let [h, w] = entry.preprocess.size;
            let parameters = format!("{:.2} M", entry.parameters as f64 / 1e6);
            println!("{:<18}{:>9}{parameters:>13}   {}", entry.name, format!("{h} x {w}"), entry.licence);
            println!("    {}", entry.summary);
        }
        println!();
    }
    println!(
        "moire zoo show NAME tells where its checkpoints are published, how to use one and what its answers mean."
    );
}

fn show(entry: &Entry, layers: bool) -> anyhow::Result<()> {
    let network = entry.outline()?;
    let [h, w] = entry.preprocess.size;
    println!("{}\n{}\n", entry.name, entry.summary);
    println!("use         {}:PATH, where PATH is {}", entry.name, entry.files);
    println!("get it from {}", entry.source);
    println!("licence     {}", entry.licence);
    println!("input       RGB, {h} x {w}, mean {:?}, std {:?}", entry.preprocess.mean, entry.preprocess.std);
    let Sizes { least, most, multiple } = entry.sizes;
    println!("            other sizes from {least} to {most}, in multiples of {multiple}");
    println!("answers     {}", entry.labels);
    println!("parameters  {}", entry.parameters);
    if let Some(condition) = condition(&network) {
        println!("edits       {condition}");
    }
    for published in entry.published {
        println!(
            "known       {} (trained on {})\n            sha256 {}",
            published.file,
            published.about,
            published.sha256.unwrap_or("not known")
        );
    }
    show_graph(&network, layers);
    Ok(())
}

/// Outputs, and layers or how many there are.
fn show_graph(network: &Network, layers: bool) {
    println!("outputs");
    for (name, value) in network.graph.outputs() {
        println!("  {name} {}", network.graph.shape(*value));
    }
    let computed = network.graph.nodes().iter().filter(|n| !matches!(n.op, Op::Constant(_) | Op::Input));
    if layers {
        println!("layers");
        computed.for_each(|node| println!("  {} {}", node.name, node.shape));
    } else {
        println!("layers      {}, which --layers lists", computed.count());
    }
}

/// The edits of an editor by name, and how its conditions are written.
fn condition(network: &Network) -> Option<String> {
    let Role::Editor(editing) = &network.role else { return None };
    let condition = editing.condition.as_ref()?;
    let encoding = match condition.encoding {
        Encoding::Target => "1 for what the face shall have, else 0",
        Encoding::Signed => "0.5 for what the face shall have, else -0.5; what changes 1 or -1",
        Encoding::Difference | Encoding::AuthorsDifference => "what the face shall have minus what it has",
    };
    let names: Vec<&str> = condition.attributes.iter().map(|a| a.name()).collect();
    Some(format!("{}\n            (c holds {encoding})", names.join(", ")))
}

/// Loads strictly, compares checksums, and runs the network on a ramp.
fn check(spec: &ModelSpec) -> anyhow::Result<()> {
    let Opened { entry, weights, files } = spec.open()?;
    let mut stored: &[f64] = &[];
    for (file, hash) in &files {
        let known = entry.published.iter().find(|p| p.sha256 == Some(hash));
        let word = known.map_or("not a published checkpoint that is known here".to_owned(), |p| {
            format!("the published {}, trained on {}", p.file, p.about)
        });
        println!("{file}: {word}\n  sha256 {hash}");
        stored = known.map(|p| p.ramp).filter(|ramp| !ramp.is_empty()).unwrap_or(stored);
    }
    let form = weights.form(entry);
    let network = entry.network(weights, &form)?;
    println!("{} loads: every tensor is there and none is left over", entry.name);
    let y = on_ramp(&network)?;
    let shown = &y[..y.len().min(4)];
    println!("its answer to the ramp ((7c + 3i + 5j) mod 256) / 255 begins with {shown:?}");
    for (&found, &expected) in y.iter().zip(stored) {
        let near = (f64::from(found) - expected).abs() <= 1e-3 * (1.0 + expected.abs());
        ensure!(near, "the answer to the ramp is {found}, and an independent port has {expected}");
    }
    if !stored.is_empty() {
        println!("an independent port answers the same");
    }
    Ok(())
}

/// What the network answers to a ramp, under a condition of zeros; finite, and in range where the role has one.
fn on_ramp(network: &Network) -> anyhow::Result<Vec<f32>> {
    let [h, w] = network.preprocess.size;
    let ramp = Tensor::from_fn([1, 3, h, w], |at| {
        let (c, i, j) = (at / (h * w), at / w % h, at % w);
        ((7 * c + 3 * i + 5 * j) % 256) as f32 / 255.0
    });
    let mut program = Cpu::new(0).compile(&network.graph, 1)?;
    let zeros =
        network.graph.input("c").map(|c| vec![0.0; network.graph.shape(c).numel()]).unwrap_or_default();
    let mut inputs = vec![("x", ramp.data())];
    if !zeros.is_empty() {
        inputs.push(("c", &zeros));
    }
    program.run(1, &inputs)?;
    let y = program.output(if network.role == Role::Faces { "boxes" } else { "y" })?.to_vec();
    if let Some(bad) = y.iter().find(|v| !v.is_finite()) {
        bail!("the network's answer to a ramp holds {bad}");
    }
    let least = match network.role {
        Role::Editor(_) => y.iter().map(|v| v.abs()).reduce(f32::max).filter(|v| *v > 1.0),
        Role::Detector(_) => program.output("p_fake")?.first().copied().filter(|p| !(0.0..=1.0).contains(p)),
        _ => None,
    };
    match least {
        Some(outside) => bail!("the network's answer to a ramp holds {outside}, which is out of range"),
        None => Ok(y),
    }
}

fn convert(args: &ConvertArgs) -> anyhow::Result<()> {
    let Opened { entry, weights, .. } = args.model.open()?;
    let size = args.size.map_or(weights.form(entry).size, |side| [side; 2]);
    let checkpoint = weights.describe(entry, size, |config| {
        config.slope = args.slope.or(config.slope);
        if args.attributes.is_some() {
            config.attributes.clone_from(&args.attributes);
        }
    })?;
    let bytes = if args.f16 {
        let most = checkpoint.names().filter_map(|n| checkpoint.get(n)).flat_map(Tensor::data);
        let most = most.fold(0.0f32, |most, v| most.max(v.abs()));
        ensure!(most <= 65504.0, "{}: a weight of {most} does not fit 16 bits", args.model);
        checkpoint.write_safetensors_f16()
    } else {
        checkpoint.write_safetensors()
    };
    files::write(&args.out, &bytes).with_context(|| format!("writing {}", args.out.display()))?;
    let [h, w] = size;
    println!("{} for {h} x {w}, {} tensors, {} bytes", entry.name, checkpoint.len(), bytes.len());
    println!("{}", args.out.display());
    Ok(())
}
