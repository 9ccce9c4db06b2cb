//! What the records add up to, beside what the paper's sentences say: its numbers do not survive in the text.

use crate::reproduce::cdmaa::{
    AFTER, BASE, BASE_OWN, Edit, ITERATIONS, LONG, LONG_OWN, PLAIN, ROBUST, ROBUST_OWN, Setting, Unit,
};
use crate::reproduce::{DASH, PaperTable, maybe};

/// All faces under one setting.
pub(super) struct Result {
    setting: Setting,
    units: Vec<Unit>,
}

const TAU: f32 = 0.05;

/// What tables show of a set of edits.
struct Rate {
    mean: f64,
    broken: f64,
}

impl Result {
    pub(super) fn new(setting: Setting, units: Vec<Unit>) -> Self {
        Self { setting, units }
    }

    fn is(&self, name: &str) -> bool {
        self.setting.name == name
    }

    fn edits<'a>(&'a self, editor: &'a str) -> impl Iterator<Item = &'a Edit> {
        self.units.iter().flat_map(|u| &u.edits).filter(move |e| e.editor == editor)
    }

    /// `avg_L` and `attack_rate` of one editor.
    fn of(&self, editor: &str) -> Rate {
        rate(self.edits(editor).map(|e| e.loss))
    }

    /// The lowest attack rate of any editor.
    fn worst(&self, editors: &[String]) -> f64 {
        editors.iter().map(|editor| self.of(editor).broken).fold(1.0, f64::min)
    }

    /// The lowest `avg_L` of any editor.
    fn least(&self, editors: &[String]) -> f64 {
        editors.iter().map(|editor| self.of(editor).mean).fold(f64::INFINITY, f64::min)
    }

    /// The share of all edits of all editors, each editor counting alike.
    fn mean(&self, editors: &[String]) -> f64 {
        editors.iter().map(|editor| self.of(editor).broken).sum::<f64>() / editors.len() as f64
    }

    /// The share of faces on which every edit of every editor breaks, by a loss of each.
    fn all(&self, loss: impl Fn(&Edit) -> f32) -> f64 {
        let held = self.units.iter().filter(|u| u.edits.iter().all(|e| loss(e) > TAU)).count();
        held as f64 / self.units.len() as f64
    }

    fn seconds(&self) -> f64 {
        self.units.iter().map(|u| u.seconds).sum::<f64>() / self.units.len() as f64
    }
}

