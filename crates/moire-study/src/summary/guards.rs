use super::{Carried, Curve, Group, Kind, Network, Transfer};
use crate::words::{count, percent, percent_or_dash};

/// A check of whether the numbers can be trusted: what it is, what it saw, what that would mean, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// What it is called.
    pub name: &'static str,
    /// What it saw, a sentence each; nothing when all is well.
    pub raised: Vec<String>,
    /// What it means when it is raised.
    pub means: &'static str,
    /// What to do then.
    pub action: &'static str,
}

const ZERO: &str = "Zero gradients";
const BLIND: &str = "What sees no gradient beats an attack that does (masked gradient?)";
const GUEST: &str = "A transfer that beats the attack itself";

/// The guards that doubt whether a network that holds is robust.
pub(super) const MASKED: [&str; 3] = [ZERO, BLIND, GUEST];

/// Accuracy that rises by less than this is chance.
const RISE: f64 = 0.05;

pub(super) fn guards(
    networks: &[Network],
    groups: &[Group],
    curves: &[Curve],
    transfers: &[Transfer],
) -> Vec<Guard> {
    vec![
        Guard {
            name: "A detector no better than chance",
            raised: networks.iter().filter_map(chance).collect(),
            means: "What is wrong before an attack cannot be broken by one: success rates rest on few images, \
                    or the detector was not made for this data.",
            action: "Check the labels' meaning, the crop and the preprocessing of this network.",
        },
        Guard {
            name: "Answers that look like probabilities",
            raised: networks.iter().filter_map(saturated).collect(),
            means: "Where logits are expected, the network seems to answer with probabilities: their gradients vanish \
                    where it is confident, and attacks look weaker than they are.",
            action: "Export the network without its last sigmoid or softmax.",
        },
        Guard {
            name: ZERO,
            raised: groups.iter().filter_map(zero_gradient).collect(),
            means: "The attack had no direction to go, so its failure says nothing about robustness.",
            action: "Attack the logit before any rounding or saturation, or use an attack on answers alone.",
        },
        Guard {
            name: BLIND,
            raised: groups.iter().filter_map(|g| blind_wins(g, groups)).collect(),
            means: "Gradients that point nowhere useful: the network may hide them, and looks stronger than it is.",
            action: "Trust the better of the two, and try attacks that use answers only, with more queries.",
        },
        Guard {
            name: GUEST,
            raised: transfers.iter().filter_map(|t| guest_wins(t, groups)).collect(),
            means: "What was made for another network works better than what was made for this one: the attack that \
                    knows the network is stuck, or the network hides its gradients.",
            action: "Take the transferred success as the answer, and give the attack more steps or another loss.",
        },
        Guard {
            name: "Success that vanishes at 8 bits",
            raised: groups.iter().filter_map(lost).collect(),
            means: "The change is finer than an 8-bit file can hold: it is gone when the picture is saved.",
            action: "Read the numbers after saving (all numbers here are), or use a larger budget.",
        },
        Guard {
            name: "An accuracy that rises",
            raised: groups.iter().filter_map(above_clean).chain(curves.iter().filter_map(rises)).collect(),
            means: "A larger budget contains the smaller ones, so a good attack never does worse with it: this \
                    one overshoots, or the network hides its gradients.",
            action: "Take the lowest accuracy up to a budget as the answer; use more steps, or smaller ones.",
        },
        Guard {
            name: "Images that failed",
            raised: groups
                .iter()
                .filter(|g| g.failed > 0)
                .map(|g| format!("{} of {}.", count(g.failed, "image"), place(g)))
                .collect(),
            means: "The numbers are about the other images.",
            action: "The reasons are listed below, with the parameters. Put them right and start a new study.",
        },
    ]
}

fn chance(network: &Network) -> Option<String> {
    let (name, clean) = (&network.subject, network.clean);
    let value = clean.value().filter(|_| clean.interval().low <= 0.5)?;
    Some(format!(
        "`{name}` calls {} of {} correctly before any attack.",
        percent(value),
        count(clean.of, "image")
    ))
}

fn saturated(network: &Network) -> Option<String> {
    let (at_one, of) = (network.saturated.hits, network.saturated.of);
    (at_one >= 3)
        .then(|| format!("`{}` has margins of 1 and never more on {at_one} of {of} images.", network.subject))
}

fn zero_gradient(g: &Group) -> Option<String> {
    (g.kind == Kind::Gradient && g.untouched > 0)
        .then(|| format!("{} came back without any change from {}.", count(g.untouched, "image"), place(g)))
}

fn blind_wins(blind: &Group, groups: &[Group]) -> Option<String> {
    if !matches!(blind.kind, Kind::Noise | Kind::Query) || blind.eps.is_none() {
        return None;
    }
    let same = |g: &&Group| g.kind == Kind::Gradient && g.is_at(blind) && g.eps == blind.eps;
    let beaten = groups.iter().filter(same).find(|g| {
        // More than one image apart: one may be chance.
        blind.success.value() > g.success.value() && blind.success.hits > g.success.hits + 1
    })?;
    Some(format!(
        "{} flips {}, {} only {}.",
        upper(&place(blind)),
        percent_or_dash(blind.success.value()),
        beaten.label,
        percent_or_dash(beaten.success.value())
    ))
}

fn guest_wins(transfer: &Transfer, groups: &[Group]) -> Option<String> {
    if !transfer.kind.is_attack() {
        return None;
    }
    let own = |c: &Carried| groups.iter().find(|g| transfer.is_of(g) && g.network == c.target);
    let beats = |c: &&Carried| {
        own(c).is_some_and(|g| {
            // More than one image apart: one may be chance.
            c.success.value() > g.success.value() && c.success.hits > g.success.hits + 1
        })
    };
    let guest = transfer.cells.iter().find(beats)?;
    let own = own(guest)?;
    Some(format!(
        "{} flips {}; made on `{}`, it flips {}.",
        upper(&place(own)),
        percent_or_dash(own.success.value()),
        guest.origin,
        percent_or_dash(guest.success.value())
    ))
}

fn lost(g: &Group) -> Option<String> {
    let share = g.lost_by_saving as f64 / g.flipped_float.max(1) as f64;
    (g.lost_by_saving >= 2 && share >= 0.1).then(|| {
        format!("Saving undoes {} of {} successes of {}.", g.lost_by_saving, g.flipped_float, place(g))
    })
}

fn above_clean(g: &Group) -> Option<String> {
    let (before, after) = (g.before.value()?, g.after.value()?);
    (g.kind != Kind::Clean && after - before >= RISE && g.after.hits > g.before.hits + 1).then(|| {
        format!("From {} without an attack to {} under {}.", percent(before), percent(after), place(g))
    })
}

fn rises(curve: &Curve) -> Option<String> {
    if !curve.kind.is_attack() {
        return None;
    }
    let (small, large) = curve
        .points
        .windows(2)
        .map(|w| (&w[0], &w[1]))
        .find(|(a, b)| b.1.value() >= a.1.value().map(|v| v + RISE) && b.1.hits > a.1.hits + 1)?;
    Some(format!(
        "{} on `{}`: {} at {}, but {} at {}.",
        curve.label,
        curve.subject,
        percent_or_dash(small.1.value()),
        small.0.text(),
        percent_or_dash(large.1.value()),
        large.0.text()
    ))
}

/// `PGD on `ynet` at 4/255`.
pub(super) fn place(g: &Group) -> String {
    let budget = g.eps.as_ref().map(|b| format!(" at {}", b.text())).unwrap_or_default();
    format!("{} on `{}`{budget}", g.label, g.subject)
}

pub(super) fn upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|c| c.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
