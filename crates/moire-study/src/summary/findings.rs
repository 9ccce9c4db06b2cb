use super::guards::MASKED;
use super::{Group, Guard, Kind, Network, Survival, Transfer, survival, transfer};
use crate::plan::Metrics;
use crate::words::{SPACE, count, levels, list, number, percent, percent_or_dash};

/// One sentence that matters, made from the records. Names of networks stand between backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of news it is.
    pub tone: Tone,
    /// The sentence.
    pub text: String,
    /// The numbers behind it; may be empty.
    pub detail: String,
    /// How sure it is, for what is said of a detector.
    pub sure: Option<Sure>,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// The whole 95 % interval says it, on 30 images or more.
    Sure,
    /// The numbers say it; other images might say otherwise.
    Likely,
    /// A guard says that the numbers may mislead.
    Open,
}

/// What kind of news a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A detector is fooled.
    Breaks,
    /// A detector holds.
    Holds,
    /// Worth knowing.
    Note,
    /// A guard was raised: numbers to be read with care.
    Guard,
}

pub(super) fn findings(
    networks: &[Network],
    groups: &[Group],
    transfers: &[Transfer],
    survivals: &[Survival],
    guards: &[Guard],
    metrics: Metrics,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut ranked: Vec<&Network> = networks.iter().filter(|n| n.strongest.is_some()).collect();
    ranked.sort_by(|a, b| rank(a, groups).partial_cmp(&rank(b, groups)).unwrap_or(std::cmp::Ordering::Equal));
    found.extend(ranked.iter().filter_map(|n| one_network(n, groups, guards, metrics)));
    found.extend(weakest(&ranked, groups));
    found.extend(networks.iter().filter_map(|n| without_budget(n, groups)));
    found.extend(groups.iter().filter_map(forged));
    found.extend(transfer::findings(transfers, groups, metrics));
    found.extend(saving(groups));
    found.extend(survival::findings(survivals, groups));
    found.extend(few(networks, metrics));
    for guard in guards.iter().filter(|g| !g.raised.is_empty()) {
        // The first says it; the rest stand with the guard, below.
        let more = match guard.raised.len() - 1 {
            0 => String::new(),
            n => format!(" And {n} more: see guards."),
        };
        let text = format!("{}: {}{more}", guard.name, guard.raised[0]);
        found.push(Finding { tone: Tone::Guard, text, detail: guard.means.to_owned(), sure: None });
    }
    found
}

/// Weakest first: the smallest breaking budget, then the least accuracy left.
fn rank(network: &Network, groups: &[Group]) -> (f32, f64) {
    let eps = |i: usize| groups[i].eps.as_ref().map_or(f32::INFINITY, |b| b.eps().value());
    let at = network.breaks.or(network.strongest);
    let left = at.and_then(|i| network.worst.left(f64::from(eps(i))).value()).unwrap_or(1.0);
    (network.breaks.map_or(f32::INFINITY, eps), left)
}

/// Whether a network breaks or holds, and how sure that is.
pub(crate) fn verdict(
    network: &Network,
    groups: &[Group],
    guards: &[Guard],
    metrics: Metrics,
) -> Option<(Tone, Sure)> {
    let g = &groups[network.breaks.or(network.strongest)?];
    let success = network.worst.success(g.eps.as_ref()?.eps().value().into());
    let interval = success.interval();
    let enough = success.of >= metrics.enough;
    if network.breaks.is_some() {
        return Some((
            Tone::Breaks,
            if enough && interval.low > metrics.breaks { Sure::Sure } else { Sure::Likely },
        ));
    }
    let named = format!("`{}`", network.subject);
    let doubted = guards
        .iter()
        .filter(|g| MASKED.contains(&g.name))
        .any(|g| g.raised.iter().any(|r| r.contains(&named)));
    let sure = match (doubted, enough && interval.high < metrics.breaks) {
        (true, _) => Sure::Open,
        (_, true) => Sure::Sure,
        _ => Sure::Likely,
    };
    Some((Tone::Holds, sure))
}

