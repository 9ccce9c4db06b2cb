use std::collections::BTreeMap;

use moire_attack::Criterion;
use moire_metric::attack_transfer_ratio;

use super::{Finding, Group, Kind, Share, Tone};
use crate::plan::Metrics;
use crate::record::{Budget, Key, Record};
use crate::words::{SPACE, attack_name, attack_title, list, percent, percent_or_dash};

/// What the files of one attack at one budget do to the networks that they were not made for.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// The attack with its parameters.
    pub attack: String,
    /// What people call it.
    pub label: String,
    /// What it uses.
    pub kind: Kind,
    /// The budget, if there is one.
    pub eps: Option<Budget>,
    /// When an image counted as done.
    pub criterion: Criterion,
    /// The data set that a universal change was made of, where it was made of images.
    pub made_of: Option<String>,
    /// The data set that the images are of.
    pub data: String,
    /// One for each pair of networks, by origin and target.
    pub cells: Vec<Carried>,
}

/// What files that were made to fool one network do to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// The network that they were made to fool.
    pub origin: String,
    /// The network that judges them.
    pub target: String,
    /// The target's accuracy on the unchanged files.
    pub before: Share,
    /// The target's accuracy on the changed files.
    pub after: Share,
    /// The target's attack success rate: files that flip it, of the images that both networks called correctly before.
    /// What the origin called wrongly was never attacked, and says nothing.
    pub success: Share,
    /// The attack success rate on the origin itself.
    pub at_home: Share,
}

impl Transfer {
    /// Whether a group is of the same attack at the same budget on the same data, on one of the networks.
    pub(crate) fn is_of(&self, g: &Group) -> bool {
        (&self.attack, &self.eps, self.criterion) == (&g.attack, &g.eps, g.criterion)
            && (&self.made_of, &self.data) == (&g.made_of, &g.data)
    }
}

impl Carried {
    /// The attack transfer ratio, ASR of the target over ASR of the origin; none where either is undefined or nothing
    /// succeeds at home.
    pub fn ratio(&self) -> Option<f64> {
        attack_transfer_ratio(self.success.value()?, self.at_home.value()?)
    }
}

/// Adds up the transfers, `carried`, of what was made in `own`.
pub(super) fn transfers(carried: &[&Record], own: &[&Record], groups: &[Group]) -> Vec<Transfer> {
    if carried.is_empty() {
        return Vec::new();
    }
    let at_home: BTreeMap<Key, bool> = own.iter().map(|r| (r.key(), r.correct_before())).collect();
    let home = |r: &Record| {
        let origin = r.crafted_on.clone().unwrap_or_default();
        let same = |g: &&Group| {
            (&g.network, &g.data, &g.attack, &g.eps) == (&origin, &r.data, &r.attack, &r.eps)
                && (g.criterion, &g.made_of) == (r.criterion, &r.made_of)
        };
        (groups.iter().find(same), Key { network: origin, crafted_on: None, ..r.key() })
    };
    // In the order of groups: by data, kind and attack, then budget.
    let mut by_task: BTreeMap<_, (Transfer, BTreeMap<_, Carried>)> = BTreeMap::new();
    for record in carried {
        let (group, key) = home(record);
        let kind = group.map_or(Kind::Query, |g| g.kind);
        let eps = record.eps.as_ref().map(|b| (b.eps().value().to_bits(), b.text()));
        let (criterion, made_of) = (record.criterion.to_string(), &record.made_of);
        let task = (&record.data, kind, &record.attack, criterion, made_of, eps);
        let (_, cells) = by_task.entry(task).or_insert_with(|| {
            let label = || attack_title(&attack_name(&record.attack));
            let transfer = Transfer {
                attack: record.attack.clone(),
                label: group.map_or_else(label, |g| g.label.clone()),
                kind,
                eps: record.eps.clone(),
                criterion: record.criterion,
                made_of: record.made_of.clone(),
                data: record.data.clone(),
                cells: Vec::new(),
            };
            (transfer, BTreeMap::new())
        });
        let origin = record.crafted_on.as_deref().unwrap_or_default();
        let cell = cells.entry((origin, &record.network));
        let cell = cell.or_insert_with(|| Carried {
            origin: origin.to_owned(),
            target: record.network.clone(),
            before: Share::default(),
            after: Share::default(),
            success: Share::default(),
            at_home: group.map_or_else(Share::default, |g| g.success),
        });
        if record.measured().is_some() {
            cell.before.count(record.correct_before());
            cell.after.count(record.correct_after());
            if record.correct_before() && at_home.get(&key) == Some(&true) {
                cell.success.count(record.flipped());
            }
        }
    }
    let whole = |(transfer, cells): (Transfer, BTreeMap<_, Carried>)| Transfer {
        cells: cells.into_values().collect(),
        ..transfer
    };
    by_task.into_values().map(whole).collect()
}

