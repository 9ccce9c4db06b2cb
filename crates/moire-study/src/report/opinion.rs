//! What people said they see: a table as in arXiv:1911.00660 (its table 5), and the same as a drawing.

use askama::Template;

use super::table::{Cell, Column, Table};
use crate::error::{Error, Repr};
use crate::opinion::{Opinion, OpinionCondition, OpinionScore};
use crate::record::CLEAN;
use crate::words::{count, number};

const WIDTH: i32 = 480;
const TOP: i32 = 4;
const ROW: i32 = 44;
const LEFT: f64 = 8.0;
const RIGHT: f64 = 472.0;
/// The longest name that fits beside its score, in characters.
const NAME: usize = 44;

/// The section about opinions.
pub(super) struct Section {
    pub(super) svg: String,
    pub(super) table: Table,
    /// What was counted, and how far raters agree, in sentences.
    pub(super) lines: Vec<String>,
    /// Measure, Pearson's and Spearman's correlation, images.
    pub(super) correlations: Vec<(&'static str, String, String, usize)>,
}

#[derive(Template)]
#[template(path = "opinion.svg", escape = "html")]
struct Chart {
    text: String,
    width: i32,
    height: i32,
    top: i32,
    bottom: i32,
    xs: Vec<Tick>,
    rows: Vec<Row>,
}

struct Tick {
    at: i32,
    score: i32,
    label: &'static str,
    anchor: &'static str,
}

struct Row {
    name: String,
    value: String,
    clean: bool,
    y: i32,
    at: String,
    low: String,
    high: String,
}

fn rated(opinion: &Opinion) -> impl Iterator<Item = (&OpinionCondition, &OpinionScore)> {
    opinion.conditions.iter().filter_map(|c| Some((c, c.score.as_ref()?)))
}

fn spelt(score: &OpinionScore) -> String {
    match score.interval {
        Some((low, high)) => format!("{:.2} ({low:.2} to {high:.2})", score.mos),
        None => format!("{:.2}", score.mos),
    }
}

/// The section; none where nothing was rated yet.
pub(super) fn section(opinion: &Opinion) -> Result<Option<Section>, Error> {
    if rated(opinion).next().is_none() {
        return Ok(None);
    }
    let c = &opinion.counted;
    let mut lines = vec![format!(
        "{} by {}. Left out: {} in unfinished sets, {} in sets where a trap or a golden pair was missed, {} by raters \
         whom the screening of ITU-R BT.500 rejects.",
        count(c.scores as u64, "score"),
        count(c.raters as u64, "rater"),
        c.unfinished,
        c.careless,
        c.rejected
    )];
    lines.extend(
        opinion.agreement.map(|a| format!("Agreement of raters (Krippendorff's alpha): {}.", number(a))),
    );
    let spell = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.2}"));
    let correlation = |c: &crate::opinion::OpinionCorrelation| {
        let name = match c.measure.as_str() {
            "psnr" => "PSNR",
            "ssim" => "SSIM",
            "rmse_255" => "RMSE",
            _ => return None,
        };
        c.pearson.map(|_| (name, spell(c.pearson), spell(c.spearman), c.images))
    };
    Ok(Some(Section {
        svg: chart(opinion)?,
        table: table(opinion),
        lines,
        correlations: opinion.correlations.iter().filter_map(correlation).collect(),
    }))
}

fn chart(opinion: &Opinion) -> Result<String, Error> {
    let x = |score: f64| LEFT + (score.clamp(1.0, 5.0) - 1.0) / 4.0 * (RIGHT - LEFT);
    let row = |(i, (c, s)): (usize, (&OpinionCondition, &OpinionScore))| {
        let (low, high) = s.interval.unwrap_or((s.mos, s.mos));
        Row {
            name: if c.name.chars().count() > NAME {
                format!("{}…", c.name.chars().take(NAME).collect::<String>())
            } else {
                c.name.clone()
            },
            value: format!("{:.2}", s.mos),
            clean: c.attack == CLEAN,
            y: TOP + ROW * i as i32 + 30,
            at: format!("{:.1}", x(s.mos)),
            low: format!("{:.1}", x(low)),
            high: format!("{:.1}", x(high)),
        }
    };
    let rows: Vec<Row> = rated(opinion).enumerate().map(row).collect();
    let bottom = TOP + ROW * rows.len() as i32;
    let tick = |(score, label, anchor)| Tick { at: x(f64::from(score)).round() as i32, score, label, anchor };
    let said: Vec<String> = rated(opinion).map(|(c, s)| format!("{}: {}.", c.name, spelt(s))).collect();
    let chart = Chart {
        text: said.join(" "),
        width: WIDTH,
        height: bottom + 42,
        top: TOP,
        bottom,
        xs: [
            (1, "very annoying", "start"),
            (2, "", "middle"),
            (3, "", "middle"),
            (4, "", "middle"),
            (5, "imperceptible", "end"),
        ]
        .map(tick)
        .into(),
        rows,
    };
    Ok(chart.render().map_err(Repr::Page)?)
}

fn table(opinion: &Opinion) -> Table {
    let text =
        |text: &str, code| Cell { text: text.to_owned(), sort: text.to_owned(), code, ..Cell::default() };
    let value =
        |text: String, sort: f64| Cell { text, sort: format!("{sort:.6}"), numeric: true, ..Cell::default() };
    let row = |c: &OpinionCondition| {
        let score = c.score.as_ref();
        let mut mos =
            value(score.map_or("–".to_owned(), |s| format!("{:.2}", s.mos)), score.map_or(9.0, |s| s.mos));
        mos.note = score.and_then(|s| s.interval).map_or(String::new(), |(l, h)| format!("{l:.2}–{h:.2}"));
        let modelled = score.map(|s| s.modelled);
        vec![
            text(&c.name, false),
            text(&c.network, true),
            text(c.eps.as_deref().unwrap_or("none"), false),
            mos,
            value(modelled.map_or("–".to_owned(), |m| format!("{m:.2}")), modelled.unwrap_or(9.0)),
            value(c.images.to_string(), c.images as f64),
            value(score.map_or(0, |s| s.scores).to_string(), score.map_or(0, |s| s.scores) as f64),
        ]
    };
    let column = |(i, title): (usize, &str)| Column { title: title.to_owned(), numeric: i >= 3 };
    let titles =
        ["Condition", "Detector", "Budget", "Opinion score", "By the model of raters", "Images", "Scores"];
    Table {
        id: "opinion-table",
        caption: "Mean opinion scores, from 1 (very annoying) to 5 (imperceptible)",
        columns: titles.into_iter().enumerate().map(column).collect(),
        rows: opinion.conditions.iter().map(row).collect(),
    }
}
