//! What protected photographs add up to.

use std::collections::BTreeMap;

use super::group::median;
use super::{Finding, Share, Sure, Tone};
use crate::plan::Metrics;
use crate::protection::{Edit, Protection, Setting};
use crate::words::{SPACE, attack_name, attack_title, count, distinction, list, number, percent};

/// The photographs of one set under one setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Protections {
    /// What people call the setting.
    pub label: String,
    /// The setting.
    pub setting: Setting,
    /// The set; with others beside it, part of what people call it.
    pub data: String,
    /// Photographs that failed.
    pub failed: u64,
    /// Photographs on which every edit by every editor breaks.
    pub held: Share,
    /// The same after each transform, by name.
    pub held_after: Vec<(String, Share)>,
    /// What becomes of edits, by editor.
    pub editors: Vec<Edits>,
    /// The same by editor and edit.
    pub domains: Vec<Edits>,
    /// Medians over the photographs: PSNR in dB, SSIM, and the largest change of any value in `[0, 1]`. No PSNR where nothing
    /// changed.
    pub psnr: Option<f64>,
    /// See `psnr`.
    pub ssim: Option<f64>,
    /// See `psnr`.
    pub linf: Option<f64>,
    /// Mean steps a photograph.
    pub steps: f64,
    /// Sum of the time, in seconds.
    pub seconds: f64,
}

/// Edits of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Edits {
    /// The editor.
    pub editor: String,
    /// The edit, where they are of one.
    pub domain: Option<String>,
    /// Those that break.
    pub broken: Share,
    /// Those that break after each transform, by name.
    pub after: Vec<(String, Share)>,
    /// The mean loss.
    pub loss: f64,
    /// Those that break over the pixels that the edit changes at all.
    pub masked: Share,
    /// The share that is broken before each step and after the last, where it was looked at.
    pub curve: Vec<f64>,
}

impl Protections {
    /// One for each setting and set, in the plan's order.
    pub fn of(protections: &[Protection]) -> Vec<Self> {
        let mut groups: BTreeMap<(usize, &str), Vec<&Protection>> = BTreeMap::new();
        for p in protections {
            groups.entry((p.setting.place, &p.data)).or_default().push(p);
        }
        let mut settings: Vec<&Setting> = Vec::new();
        for group in groups.values() {
            if !settings.contains(&&group[0].setting) {
                settings.push(&group[0].setting);
            }
        }
        let sets = protections.iter().map(|p| &p.data).collect::<std::collections::BTreeSet<_>>().len();
        let made = |group: &Vec<&Protection>| {
            let mut label = label(&group[0].setting, &settings);
            if sets > 1 {
                label = format!("{label} on {}", group[0].data);
            }
            one(label, group)
        };
        groups.values().map(made).collect()
    }

    /// How many photographs it is about, without those that failed.
    pub fn photographs(&self) -> u64 {
        self.held.of
    }

    /// Whether people are likely to take a photograph for protected, and how sure that is.
    pub(crate) fn verdict(&self, metrics: Metrics) -> (Tone, Sure) {
        let (interval, enough) = (self.held.interval(), self.held.of >= metrics.enough);
        if self.held.value().unwrap_or(0.0) >= metrics.breaks {
            return (
                Tone::Holds,
                if enough && interval.low > metrics.breaks { Sure::Sure } else { Sure::Likely },
            );
        }
        (Tone::Breaks, if enough && interval.high < metrics.breaks { Sure::Sure } else { Sure::Likely })
    }

    /// What matters, in plain words.
    pub fn finding(&self, metrics: Metrics) -> Finding {
        if self.held.of == 0 {
            let text =
                format!("{}: none of {} could be protected.", self.label, count(self.failed, "photograph"));
            return Finding { tone: Tone::Note, text, detail: String::new(), sure: None };
        }
        let editors: Vec<String> = self.editors.iter().map(|e| format!("`{}`", e.editor)).collect();
        let (tone, sure) = self.verdict(metrics);
        let weakest = self
            .editors
            .iter()
            .min_by(|a, b| a.broken.value().unwrap_or(0.0).total_cmp(&b.broken.value().unwrap_or(0.0)));
        let weakest = match weakest.filter(|_| self.editors.len() > 1 && self.held.hits < self.held.of) {
            Some(e) => format!(
                " The hardest to break is `{}`: {} of its edits break.",
                e.editor,
                percent(e.broken.value().unwrap_or(0.0))
            ),
            None => String::new(),
        };
        let text = format!(
            "{} breaks every edit by {} on {} of {}.{weakest}",
            self.label,
            list(&editors),
            self.held.hits,
            count(self.held.of, "photograph")
        );
        let after =
            |(name, share): &(String, Share)| format!("{} of {} after `{name}`", share.hits, share.of);
        let mut detail: Vec<String> = Vec::new();
        if !self.held_after.is_empty() {
            detail.push(format!(
                "It still does on {}.",
                list(&self.held_after.iter().map(after).collect::<Vec<_>>())
            ));
        }
        if let Some(psnr) = self.psnr {
            let ssim = self.ssim.map_or(String::new(), |v| format!(", SSIM {v:.3}"));
            detail.push(format!("The change is of PSNR {}{SPACE}dB{ssim}.", number(psnr)));
        }
        if self.failed > 0 {
            detail.push(format!("{} failed.", count(self.failed, "photograph")));
        }
        Finding { tone, text, detail: detail.join(" "), sure: Some(sure) }
    }
}

