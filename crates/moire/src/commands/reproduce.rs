use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use moire_attack::Combination;
use moire_embedded::Embedded;
use moire_study::{
    DataPlan, DetectorPlan, EditorPlan, Judges, ModelSpec, Paper, PaperTable, Plan, Results, Scale, Store,
    aligned_faces, files, latex,
};

use crate::cli::ReproduceArgs;
use crate::commands::study::{carry_out, verdict};
use crate::commands::{report, samples};
use crate::terminal::table;

pub(crate) fn run(args: &ReproduceArgs) -> anyhow::Result<ExitCode> {
    let (paper, scale) = (Paper::from(args.paper), Scale::from(args.scale));
    let name = match paper {
        Paper::Kra => "kra",
        Paper::Ffm => "ffm",
        Paper::Cdmaa => "cdmaa",
    };
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("moire-{name}")));
    let plan = Plan { seed: args.seed, ..paper.plan(scale) };
    let plan = match paper {
        Paper::Kra | Paper::Ffm => of_detectors(plan, args, paper, &out)?,
        Paper::Cdmaa => of_editors(plan, args, &out)?,
    };
    carry_out(&plan, &out, &args.how)?;
    let (mut paths, summary) = report::write(&out)?;
    let store = Store::open(&out.join("study.sqlite"))?;
    let (records, protections) = (store.records()?, store.protections()?);
    let results = Results { records: &records, summary: &summary, protections: &protections };
    let (tables, figures) = (paper.tables(&results), paper.figures(&out, &results)?);
    paths.extend(write(&out, name, paper.title(), &tables, &figures)?);
    paths.extend(figures.into_iter().map(|(path, _)| path));
    show(paper.title(), &tables, &paths, args.how.common.json);
    Ok(verdict(&summary, args.how.fail_below))
}

/// The plan on the detectors and the images of the arguments.
fn of_detectors(mut plan: Plan, args: &ReproduceArgs, paper: Paper, out: &Path) -> anyhow::Result<Plan> {
    plan.detectors = detectors(args, paper).into_iter().map(DetectorPlan::from).collect();
    let limit = args.limit.or(Scale::from(args.scale).limit());
    plan.data = data(args, paper, out)?.iter().map(|f| DataPlan { limit, ..DataPlan::new(f) }).collect();
    if plan.detectors.len() == 1 {
        plan.judges = Judges::Own;
    }
    Ok(plan)
}

/// The plan on the editors and the faces of the arguments: these come with moire where none are named.
fn of_editors(mut plan: Plan, args: &ReproduceArgs, out: &Path) -> anyhow::Result<Plan> {
    let editors = match args.models.as_slice() {
        [] => moire_embedded::editors().iter().map(ModelSpec::from).collect(),
        named => named.to_vec(),
    };
    let (data, table) = if let Some(data) = &args.data {
        (data.clone(), args.table.clone())
    } else {
        let samples = samples_in(out)?;
        (samples.join("faces"), Some(samples.join("list_attr.csv")))
    };
    let count = args.limit.unwrap_or(Scale::from(args.scale).faces());
    let size = editors[0].load()?.network.preprocess.size;
    plan.photographs = vec![aligned_faces(&data, table.as_deref(), count, size, out)?];
    // Each editor alone, as many as there are.
    let is_there = |models: Combination| match models {
        Combination::Single(place) => place < editors.len(),
        _ => true,
    };
    plan.protect.retain(|p| p.strategies.iter().all(|s| is_there(s.models)));
    plan.editors = editors.into_iter().map(EditorPlan::from).collect();
    Ok(plan)
}

/// The detectors of the arguments, or those that come with moire: for one kind of forgery, or for all.
fn detectors(args: &ReproduceArgs, paper: Paper) -> Vec<ModelSpec> {
    if !args.models.is_empty() {
        return args.models.clone();
    }
    let families = ["ynet-", "forensictransfer-", "mesoinception4-"];
    let fits = |d: &&Embedded| match paper {
        Paper::Ffm => families.iter().any(|family| d.name.starts_with(family)),
        _ => d.forgery() == "swap",
    };
    moire_embedded::detectors().iter().filter(fits).map(ModelSpec::from).collect()
}

/// The folder of the arguments, or sample faces, one folder for each kind of forgery that the paper is about.
fn data(args: &ReproduceArgs, paper: Paper, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(data) = &args.data {
        return Ok(vec![data.clone()]);
    }
    let faces = samples_in(out)?;
    let kinds: &[&str] = if paper == Paper::Ffm { &["swap", "warp", "edit"] } else { &["swap"] };
    Ok(kinds.iter().map(|kind| faces.join(kind)).collect())
}

/// The sample faces, written into a study's folder.
fn samples_in(out: &Path) -> anyhow::Result<PathBuf> {
    let folder = out.join("samples");
    samples::write(&folder)?;
    Ok(folder)
}

/// Writes the tables as Markdown, below them pictures with their captions, and the tables as LaTeX; `name` is the paper's.
fn write(
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
fn show(title: &str, tables: &[PaperTable], paths: &[PathBuf], json: bool) {
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
