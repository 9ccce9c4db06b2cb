use std::process::ExitCode;
use std::time::Instant;

use moire_cpu::Cpu;
use moire_graph::{Act, Builder, Device, Graph, Program, simplify};
use moire_zoo::{Entry, Form, entries, find};

use crate::cli::BenchArgs;
use crate::terminal::table;

/// Milliseconds and sizes of one network.
struct Timing {
    net: &'static str,
    compile_ms: f64,
    forward_ms: f64,
    step_ms: f64,
    gflop: f64,
    peak_mb: f64,
}

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let device = Cpu::new(args.common.threads);
    let chosen: Vec<&Entry> = if args.nets.is_empty() {
        entries().iter().collect()
    } else {
        args.nets.iter().map(|name| find(name)).collect::<Result<_, _>>()?
    };
    let head = ["net", "compile ms", "forward ms", "step ms", "GFLOP", "GFLOP/s", "peak MB"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for entry in chosen {
        let domains = if entry.takes_condition() { args.domains.into() } else { 1 };
        let t = time(entry, &device, args.batch.into(), domains, args.runs.into())?;
        let rate = t.gflop / t.forward_ms * 1e3;
        if args.common.json {
            let line = serde_json::json!({
                "net": t.net, "batch": args.batch, "domains": domains, "compile_ms": t.compile_ms,
                "forward_ms": t.forward_ms, "step_ms": t.step_ms, "gflop": t.gflop, "gflops": rate,
                "peak_mb": t.peak_mb, "threads": device.threads(), "isa": Cpu::isa(),
            });
            println!("{line}");
        }
        let numbers = [t.compile_ms, t.forward_ms, t.step_ms, t.gflop, rate, t.peak_mb];
        rows.push([t.net.to_owned()].into_iter().chain(numbers.map(|v| format!("{v:.2}"))).collect());
    }
    if !args.common.json {
        println!("{}", table(&rows));
        println!(
            "\nbatch {}, {} edits where there are conditions, {} threads, {}; medians of {} runs; random weights",
            args.batch,
            args.domains,
            device.threads(),
            Cpu::isa(),
            args.runs
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn time(
    entry: &'static Entry,
    device: &Cpu,
    batch: usize,
    domains: usize,
    runs: usize,
) -> anyhow::Result<Timing> {
    let network = entry.random(0, &Form { domains, ..entry.form() })?;
    let (x, y) = (network.graph.input("x")?, network.graph.output("y")?);
    let forward = Builder::from(network.graph.clone()).finish([("y", y)])?;
    let mut b = Builder::from(network.graph.clone());
    let square = b.act(y, Act::Square)?;
    let loss = b.mean_all(square)?;
    let gradient = b.gradient(loss, &[x])?[0];
    let step = b.finish([("loss", loss), ("gradient", gradient)])?;
    let start = Instant::now();
    let (forward, step) = (simplify(&forward)?, simplify(&step)?);
    let mut forward_program = device.compile(&forward, batch)?;
    let mut step_program = device.compile(&step, batch)?;
    let compile_ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(Timing {
        net: entry.name,
        compile_ms,
        forward_ms: median_ms(forward_program.as_mut(), &forward, batch, runs)?,
        step_ms: median_ms(step_program.as_mut(), &step, batch, runs)?,
        gflop: forward.flops() as f64 * batch as f64 / 1e9,
        peak_mb: step_program.memory() as f64 / 1e6,
    })
}

fn median_ms(program: &mut dyn Program, graph: &Graph, batch: usize, runs: usize) -> anyhow::Result<f64> {
    let ramp = |size: usize| (0..size * batch).map(|i| (i % 251) as f32 / 250.0).collect::<Vec<_>>();
    let inputs = graph.inputs().iter().map(|&v| (graph.node(v).name.as_str(), ramp(graph.shape(v).numel())));
    let inputs: Vec<_> = inputs.collect();
    let inputs: Vec<(&str, &[f32])> = inputs.iter().map(|(name, x)| (*name, x.as_slice())).collect();
    program.run(batch, &inputs)?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        program.run(batch, &inputs)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
