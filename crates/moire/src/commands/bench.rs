mod attack;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use moire_attack::{
    Ascent, Detector, Editor, Editors, KeyLayers, Look, Loss, Sight, Strategy, Traits, key_layers,
};
use moire_cpu::{Cpu, CpuProgram};
use moire_graph::{Act, Builder, Graph, Program, ValueId, simplify};
use moire_study::{ModelSpec, fitting};
use moire_tensor::{Images, Tensor};
use moire_zoo::{Form, Network, Reading, Role, entries, find};

use self::attack::attacked;
use crate::cli::BenchArgs;
use crate::terminal::table;

/// What runs: a batch, in parts of so many images, so many times.
#[derive(Clone, Copy)]
struct Load {
    batch: usize,
    part: usize,
    runs: usize,
}

/// Milliseconds and sizes of one network.
struct Timing {
    net: String,
    compile_ms: f64,
    forward_ms: f64,
    step_ms: f64,
    /// What `kra` asks a detector once for an image: where its decision hangs.
    regions_ms: Option<f64>,
    gflop: f64,
    peak_mb: f64,
    profile: Vec<Vec<String>>,
}

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let device = Cpu::new(args.common.threads);
    if args.together {
        return together(args, &device);
    }
    let all = || entries().iter().map(|e| e.name.to_owned()).collect();
    let chosen: Vec<String> = if args.nets.is_empty() { all() } else { args.nets.clone() };
    let head = ["net", "compile ms", "forward ms", "step ms", "regions ms", "GFLOP", "GFLOP/s", "peak MB"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut notes = Vec::new();
    for net in &chosen {
        let (network, domains) = network(net, args.domains, &(&args.onnx).into())?;
        let step = step(&network)?;
        let bytes =
            |batch| Ok::<_, anyhow::Error>(device.program(&simplify(&step)?, batch)?.memory().total());
        let part = fitting(&network.name, args.batch.into(), args.memory, bytes)?;
        let load = Load { batch: args.batch.into(), part, runs: args.runs.into() };
        let attack = match &args.attack {
            Some(attack) => attacked(&network, &device, load, attack, args.eps)?.map(|a| (attack, a)),
            None => None,
        };
        let t = time(&network, &step, &device, load)?;
        if let Some(memory) = args.memory.filter(|_| load.part < load.batch) {
            notes.push(format!("{}: in parts of {}, within {memory}", t.net, load.part));
        }
        if args.profile {
            println!("{}", table(&t.profile));
        }
        notes.extend(attack.iter().map(|(attack, a)| format!("{}: {attack} at {}: {a}", t.net, args.eps)));
        let rate = t.gflop / t.forward_ms * 1e3;
        if args.common.json {
            let mut line = serde_json::json!({
                "net": t.net, "batch": load.batch, "part": load.part, "domains": domains, "compile_ms": t.compile_ms,
                "forward_ms": t.forward_ms, "step_ms": t.step_ms, "regions_ms": t.regions_ms,
                "gflop": t.gflop, "gflops": rate,
                "peak_mb": t.peak_mb, "threads": device.threads(), "isa": device.isa().to_string(),
            });
            if let Some((attack, a)) = &attack {
                line["attack"] = serde_json::json!({
                    "attack": attack.to_string(), "eps": args.eps.to_string(), "ms": a.ms, "gradients": a.gradients,
                    "queries": a.queries, "margins": a.margins, "change": a.change,
                });
            }
            println!("{line}");
        }
        let numbers = [Some(t.compile_ms), Some(t.forward_ms), Some(t.step_ms), t.regions_ms]
            .into_iter()
            .chain([t.gflop, rate, t.peak_mb].map(Some));
        let spelled = numbers.map(|v| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.2}")));
        rows.push([t.net].into_iter().chain(spelled).collect());
    }
    if !args.common.json {
        println!("{}", table(&rows));
        println!(
            "\nbatch {}, {} threads, {}; medians of {} runs; random weights",
            args.batch,
            device.threads(),
            device.isa(),
            args.runs
        );
        notes.iter().for_each(|line| println!("{line}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// One step of `moire protect` against all editors of the arguments: every edit of each, their gradients, one direction.
fn together(args: &BenchArgs, device: &Cpu) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let (mut models, mut look, mut edits, mut size) = (Vec::new(), Look::new(), 0, None);
    for (model, net) in args.nets.iter().enumerate() {
        let (Network { graph, role, .. }, domains) = network(net, args.domains, &(&args.onnx).into())?;
        ensure!(matches!(role, Role::Editor(_)), "{net}: expected an editor");
        let shape = graph.shape(graph.input("x")?).clone();
        let first = size.get_or_insert_with(|| shape.clone());
        ensure!(*first == shape, "{net}: expected images of {first:?}, as of the first, found {shape:?}");
        let asked = graph.inputs().iter().find(|&&v| graph.node(v).name == "c");
        let condition = vec![0.5; asked.map_or(0, |&c| graph.shape(c).numel())];
        look.push(Sight { model, condition, ..Sight::default() });
        models.push(Editor::new(device, &graph)?);
        edits += domains;
    }
    let mut editors = Editors::new(models, Strategy::default());
    let compile_ms = start.elapsed().as_secs_f64() * 1e3;
    let shape = size.context("clap asks for a name")?;
    let image = Images::new(Tensor::from_fn(shape.clone(), |i| 0.25 + 0.5 * (i % 251) as f32 / 250.0))?;
    let beside = Images::new(image.tensor().map(|v| v + 0.01))?;
    editors.set_samples(&image, Vec::new(), vec![vec![look]])?;
    let step = || Ok(editors.direction(&beside, &[0], Loss::Margin).map(drop)?);
    let step_ms = median(args.runs.into(), step)?;
    let peak_mb = editors.memory().total() as f64 / 1e6;
    if args.common.json {
        let line = serde_json::json!({
            "nets": args.nets, "edits": edits, "compile_ms": compile_ms, "step_ms": step_ms, "peak_mb": peak_mb,
            "threads": device.threads(), "isa": device.isa().to_string(),
        });
        println!("{line}");
    } else {
        println!(
            "one step against {} edits by {}: {step_ms:.0} ms, {peak_mb:.0} MB; ready after {compile_ms:.0} ms\n\n\
             {} threads, {}; median of {} runs; random weights",
            edits,
            args.nets.join(", "),
            device.threads(),
            device.isa(),
            args.runs
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// An architecture with random weights, or an ONNX file with its own; and the edits that run together.
fn network(net: &str, domains: Option<u16>, reading: &Reading) -> anyhow::Result<(Network, usize)> {
    if net.starts_with("onnx:") {
        return Ok((net.parse::<ModelSpec>()?.read_as(reading).load()?.network, 1));
    }
    let entry = find(net)?;
    let domains = match domains {
        Some(domains) if entry.takes_condition() => domains.into(),
        _ => published(entry.name),
    };
    Ok((entry.random(0, &Form { domains, ..entry.form() })?, domains))
}

/// What a network answers that a step looks at.
fn answer(network: &Network) -> Result<ValueId, moire_graph::Error> {
    network.graph.output(if network.role == Role::Faces { "scores" } else { "y" })
}

/// A forward pass and the input gradient of the answer's mean square.
fn step(network: &Network) -> Result<Graph, moire_graph::Error> {
    let (x, y) = (network.graph.input("x")?, answer(network)?);
    let mut b = Builder::from(network.graph.clone());
    let square = b.act(y, Act::Square)?;
    let loss = b.mean_all(square)?;
    let gradient = b.gradient(loss, &[x])?[0];
    b.finish([("loss", loss), ("gradient", gradient)])
}

fn time(network: &Network, step: &Graph, device: &Cpu, load: Load) -> anyhow::Result<Timing> {
    let forward = match network.role {
        Role::Faces => network.graph.clone(),
        Role::Detector(_) | Role::Editor(_) | Role::Plain => {
            Builder::from(network.graph.clone()).finish([("y", answer(network)?)])?
        }
    };
    let start = Instant::now();
    let (forward, step) = (simplify(&forward)?, simplify(step)?);
    let mut forward_program = device.program(&forward, load.part)?;
    let mut step_program = device.program(&step, load.part)?;
    let compile_ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(Timing {
        compile_ms,
        forward_ms: median_ms(&mut forward_program, load)?,
        step_ms: median_ms(&mut step_program, load)?,
        regions_ms: regions_ms(network, device, load)?,
        net: network.name.clone(),
        gflop: forward.flops() as f64 * load.batch as f64 / 1e9,
        peak_mb: step_program.memory().total() as f64 / 1e6,
        profile: profile(&mut step_program, load.part)?,
    })
}

/// How many edits a step of an editor makes, as its authors publish them; 1 for what takes no condition.
fn published(name: &str) -> usize {
    match name {
        "stargan" | "stgan" => 5,
        "attgan" => 13,
        _ => 1,
    }
}

/// Inputs for every sample: a ramp.
fn inputs(graph: &Graph, batch: usize) -> Vec<(String, Vec<f32>)> {
    let ramp = |size: usize| (0..size * batch).map(|i| (i % 251) as f32 / 250.0).collect();
    graph.inputs().iter().map(|&v| (graph.node(v).name.clone(), ramp(graph.shape(v).numel()))).collect()
}

fn median_ms(program: &mut CpuProgram, load: Load) -> anyhow::Result<f64> {
    let counts = (0..load.batch).step_by(load.part).map(|first| load.part.min(load.batch - first));
    let parts: Vec<_> = counts.map(|count| (count, inputs(program.graph(), count))).collect();
    median(load.runs, || {
        for (count, given) in &parts {
            let given: Vec<(&str, &[f32])> = given.iter().map(|(name, x)| (&name[..], &x[..])).collect();
            program.run(*count, &given)?;
        }
        Ok(())
    })
}

/// The key regions of a batch of images by a detector's default layers, from the images to the maps in their size;
/// `None` where there are no such layers.
fn regions_ms(network: &Network, device: &Cpu, load: Load) -> anyhow::Result<Option<f64>> {
    let attacked = matches!(network.role, Role::Detector(_));
    if !attacked || key_layers(&network.graph)?.is_empty() {
        return Ok(None);
    }
    let shape = network.graph.shape(network.graph.input("x")?).with(0, load.batch);
    let images = Images::new(Tensor::from_fn(shape, |i| (i % 251) as f32 / 250.0))?;
    let mut detector = Detector::new(device, &network.graph, Traits::default(), load.part)?;
    let look = || Ok(detector.key_regions(&images, &KeyLayers::default()).map(drop)?);
    median(load.runs, look).map(Some)
}

/// Milliseconds, after one run that does not count.
fn median(runs: usize, mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    run()?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Where a step's time goes: a row for each kernel and shape, the costliest first. The least of three runs.
fn profile(program: &mut CpuProgram, batch: usize) -> anyhow::Result<Vec<Vec<String>>> {
    let given = inputs(program.graph(), batch);
    let given: Vec<(&str, &[f32])> = given.iter().map(|(name, x)| (name.as_str(), x.as_slice())).collect();
    let mut least: Vec<(ValueId, &'static str, f64)> = Vec::new();
    for _ in 0..3 {
        let mut times = Vec::with_capacity(least.len());
        let mut last = Instant::now();
        program.run_observed(batch, &given, |value, kernel| {
            let now = Instant::now();
            times.push((value, kernel, (now - last).as_secs_f64() * 1e3));
            last = now;
        })?;
        if least.is_empty() {
            least = times;
        } else {
            least.iter_mut().zip(times).for_each(|(a, b)| a.2 = a.2.min(b.2));
        }
    }
    let mut groups: BTreeMap<String, (usize, f64, f64)> = BTreeMap::new();
    for (value, kernel, ms) in least {
        let (shape, flops) = program.describe(value);
        let group = groups.entry(format!("{kernel} {shape}")).or_insert((0, 0.0, 0.0));
        group.0 += 1;
        group.1 += ms;
        group.2 += flops as f64 * batch as f64 / 1e9;
    }
    let total: f64 = groups.values().map(|g| g.1).sum();
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    let mut rows = vec![["kernel", "times", "ms", "%", "GFLOP/s"].map(str::to_owned).to_vec()];
    rows.extend(groups.into_iter().map(|(name, (times, ms, gflop))| {
        let rate = if gflop == 0.0 { String::new() } else { format!("{:.0}", gflop / ms * 1e3) };
        vec![name, times.to_string(), format!("{ms:.2}"), format!("{:.1}", 100.0 * ms / total), rate]
    }));
    Ok(rows)
}
