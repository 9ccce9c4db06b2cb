//! Protected photographs: what editors make of them, beside what they make of the photographs as they were.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::panel::{Picture, picture};
use super::table::{Cell, Column, Table, maybe, share, time, value};
use super::verdict::{Card, Rung, seen_by_arithmetic};
use super::{Chart, chart, link, spans, sure};
use crate::error::{Error, Repr};
use crate::plan::Metrics;
use crate::protection::{Edit, Protected, Protection};
use crate::summary::{Edits, Protections, Share, Tone};
use crate::words::{SPACE, count, duration, list, number, percent, percent_or_dash, short_levels};

/// Pictures of one protected photograph, all else about which stands in its record: PNG or JPEG files of at most
/// [`PANEL_SIDE`](super::PANEL_SIDE) pixels a side.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtectionPanel {
    /// The place of its record among the study's protections.
    pub place: usize,
    /// The photograph as it was given.
    pub given: Vec<u8>,
    /// The change, amplified, grey where nothing changed.
    pub change: Vec<u8>,
    /// By what the change is multiplied before it is drawn around mid-grey.
    pub factor: f64,
    /// The protected photograph.
    pub protected: Vec<u8>,
    /// By the place of an edit in the record: that edit of the photograph as it was, and of the protected one.
    pub edits: Vec<(usize, [Vec<u8>; 2])>,
}

/// The section of the page.
pub(super) struct Section<'a> {
    pub(super) tables: Vec<Table>,
    pub(super) charts: Vec<Chart<'a>>,
    pub(super) figures: Vec<Figure<'a>>,
    /// The seconds that all of it took, for people.
    pub(super) time: String,
}

/// A protected photograph and its edits.
pub(super) struct Figure<'a> {
    pub(super) setting: &'a str,
    pub(super) photograph: &'a str,
    pub(super) verdict: String,
    pub(super) holds: bool,
    pub(super) about: String,
    pub(super) given: Picture,
    pub(super) given_link: Option<String>,
    pub(super) change: Picture,
    pub(super) factor: String,
    pub(super) protected: Picture,
    pub(super) protected_link: String,
    pub(super) pairs: Vec<Pair<'a>>,
}

/// One edit, of the photograph as it was and of the protected one.
pub(super) struct Pair<'a> {
    pub(super) editor: &'a str,
    /// The edit, in words.
    pub(super) name: String,
    pub(super) loss: String,
    pub(super) broken: bool,
    pub(super) before: Picture,
    pub(super) after: Picture,
}

/// None where nothing was protected.
pub(super) fn section<'a>(
    protections: &'a [Protection],
    groups: &'a [Protections],
    panels: &[ProtectionPanel],
) -> Result<Option<Section<'a>>, Error> {
    if groups.is_empty() {
        return Ok(None);
    }
    let mut charts = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        if group.editors.iter().any(|e| e.curve.len() > 1) {
            let line = format!("at {}, as the search sees it", group.setting.eps.text());
            charts.push(Chart { subject: &group.label, line, svg: chart::steps(index, group)? });
        }
    }
    let figures = panels.iter().map(|panel| figure(panel, protections, groups));
    Ok(Some(Section {
        tables: vec![editors(groups), edits(groups), settings(groups)],
        charts,
        figures: figures.collect::<Result<_, _>>()?,
        time: duration(groups.iter().map(|g| g.seconds).sum()),
    }))
}