fn one_network(network: &Network, groups: &[Group], guards: &[Guard], metrics: Metrics) -> Option<Finding> {
    let name = &network.subject;
    let g = &groups[network.breaks.or(network.strongest)?];
    let budget = g.eps.as_ref()?;
    let eps = budget.text();
    let (before, after) = (g.before.value()?, g.after.value()?);
    let left = network.worst.left(budget.eps().value().into());
    let together = match left.value() {
        Some(value) if left.hits < g.after.hits => format!(", all attacks together to {}", percent(value)),
        _ => String::new(),
    };
    let noise = groups.iter().find(|n| n.kind == Kind::Noise && n.is_at(g) && n.eps == g.eps);
    let (tone, text) = if network.breaks.is_some() {
        let control = match noise.and_then(|n| Some((n, n.after.value()?))) {
            None => String::new(),
            Some((n, left)) if n.success.value() < Some(0.25) => {
                format!(", while random noise of the same size leaves {}", percent(left))
            }
            Some((_, left)) => format!("; random noise of the same size alone takes it to {}", percent(left)),
        };
        let text = format!(
            "`{name}` breaks at {eps}: {} takes its accuracy from {} to {}{together}{control}.",
            g.label,
            percent(before),
            percent(after)
        );
        (Tone::Breaks, text)
    } else {
        let text = format!(
            "`{name}` holds up to {eps}, the largest budget tried: {}, the strongest attack there, takes its \
             accuracy from {} to {}{together}.",
            g.label,
            percent(before),
            percent(after)
        );
        (Tone::Holds, text)
    };
    let control = if noise.is_none() { " No noise of the same size was tried." } else { "" };
    let sure = verdict(network, groups, guards, metrics).map(|(_, sure)| sure);
    Some(Finding { tone, text, detail: format!("{}{control}", behind(g)), sure })
}

