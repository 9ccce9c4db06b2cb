//! Lines over an axis, as SVG: robust accuracy over budget, success over looks at the network.
//!
//! Written as a template of our own: the page's charts take their colours from the page's CSS variables, so that they
//! follow the dark and the light theme and the printer, have a title and a text for screen readers, and label
//! their lines where they end. No plotting crate emits that.

use std::fmt::Write;

use askama::Template;

use crate::error::{Error, Repr};
use crate::record::Budget;
use crate::summary::{Curve, Group, Kind, Network, Pace, Protections, Share};
use crate::words::{percent, percent_or_dash, short_levels};

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
    title: String,
    text: String,
    axis: &'a str,
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

#[derive(Default)]
struct Series {
    class: String,
    dash: &'static str,
    area: String,
    line: String,
    whiskers: Vec<String>,
    markers: Vec<String>,
    key: String,
    label: String,
    full: String,
    cut: bool,
    label_y: f64,
}

/// What a line stands for.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    /// An attack, by its place among those of the study.
    Attack(usize),
    /// The control.
    Noise,
    /// All attacks together.
    All,
}

impl Look {
    fn of(label: &str, kind: Kind, order: &[&str]) -> Self {
        if kind == Kind::Noise {
            return Self::Noise;
        }
        Self::Attack(order.iter().position(|l| *l == label).unwrap_or(0))
    }

    fn marker(self, x: f64, y: f64) -> String {
        let shape = match self {
            Self::Attack(place) => place + 1,
            Self::Noise | Self::All => 0,
        };
        marker(shape, x, y)
    }

    fn series(self, label: &str) -> Series {
        let (dash, class) = match self {
            Self::Noise => ("4 5", "noise".to_owned()),
            Self::All => ("", "all".to_owned()),
            Self::Attack(place) => (DASHES[place % DASHES.len()], format!("s{}", place % DASHES.len())),
        };
        let cut = label.chars().count() > LABEL;
        let mut short: String = label.chars().take(LABEL).collect();
        if cut {
            short.push('…');
        }
        Series { class, dash, label: short, full: label.to_owned(), cut, ..Series::default() }
    }
}

fn y(share: f64) -> f64 {
    f64::from(BOTTOM) - share * f64::from(BOTTOM - TOP)
}

/// Accuracy of one network over budget. `order` lists the labels of all attacks of the study, so that an attack looks the
/// same in every chart. Noise is always grey.
pub(super) fn budgets(
    index: usize,
    network: &Network,
    curves: &[&Curve],
    order: &[&str],
) -> Result<String, Error> {
    let level = |p: &(Budget, Share)| f64::from(p.0.eps().levels());
    let most = curves.iter().flat_map(|c| &c.points).map(level).fold(f64::MIN_POSITIVE, f64::max);
    let x = |levels: f64| f64::from(LEFT) + levels / most * f64::from(RIGHT - LEFT);
    let clean = network.clean.value().map(|v| (0.0, v));
    let mut series = Vec::new();
    if order.len() > 1 {
        series.push(together(network, most, x));
    }
    let mut looks: Vec<Look> = series.iter().map(|_| Look::All).collect();
    for (place, curve) in curves.iter().enumerate() {
        let look = Look::of(&curve.label, curve.kind, order);
        let mut made = look.series(&curve.label);
        // Lines that meet keep their markers and whiskers apart.
        let shift = 3.0 * (place as f64 - (curves.len() - 1) as f64 / 2.0);
        let points = curve.points.iter().filter_map(|p| Some((level(p), p.1.value()?)));
        for (levels, value) in clean.into_iter().chain(points) {
            let at = if levels > 0.0 { x(levels) + shift } else { x(0.0) };
            let pen = if made.line.is_empty() { "M" } else { "L" };
            let _ = write!(made.line, "{pen}{at:.1} {:.1}", y(value));
            made.markers.push(look.marker(at, y(value)));
            made.label_y = y(value);
        }
        for (budget, share) in &curve.points {
            let (at, i) = (x(f64::from(budget.eps().levels())) + shift, share.interval());
            made.whiskers.push(format!("M{at:.1} {:.1}V{:.1}", y(i.low), y(i.high)));
        }
        series.push(made);
        looks.push(look);
    }
    let mut levels: Vec<f64> = curves.iter().flat_map(|c| &c.points).map(level).collect();
    levels.push(0.0);
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let plain = |v: f64| format!("{v:.2}").trim_end_matches('0').trim_end_matches('.').to_owned();
    let ticks = levels.into_iter().map(|v| (x(v), plain(v)));
    let text = spoken(network, curves);
    let title = format!("Accuracy of {} over budget", network.subject);
    page(format!("budgets{index}"), title, text, "budget, in steps of 255", ticks, series, &looks)
}

/// What is left when each image meets the attack that is worst for it: a staircase, for each image counts from its own
/// size on.
fn together(network: &Network, most: f64, x: impl Fn(f64) -> f64) -> Series {
    let worst = &network.worst;
    let mut made = Look::All.series("all attacks");
    let share = |flipped: usize| (worst.correct as f64 - flipped as f64) / worst.images.max(1) as f64;
    made.line = format!("M{:.1} {:.1}", x(0.0), y(share(0)));
    made.label_y = y(share(0));
    for (i, size) in worst.sizes.iter().enumerate().take_while(|(_, s)| 255.0 * **s <= most * (1.0 + 1e-6)) {
        // One stair for images of one size.
        if worst.sizes.get(i + 1) == Some(size) {
            continue;
        }
        let _ = write!(made.line, "H{:.1}V{:.1}", x(255.0 * size), y(share(i + 1)));
        made.label_y = y(share(i + 1));
    }
    let _ = write!(made.line, "H{RIGHT}");
    made.area = format!("{}V{BOTTOM}H{LEFT}Z", made.line);
    made
}

