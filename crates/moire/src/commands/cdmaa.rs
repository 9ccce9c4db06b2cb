use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use moire_cpu::Cpu;
use moire_study::{Cdmaa, ModelSpec, Scale, aligned_faces};

use crate::cli::{ReproduceArgs, ScaleArg};
use crate::commands::reproduce::{samples_in, show, write};
use crate::terminal::bar;

/// `moire reproduce cdmaa`.
pub(super) fn run(args: &ReproduceArgs) -> anyhow::Result<ExitCode> {
    ensure!(args.how.memory.is_none(), "reproduce cdmaa knows no --memory: moire protect does");
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("moire-cdmaa"));
    let (data, table) = if let Some(data) = &args.data {
        (data.clone(), args.table.clone())
    } else {
        let samples = samples_in(&out)?;
        (samples.join("faces"), Some(samples.join("list_attr.csv")))
    };
    let editors = match args.models.as_slice() {
        [] => moire_embedded::editors().iter().map(ModelSpec::from).collect(),
        named => named.to_vec(),
    };
    let count = args.limit.unwrap_or(match args.scale {
        ScaleArg::Smoke => 2,
        ScaleArg::Full => 50,
    });
    let faces = aligned_faces(&data, table.as_deref(), count)?;
    let scale = Scale::from(args.scale);
    let cdmaa = Cdmaa { editors, faces, scale, seed: args.seed };
    let device = Cpu::new(args.how.common.threads);
    let program = format!("moire {} ({})", env!("CARGO_PKG_VERSION"), device.isa());
    let progress = bar(0, 0);
    cdmaa.run(&device, &program, &out, |done, total, setting| {
        progress.set_length(total as u64);
        progress.set_position(done as u64);
        progress.set_message(setting.to_owned());
    })?;
    progress.finish_and_clear();
    let tables = cdmaa.tables(&out)?;
    let figures = cdmaa.figures(&device, &out)?;
    let mut paths = write(&out, "cdmaa", Cdmaa::TITLE, &tables, &figures)?;
    paths.extend(figures.into_iter().map(|(path, _)| path));
    show(Cdmaa::TITLE, &tables, &paths, args.how.common.json);
    Ok(ExitCode::SUCCESS)
}
