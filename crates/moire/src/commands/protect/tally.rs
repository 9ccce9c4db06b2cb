use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::commands::faces::counted;
use crate::commands::protect::record::{Edit, Record};
use crate::terminal::table;

/// What the records of a run add up to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) photographs: usize,
    /// Photographs on which every edit breaks: as saved, and after each transform.
    held: usize,
    held_after: BTreeMap<String, usize>,
    /// By editor and edit, in the order in which they came.
    edits: Vec<Row>,
}

/// One edit of one editor, over all faces.
#[derive(Debug)]
struct Row {
    editor: String,
    domain: Option<String>,
    count: usize,
    broken: usize,
    broken_after: BTreeMap<String, usize>,
    loss: f64,
}

impl Tally {
    pub(super) fn add(&mut self, record: &Record) {
        self.photographs += 1;
        let Some(first) = record.edits.first() else { return };
        self.held += usize::from(record.edits.iter().all(|e| e.broken));
        for name in first.broken_after.keys() {
            let held = record.edits.iter().all(|e| e.broken_after[name]);
            *self.held_after.entry(name.clone()).or_default() += usize::from(held);
        }
        for edit in &record.edits {
            self.row(edit).add(edit);
        }
    }

    fn row(&mut self, edit: &Edit) -> &mut Row {
        let at = self.edits.iter().position(|r| r.editor == edit.editor && r.domain == edit.domain);
        let at = at.unwrap_or_else(|| {
            self.edits.push(Row {
                editor: edit.editor.clone(),
                domain: edit.domain.clone(),
                count: 0,
                broken: 0,
                broken_after: BTreeMap::new(),
                loss: 0.0,
            });
            self.edits.len() - 1
        });
        &mut self.edits[at]
    }

    /// The last line of a run for machines.
    pub(super) fn to_json(&self, failed: usize) -> Value {
        let row = |r: &Row| {
            json!({
                "editor": r.editor,
                "domain": r.domain,
                "edits": r.count,
                "broken": r.broken,
                "broken after": r.broken_after,
                "mean loss": r.loss / r.count as f64,
            })
        };
        json!({"summary": {
            "photographs": self.photographs,
            "failed": failed,
            "held": self.held,
            "held after": self.held_after,
            "edits": self.edits.iter().map(row).collect::<Vec<_>>(),
        }})
    }
}

impl Row {
    fn add(&mut self, edit: &Edit) {
        self.count += 1;
        self.broken += usize::from(edit.broken);
        self.loss += f64::from(edit.loss);
        for (name, &broken) in &edit.broken_after {
            *self.broken_after.entry(name.clone()).or_default() += usize::from(broken);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.edits.is_empty() {
            return writeln!(f, "{} changed", counted(self.photographs, "photograph"));
        }
        let names: Vec<&String> = self.held_after.keys().collect();
        let mut rows = vec![vec!["edit".to_owned(), "breaks".to_owned()]];
        rows[0].extend(names.iter().map(|name| format!("after {name}")));
        rows[0].push("mean loss".to_owned());
        for r in &self.edits {
            let name = r.domain.as_ref().map_or_else(|| r.editor.clone(), |e| format!("{} {e}", r.editor));
            let of = |broken: usize| format!("{broken} of {}", r.count);
            let mut row = vec![name, of(r.broken)];
            row.extend(names.iter().map(|&name| of(r.broken_after.get(name).copied().unwrap_or(0))));
            row.push(format!("{:.3}", r.loss / r.count as f64));
            rows.push(row);
        }
        let mut all = vec!["all edits of a photograph".to_owned()];
        let of = |held: usize| format!("{held} of {}", self.photographs);
        all.push(of(self.held));
        all.extend(names.iter().map(|&name| of(self.held_after[name])));
        all.push(String::new());
        rows.push(all);
        writeln!(f, "\n{}", table(&rows))?;
        let kept: Vec<String> = names.iter().map(|&n| format!("{} after {n}", self.held_after[n])).collect();
        let kept = if kept.is_empty() { String::new() } else { format!(" ({})", kept.join(", ")) };
        let protected = counted(self.photographs, "photograph");
        writeln!(f, "\n{protected} protected, {} of them from every edit{kept}", self.held)
    }
}
