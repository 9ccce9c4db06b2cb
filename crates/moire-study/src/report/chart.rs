//! Robust accuracy over budget, as SVG.
//!
//! Written as a template of our own: the page's chart takes its colours from the page's CSS variables, so that it
//! follows the dark and the light theme and the printer, has a title and a text for screen readers, and labels
//! its lines where they end. No plotting crate emits that, and this is one chart.

use askama::Template;

use crate::error::{Error, Repr};
use crate::record::Budget;
use crate::summary::{Curve, Kind, Network, Share};
use crate::words::{percent, percent_or_dash};

const WIDTH: i32 = 540;
const HEIGHT: i32 = 320;
const LEFT: i32 = 52;
const RIGHT: i32 = 396;
const TOP: i32 = 14;
const BOTTOM: i32 = 262;
/// Room for one line of text.
const LINE: f64 = 18.0;
/// The longest label that fits beside the plot, in characters.
const LABEL: usize = 17;

/// How a line looks, so that no two are told apart by colour alone.
const DASHES: [&str; 7] = ["", "8 4", "2 3", "10 3 2 3", "5 2", "12 5", "1 4"];

#[derive(Template)]
#[template(path = "chart.svg", escape = "html")]
struct Page<'a> {
    id: String,
    network: &'a str,
    text: String,
    width: i32,
    height: i32,
    left: i32,
    right: i32,
    bottom: i32,
    xs: Vec<Tick>,
    ys: Vec<Tick>,
    series: Vec<Series>,
}

struct Tick {
    at: i32,
    text: String,
}

struct Series {
    class: String,
    dash: &'static str,
    line: String,
    whiskers: Vec<String>,
    markers: Vec<String>,
    key: String,
    label: String,
    full: String,
    cut: bool,
    label_y: f64,
}

/// The chart of one network. `order` lists the labels of all attacks of the study, so that an attack looks the
/// same in every chart. Noise is always grey.
pub(super) fn chart(
    index: usize,
    network: &Network,
    curves: &[&Curve],
    order: &[&str],
) -> Result<String, Error> {
    let level = |p: &(Budget, Share)| f64::from(p.0.eps().levels());
    let most = curves.iter().flat_map(|c| &c.points).map(level).fold(f64::MIN_POSITIVE, f64::max);
    let x = |levels: f64| f64::from(LEFT) + levels / most * f64::from(RIGHT - LEFT);
    let y = |share: f64| f64::from(BOTTOM) - share * f64::from(BOTTOM - TOP);

    let mut series: Vec<Series> = Vec::new();
    for (place, curve) in curves.iter().enumerate() {
        let style = order.iter().position(|l| *l == curve.label).unwrap_or(0);
        // Lines that meet keep their markers and whiskers apart.
        let shift = 3.0 * (place as f64 - (curves.len() - 1) as f64 / 2.0);
        let (dash, class) = match curve.kind {
            Kind::Noise => ("4 5", "noise".to_owned()),
            _ => (DASHES[style % DASHES.len()], format!("s{}", style % DASHES.len())),
        };
        let mut made = Series {
            class,
            dash,
            line: String::new(),
            whiskers: Vec::new(),
            markers: Vec::new(),
            key: String::new(),
            label: curve.label.chars().take(LABEL).collect(),
            full: curve.label.clone(),
            cut: curve.label.chars().count() > LABEL,
            label_y: 0.0,
        };
        if made.cut {
            made.label.push('…');
        }
        let shape = if curve.kind == Kind::Noise { 0 } else { style + 1 };
        let clean = network.clean.value().map(|v| (0.0, v));
        let points = curve.points.iter().filter_map(|p| Some((level(p), p.1.value()?)));
        let mut line: Vec<String> = Vec::new();
        for (levels, value) in clean.into_iter().chain(points) {
            let at = if levels > 0.0 { x(levels) + shift } else { x(0.0) };
            line.push(format!("{at:.1},{:.1}", y(value)));
            made.markers.push(marker(shape, at, y(value)));
            made.label_y = y(value);
        }
        made.line = line.join(" ");
        for (budget, share) in &curve.points {
            let (at, i) = (x(f64::from(budget.eps().levels())) + shift, share.interval());
            made.whiskers.push(format!("M{at:.1} {:.1}V{:.1}", y(i.low), y(i.high)));
        }
        series.push(made);
    }
    spread(&mut series);
    for (made, curve) in series.iter_mut().zip(curves) {
        let style = order.iter().position(|l| *l == curve.label).unwrap_or(0);
        let shape = if curve.kind == Kind::Noise { 0 } else { style + 1 };
        made.key = marker(shape, f64::from(RIGHT + 14), made.label_y);
    }

    let page = Page {
        id: format!("chart{index}"),
        network: &network.name,
        text: spoken(network, curves),
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: RIGHT,
        bottom: BOTTOM,
        xs: ticks(curves, x),
        ys: [0.0, 0.25, 0.5, 0.75, 1.0]
            .map(|v| Tick { at: y(v).round() as i32, text: percent(v) })
            .into_iter()
            .collect(),
        series,
    };
    Ok(page.render().map_err(Repr::Page)?)
}