/// What became of photographs at a glance.
pub(super) fn card(group: &Protections, metrics: Metrics) -> Card<'_> {
    let (tone, is_sure) = group.verdict(metrics);
    let rung = |e: &Edits| Rung {
        budget: e.editor.clone(),
        text: percent_or_dash(e.broken.value()),
        shade: (10.0 * e.broken.value().unwrap_or(0.0)).round() as u32,
    };
    let mut facts = vec![(
        "All at once",
        spans(&format!(
            "Every edit breaks on {} of {}.",
            group.held.hits,
            count(group.held.of, "photograph")
        )),
    )];
    if !group.held_after.is_empty() {
        let after = |(name, s): &(String, Share)| format!("{} of {} after `{name}`", s.hits, s.of);
        let all: Vec<String> = group.held_after.iter().map(after).collect();
        facts.push(("Survives", spans(&format!("{}.", list(&all)))));
    }
    facts.extend(
        group.linf.map(|linf| ("To be seen?", spans(&seen_by_arithmetic(group.psnr, group.ssim, linf)))),
    );
    let i = group.held.interval();
    let between = format!(
        "{}; the share on which every edit breaks lies between {} and {} (95{SPACE}%).",
        count(group.held.of, "photograph"),
        percent(i.low),
        percent(i.high)
    );
    facts.push(("How sure", spans(&between)));
    let each = group.seconds / group.held.of.max(1) as f64;
    Card {
        subject: &group.label,
        tone: if tone == Tone::Holds { "holds" } else { "breaks" },
        state: format!("Protects {}", percent_or_dash(group.held.value())),
        sure: Some(sure(is_sure)),
        rungs: group.editors.iter().map(rung).collect(),
        wanted: true,
        under: "edits that break, by editor",
        facts,
        cost: Some(format!("{} and {} steps a photograph.", duration(each), number(group.steps))),
    }
}

fn text(text: &str, code: bool) -> Cell {
    Cell { text: text.to_owned(), sort: text.to_owned(), code, ..Cell::default() }
}

fn columns(texts: &[&str], numbers: &[String]) -> Vec<Column> {
    let column = |title: &str, numeric| Column { title: title.to_owned(), numeric };
    let texts = texts.iter().map(|t| column(t, false));
    texts.chain(numbers.iter().map(|t| column(t, true))).collect()
}

/// The names of transforms, of all settings.
fn transforms(groups: &[Protections]) -> Vec<String> {
    groups.first().map_or_else(Vec::new, |g| g.held_after.iter().map(|(name, _)| name.clone()).collect())
}

fn titles(groups: &[Protections], last: &[&str]) -> Vec<String> {
    let after = transforms(groups).into_iter().map(|name| format!("After {name}"));
    ["Breaks".to_owned()].into_iter().chain(after).chain(last.iter().map(|t| (*t).to_owned())).collect()
}

/// Success by editor, and of all at once.
fn editors(groups: &[Protections]) -> Table {
    let mut rows = Vec::new();
    for group in groups {
        for e in &group.editors {
            let mut row = vec![text(&group.label, false), text(&e.editor, true), share(e.broken, true)];
            row.extend(e.after.iter().map(|(_, s)| share(*s, false)));
            row.push(value(format!("{:.3}", e.loss), e.loss));
            row.push(share(e.masked, false));
            rows.push(row);
        }
        let mut row = vec![text(&group.label, false), text("all at once", false), share(group.held, true)];
        row.extend(group.held_after.iter().map(|(_, s)| share(*s, false)));
        row.extend([maybe(None, number), maybe(None, number)]);
        rows.push(row);
    }
    Table {
        id: "protection-editors",
        caption: "Edits that break, by editor, on the saved files; all at once: photographs on which every edit does",
        columns: columns(&["Setting", "Editor"], &titles(groups, &["Mean loss", "Breaks where it edits"])),
        rows,
    }
}

/// Success by edit.
fn edits(groups: &[Protections]) -> Table {
    let mut rows = Vec::new();
    for (group, e) in groups.iter().flat_map(|g| g.domains.iter().map(move |e| (g, e))) {
        let name = e.domain.as_deref().map_or_else(|| "its one edit".to_owned(), words);
        let mut row =
            vec![text(&group.label, false), text(&e.editor, true), text(&name, false), share(e.broken, true)];
        row.extend(e.after.iter().map(|(_, s)| share(*s, false)));
        row.push(value(format!("{:.3}", e.loss), e.loss));
        rows.push(row);
    }
    Table {
        id: "protection-edits",
        caption: "The same, edit by edit",
        columns: columns(&["Setting", "Editor", "Edit"], &titles(groups, &["Mean loss"])),
        rows,
    }
}

