use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use moire_study::{
    DataPlan, DetectorPlan, Judges, ModelSpec, Paper, PaperTable, Results, Scale, Store, files, latex,
};

use crate::cli::ReproduceArgs;
use crate::commands::study::carry_out;
use crate::commands::{cdmaa, report, samples};
use crate::terminal::table;

pub(crate) fn run(args: &ReproduceArgs) -> anyhow::Result<ExitCode> {
    let Some(paper) = args.paper.of_detectors() else { return cdmaa::run(args) };
    let scale = Scale::from(args.scale);
    let out = args.out.clone().unwrap_or_else(|| {
        PathBuf::from(match paper {
            Paper::Kra => "moire-kra",
            Paper::Ffm => "moire-ffm",
        })
    });
    let mut plan = paper.plan(scale);
    plan.detectors = detectors(args, paper).into_iter().map(DetectorPlan::from).collect();
    plan.data = data(args, paper, &out)?
        .iter()
        .map(|folder| DataPlan { limit: args.limit.or(scale.limit()), ..DataPlan::new(folder) })
        .collect();
    plan.seed = args.seed;
    if plan.detectors.len() == 1 {
        plan.judges = Judges::Own;
    }
    carry_out(&plan, &out, &args.how)?;
    let (mut paths, summary) = report::write(&out)?;
    let records = Store::open(&out.join("study.sqlite"))?.records()?;
    let tables = paper.tables(&Results { records: &records, summary: &summary });
    let name = if paper == Paper::Kra { "kra" } else { "ffm" };
    paths.extend(write(&out, name, paper.title(), &tables, &[])?);
    show(paper.title(), &tables, &paths, args.how.common.json);
    Ok(ExitCode::SUCCESS)
}

/// The detectors of the arguments, or those that come with moire: for one kind of forgery, or for all.
fn detectors(args: &ReproduceArgs, paper: Paper) -> Vec<ModelSpec> {
    if !args.models.is_empty() {
        return args.models.clone();
    }
    let kinds = |name: &str| name.ends_with("-warp") || name.ends_with("-edit");
    let zones = |name: &str| name.starts_with("ynet-") || name.starts_with("forensictransfer-");
    let fits = |name: &str| match paper {
        Paper::Kra => !kinds(name),
        Paper::Ffm => zones(name) || name.starts_with("mesoinception4-"),
    };
    moire_embedded::detectors().iter().filter(|d| fits(d.name)).map(ModelSpec::from).collect()
}

/// The folder of the arguments, or sample faces, one folder for each kind of forgery that the paper is about.
fn data(args: &ReproduceArgs, paper: Paper, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(data) = &args.data {
        return Ok(vec![data.clone()]);
    }
    let faces = samples_in(out)?;
    let kinds: &[&str] = match paper {
        Paper::Kra => &["swap"],
        Paper::Ffm => &["swap", "warp", "edit"],
    };
    Ok(kinds.iter().map(|kind| faces.join(kind)).collect())
}

/// The sample faces, written into a study's folder.
pub(super) fn samples_in(out: &Path) -> anyhow::Result<PathBuf> {
    let folder = out.join("samples");
    samples::write(&folder)?;
    Ok(folder)
}

/// Writes the tables as Markdown, below them pictures with their captions, and the tables as LaTeX; `name` is the paper's.
pub(super) fn write(
    out: &Path,
    name: &str,
    title: &str,
    tables: &[PaperTable],
    figures: &[(PathBuf, String)],
) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (file, text) in
        [("tables.md", markdown(title, tables, figures)), ("paper.tex", latex::paper(name, tables))]
    {
        let path = out.join(file);
        files::write(&path, text.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
        paths.push(path);
    }
    Ok(paths)
}

/// Prints the tables, and where they are.
pub(super) fn show(title: &str, tables: &[PaperTable], paths: &[PathBuf], json: bool) {
    if json {
        let tables: Vec<_> = tables
            .iter()
            .map(|t| serde_json::json!({"title": t.title, "columns": t.head, "rows": t.rows, "notes": t.notes}))
            .collect();
        println!("{}", serde_json::json!({"paper": title, "tables": tables, "files": paths}));
        return;
    }
    println!("{title}");
    for t in tables {
        let head = t.head.iter().map(|&h| h.to_owned()).collect();
        let rows: Vec<_> = [head].into_iter().chain(t.rows.iter().cloned()).collect();
        println!("\n{}\n{}", t.title, table(&rows));
        t.notes.iter().for_each(|note| println!("  {note}"));
    }
    println!();
    paths.iter().for_each(|path| println!("{}", path.display()));
}

/// The tables as Markdown.
fn markdown(title: &str, tables: &[PaperTable], figures: &[(PathBuf, String)]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<String> = cells.map(|c| c.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = format!("# {title}\n");
    for t in tables {
        let rule = "|---".repeat(t.head.len());
        let _ = write!(text, "\n## {}\n{}{rule}|\n", t.title, line(&mut t.head.iter().copied()));
        t.rows.iter().for_each(|row| text += &line(&mut row.iter().map(String::as_str)));
        for note in &t.notes {
            let _ = write!(text, "\n{note}\n");
        }
    }
    for (path, caption) in figures {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = write!(text, "\n![{caption}]({file})\n\n{caption}\n");
    }
    text
}
