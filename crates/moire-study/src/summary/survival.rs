use std::collections::BTreeMap;

use super::{Finding, Group, Share, Tone};
use crate::record::{Key, Record};
use crate::words::{SPACE, count, percent};

/// What is left of an attack when something happens to its files.
#[derive(Debug, Clone, PartialEq)]
pub struct Survival {
    /// Index of the attack in [`Summary::groups`](super::Summary::groups).
    pub group: usize,
    /// What happens to the file.
    pub transform: String,
    /// The network's accuracy on the unchanged images after it.
    pub before: Share,
    /// Its accuracy on the changed images after it.
    pub after: Share,
    /// Of the files that fool it as they were saved, those that still do after it.
    pub survived: Share,
}

/// Adds up what was judged after transforms; `own` is what was judged as it was saved.
pub(super) fn survivals(records: &[Record], own: &[&Record], groups: &[Group]) -> Vec<Survival> {
    let own: BTreeMap<Key, bool> = own.iter().map(|r| (r.key(), r.flipped())).collect();
    let mut found: BTreeMap<(usize, &str), Survival> = BTreeMap::new();
    for record in records.iter().filter(|r| r.crafted_on.is_none() && r.measured().is_some()) {
        let Some(transform) = record.transform.as_deref() else { continue };
        let Some(group) = groups.iter().position(|g| g.is_of(record)) else { continue };
        let entry = found.entry((group, transform)).or_insert_with(|| Survival {
            group,
            transform: transform.to_owned(),
            before: Share::default(),
            after: Share::default(),
            survived: Share::default(),
        });
        entry.before.count(record.correct_before());
        entry.after.count(record.correct_after());
        if own.get(&Key { transform: None, ..record.key() }) == Some(&true) {
            entry.survived.count(!record.correct_after());
        }
    }
    found.into_values().collect()
}

/// Successes of one attack from which on their share is quoted.
const ENOUGH: u64 = 10;

/// What each transform does to the successes of all attacks.
pub(super) fn findings(survivals: &[Survival], groups: &[Group]) -> Vec<Finding> {
    let mut totals: Vec<(&str, Share)> = Vec::new();
    for s in survivals.iter().filter(|s| groups[s.group].kind.is_attack()) {
        let at = totals.iter().position(|(transform, _)| *transform == s.transform);
        let at = at.unwrap_or_else(|| {
            totals.push((&s.transform, Share::default()));
            totals.len() - 1
        });
        totals[at].1.hits += s.survived.hits;
        totals[at].1.of += s.survived.of;
    }
    let finding = |(transform, share): (&str, Share)| {
        let value = share.value()?;
        let (tone, verb) =
            if value >= 0.5 { (Tone::Breaks, "survive") } else { (Tone::Note, "are mostly undone by") };
        let text = format!(
            "The changes {verb} `{transform}`: {} of {} that fool a detector as saved still do after it.",
            percent(value),
            count(share.of, "file"),
        );
        let i = share.interval();
        let each = survivals.iter().filter(|s| s.transform == transform && s.survived.of >= ENOUGH);
        let most = each
            .filter(|s| groups[s.group].kind.is_attack())
            .filter_map(|s| Some((s.survived.value()?, &groups[s.group])))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let most = most.map_or(String::new(), |(value, g)| {
            format!("; most survive of {} on `{}`, {}", g.label, g.subject, percent(value))
        });
        let detail = format!(
            "Over all attacks and budgets, 95{SPACE}% interval {} to {}{most}. A change that was made with this in mind may \
             survive more.",
            percent(i.low),
            percent(i.high)
        );
        Some(Finding { tone, text, detail, sure: None })
    };
    totals.into_iter().filter_map(finding).collect()
}
