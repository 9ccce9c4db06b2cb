//! What audit, run and reproduce share: they make a plan, carry it out and report.

use std::env;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, bail};
use moire_cpu::Cpu;
use moire_study::{Ended, Failure, Plan, Progress, Run, Study, Summary, Surroundings};

use crate::cli::How;
use crate::commands::report;
use crate::terminal::bar;

/// Does what is left of a plan, to its end.
pub(crate) fn carry_out(plan: &Plan, out: &Path, how: &How) -> anyhow::Result<()> {
    let mut plan = plan.clone();
    plan.limits.memory = how.memory.or(plan.limits.memory);
    let study = Study::open(&plan)?;
    for (name, attacks) in study.unfit() {
        for attack in attacks {
            eprintln!("{name} is not attacked with {}: it lacks the zones or the mask for it", attack.name());
        }
    }
    let device = Cpu::new(how.common.threads);
    let start = Instant::now();
    let run = Run {
        study: &study,
        folder: out,
        device: &device,
        batch: how.batch.into(),
        share: how.jobs_of,
        clock: &|| start.elapsed().as_secs_f64(),
        surroundings: &surroundings(&device),
    };
    let (ended, last) = watched(&run)?;
    let so_far = format!("after {} of {} records: run the same command to go on", last.done, last.total);
    match ended {
        Ended::Done => Ok(()),
        Ended::Stopped => bail!("stopped {so_far}"),
        Ended::OutOfTime => bail!("the plan's time is up {so_far}"),
    }
}

/// Writes the report of a study that is done, and tells what came out.
pub(crate) fn finish(out: &Path, how: &How) -> anyhow::Result<ExitCode> {
    let (paths, summary) = report::write(out)?;
    if how.common.json {
        println!("{}", report::as_json(&summary, &paths));
    } else {
        report::tell(&summary, &paths);
        if let Some(share) = how.jobs_of {
            println!("\nThis is share {share}. Once all have run: moire merge WHOLE {} ..", out.display());
        }
    }
    Ok(verdict(&summary, how.fail_below))
}

/// How the program ends, once it has told which images and photographs failed: 3 where some did, or where an attack leaves a
/// detector less accuracy than was asked for.
pub(crate) fn verdict(summary: &Summary, fail_below: Option<f64>) -> ExitCode {
    let failed = &summary.failures;
    let mut images: Vec<_> = failed.iter().map(|f| (&f.data, &f.image)).collect();
    images.dedup();
    if let Some(Failure { image, reason, .. }) = failed.first() {
        let what = if images.len() == 1 { "1 image".to_owned() } else { format!("{} images", images.len()) };
        eprintln!("{what} failed, as the report lists: {image}: {reason}");
    }
    let lost: u64 = summary.protections.iter().map(|p| p.failed).sum();
    if lost > 0 {
        eprintln!("{lost} photographs failed, as the report lists");
    }
    if breaks(summary, fail_below) || !failed.is_empty() || lost > 0 {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    }
}

/// Runs under a progress bar; an interrupt lets images that are at work finish.
fn watched(run: &Run<'_>) -> anyhow::Result<(Ended, Progress)> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        // Asked twice, it does not wait.
        if seen.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!("stopping: images at work may take some seconds to finish; Ctrl-C again leaves at once");
    })
    .context("watching for interrupts")?;
    let mut shown = None;
    let mut last = Progress::default();
    let ended = run.run(&mut |progress| {
        let bar = shown.get_or_insert_with(|| bar(progress.total, progress.done));
        bar.set_position(progress.done as u64);
        if last.doing != progress.doing {
            bar.set_message(progress.doing.clone());
        }
        last.clone_from(progress);
        if stop.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(bar) = shown {
        bar.finish_and_clear();
    }
    Ok((ended, last))
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
