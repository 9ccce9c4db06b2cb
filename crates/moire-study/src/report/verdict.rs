//! What became of each detector, at a glance: the first thing on the page.

use super::{Span, spans};
use crate::opinion::Opinion;
use crate::summary::{Group, Network, Share, Summary, Sure, Tone, verdict};
use crate::words::{SPACE, count, duration, number, percent, percent_or_dash, short_levels};

/// One detector on one data set.
pub(super) struct Card<'a> {
    pub(super) subject: &'a str,
    pub(super) tone: &'static str,
    /// What became of it, in a few words.
    pub(super) state: String,
    pub(super) sure: Option<&'static str>,
    /// What is left at each budget, all attacks together.
    pub(super) rungs: Vec<Rung>,
    /// What the rungs are.
    pub(super) under: &'static str,
    /// Whether more of that is better.
    pub(super) wanted: bool,
    pub(super) facts: Vec<(&'static str, Vec<Span>)>,
    /// What it costs; a time, so apart from the rest.
    pub(super) cost: Option<String>,
}

pub(super) struct Rung {
    pub(super) budget: String,
    pub(super) text: String,
    /// How much is lost, from 0 to 10.
    pub(super) shade: u32,
}

/// Weakest first.
pub(super) fn cards<'a>(summary: &'a Summary, opinion: Option<&Opinion>) -> Vec<Card<'a>> {
    let mut ranked: Vec<&Network> = summary.networks.iter().filter(|n| n.clean.of > 0).collect();
    let size = |n: &Network| n.breaks.and_then(|i| Some(summary.groups[i].eps.as_ref()?.eps().value()));
    let left = |n: &Network| {
        let at = size(n).or_else(|| Some(n.budgets.last()?.eps().value())).map(f64::from);
        n.worst.left(at.unwrap_or(0.0)).value().unwrap_or(1.0)
    };
    ranked.sort_by(|a, b| {
        let sizes = size(a).unwrap_or(f32::INFINITY).total_cmp(&size(b).unwrap_or(f32::INFINITY));
        sizes.then(left(a).total_cmp(&left(b)))
    });
    ranked.into_iter().map(|n| card(n, summary, opinion)).collect()
}

fn card<'a>(network: &'a Network, summary: &'a Summary, opinion: Option<&Opinion>) -> Card<'a> {
    let found = verdict(network, &summary.groups, &summary.guards, summary.metrics);
    let at = network.breaks.or(network.strongest).map(|i| &summary.groups[i]);
    let budget = at.and_then(|g| g.eps.as_ref());
    let text = budget.map_or("", |b| b.text());
    let median = network.worst.median();
    // What is wrong before any attack has nothing to break.
    let (tone, state) = match found.map(|(tone, _)| tone) {
        _ if network.clean.interval().low <= 0.5 => ("note", "No better than chance".to_owned()),
        Some(Tone::Breaks) => ("breaks", format!("Breaks at {text}")),
        Some(_) => ("holds", format!("Holds up to {text}")),
        None => match median {
            Some(size) => ("breaks", format!("Flips within {}{SPACE}of{SPACE}255", short_levels(size))),
            None => ("note", "No budget was tried".to_owned()),
        },
    };
    let rung = |budget: String, share: Share| Rung {
        budget,
        text: percent_or_dash(share.value()),
        shade: (10.0 * (1.0 - share.value().unwrap_or(1.0))).round() as u32,
    };
    let clean = rung("unchanged".to_owned(), network.clean);
    let under =
        |b: &crate::record::Budget| rung(b.text().to_owned(), network.worst.left(b.eps().value().into()));
    let mut facts = Vec::new();
    if let (Some(g), Some(budget)) = (at, budget) {
        facts.push(("Against what", against(network, g, budget.eps().value().into())));
        facts.extend(seen(g, opinion).map(|text| ("To be seen?", spans(&text))));
    }
    if let (Some(size), Some(_)) = (median, found) {
        let text = format!(
            "Half of what it called correctly flips within {}{SPACE}of{SPACE}255.",
            short_levels(size)
        );
        facts.push(("How little", spans(&text)));
    }
    facts.push(("How sure", spans(&certain(network, budget.map(|b| f64::from(b.eps().value()))))));
    Card {
        subject: &network.subject,
        tone,
        state,
        sure: found.filter(|_| tone != "note").map(|(_, sure)| match sure {
            Sure::Sure => "sure",
            Sure::Likely => "likely",
            Sure::Open => "open: see guards",
        }),
        rungs: std::iter::once(clean).chain(network.budgets.iter().map(under)).collect(),
        under: "accuracy that is left, all attacks together",
        wanted: false,
        facts,
        cost: at.and_then(|g| {
            // As the curves of success over looks count them.
            let (looks, needs) = if g.gradients > 0.0 {
                (g.gradients, "whoever attacks needs the detector itself")
            } else {
                (g.queries, "its answers are enough to attack it")
            };
            let time = duration(g.seconds_an_image()?);
            Some(format!("{time} and {} looks at it an image; {needs}.", number(looks)))
        }),
    }
}

