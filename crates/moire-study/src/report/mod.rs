mod chart;
mod index;
mod matrix;
mod opinion;
mod panel;
mod protection;
mod table;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use moire_attack::Attack;
use moire_tensor::Label;
use sha2::{Digest, Sha256};

pub(crate) use index::Thumbs;
pub use panel::{Extra, PANEL_SIDE, Panel, choose_panels};
pub use protection::ProtectionPanel;

use crate::error::{Error, Repr};
use crate::opinion::Opinion;
use crate::plan::Plan;
use crate::protection::Protection;
use crate::record::{Judgement, Key, Record};
use crate::store::Meta;
use crate::summary::{Curve, Failure, Group, Guard, Kind, Network, Pace, Protections, Summary, Sure, Tone};
use crate::words::{SPACE, attack_name, attack_title, count, duration, list, number, percent, short_levels};
use index::Index;
use matrix::Matrix;
use panel::{Picture, picture, picture_type};
use table::Table;
use verdict::Card;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A study as one page.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The page's title.
    pub title: &'a str,
    /// What the study was.
    pub meta: &'a Meta,
    /// All its records.
    pub records: &'a [Record],
    /// Pictures of some of them, in the order in which they are shown: see [`choose_panels`].
    pub panels: &'a [Panel],
    /// Small pictures of images, by data set and image: PNG or JPEG files.
    pub thumbs: &'a BTreeMap<(String, String), Vec<u8>>,
    /// What people said they see, where they were asked.
    pub opinion: Option<&'a Opinion>,
    /// Photographs that were protected.
    pub protections: &'a [Protection],
    /// Pictures of some of them.
    pub protection_panels: &'a [ProtectionPanel],
}

