use std::process::ExitCode;

use anyhow::Context;
use moire_study::{Store, merge};

use crate::cli::MergeArgs;
use crate::commands::report;

pub(crate) fn run(args: &MergeArgs) -> anyhow::Result<ExitCode> {
    let merged = merge(&args.out, &args.shares)?;
    let expected = Store::open(&args.out.join("study.sqlite"))?.meta()?.expected;
    let (paths, summary) = report::write(&args.out).context("the report")?;
    if args.json {
        let mut said = report::as_json(&summary, &paths);
        said["records"] =
            serde_json::json!({"added": merged.added, "there": merged.there, "expected": expected});
        println!("{said}");
        return Ok(ExitCode::SUCCESS);
    }
    report::tell(&summary, &paths);
    println!("\n{} records of {} from {} shares", merged.there, expected, args.shares.len());
    if merged.there < expected {
        println!("the rest is still to be done: moire run {}", args.out.join("plan.toml").display());
    }
    Ok(ExitCode::SUCCESS)
}
