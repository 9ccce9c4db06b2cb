use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use moire_study::{Budget, Share, Summary, write_outputs};

use crate::cli::ReportArgs;
use crate::terminal::table;

pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let (paths, summary) = write(&args.study)?;
    if args.json {
        println!("{}", as_json(&summary, &paths));
    } else {
        tell(&summary, &paths);
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a study's report and tables.
pub(crate) fn write(study: &Path) -> anyhow::Result<(Vec<PathBuf>, Summary)> {
    write_outputs(study).with_context(|| format!("the report of {}", study.display()))
}

/// The findings, the accuracies, and where the rest is.
pub(crate) fn tell(summary: &Summary, paths: &[PathBuf]) {
    let protections = summary.protections.iter().map(|p| p.finding(summary.metrics));
    for finding in summary.findings.iter().cloned().chain(protections) {
        println!("- {}", finding.text);
    }
    protected(summary);
    if summary.groups.is_empty() && !summary.protections.is_empty() {
        println!();
        paths.iter().for_each(|path| println!("{}", path.display()));
        return;
    }
    let percent = |share: Share| share.value().map_or("-".to_owned(), |v| format!("{:.1} %", 100.0 * v));
    let head =
        ["detector", "attack", "budget", "images", "accuracy", "attacked", "success", "lost by saving"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for group in &summary.groups {
        rows.push(vec![
            group.network.clone(),
            group.label.clone(),
            group.eps.as_ref().map_or("-".to_owned(), |e| e.text().to_owned()),
            group.before.of.to_string(),
            percent(group.before),
            percent(group.after),
            percent(group.success),
            group.lost_by_saving.to_string(),
        ]);
    }
    println!("\n{}\n", table(&rows));
    if !summary.transfers.is_empty() {
        let head = ["made for", "attack", "budget", "judged by", "accuracy", "attacked", "success", "ratio"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for (transfer, cell) in summary.transfers.iter().flat_map(|t| t.cells.iter().map(move |c| (t, c))) {
            rows.push(vec![
                cell.origin.clone(),
                transfer.label.clone(),
                transfer.eps.as_ref().map_or("-".to_owned(), |e| e.text().to_owned()),
                cell.target.clone(),
                percent(cell.before),
                percent(cell.after),
                percent(cell.success),
                cell.ratio().map_or("-".to_owned(), |r| format!("{r:.2}")),
            ]);
        }
        println!("{}\n", table(&rows));
    }
    for path in paths {
        println!("{}", path.display());
    }
}

/// What became of the edits of protected photographs.
fn protected(summary: &Summary) {
    let Some(first) = summary.protections.first() else { return };
    let of = |share: &Share| format!("{} of {}", share.hits, share.of);
    let mut rows = vec![["setting", "editor", "breaks"].map(str::to_owned).to_vec()];
    rows[0].extend(first.held_after.iter().map(|(name, _)| format!("after {name}")));
    rows[0].push("mean loss".to_owned());
    for group in &summary.protections {
        for e in &group.editors {
            let mut row = vec![group.label.clone(), e.editor.clone(), of(&e.broken)];
            row.extend(e.after.iter().map(|(_, share)| of(share)));
            row.push(format!("{:.3}", e.loss));
            rows.push(row);
        }
        let mut row = vec![group.label.clone(), "all at once".to_owned(), of(&group.held)];
        row.extend(group.held_after.iter().map(|(_, share)| of(share)));
        row.push(String::new());
        rows.push(row);
    }
    println!("\n{}", table(&rows));
}

/// The same for machines.
pub(crate) fn as_json(summary: &Summary, paths: &[PathBuf]) -> serde_json::Value {
    let share = |s: Share| {
        let interval = s.interval();
        serde_json::json!({"hits": s.hits, "of": s.of, "value": s.value(), "low": interval.low, "high": interval.high})
    };
    let groups: Vec<_> = summary
        .groups
        .iter()
        .map(|g| {
            serde_json::json!({
                "network": g.network,
                "attack": g.attack,
                "eps": g.eps.as_ref().map(Budget::text),
                "accuracy_clean": share(g.before),
                "accuracy_attacked": share(g.after),
                "success": share(g.success),
                "lost_by_saving": g.lost_by_saving,
                "seconds_an_image": g.seconds_an_image(),
            })
        })
        .collect();
    let transfers: Vec<_> = summary
        .transfers
        .iter()
        .flat_map(|t| t.cells.iter().map(move |c| (t, c)))
        .map(|(transfer, cell)| {
            serde_json::json!({
                "origin": cell.origin,
                "target": cell.target,
                "attack": transfer.attack,
                "eps": transfer.eps.as_ref().map(Budget::text),
                "accuracy_clean": share(cell.before),
                "accuracy_attacked": share(cell.after),
                "success": share(cell.success),
                "ratio": cell.ratio(),
            })
        })
        .collect();
    let edits = |e: &moire_study::Edits| {
        let after: BTreeMap<&String, _> = e.after.iter().map(|(name, s)| (name, share(*s))).collect();
        serde_json::json!({"editor": e.editor, "domain": e.domain, "broken": share(e.broken), "after": after, "loss": e.loss})
    };
    let protections: Vec<_> = summary
        .protections
        .iter()
        .map(|p| {
            let after: BTreeMap<&String, _> =
                p.held_after.iter().map(|(name, s)| (name, share(*s))).collect();
            serde_json::json!({
                "setting": p.setting,
                "data": p.data,
                "failed": p.failed,
                "held": share(p.held),
                "held_after": after,
                "edits": p.domains.iter().map(edits).collect::<Vec<_>>(),
                "psnr": p.psnr,
                "ssim": p.ssim,
            })
        })
        .collect();
    serde_json::json!({
        "findings": summary.findings.iter().map(|f| &f.text).collect::<Vec<_>>(),
        "groups": groups,
        "transfers": transfers,
        "protections": protections,
        "files": paths,
    })
}