/// How each setting was asked for, how large its change is and what it costs.
fn settings(groups: &[Protections]) -> Table {
    let row = |g: &Protections| {
        let mut photographs = value(g.held.of.to_string(), g.held.of as f64);
        if g.failed > 0 {
            photographs.note = format!("{} failed", g.failed);
        }
        vec![
            text(&g.label, false),
            text(&g.setting.saving, true),
            value(g.setting.eps.text().to_owned(), g.setting.eps.eps().value().into()),
            maybe(g.linf, short_levels),
            maybe(g.psnr, number),
            maybe(g.ssim, |v| format!("{v:.4}")),
            photographs,
            value(number(g.steps), g.steps),
            time((g.held.of > 0).then(|| g.seconds / g.held.of as f64)),
        ]
    };
    let numbers =
        ["Budget", "Largest change, of 255", "PSNR, dB", "SSIM", "Photographs", "Steps", "Time a photograph"];
    Table {
        id: "protection-settings",
        caption: "How large the change is around the faces (medians over the saved files), and what it costs",
        columns: columns(&["Setting", "Saved as"], &numbers.map(str::to_owned)),
        rows: groups.iter().map(row).collect(),
    }
}

/// `Blond_Hair` as people write it.
fn words(domain: &str) -> String {
    domain.replace('_', " ")
}

fn figure<'a>(
    panel: &ProtectionPanel,
    protections: &'a [Protection],
    groups: &'a [Protections],
) -> Result<Figure<'a>, Error> {
    let unknown = || Repr::Panel {
        title: panel.place.to_string(),
        which: "protected".to_owned(),
        expected: "of a protected photograph of this study",
    };
    let record = protections.get(panel.place).ok_or_else(unknown)?;
    let made: &Protected = record.protected().ok_or_else(unknown)?;
    let group = groups.iter().find(|g| (&g.setting, &g.data) == (&record.setting, &record.data));
    let title = &record.photograph;
    let known: BTreeMap<usize, &[Vec<u8>; 2]> = panel.edits.iter().map(|(at, files)| (*at, files)).collect();
    let mut pairs = Vec::new();
    for (at, edit) in made.edits.iter().enumerate() {
        let Some([before, after]) = known.get(&at) else { continue };
        pairs.push(Pair {
            editor: &edit.editor,
            name: edit.domain.as_deref().map_or_else(String::new, words),
            loss: format!("{:.3}", edit.loss),
            broken: record.breaks(edit.loss),
            before: picture(title, "edited", before)?,
            after: picture(title, "edited after protection", after)?,
        });
    }
    let broken = |holds: &dyn Fn(&Edit) -> bool| made.edits.iter().filter(|e| holds(e)).count();
    let mut verdict = format!("{} of {} edits break", broken(&|e| record.breaks(e.loss)), made.edits.len());
    for name in made.edits.first().into_iter().flat_map(|e| e.after.keys()) {
        let after = broken(&|e| e.after.get(name).is_some_and(|loss| record.breaks(*loss)));
        let _ = write!(verdict, ", {after} after {name}");
    }
    let d = &made.distance;
    let psnr = d.psnr.map_or_else(|| "no change".to_owned(), |v| format!("PSNR {}{SPACE}dB", number(v)));
    let ssim = d.ssim.map_or_else(String::new, |v| format!(", SSIM {v:.3}"));
    let faces = match made.faces {
        0 => "taken whole".to_owned(),
        n => count(n as u64, "face"),
    };
    Ok(Figure {
        setting: group.map_or(&record.setting.attack, |g| &g.label),
        photograph: title,
        verdict,
        holds: record.holds(),
        about: format!(
            "{faces}; at most {} of 255 a value, {psnr}{ssim} where editors look",
            short_levels(d.linf)
        ),
        given: picture(title, "given", &panel.given)?,
        given_link: made.given.as_deref().map(link),
        change: picture(title, "change", &panel.change)?,
        factor: number(panel.factor).trim_end_matches('0').trim_end_matches('.').to_owned(),
        protected: picture(title, "protected", &panel.protected)?,
        protected_link: link(&made.file),
        pairs,
    })
}