/// The budgets that were tried, without those whose text would run into the one before.
fn ticks(curves: &[&Curve], x: impl Fn(f64) -> f64) -> Vec<Tick> {
    let mut levels: Vec<f64> =
        curves.iter().flat_map(|c| &c.points).map(|p| f64::from(p.0.eps().levels())).collect();
    levels.push(0.0);
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let mut ticks: Vec<Tick> = Vec::new();
    for level in levels {
        let at = x(level).round() as i32;
        if ticks.last().is_none_or(|t| at - t.at >= 24) {
            let text = format!("{level:.2}");
            ticks.push(Tick { at, text: text.trim_end_matches('0').trim_end_matches('.').to_owned() });
        }
    }
    ticks
}

/// Moves labels apart until each has a line of its own, in the order of where their lines end.
fn spread(series: &mut [Series]) {
    let mut order: Vec<usize> = (0..series.len()).collect();
    order.sort_by(|a, b| series[*a].label_y.total_cmp(&series[*b].label_y));
    // From the bottom up, so that none falls below the plot, then down again for what rose above its top.
    let mut limit = f64::from(BOTTOM);
    for &i in order.iter().rev() {
        series[i].label_y = series[i].label_y.min(limit);
        limit = series[i].label_y - LINE;
    }
    let mut limit = f64::from(TOP);
    for &i in &order {
        series[i].label_y = series[i].label_y.max(limit);
        limit = series[i].label_y + LINE;
    }
}

fn marker(shape: usize, x: f64, y: f64) -> String {
    match shape % 7 {
        1 => format!("M{:.1} {y:.1}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x - 4.0),
        2 => format!("M{:.1} {:.1}h7.6v7.6h-7.6z", x - 3.8, y - 3.8),
        3 => format!("M{x:.1} {:.1}l5 8.4h-10z", y - 5.2),
        4 => format!("M{x:.1} {:.1}l5 5l-5 5l-5 -5z", y - 5.0),
        5 => format!("M{x:.1} {:.1}l5 -8.4h-10z", y + 5.2),
        6 => format!("M{:.1} {:.1}h4v-3h2v3h4v2h-4v3h-2v-3h-4z", x - 5.0, y - 1.0),
        _ => format!("M{:.1} {y:.1}h8", x - 4.0),
    }
}

/// The chart in words, for those who do not see it.
fn spoken(network: &Network, curves: &[&Curve]) -> String {
    let clean = format!("{} without a change.", percent_or_dash(network.clean.value()));
    let curve = |curve: &&Curve| {
        let point = |(b, s): &(Budget, Share)| format!("{} at {}", percent_or_dash(s.value()), b.text());
        let points: Vec<String> = curve.points.iter().map(point).collect();
        format!("{}: {}.", curve.label, points.join(", "))
    };
    let sentences: Vec<String> = std::iter::once(clean).chain(curves.iter().map(curve)).collect();
    sentences.join(" ")
}

/// The labels of all attacks that are not noise, in the order of their first appearance.
pub(super) fn order(curves: &[Curve]) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    for curve in curves {
        if curve.kind.is_attack() && !order.contains(&curve.label.as_str()) {
            order.push(&curve.label);
        }
    }
    order
}
