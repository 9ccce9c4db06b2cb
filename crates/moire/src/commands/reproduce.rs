use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use moire_study::{DataPlan, DetectorPlan, Judges, Paper, PaperTable, Results, Scale, Store, files};

use crate::cli::ReproduceArgs;
use crate::commands::report;
use crate::commands::study::carry_out;
use crate::terminal::table;

pub(crate) fn run(args: &ReproduceArgs) -> anyhow::Result<ExitCode> {
    let (paper, scale) = (Paper::from(args.paper), Scale::from(args.scale));
    let (Some(data), false) = (&args.data, args.models.is_empty()) else {
        bail!(
            "no networks come with moire yet: name detectors with --models NAME:PATH,.. (`moire zoo list` has the names, \
             `moire zoo show NAME` says where checkpoints are published) and a folder of their images with --data DIR, \
             which holds real/ and fake/"
        );
    };
    let out = args.out.clone().unwrap_or_else(|| {
        PathBuf::from(match paper {
            Paper::Kra => "moire-kra",
            Paper::Ffm => "moire-ffm",
        })
    });
    let mut plan = paper.plan(scale);
    plan.detectors = args.models.iter().cloned().map(DetectorPlan::from).collect();
    plan.data = vec![DataPlan { limit: args.limit.or(scale.limit()), ..DataPlan::new(data) }];
    plan.seed = args.seed;
    if plan.detectors.len() == 1 {
        plan.judges = Judges::Own;
    }
    carry_out(&plan, &out, &args.how)?;
    let (mut paths, summary) = report::write(&out)?;
    let records = Store::open(&out.join("study.sqlite"))?.records()?;
    let tables = paper.tables(&Results { records: &records, summary: &summary });
    let path = out.join("tables.md");
    let markdown = markdown(paper, &tables);
    files::write(&path, markdown.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
    paths.push(path);
    if args.how.common.json {
        let tables: Vec<_> = tables
            .iter()
            .map(|t| serde_json::json!({"title": t.title, "columns": t.head, "rows": t.rows, "notes": t.notes}))
            .collect();
        println!("{}", serde_json::json!({"paper": paper.title(), "tables": tables, "files": paths}));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", paper.title());
    for t in &tables {
        let head = t.head.iter().map(|&h| h.to_owned()).collect();
        let rows: Vec<_> = [head].into_iter().chain(t.rows.iter().cloned()).collect();
        println!("\n{}\n{}", t.title, table(&rows));
        t.notes.iter().for_each(|note| println!("  {note}"));
    }
    println!();
    paths.iter().for_each(|path| println!("{}", path.display()));
    Ok(ExitCode::SUCCESS)
}

/// The tables as Markdown.
fn markdown(paper: Paper, tables: &[PaperTable]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<String> = cells.map(|c| c.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = format!("# {}\n", paper.title());
    for t in tables {
        let rule = "|---".repeat(t.head.len());
        let _ = write!(text, "\n## {}\n{}{rule}|\n", t.title, line(&mut t.head.iter().copied()));
        t.rows.iter().for_each(|row| text += &line(&mut row.iter().map(String::as_str)));
        for note in &t.notes {
            let _ = write!(text, "\n{note}\n");
        }
    }
    text
}