/// The plan's own name, or the attack; with what tells it from other settings of that name.
fn label(setting: &Setting, settings: &[&Setting]) -> String {
    let name = |s: &Setting| s.name.clone().unwrap_or_else(|| attack_title(&attack_name(&s.attack)));
    let own = name(setting);
    let alike: Vec<&Setting> = settings.iter().copied().filter(|s| name(s) == own).collect();
    let told = |a: &Setting, of: fn(&Setting) -> String| {
        let texts: Vec<String> = alike.iter().map(|s| of(s)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        distinction(&of(a), &texts)
    };
    let mut parts =
        vec![told(setting, |s| s.attack.clone()), told(setting, |s| format!("strategy({})", s.strategy))];
    if alike.iter().any(|s| s.eps != setting.eps) {
        parts.push(setting.eps.text().to_owned());
    }
    if alike.iter().any(|s| s.robust != setting.robust) {
        parts.push(if setting.robust { "robust" } else { "not robust" }.to_owned());
    }
    if alike.iter().any(|s| s.saving != setting.saving) {
        parts.push(setting.saving.clone());
    }
    parts.retain(|p| !p.is_empty());
    if parts.is_empty() { own } else { format!("{own} ({})", parts.join(", ")) }
}

fn one(label: String, group: &[&Protection]) -> Protections {
    let done: Vec<_> = group.iter().filter_map(|p| Some((*p, p.protected()?))).collect();
    let share = |holds: &dyn Fn(&Protection) -> bool| Share {
        hits: done.iter().filter(|(p, _)| holds(p)).count() as u64,
        of: done.len() as u64,
    };
    let edits: Vec<(&Protection, &Edit)> =
        done.iter().flat_map(|(p, made)| made.edits.iter().map(|e| (*p, e))).collect();
    let transforms: Vec<String> =
        edits.first().map_or_else(Vec::new, |(_, e)| e.after.keys().cloned().collect());
    let mut editors: Vec<Edits> = Vec::new();
    let mut domains: Vec<Edits> = Vec::new();
    for (_, e) in &edits {
        if !editors.iter().any(|k| k.editor == e.editor) {
            let of_editor = edits.iter().filter(|(_, o)| o.editor == e.editor);
            editors.push(added(&of_editor.copied().collect::<Vec<_>>(), &transforms, None));
        }
        if !domains.iter().any(|k| (&k.editor, &k.domain) == (&e.editor, &e.domain)) {
            let alike = edits.iter().filter(|(_, o)| (&o.editor, &o.domain) == (&e.editor, &e.domain));
            domains.push(added(&alike.copied().collect::<Vec<_>>(), &transforms, e.domain.clone()));
        }
    }
    let typical = |value: &dyn Fn(&crate::record::Distance) -> Option<f64>| {
        median(&mut done.iter().filter_map(|(_, made)| value(&made.distance)))
    };
    let mean = |sum: f64| sum / done.len().max(1) as f64;
    Protections {
        label,
        setting: group[0].setting.clone(),
        data: group[0].data.clone(),
        failed: (group.len() - done.len()) as u64,
        held: share(&Protection::holds),
        held_after: transforms.iter().map(|t| (t.clone(), share(&|p| p.holds_after(t)))).collect(),
        editors,
        domains,
        psnr: typical(&|d| d.psnr),
        ssim: typical(&|d| d.ssim),
        linf: typical(&|d| Some(d.linf)),
        steps: mean(done.iter().map(|(_, made)| f64::from(made.steps)).sum()),
        seconds: done.iter().map(|(_, made)| made.seconds).sum(),
    }
}

/// Edits of one kind, added up.
fn added(edits: &[(&Protection, &Edit)], transforms: &[String], domain: Option<String>) -> Edits {
    let share = |breaks: &dyn Fn(&Protection, &Edit) -> Option<bool>| {
        let known: Vec<bool> = edits.iter().filter_map(|(p, e)| breaks(p, e)).collect();
        Share { hits: known.iter().filter(|b| **b).count() as u64, of: known.len() as u64 }
    };
    let steps = edits.iter().map(|(_, e)| e.curve.len()).min().unwrap_or(0);
    let at = |step: usize| share(&|p, e| Some(p.breaks(e.curve[step]))).value().unwrap_or(0.0);
    let after = |t: &String| (t.clone(), share(&|p, e| e.after.get(t).map(|loss| p.breaks(*loss))));
    Edits {
        editor: edits[0].1.editor.clone(),
        domain,
        broken: share(&|p, e| Some(p.breaks(e.loss))),
        after: transforms.iter().map(after).collect(),
        loss: edits.iter().map(|(_, e)| f64::from(e.loss)).sum::<f64>() / edits.len() as f64,
        masked: share(&|p, e| e.masked.map(|loss| p.breaks(loss))),
        curve: (0..steps).map(at).collect(),
    }
}