/// Less than this share of what a network called correctly is hardly anything.
const LITTLE: f64 = 0.1;

/// What carries over furthest, and whose changes do.
pub(super) fn findings(transfers: &[Transfer], groups: &[Group], metrics: Metrics) -> Vec<Finding> {
    let attacks = || transfers.iter().filter(|t| t.kind.is_attack());
    let cells = || attacks().flat_map(|t| t.cells.iter().map(move |c| (t, c)));
    let value = |c: &Carried| c.success.value().unwrap_or(0.0);
    // What is surest, by the lower end of its interval: one image of one says little. The first of equals wins: at the
    // smallest budget, in the order of names.
    let surest = |c: &Carried| c.success.interval().low;
    let Some((transfer, cell)) = cells().reduce(|a, b| if surest(b.1) > surest(a.1) { b } else { a }) else {
        return Vec::new();
    };
    let at = transfer.eps.as_ref().map_or_else(String::new, |e| format!(" at {}", e.text()));
    let ratio = cell.ratio().map_or_else(String::new, |r| format!(" (transfer ratio {r:.2})"));
    let noise = transfer.eps.as_ref().and_then(|_| {
        let noise = |g: &&Group| {
            (g.kind, &g.network, &g.data) == (Kind::Noise, &cell.target, &transfer.data)
                && g.eps == transfer.eps
        };
        groups.iter().find(noise)?.success.value()
    });
    let control =
        noise.map_or_else(String::new, |v| format!(" Random noise of the same size flips {}.", percent(v)));
    let i = cell.success.interval();
    let detail = format!(
        "{} of {} images that both called correctly, 95{SPACE}% interval {} to {}.{control}",
        cell.success.hits,
        cell.success.of,
        percent(i.low),
        percent(i.high)
    );
    let furthest = format!(
        "{}{at}, made on `{}`, flips {} of what `{}` called correctly, against {} at home{ratio}",
        transfer.label,
        cell.origin,
        percent(value(cell)),
        cell.target,
        percent_or_dash(cell.at_home.value())
    );
    let (tone, text) = match value(cell) {
        v if v >= metrics.breaks => {
            (Tone::Breaks, format!("A detector that nobody looked into breaks: {furthest}."))
        }
        v if v >= LITTLE => (Tone::Note, format!("Some changes carry over. The furthest: {furthest}.")),
        _ => (Tone::Holds, format!("Hardly any change carries over. The furthest: {furthest}.")),
    };
    let mut found = vec![Finding { tone, text, detail, sure: None }];
    let mut origins: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (_, cell) in cells().filter(|(_, c)| c.success.of > 0) {
        let (sum, count) = origins.entry(&cell.origin).or_default();
        *sum += value(cell);
        *count += 1.0;
    }
    let mut means: Vec<(&str, f64)> = origins.into_iter().map(|(name, (sum, n))| (name, sum / n)).collect();
    means.sort_by(|a, b| b.1.total_cmp(&a.1));
    if let [(first, most), rest @ ..] = &means[..] {
        if value(cell) >= LITTLE && !rest.is_empty() {
            let rest: Vec<String> =
                rest.iter().map(|(n, v)| format!("those of `{n}` {}", percent(*v))).collect();
            let text = format!(
                "The changes made on `{first}` carry over best: on average over attacks and budgets they flip {} of \
                 what another detector called correctly; {}.",
                percent(*most),
                list(&rest)
            );
            found.push(Finding { tone: Tone::Note, text, detail: String::new(), sure: None });
        }
    }
    found
}