/// How sure it is, and how large the change.
fn behind(g: &Group) -> String {
    let interval = g.after.interval();
    let accuracy = format!(
        "Accuracy left: {} of {}, 95{SPACE}% interval {} to {}.",
        g.after.hits,
        count(g.after.of, "image"),
        percent(interval.low),
        percent(interval.high)
    );
    let change = g.median.map(|d| {
        let rms = format!("Median change: {}{SPACE}of{SPACE}255 (RMS)", levels(d.rms));
        let psnr = d.psnr.map(|v| format!("PSNR {}{SPACE}dB", number(v)));
        let ssim = d.ssim.map(|v| format!("SSIM {v:.3}"));
        format!("{}.", [Some(rms), psnr, ssim].into_iter().flatten().collect::<Vec<_>>().join(", "))
    });
    [Some(accuracy), change].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn weakest(ranked: &[&Network], groups: &[Group]) -> Option<Finding> {
    let [first, second, ..] = ranked else { return None };
    let at = |n: &Network| n.breaks.map(|i| &groups[i]);
    let budget = |g: &Group| g.eps.as_ref().map(|b| b.text().to_owned()).unwrap_or_default();
    let left = |n: &Network, g: &Group| n.worst.left(g.eps.as_ref().map_or(0.0, |b| b.eps().value().into()));
    let a = at(first)?;
    let others: Vec<String> = ranked[1..]
        .iter()
        .map(|n| match at(n) {
            Some(g) => format!("`{}` takes {}", n.subject, budget(g)),
            None => format!("`{}` did not break", n.subject),
        })
        .collect();
    let text = match at(second).filter(|b| b.eps == a.eps) {
        None => {
            format!(
                "The weakest detector is `{}`: {} is enough; {}.",
                first.subject,
                budget(a),
                list(&others)
            )
        }
        Some(b) if left(first, a).interval().high < left(second, b).interval().low => format!(
            "`{}` and `{}` break at the same budget, {}, with {} and {} left; `{}` is the weaker.",
            first.subject,
            second.subject,
            budget(a),
            percent_or_dash(left(first, a).value()),
            percent_or_dash(left(second, b).value()),
            first.subject
        ),
        Some(_) => {
            let high = left(first, a).interval().high;
            let alike = ranked.iter().filter_map(|n| {
                let left = left(n, at(n).filter(|g| g.eps == a.eps)?);
                (left.interval().low <= high)
                    .then(|| (format!("`{}`", n.subject), percent_or_dash(left.value())))
            });
            let (names, shares): (Vec<String>, Vec<String>) = alike.unzip();
            format!(
                "{} break at the same budget, {}, with {} left; these images cannot tell which is weakest: the intervals \
                 overlap.",
                list(&names),
                budget(a),
                list(&shares)
            )
        }
    };
    Some(Finding { tone: Tone::Note, text, detail: String::new(), sure: None })
}

/// What attacks do to a network that may choose how much to change: the one that changes least.
fn without_budget(network: &Network, groups: &[Group]) -> Option<Finding> {
    let free = |g: &&Group| {
        (&g.network, &g.data) == (&network.name, &network.data)
            && g.kind.is_attack()
            && g.eps.is_none()
            && g.success.value() >= Some(0.5)
    };
    let size = |g: &Group| g.median.map_or(f64::INFINITY, |m| m.rms);
    let found: Vec<&Group> = groups.iter().filter(free).collect();
    let least = found.iter().copied().reduce(|a, b| if size(b) < size(a) { b } else { a })?;
    let text = format!(
        "Free to choose how much to change, {} on `{}` flips {} of what was correct.",
        least.label,
        least.subject,
        percent(least.success.value()?)
    );
    let others: Vec<String> = found.iter().filter(|g| **g != least).map(|g| g.label.clone()).collect();
    let verb = if others.len() == 1 { "does" } else { "do" };
    let more = if others.is_empty() {
        String::new()
    } else {
        format!(" So {verb} {}, with larger changes.", list(&others))
    };
    Some(Finding { tone: Tone::Breaks, text, detail: format!("{}{more}", behind(least)), sure: None })
}

/// What an attack on masks came to: that is no fooled detector, and it is counted among none.
fn forged(g: &Group) -> Option<Finding> {
    let masks = g.masks.filter(|_| g.kind == Kind::Mask)?;
    let wanted = masks.wanted?;
    let verb = if wanted >= 0.5 { "can be forged" } else { "resist" };
    let text = format!(
        "The masks of `{}` {verb}: {} brings them to an overlap of {wanted:.2} with the wanted ones, while {} of {} are \
         called fake still.",
        g.subject,
        g.label,
        masks.stayed.hits,
        count(masks.stayed.of, "fake"),
    );
    let detail = format!(
        "Overlap is the mean intersection over union; with the masks before it is {:.2}. Mean change: {}{SPACE}of{SPACE}255 \
         (RMS). The detector is not fooled, who looks where it points is.",
        masks.kept,
        number(masks.rmse_255)
    );
    Some(Finding { tone: Tone::Note, text, detail, sure: None })
}

fn saving(groups: &[Group]) -> Option<Finding> {
    let attacks = || groups.iter().filter(|g| g.kind.is_attack());
    let flipped: u64 = attacks().map(|g| g.flipped_float).sum();
    let lost: u64 = attacks().map(|g| g.lost_by_saving).sum();
    if flipped == 0 {
        return None;
    }
    let text = if lost == 0 {
        format!(
            "The changes survive saving: all {flipped} successes of attacks hold when the 8-bit PNG is read back."
        )
    } else {
        format!(
            "Saving as an 8-bit PNG undoes {lost} of {flipped} successes ({}).",
            percent(lost as f64 / flipped as f64)
        )
    };
    let detail = "Every number here is about the saved files.".to_owned();
    Some(Finding { tone: Tone::Note, text, detail, sure: None })
}

fn few(networks: &[Network], metrics: Metrics) -> Option<Finding> {
    let n = networks.iter().map(|n| n.clean.of).min().filter(|n| (1..metrics.enough).contains(n))?;
    let text = format!(
        "Only {} an attack: the intervals are wide, and small differences mean little.",
        count(n, "image")
    );
    Some(Finding { tone: Tone::Guard, text, detail: String::new(), sure: None })
}