impl Report<'_> {
    /// The page: one HTML file that needs nothing else, not even a network.
    ///
    /// The same report gives the same bytes, but for times, which are marked as such. Whatever stands in the records, file
    /// names above all, is shown as text and never runs.
    ///
    /// # Errors
    /// A picture that is not a PNG or JPEG of at most [`PANEL_SIDE`] pixels a side, or belongs to no record.
    pub fn render(&self) -> Result<String, Error> {
        let summary = Summary::of(self.records, Plan::metrics_of(self.meta));
        let by_key: BTreeMap<Key, &Record> = self.records.iter().map(|r| (r.key(), r)).collect();
        let order = chart::order(&summary.groups);
        let groups = Protections::of(self.protections);
        let mut cards = verdict::cards(&summary, self.opinion);
        cards.extend(
            groups.iter().filter(|g| g.photographs() > 0).map(|g| protection::card(g, summary.metrics)),
        );
        let findings = summary.findings.iter().cloned();
        let findings = findings.chain(groups.iter().map(|g| g.finding(summary.metrics)));
        let page = Page {
            title: self.title,
            policy: policy(),
            style: STYLE,
            script: SCRIPT,
            eyebrow: if self.records.is_empty() && !groups.is_empty() {
                "Protection from editors"
            } else {
                "Robustness audit"
            },
            audited: !self.records.is_empty() || groups.is_empty(),
            asked: asked(&summary, &groups),
            unfinished: unfinished(self.meta, self.records.len() + self.protections.len()),
            cards,
            findings: findings
                .map(|f| Note {
                    tone: tone(f.tone),
                    sure: f.sure.map(sure),
                    text: spans(&f.text),
                    detail: spans(&f.detail),
                })
                .collect(),
            protected: protection::section(self.protections, &groups, self.protection_panels)?,
            charts: charts(&summary, &order)?,
            paces: paces(&summary, &order)?,
            matrices: matrix::matrices(&summary),
            results: table::results(&summary),
            survival: table::survival(&summary),
            masks: table::masks(&summary),
            perceptibility: table::perceptibility(&summary),
            opinion: self.opinion.map(opinion::section).transpose()?.flatten(),
            cost: table::cost(&summary),
            shown: shown(self.panels, &by_key, &summary)?,
            index: index::index(self.records, &summary, self.thumbs)?,
            index_lede: index::lede(&summary),
            guards: summary.guards.iter().map(Check::new).collect(),
            failures: &summary.failures,
            parameters: parameters(&summary),
            kinds: kinds(&summary),
            seeds: seeds(self.records, self.protections),
            breaks: percent(summary.metrics.breaks),
            enough: summary.metrics.enough,
            time: duration(summary.seconds),
            records: count((self.records.len() + self.protections.len()) as u64, "record"),
            settings: settings(&groups),
            lost: self.lost(),
            meta: self.meta,
        };
        Ok(page.render().map_err(Repr::Page)?)
    }

    fn lost(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<(&str, &str)> = Vec::new();
        for p in self.protections {
            if let Err(reason) = &p.outcome {
                if !all.contains(&(p.photograph.as_str(), reason.as_str())) {
                    all.push((&p.photograph, reason));
                }
            }
        }
        all
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: &'a str,
    policy: String,
    style: &'static str,
    script: &'static str,
    eyebrow: &'static str,
    /// Whether there is anything about detectors to show.
    audited: bool,
    asked: Vec<(&'static str, String)>,
    unfinished: Option<String>,
    cards: Vec<Card<'a>>,
    findings: Vec<Note>,
    protected: Option<protection::Section<'a>>,
    charts: Vec<Chart<'a>>,
    paces: Vec<Chart<'a>>,
    matrices: Vec<Matrix<'a>>,
    results: Table,
    survival: Option<Table>,
    masks: Option<Table>,
    perceptibility: Table,
    opinion: Option<opinion::Section>,
    cost: Table,
    shown: Vec<Shown<'a>>,
    index: Option<Index<'a>>,
    index_lede: String,
    guards: Vec<Check<'a>>,
    failures: &'a [Failure],
    parameters: Vec<(&'a str, &'a str)>,
    /// The attacks by title, and what each does.
    kinds: Vec<(String, &'a str)>,
    seeds: String,
    breaks: String,
    enough: u64,
    time: String,
    records: String,
    /// How photographs were protected, in full.
    settings: Vec<(String, String)>,
    /// Photographs that failed, and why.
    lost: Vec<(&'a str, &'a str)>,
    meta: &'a Meta,
}

impl Page<'_> {
    /// The sections that there are, for the page's table of contents.
    fn contents(&self) -> Vec<(&'static str, &'static str)> {
        [
            (true, "findings", "Findings"),
            (self.protected.is_some(), "protected", "Protected photographs"),
            (!self.charts.is_empty(), "curves", "Accuracy over budget"),
            (!self.paces.is_empty(), "paces", "Speed"),
            (!self.matrices.is_empty(), "transfer", "Transfer"),
            (self.survival.is_some(), "survival", "Survival"),
            (!self.shown.is_empty(), "images", "Images"),
            (self.audited, "perceptibility", "Visibility"),
            (self.opinion.is_some(), "opinion", "Opinions"),
            (self.audited, "results", "Results"),
            (self.masks.is_some(), "masks", "Masks"),
            (self.index.is_some(), "index", "Image by image"),
            (self.audited, "guards", "Guards"),
            (self.audited, "cost", "Cost"),
            (true, "repeat", "Repeat"),
            (true, "method", "Method"),
        ]
        .into_iter()
        .filter(|(there, ..)| *there)
        .map(|(_, id, name)| (id, name))
        .collect()
    }
}

struct Note {
    tone: (&'static str, &'static str),
    sure: Option<&'static str>,
    text: Vec<Span>,
    detail: Vec<Span>,
}

/// A piece of a sentence; code is what stood between backticks.
struct Span {
    code: bool,
    text: String,
}

struct Chart<'a> {
    subject: &'a str,
    line: String,
    svg: String,
}

struct Check<'a> {
    name: &'a str,
    raised: Vec<Vec<Span>>,
    means: &'a str,
    action: &'a str,
}

struct Shown<'a> {
    subject: String,
    attack: &'a str,
    budget: String,
    image: &'a str,
    truth: Label,
    before: Verdict,
    after: Verdict,
    size: String,
    factor: String,
    /// The file as it was given, and as it was saved, beside the page.
    given: Option<String>,
    link: Option<String>,
    clean: Picture,
    change: Picture,
    adversarial: Picture,
    extras: Vec<(String, Picture)>,
}

struct Verdict {
    text: String,
    correct: bool,
}

impl<'a> Check<'a> {
    fn new(guard: &'a Guard) -> Self {
        Self {
            name: guard.name,
            raised: guard.raised.iter().map(|s| spans(s)).collect(),
            means: guard.means,
            action: guard.action,
        }
    }
}

