use std::env;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, bail};
use moire_cpu::Cpu;
use moire_study::{Audit, AuditPlan, Judges, ModelSpec, Progress, Summary, Surroundings, scan};

use crate::cli::AuditArgs;
use crate::commands::report;
use crate::terminal::bar;

pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let reading = (&args.onnx).into();
    let plan = AuditPlan {
        detectors: args.models.iter().map(|m| m.clone().read_as(&reading)).collect(),
        attacks: args.attack.clone(),
        budgets: args.eps.clone(),
        criterion: args.criterion.into(),
        judges: if args.transfer { Judges::All } else { Judges::Own },
        seed: args.seed,
    };
    let place = Place { data: &args.data, limit: args.limit, out: &args.out, batch: args.batch.into() };
    carry_out(&plan, &place, args.common.threads)?;
    let (paths, summary) = report::write(&args.out)?;
    if args.common.json {
        println!("{}", report::as_json(&summary, &paths));
    } else {
        report::tell(&summary, &paths);
    }
    Ok(if breaks(&summary, args.fail_below) { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

/// What a plan is carried out on, and where.
pub(crate) struct Place<'a> {
    pub(crate) data: &'a Path,
    /// At most so many images of each label.
    pub(crate) limit: Option<usize>,
    pub(crate) out: &'a Path,
    pub(crate) batch: usize,
}

/// Runs what is left of a plan, to its end.
pub(crate) fn carry_out(plan: &AuditPlan, place: &Place<'_>, threads: usize) -> anyhow::Result<()> {
    let models = plan.detectors.iter().map(ModelSpec::load).collect::<Result<Vec<_>, _>>()?;
    let samples = scan(place.data, place.limit).context("reading the images")?;
    let device = Cpu::new(threads);
    for (spec, model) in plan.detectors.iter().zip(&models) {
        for attack in plan.unfit(&model.network) {
            eprintln!("{spec} is not attacked with {}: it lacks the zones or the mask for it", attack.name());
        }
    }
    let start = Instant::now();
    let audit = Audit {
        plan,
        models: &models,
        samples: &samples,
        folder: place.out,
        device: &device,
        batch: place.batch,
        clock: &|| start.elapsed().as_secs_f64(),
        surroundings: &surroundings(&device),
    };
    let last = watched(&audit)?;
    if last.done < last.total {
        bail!("stopped after {} of {}: run the same command to go on", last.done, last.total);
    }
    Ok(())
}

/// Runs the audit under a progress bar; an interrupt lets the current batch finish.
fn watched(audit: &Audit<'_>) -> anyhow::Result<Progress> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        // Asked twice, it does not wait.
        if seen.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .context("watching for interrupts")?;
    let mut shown = None;
    let mut last = Progress { done: 0, total: 0, doing: String::new() };
    audit.run(&mut |progress| {
        let bar = shown.get_or_insert_with(|| bar(progress.total, progress.done));
        bar.set_position(progress.done as u64);
        bar.set_message(progress.doing.clone());
        last.clone_from(progress);
        if stop.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(bar) = shown {
        bar.finish_and_clear();
    }
    Ok(last)
}

/// Whether an attack leaves a detector less accuracy than was asked for.
fn breaks(summary: &Summary, fail_below: Option<f64>) -> bool {
    let Some(least) = fail_below else { return false };
    let attacked = summary.groups.iter().filter(|g| g.kind.is_attack());
    attacked.filter_map(|g| g.after.value()).any(|accuracy| 100.0 * accuracy < least)
}

fn surroundings(device: &Cpu) -> Surroundings {
    let quoted = |arg: String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%@+".contains(c);
        if !arg.is_empty() && arg.chars().all(plain) {
            arg
        } else {
            format!("'{}'", arg.replace('\'', "'\\''"))
        }
    };
    let command = ["moire".to_owned()].into_iter().chain(env::args().skip(1).map(quoted)).collect::<Vec<_>>();
    Surroundings {
        // Other instructions round otherwise, so they are part of what decides the numbers.
        program: format!("moire {} ({})", env!("CARGO_PKG_VERSION"), device.isa()),
        command: command.join(" "),
        environment: vec![
            ("system".to_owned(), format!("{} on {}", env::consts::OS, env::consts::ARCH)),
            ("threads".to_owned(), device.threads().to_string()),
        ],
    }
}
