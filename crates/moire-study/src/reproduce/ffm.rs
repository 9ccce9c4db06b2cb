//! Tables 1 to 4 of the attacks on facial forensics models (arXiv 1911.00660). Most of their numbers do not survive in the
//! text; what its sentences say of them stands in the rows marked "paper".

use moire_attack::Attack;

use super::{DASH, PaperTable, attack, budget, maybe, share};
use crate::summary::{Group, Kind, Share, Summary};

pub(super) fn tables(summary: &Summary) -> Vec<PaperTable> {
    vec![individual(summary), masks(summary), universal(summary), unseen(summary)]
}

/// Groups of one kind of attack with its number of steps, in the order of both.
fn by_steps(summary: &Summary, steps: fn(&Attack) -> Option<u32>) -> Vec<(u32, &Group)> {
    let of = |g| attack(g).and_then(|a| steps(&a));
    let mut found: Vec<(u32, &Group)> = summary.groups.iter().filter_map(|g| Some((of(g)?, g))).collect();
    found.sort_by_key(|(steps, g)| (&g.subject, *steps));
    found
}

fn two(value: f64) -> String {
    format!("{value:.2}")
}

fn individual(summary: &Summary) -> PaperTable {
    let mut table = PaperTable::new(
        "Table 1, individual perturbations of the decision",
        &["", "detector", "iterations", "accuracy", "attacked", "RMSE, of 255", "IoU before", "IoU after"],
        &[
            "IoU is with the true mask, where the data has a folder mask/; \"of its own\" is with the mask before the attack.",
            "A detector without zones is attacked by its cross-entropy.",
        ],
    );
    table.published(&[
        "Y-shaped autoencoder",
        "20",
        "high",
        "\"drastically reduced\"",
        "small",
        "high",
        "\"dramatically suppressed\"",
    ]);
    for (steps, g) in by_steps(summary, |a| if let Attack::Iap(p) = a { Some(p.steps) } else { None }) {
        let truth = g.masks.and_then(|m| m.truth);
        let kept = g.masks.map(|m| format!("{} of its own", two(m.kept)));
        table.here(vec![
            g.subject.clone(),
            steps.to_string(),
            share(g.before),
            share(g.after),
            maybe(g.mean.map(|m| 255.0 * m.rms), two),
            maybe(truth.map(|t| t[0]), two),
            truth.map(|t| two(t[1])).or(kept).unwrap_or_else(|| DASH.to_owned()),
        ]);
    }
    table
}

fn masks(summary: &Summary) -> PaperTable {
    let mut table = PaperTable::new(
        "Table 2, individual perturbations of the mask",
        &[
            "",
            "detector",
            "iterations",
            "called fake still",
            "RMSE, of 255",
            "IoU wanted",
            "IoU before",
            "IoU true, before",
            "IoU true, after",
        ],
        &[
            "The wanted masks are random triangles. Images are fakes that were called fake; the overlap with the wanted masks \
           is over those that are called fake still.",
        ],
    );
    table.published(&[
        "Y-shaped autoencoder",
        "100 or more",
        "accuracy rises",
        "–",
        "high",
        "–",
        "high",
        "reduced",
    ]);
    for (steps, g) in by_steps(summary, |a| if let Attack::IapSeg(p) = a { Some(p.steps) } else { None }) {
        let Some(m) = g.masks else { continue };
        table.here(vec![
            g.subject.clone(),
            steps.to_string(),
            format!("{} of {}", m.stayed.hits, m.stayed.of),
            two(m.rmse_255),
            maybe(m.wanted, two),
            two(m.kept),
            maybe(m.truth.map(|t| t[0]), two),
            maybe(m.truth.map(|t| t[1]), two),
        ]);
    }
    table
}

/// The noise of the same size on the same network.
fn noise<'a>(summary: &'a Summary, network: &str, like: &Group) -> Option<&'a Group> {
    let same = |g: &&Group| {
        (g.kind, g.network.as_str(), &g.data, &g.eps) == (Kind::Noise, network, &like.data, &like.eps)
    };
    summary.groups.iter().find(same)
}

fn is_universal(g: &Group) -> bool {
    matches!(attack(g), Some(Attack::UapOverfire(_) | Attack::Uap(_) | Attack::GdUap(_)))
}

fn made_of(g: &Group) -> String {
    g.made_of.clone().unwrap_or_else(|| DASH.to_owned())
}

fn universal(summary: &Summary) -> PaperTable {
    let mut table = PaperTable::new(
        "Table 3, universal perturbations where they were made",
        &["", "detector", "method", "made of", "data", "budget", "accuracy", "with UAP", "with URN"],
        &[
            "One perturbation for fakes and one for reals; where nothing stands under \"made of\", from the network alone. \
           The paper's matrix has a network for each data set; here each network meets every data set.",
        ],
    );
    table.published(&[
        "Y-shaped autoencoder",
        "UAP, 280 iterations",
        DASH,
        "three",
        DASH,
        "high",
        "low",
        "a slight drop",
    ]);
    for g in summary.groups.iter().filter(|g| is_universal(g)) {
        let control = noise(summary, &g.network, g).map(|n| n.after);
        table.here(vec![
            g.network.clone(),
            g.label.clone(),
            made_of(g),
            g.data.clone(),
            budget(g),
            share(g.before),
            share(g.after),
            control.map_or_else(|| DASH.to_owned(), share),
        ]);
    }
    table
}

fn unseen(summary: &Summary) -> PaperTable {
    let mut table = PaperTable::new(
        "Table 4, universal perturbations on networks that they were not made for",
        &[
            "",
            "made for",
            "judged by",
            "method",
            "made of",
            "data",
            "budget",
            "accuracy",
            "with UAP",
            "drop, points",
            "URN's drop",
        ],
        &[
            "The drops are of accuracy, in points of 100. The paper reads two of them in its text, averages over data sets.",
        ],
    );
    table.published(&[
        "Y-shaped autoencoder",
        "one unseen model",
        "UAP",
        DASH,
        DASH,
        DASH,
        DASH,
        DASH,
        "19.19",
    ]);
    table.published(&["Y-shaped autoencoder", "the other", "UAP", DASH, DASH, DASH, DASH, DASH, "24.06"]);
    let drop = |before: Share, after: Share| {
        maybe(before.value().zip(after.value()).map(|(b, a)| 100.0 * (b - a)), two)
    };
    for g in summary.groups.iter().filter(|g| is_universal(g)) {
        let same = summary.transfers.iter().filter(|t| t.is_of(g));
        for cell in same.flat_map(|t| &t.cells).filter(|c| c.origin == g.network) {
            let control = noise(summary, &cell.target, g);
            table.here(vec![
                cell.origin.clone(),
                cell.target.clone(),
                g.label.clone(),
                made_of(g),
                g.data.clone(),
                budget(g),
                share(cell.before),
                share(cell.after),
                drop(cell.before, cell.after),
                control.map_or_else(|| DASH.to_owned(), |n| drop(n.before, n.after)),
            ]);
        }
    }
    table
}