/// How photographs were protected, in full, by what each setting is called.
fn settings(groups: &[Protections]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for group in groups {
        let setting = (group.label.clone(), group.setting.text());
        if !all.contains(&setting) {
            all.push(setting);
        }
    }
    all
}

/// Nothing loads but pictures beside the page, and nothing runs but the style and the script of this page, named by their
/// hashes: even a hole in the escaping would not run what a file name says.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; img-src data: 'self' file:; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn asked(summary: &Summary, protected: &[Protections]) -> Vec<(&'static str, String)> {
    let distinct = |names: &mut dyn Iterator<Item = String>| {
        let mut found: Vec<String> = Vec::new();
        names.for_each(|n| {
            if !found.contains(&n) {
                found.push(n);
            }
        });
        list(&found)
    };
    let groups = || summary.groups.iter().filter(|g| g.kind != Kind::Clean);
    let mut budgets: Vec<&Group> = groups().filter(|g| g.eps.is_some()).collect();
    let size = |g: &Group| g.eps.as_ref().map_or(0.0, |b| b.eps().value());
    budgets.sort_by(|a, b| size(a).total_cmp(&size(b)));
    let budget = |g: &Group| g.eps.as_ref().map(|b| b.text().to_owned()).unwrap_or_default();
    let data = distinct(&mut summary.networks.iter().map(|n| n.data.clone()));
    let several = summary.networks.iter().any(|n| n.data != summary.networks[0].data);
    vec![
        ("Detectors", distinct(&mut summary.networks.iter().map(|n| n.name.clone()))),
        (
            "Images",
            if summary.networks.is_empty() && !protected.is_empty() {
                String::new()
            } else {
                table::images(summary)
            },
        ),
        ("Data", if several { data } else { String::new() }),
        ("Attacks", distinct(&mut groups().map(|g| g.label.clone()))),
        ("Budgets", distinct(&mut budgets.into_iter().map(budget))),
        ("Editors", distinct(&mut protected.iter().flat_map(|g| g.editors.iter().map(|e| e.editor.clone())))),
        ("Protected with", distinct(&mut protected.iter().map(|g| g.label.clone()))),
    ]
    .into_iter()
    .filter(|(_, text)| !text.is_empty())
    .collect()
}

/// What to say of a study that is not done.
fn unfinished(meta: &Meta, there: usize) -> Option<String> {
    let there = there as u64;
    (there < meta.expected)
        .then(|| format!("This study is not finished: {there} of {} records.", meta.expected))
}

fn tone(tone: Tone) -> (&'static str, &'static str) {
    match tone {
        Tone::Breaks => ("breaks", "Breaks"),
        Tone::Holds => ("holds", "Holds"),
        Tone::Note => ("note", "Note"),
        Tone::Guard => ("guard", "Check"),
    }
}

fn sure(sure: Sure) -> &'static str {
    match sure {
        Sure::Sure => "sure",
        Sure::Likely => "likely",
        Sure::Open => "open",
    }
}

fn spans(text: &str) -> Vec<Span> {
    let span = |(i, text): (usize, &str)| Span { code: i % 2 == 1, text: text.to_owned() };
    text.split('`').enumerate().map(span).filter(|s| !s.text.is_empty()).collect()
}

fn charts<'a>(summary: &'a Summary, order: &[&str]) -> Result<Vec<Chart<'a>>, Error> {
    let mut charts = Vec::new();
    for (index, network) in summary.networks.iter().enumerate() {
        let curves: Vec<&Curve> = summary.curves.iter().filter(|c| c.subject == network.subject).collect();
        if !curves.is_empty() {
            let svg = chart::budgets(index, network, &curves, order)?;
            charts.push(Chart { subject: &network.subject, line: before_attack(network), svg });
        }
    }
    Ok(charts)
}

/// How fast attacks succeed, at the budget where a detector breaks, or the largest.
fn paces<'a>(summary: &'a Summary, order: &[&str]) -> Result<Vec<Chart<'a>>, Error> {
    let mut charts = Vec::new();
    for (index, network) in summary.networks.iter().enumerate() {
        let at = network.breaks.or(network.strongest).and_then(|i| summary.groups[i].eps.as_ref());
        let here = |g: &Group| (&g.network, &g.data) == (&network.name, &network.data);
        let fits = |g: &Group| here(g) && (g.eps.is_none() || g.eps.as_ref() == at);
        let found: Vec<(&Pace, &Group)> =
            summary.paces.iter().map(|p| (p, &summary.groups[p.group])).filter(|(_, g)| fits(g)).collect();
        if !found.is_empty() {
            let svg = chart::paces(index, network, &found, order)?;
            let line = at.map_or_else(String::new, |b| format!("at {}", b.text()));
            charts.push(Chart { subject: &network.subject, line, svg });
        }
    }
    Ok(charts)
}

