use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use moire_study::{Plan, Study};

use crate::cli::RunArgs;
use crate::commands::study::{carry_out, finish};
use crate::terminal::table;

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let Some(path) = args.plan.as_ref().filter(|_| !args.schema) else {
        print!("{}", Plan::schema());
        return Ok(ExitCode::SUCCESS);
    };
    let plan = Plan::read(path)?;
    let out = args.out.clone().unwrap_or_else(|| folder(path));
    if args.check {
        tell(&Study::open(&plan)?, &out, args.how.common.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    carry_out(&plan, &out, &args.how)?;
    finish(&out, &args.how)
}

/// Where the study of a plan goes when nothing else is said.
fn folder(plan: &Path) -> PathBuf {
    if plan.file_name().is_some_and(|name| name == "plan.toml") {
        let beside = plan.parent().unwrap_or(Path::new(""));
        return if beside.as_os_str().is_empty() { PathBuf::from(".") } else { beside.to_owned() };
    }
    plan.file_stem().map_or_else(|| "moire-study".into(), PathBuf::from)
}

/// What a study would be.
fn tell(study: &Study, out: &Path, json: bool) -> anyhow::Result<()> {
    let plan = study.plan().text().context("the plan as text")?;
    let counts = study.counts();
    if json {
        let rows: Vec<_> = counts
            .iter()
            .map(|c| serde_json::json!({"detector": c.detector, "data": c.data, "images": c.images, "records": c.records}))
            .collect();
        println!(
            "{}",
            serde_json::json!({
                "folder": out,
                "plan": plan,
                "records": study.records(),
                "counts": rows,
                "photographs": study.photographs(),
                "settings": study.settings(),
            })
        );
        return Ok(());
    }
    println!("{plan}");
    let protections = study.photographs() * study.settings();
    if protections > 0 {
        println!("{} photographs, each protected in {} ways\n", study.photographs(), study.settings());
    }
    if counts.is_empty() {
        println!("{} records in all, in {}", study.records(), out.display());
        return Ok(());
    }
    let mut rows = vec![["detector", "data", "images", "records"].map(str::to_owned).to_vec()];
    for c in &counts {
        rows.push(vec![c.detector.clone(), c.data.clone(), c.images.to_string(), c.records.to_string()]);
    }
    println!("{}\n", table(&rows));
    for (name, attacks) in study.unfit() {
        for attack in attacks {
            println!(
                "{name} would not be attacked with {}: it lacks the zones or the mask for it",
                attack.name()
            );
        }
    }
    println!("{} records in all, in {}", study.records(), out.display());
    Ok(())
}