fn rate(losses: impl Iterator<Item = f32>) -> Rate {
    let (mut count, mut sum, mut broken) = (0.0, 0.0, 0.0);
    for loss in losses {
        count += 1.0;
        sum += f64::from(loss);
        broken += f64::from(u8::from(loss > TAU));
    }
    Rate { mean: sum / count, broken: broken / count }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn three(value: f64) -> String {
    format!("{value:.3}")
}

pub(super) fn all(results: &[Result], editors: &[String]) -> Vec<PaperTable> {
    let alone: Vec<String> = editors.iter().map(|editor| format!("{editor} alone")).collect();
    let mut over_models: Vec<&str> = alone.iter().map(String::as_str).collect();
    over_models.extend(["models in turn", "mean over models", BASE]);
    vec![
        table(
            results,
            editors,
            "Table 1, the framework under several attacks",
            &[BASE, "I-FGSM, T 10, eps 0.1", ITERATIONS, "MI-FGSM, T 10", "APGD, T 10", LONG],
            &[
                ["CDMAA, I-FGSM", "StarGAN, U-GAT-IT", "far above 0.05", "close to 100 %"],
                ["CDMAA, I-FGSM", "AttGAN, STGAN", "–", "relatively lower"],
                ["larger eps, or larger T", "all", "–", "higher"],
                ["MI-FGSM; APGD", "all", "–", "higher; higher still"],
            ],
        ),
        table(
            results,
            editors,
            "Table 2, combining the gradients of one editor's edits",
            &["single edit", "edits in turn", "MGDA over edits", BASE],
            &[
                ["single edit, edits in turn", "all", "above the mean's for some", "lower than the mean's"],
                ["MGDA over edits", "all", "–", "not quite different from the mean's, at more time"],
            ],
        ),
        table(
            results,
            editors,
            "Table 3, combining the gradients of editors",
            &over_models,
            &[
                ["single, in turn, mean", "StarGAN", "high", "high"],
                ["single, in turn, mean", "AttGAN, STGAN", "–", "very poor"],
                ["MGDA", "each", "–", "considerable"],
            ],
        ),
        table(
            results,
            editors,
            "Table 4, regularisation before MGDA",
            &["no regularisation", "L2 regularisation", "logarithmic regularisation", BASE],
            &[["penalty", "all", "more even than others", "superior to the others"]],
        ),
        table(
            results,
            editors,
            "Beyond the paper, the own strategy: the mean of directions, broken edits left out",
            &[BASE, BASE_OWN, LONG, LONG_OWN],
            &[],
        ),
        claims(results, editors),
        budgets(results, editors),
        iterations(results, editors),
        robust(results),
    ]
}

/// Some settings, a row for each editor, and one for all of them.
fn table(
    results: &[Result],
    editors: &[String],
    title: &str,
    names: &[&str],
    published: &[[&str; 4]],
) -> PaperTable {
    let mut table = PaperTable::new(
        title,
        &["", "setting", "editor", "avg_L", "attack_rate", "masked rate", "all at once", "seconds a face"],
        &[
            "attack_rate is the share of edits whose mean squared difference exceeds 0.05, on the saved 8-bit file; of \
             \"worst\" it is that of the editor that breaks least. All at once: the share of faces on which every edit of \
             every editor breaks. The masked rate is CMUA-Watermark's: over the pixels that the clean edit changes.",
            "I-FGSM at eps 0.05 on [-1, 1] in steps of 0.01, MGDA with penalty over editors and the mean over edits, unless \
             the setting says otherwise. The file keeps 6 of the 6.4 levels that this is.",
            "The paper's numbers do not survive in the text at hand: its rows are its sentences.",
        ],
    );
    for row in published {
        table.published(row);
    }
    for result in names.iter().filter_map(|name| results.iter().find(|r| r.is(name))) {
        let name = || result.setting.name.clone();
        for editor in editors {
            let Rate { mean, broken } = result.of(editor);
            let masked: Vec<f32> = result.edits(editor).filter_map(|e| e.masked).collect();
            let masked = (!masked.is_empty()).then(|| rate(masked.into_iter()).broken);
            table.here(vec![name(), editor.clone(), three(mean), percent(broken), maybe(masked, percent)]);
        }
        table.here(vec![
            name(),
            "worst".to_owned(),
            DASH.to_owned(),
            percent(result.worst(editors)),
            DASH.to_owned(),
            percent(result.all(|e| e.loss)),
            format!("{:.2}", result.seconds()),
        ]);
    }
    table
}

/// Each claim of the paper against what was found here.
fn claims(results: &[Result], editors: &[String]) -> PaperTable {
    let mut table = PaperTable::new(
        "The claims",
        &["", "claim", "this", "that", "holds here"],
        &[
            "Rates are of the worst editor, in brackets the mean over editors, and avg_L of the editor where it is lowest, which \
             decides where the rates of the worst are alike. \"within a face\": the difference is less than one face's share.",
        ],
    );
    let find = |name: &str| results.iter().find(|r| r.is(name));
    let Some(base) = find(BASE) else { return table };
    let shown = |r: &Result| {
        let least = three(r.least(editors));
        format!("{} ({}), avg_L {least}", percent(r.worst(editors)), percent(r.mean(editors)))
    };
    let mut beats = |claim: &str, this: &Result, that: &Result| {
        let (a, b) = (this.worst(editors), that.worst(editors));
        let (c, d) = (this.least(editors), that.least(editors));
        let face = 1.0 / this.units.len() as f64;
        let verdict = match () {
            () if a > b => "yes",
            () if a == b && c > d => "yes, by avg_L",
            () if a == b && c < d => "no, by avg_L",
            () if a == b => "alike",
            () if b - a < face => "no, within a face",
            () => "no",
        };
        table.here(vec![claim.to_owned(), shown(this), shown(that), verdict.to_owned()]);
    };
    for (claim, this, that) in [
        ("a larger budget helps", "I-FGSM, T 10, eps 0.1", BASE),
        ("more iterations help", ITERATIONS, BASE),
        ("MI-FGSM beats I-FGSM", "MI-FGSM, T 10", BASE),
        ("APGD beats MI-FGSM", "APGD, T 10", "MI-FGSM, T 10"),
    ] {
        if let (Some(this), Some(that)) = (find(this), find(that)) {
            beats(claim, this, that);
        }
    }
    for name in ["single edit", "edits in turn"] {
        if let Some(that) = find(name) {
            beats(&format!("the mean over edits beats {name}"), base, that);
        }
    }
    let alone = editors.iter().map(|editor| format!("{editor} alone"));
    for name in alone.chain(["models in turn".to_owned(), "mean over models".to_owned()]) {
        if let Some(that) = find(&name) {
            beats(&format!("MGDA over models beats {name}"), base, that);
        }
    }
    for name in ["no regularisation", "L2 regularisation", "logarithmic regularisation"] {
        if let Some(that) = find(name) {
            beats(&format!("penalty beats {name}"), base, that);
        }
    }
    if let Some(mgda) = find("MGDA over edits") {
        let apart = base.worst(editors) - mgda.worst(editors);
        let verdict = format!(
            "{}, at {:.2} of the time",
            if apart.abs() <= 0.02 { "yes, within two points" } else { "no" },
            base.seconds() / mgda.seconds()
        );
        let claim = "the mean over edits is as good as MGDA over edits, in less time".to_owned();
        table.here(vec![claim, shown(base), shown(mgda), verdict]);
    }
    table
}

/// Success over the budget.
fn budgets(results: &[Result], editors: &[String]) -> PaperTable {
    let mut table = PaperTable::new(
        "Success over the budget, APGD with 100 steps",
        &["", "eps on [-1, 1]", "levels of 255", "attack_rate, worst", "attack_rate, mean", "all at once"],
        &["A file keeps whole levels; what of a budget is none goes unused."],
    );
    let mut rows: Vec<&Result> = results
        .iter()
        .filter(|r| r.is(LONG) || r.setting.name.starts_with(&format!("{LONG}, eps")))
        .collect();
    rows.sort_by(|a, b| a.setting.settings.eps.value().total_cmp(&b.setting.settings.eps.value()));
    for r in rows {
        let eps = r.setting.settings.eps;
        table.here(vec![
            format!("{:.2}", 2.0 * eps.value()),
            format!("{}", (eps.levels() + 1e-3).floor()),
            percent(r.worst(editors)),
            percent(r.mean(editors)),
            percent(r.all(|e| e.loss)),
        ]);
    }
    table
}

/// Success over iterations, where it was watched.
fn iterations(results: &[Result], editors: &[String]) -> PaperTable {
    let mut table = PaperTable::new(
        "Success over iterations, eps 0.05",
        &["", "setting", "steps", "attack_rate, worst", "attack_rate, mean", "all at once"],
        &[
            "As the search saw it after so many steps, rounded to eight bits. APGD is told how many steps there will be.",
        ],
    );
    for r in results.iter().filter(|r| r.setting.settings.curve) {
        let steps = r.units[0].edits[0].curve.len().saturating_sub(1);
        let marks = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100];
        for step in marks.into_iter().filter(|&s| s <= steps) {
            let at = |e: &Edit| e.curve[step];
            let each: Vec<f64> = editors.iter().map(|editor| rate(r.edits(editor).map(at)).broken).collect();
            table.here(vec![
                r.setting.name.clone(),
                step.to_string(),
                percent(each.iter().copied().fold(1.0, f64::min)),
                percent(each.iter().sum::<f64>() / each.len() as f64),
                percent(r.all(at)),
            ]);
        }
    }
    table
}

/// What is left after a file's way online.
fn robust(results: &[Result]) -> PaperTable {
    let mut table = PaperTable::new(
        "What is left after JPEG and resizing",
        &[
            "",
            "setting",
            "as saved",
            "after JPEG 75",
            "after half and back",
            "edits, as saved",
            "JPEG 75",
            "half",
        ],
        &[
            "All at once, and the share of all edits. Each edit against the same of the clean face after the same way.",
            "Robust: the steps meet JPEG files of quality 60 to 95, resizes, blurs and a crop in turn.",
        ],
    );
    for r in [PLAIN, ROBUST, ROBUST_OWN].iter().filter_map(|name| results.iter().find(|r| r.is(name))) {
        let share =
            |loss: &dyn Fn(&Edit) -> f32| rate(r.units.iter().flat_map(|u| &u.edits).map(loss)).broken;
        let mut row = vec![r.setting.name.clone(), percent(r.all(|e| e.loss))];
        row.extend((0..AFTER.len()).map(|i| percent(r.all(|e| e.after[i]))));
        row.push(percent(share(&|e| e.loss)));
        row.extend((0..AFTER.len()).map(|i| percent(share(&|e| e.after[i]))));
        table.here(row);
    }
    table
}