/// Success of the attacks on one network over looks, which are on a logarithmic axis.
pub(super) fn paces(
    index: usize,
    network: &Network,
    paces: &[(&Pace, &Group)],
    order: &[&str],
) -> Result<String, Error> {
    let most = paces.iter().map(|(p, _)| p.most).max().unwrap_or(1).max(2) as f64;
    let x = |looks: f64| f64::from(LEFT) + looks.ln() / most.ln() * f64::from(RIGHT - LEFT);
    let (mut series, mut looks, mut text) = (Vec::new(), Vec::new(), Vec::new());
    for (pace, group) in paces {
        let look = Look::of(&group.label, group.kind, order);
        let mut made = look.series(&group.label);
        let share = |flipped: usize| flipped as f64 / pace.of.max(1) as f64;
        let mut reached = pace.within(1);
        made.line = format!("M{LEFT} {:.1}", y(reached));
        for (i, at) in pace.looks.iter().enumerate().filter(|(_, at)| **at > 1) {
            if pace.looks.get(i + 1) != Some(at) {
                let _ = write!(made.line, "H{:.1}V{:.1}", x(*at as f64), y(share(i + 1)));
                reached = share(i + 1);
            }
        }
        let _ = write!(made.line, "H{:.1}", x(pace.most as f64));
        made.markers.push(look.marker(x(pace.most as f64), y(reached)));
        made.label_y = y(reached);
        let at = |looks: u64| format!("{} within {looks}", percent(pace.within(looks)));
        let half = [1, 3, 10, 30, 100, 1000].into_iter().filter(|l| *l < pace.most).map(at);
        let said: Vec<String> = half.chain([at(pace.most)]).collect();
        text.push(format!("{}: {}.", group.label, said.join(", ")));
        series.push(made);
        looks.push(look);
    }
    let steps = (0..=6).flat_map(|e| [1.0, 3.0].map(|d| d * 10f64.powi(e))).filter(|v| *v <= most);
    let ticks = steps.map(|v| (x(v), format!("{v}")));
    let title = format!("Success of attacks on {} over looks at it", network.subject);
    page(format!("paces{index}"), title, text.join(" "), "looks at the network", ticks, series, &looks)
}

/// The share of edits that break over the steps of an attack, a line for each editor.
pub(super) fn steps(index: usize, group: &Protections) -> Result<String, Error> {
    let most = group.editors.iter().map(|e| e.curve.len().saturating_sub(1)).max().unwrap_or(1).max(1);
    let x = |step: usize| f64::from(LEFT) + step as f64 / most as f64 * f64::from(RIGHT - LEFT);
    let (mut series, mut looks, mut text) = (Vec::new(), Vec::new(), Vec::new());
    for (place, editor) in group.editors.iter().enumerate().filter(|(_, e)| e.curve.len() > 1) {
        let look = Look::Attack(place);
        let mut made = look.series(&editor.editor);
        for (step, share) in editor.curve.iter().enumerate() {
            let pen = if step == 0 { "M" } else { "L" };
            let _ = write!(made.line, "{pen}{:.1} {:.1}", x(step), y(*share));
            made.label_y = y(*share);
        }
        let last = editor.curve.last().copied().unwrap_or(0.0);
        made.markers.push(look.marker(x(editor.curve.len() - 1), y(last)));
        text.push(format!("{}: {} after {} steps.", editor.editor, percent(last), editor.curve.len() - 1));
        series.push(made);
        looks.push(look);
    }
    let every = [1, 2, 5, 10, 20, 50, 100, 1000].into_iter().find(|e| most / e <= 10).unwrap_or(most);
    let ticks = (0..=most).step_by(every).map(|step| (x(step), step.to_string()));
    let title = format!("Edits that break over the steps of {}", group.label);
    page(format!("steps{index}"), title, text.join(" "), "steps", ticks, series, &looks)
}

fn page(
    id: String,
    title: String,
    text: String,
    axis: &str,
    ticks: impl Iterator<Item = (f64, String)>,
    mut series: Vec<Series>,
    looks: &[Look],
) -> Result<String, Error> {
    spread(&mut series);
    for (made, look) in series.iter_mut().zip(looks) {
        made.key = look.marker(f64::from(RIGHT + 14), made.label_y);
    }
    let mut xs: Vec<Tick> = Vec::new();
    for (at, text) in ticks {
        let at = at.round() as i32;
        // None whose text would run into the one before.
        if xs.last().is_none_or(|t| at - t.at >= 24) {
            xs.push(Tick { at, text });
        }
    }
    let share = |v: f64| Tick { at: y(v).round() as i32, text: percent(v) };
    let page = Page {
        id,
        title,
        text,
        axis,
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: RIGHT,
        bottom: BOTTOM,
        xs,
        ys: [0.0, 0.25, 0.5, 0.75, 1.0].map(share).into_iter().collect(),
        series,
    };
    Ok(page.render().map_err(Repr::Page)?)
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
    let half = network.worst.median().map(|size| {
        format!("All attacks together flip half of what was correct with {} of 255.", short_levels(size))
    });
    let sentences: Vec<String> = std::iter::once(clean).chain(curves.iter().map(curve)).chain(half).collect();
    sentences.join(" ")
}

/// The labels of all attacks that are not noise, in the order of their first appearance.
pub(super) fn order(groups: &[Group]) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    for group in groups {
        if group.kind.is_attack() && !order.contains(&group.label.as_str()) {
            order.push(&group.label);
        }
    }
    order
}