fn against(network: &Network, g: &Group, size: f64) -> Vec<Span> {
    let flips = percent_or_dash(g.success.value());
    let together = network.worst.success(size);
    let more = if together.hits > g.success.hits {
        format!("; all attacks together {}", percent_or_dash(together.value()))
    } else {
        String::new()
    };
    let only = if network.budgets.len() == 1 { " No other budget was tried." } else { "" };
    spans(&format!("{} flips {flips} of what was correct{more}.{only}", g.label))
}

/// Whether a change of this size is seen: what people said, or else what arithmetic lets expect.
fn seen(g: &Group, opinion: Option<&Opinion>) -> Option<String> {
    let said = opinion.and_then(|o| {
        let eps = g.eps.as_ref().map(|e| e.text().to_owned());
        let same = |c: &&crate::opinion::OpinionCondition| {
            (&c.network, &c.attack, &c.eps) == (&g.network, &g.attack, &eps)
        };
        Some(o.conditions.iter().find(same)?.score.as_ref()?.mos)
    });
    if let Some(score) = said {
        return Some(format!("People gave it {score:.1} of 5, where 5 is imperceptible."));
    }
    let d = g.median?;
    Some(seen_by_arithmetic(d.psnr, d.ssim, d.linf))
}

/// What arithmetic lets expect of a change.
pub(super) fn seen_by_arithmetic(psnr: Option<f64>, ssim: Option<f64>, linf: f64) -> String {
    let ssim = ssim.map_or(String::new(), |v| format!(", SSIM {v:.3}"));
    let size = psnr.map_or_else(|| "no change".to_owned(), |v| format!("PSNR {}{SPACE}dB", number(v)));
    format!(
        "{}: at most {}{SPACE}of{SPACE}255 a value, {size}{ssim}. By arithmetic; nobody was asked.",
        visibility(psnr),
        short_levels(linf)
    )
}

/// What the peak signal-to-noise ratio of a change lets expect: above 42 dB changes are hardly, below 36 dB they are often
/// noticed beside the original.
fn visibility(psnr: Option<f64>) -> &'static str {
    match psnr.unwrap_or(f64::INFINITY) {
        v if v >= 42.0 => "Hardly",
        v if v >= 36.0 => "Perhaps, beside the original",
        _ => "Likely",
    }
}

fn certain(network: &Network, size: Option<f64>) -> String {
    let images = count(network.clean.of, "image");
    match size.map(|size| network.worst.left(size)) {
        Some(left) => {
            let i = left.interval();
            format!(
                "{images}; what is left lies between {} and {} (95{SPACE}%).",
                percent(i.low),
                percent(i.high)
            )
        }
        None => format!("{images}."),
    }
}