fn before_attack(network: &Network) -> String {
    let auc = network.auc.map_or_else(String::new, |a| format!(", AUC {a:.3}"));
    let clean = network.clean.value().map_or_else(String::new, percent);
    format!("{clean} of {} correct without a change{auc}", count(network.clean.of, "image"))
}

fn shown<'a>(
    panels: &[Panel],
    records: &BTreeMap<Key, &'a Record>,
    summary: &'a Summary,
) -> Result<Vec<Shown<'a>>, Error> {
    let one = |panel: &Panel| {
        let fail = || Repr::Panel {
            title: panel.key.image.clone(),
            which: "clean".to_owned(),
            expected: "of a record of this study",
        };
        let record = *records.get(&panel.key).ok_or_else(fail)?;
        let m = record.measured().ok_or_else(fail)?;
        let group = summary.groups.iter().find(|g| g.is_of(record));
        let verdict = |j: &Judgement| Verdict {
            text: format!("{} ({:.2})", j.decided, j.p_fake),
            correct: j.decided == record.label,
        };
        let d = &m.distance;
        let psnr = d.psnr.map_or_else(|| "no change".to_owned(), |v| format!("PSNR {}{SPACE}dB", number(v)));
        let title = &panel.key.image;
        Ok(Shown {
            subject: group.map_or_else(|| record.network.clone(), |g| g.subject.clone()),
            attack: group.map_or(&record.attack, |g| &g.label),
            budget: record.eps.as_ref().map_or_else(|| "no budget".to_owned(), |b| b.text().to_owned()),
            image: &record.image,
            truth: record.label,
            before: verdict(&m.clean),
            after: verdict(&m.saved),
            size: format!(
                "{} of pixels changed, at most {} of 255; {psnr}",
                percent(d.p_l0),
                short_levels(d.linf)
            ),
            factor: number(panel.factor).trim_end_matches('0').trim_end_matches('.').to_owned(),
            given: panel.given.as_deref().map(link),
            link: m.file.as_deref().map(link),
            clean: picture(title, "clean", &panel.clean)?,
            change: picture(title, "change", &panel.change)?,
            adversarial: picture(title, "adversarial", &panel.adversarial)?,
            extras: panel
                .extras
                .iter()
                .map(|m| Ok((m.what.clone(), picture(title, &m.what, &m.picture)?)))
                .collect::<Result<_, Error>>()?,
        })
    };
    panels.iter().map(one).collect()
}

/// A path beside the page as an address: whatever is no plain letter is encoded, so it can only be a path.
fn link(path: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    format!("./{}", path.bytes().map(encode).collect::<String>())
}

fn parameters(summary: &Summary) -> Vec<(&str, &str)> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for g in &summary.groups {
        if !found.contains(&(&g.label, &g.attack)) {
            found.push((&g.label, &g.attack));
        }
    }
    found
}

fn kinds(summary: &Summary) -> Vec<(String, &'static str)> {
    let mut found: Vec<(String, &str)> = Vec::new();
    for g in &summary.groups {
        let name = attack_name(&g.attack);
        let title = attack_title(&name);
        let own = name.split(':').next().unwrap_or_default();
        let known = Attack::ALL.iter().find(|(name, _)| *name == own);
        // What stands behind a colon is for those who write commands.
        let what = known.and_then(|(_, what)| what.split(':').next());
        if let Some(what) = what.filter(|_| found.iter().all(|(known, _)| *known != title)) {
            found.push((title, what));
        }
    }
    found
}

fn seeds(records: &[Record], protections: &[Protection]) -> String {
    let protected = protections.iter().map(|p| p.seed);
    let distinct: BTreeSet<u64> = records.iter().map(|r| r.seed).chain(protected).collect();
    list(&distinct.iter().map(u64::to_string).collect::<Vec<_>>())
}
