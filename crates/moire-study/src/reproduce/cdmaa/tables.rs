//! What the records add up to, beside what the paper's sentences say: its numbers do not survive in the text.

use super::{
    APGD, BASE, BASE_OWN, BUDGETS, HALF, ITERATIONS, LONG, LONG_OWN, LONG_RESTING, MOMENTUM, PLAIN, ROBUST,
    ROBUST_OWN, alone, editors,
};
use crate::protection::{Edit, Protected, Protection, Setting};
use crate::reproduce::{DASH, PaperTable, maybe};

/// All faces under one setting.
struct Result<'a> {
    setting: &'a Setting,
    name: &'a str,
    faces: Vec<&'a Protected>,
}

/// What tables show of a set of edits.
struct Rate {
    mean: f64,
    broken: f64,
}

impl<'a> Result<'a> {
    /// One for each setting of which a face is there, in the plan's order.
    fn all(protections: &'a [Protection]) -> Vec<Self> {
        let mut results: Vec<Self> = Vec::new();
        for p in protections {
            let (Some(made), Some(name)) = (p.protected(), &p.setting.name) else { continue };
            match results.iter_mut().find(|r| *r.setting == p.setting) {
                Some(known) => known.faces.push(made),
                None => results.push(Self { setting: &p.setting, name, faces: vec![made] }),
            }
        }
        results
    }

    fn edits(&self, editor: &str) -> impl Iterator<Item = &'a Edit> {
        self.faces.iter().flat_map(|f| &f.edits).filter(move |e| e.editor == editor)
    }

    /// `avg_L` and `attack_rate` of one editor.
    fn of(&self, editor: &str) -> Rate {
        self.rate(self.edits(editor).map(|e| e.loss))
    }

    fn rate(&self, losses: impl Iterator<Item = f32>) -> Rate {
        let (mut count, mut sum, mut broken) = (0.0, 0.0, 0.0);
        for loss in losses {
            count += 1.0;
            sum += f64::from(loss);
            broken += f64::from(u8::from(loss > self.setting.tau));
        }
        Rate { mean: sum / count, broken: broken / count }
    }

    /// The lowest attack rate of any editor.
    fn worst(&self, editors: &[&str]) -> f64 {
        editors.iter().map(|editor| self.of(editor).broken).fold(1.0, f64::min)
    }

    /// The lowest `avg_L` of any editor.
    fn least(&self, editors: &[&str]) -> f64 {
        editors.iter().map(|editor| self.of(editor).mean).fold(f64::INFINITY, f64::min)
    }

    /// The share of all edits of all editors, each editor counting alike.
    fn mean(&self, editors: &[&str]) -> f64 {
        editors.iter().map(|editor| self.of(editor).broken).sum::<f64>() / editors.len() as f64
    }

    /// The share of faces on which every edit of every editor breaks, by a loss of each.
    fn all_at_once(&self, loss: impl Fn(&Edit) -> f32) -> f64 {
        let held = self.faces.iter().filter(|f| f.edits.iter().all(|e| loss(e) > self.setting.tau)).count();
        held as f64 / self.faces.len() as f64
    }

    fn seconds(&self) -> f64 {
        self.faces.iter().map(|f| f.seconds).sum::<f64>() / self.faces.len() as f64
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn three(value: f64) -> String {
    format!("{value:.3}")
}

/// All tables, from a study's protections.
pub(crate) fn all(protections: &[Protection]) -> Vec<PaperTable> {
    let (results, editors) = (&Result::all(protections)[..], &editors(protections)[..]);
    let alone: Vec<String> = (0..editors.len()).map(alone).collect();
    let mut over_models: Vec<&str> = alone.iter().map(String::as_str).collect();
    over_models.extend(["models in turn", "mean over models", BASE]);
    vec![
        table(
            results,
            editors,
            "Table 1, the framework under several attacks",
            &[HALF, BASE, ITERATIONS, MOMENTUM, APGD, LONG],
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
            &[BASE, BASE_OWN, LONG, LONG_OWN, LONG_RESTING],
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
    results: &[Result<'_>],
    editors: &[&str],
    title: &str,
    names: &[&str],
    published: &[[&str; 4]],
) -> PaperTable {
    let mut table = PaperTable::new(
        title,
        &[
            "",
            "setting",
            "editor",
            "avg_L",
            "attack_rate",
            "masked rate",
            "all at once",
            "steps",
            "seconds a face",
        ],
        &[
            "attack_rate is the share of edits whose mean squared difference exceeds 0.05, on the saved 8-bit file; of \
             \"worst\" it is that of the editor that breaks least. All at once: the share of faces on which every edit of \
             every editor breaks. The masked rate is CMUA-Watermark's: over the pixels that the clean edit changes.",
            "I-FGSM in 10 steps of 0.02 at eps 0.1, both on [-1, 1], MGDA with penalty over editors and the mean over edits, \
             unless the setting says otherwise. The paper's budget is half of that, 6 of a file's levels, at which editors of \
             small images hardly break.",
            "The paper's numbers do not survive in the text at hand: its rows are its sentences.",
        ],
    );
    for row in published {
        table.published(row);
    }
    for result in names.iter().filter_map(|name| results.iter().find(|r| r.name == *name)) {
        let place = (0..editors.len()).find(|&place| alone(place) == result.name);
        let name = || place.map_or_else(|| result.name.to_owned(), |p| format!("{} alone", editors[p]));
        for editor in editors {
            let Rate { mean, broken } = result.of(editor);
            let masked: Vec<f32> = result.edits(editor).filter_map(|e| e.masked).collect();
            let masked = (!masked.is_empty()).then(|| result.rate(masked.into_iter()).broken);
            table.here(vec![
                name(),
                (*editor).to_owned(),
                three(mean),
                percent(broken),
                maybe(masked, percent),
            ]);
        }
        table.here(vec![
            name(),
            "worst".to_owned(),
            DASH.to_owned(),
            percent(result.worst(editors)),
            DASH.to_owned(),
            percent(result.all_at_once(|e| e.loss)),
            result.faces[0].steps.to_string(),
            format!("{:.2}", result.seconds()),
        ]);
    }
    table
}

/// Each claim of the paper against what was found here.
fn claims(results: &[Result<'_>], editors: &[&str]) -> PaperTable {
    let mut table = PaperTable::new(
        "The claims",
        &["", "claim", "this", "that", "holds here"],
        &[
            "Rates are of the worst editor, in brackets the mean over editors, and avg_L of the editor where it is lowest, which \
             decides where the rates of the worst are alike. \"within a face\": the difference is less than one face's share.",
        ],
    );
    let find = |name: &str| results.iter().find(|r| r.name == name);
    let Some(base) = find(BASE) else { return table };
    let shown = |r: &Result| {
        let least = three(r.least(editors));
        format!("{} ({}), avg_L {least}", percent(r.worst(editors)), percent(r.mean(editors)))
    };
    let mut beats = |claim: &str, this: &Result, that: &Result| {
        let (a, b) = (this.worst(editors), that.worst(editors));
        let (c, d) = (this.least(editors), that.least(editors));
        let face = 1.0 / this.faces.len() as f64;
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
        ("a larger budget helps", BASE, HALF),
        ("more iterations help", ITERATIONS, BASE),
        ("MI-FGSM beats I-FGSM", MOMENTUM, BASE),
        ("APGD beats MI-FGSM", APGD, MOMENTUM),
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
    for (place, editor) in editors.iter().enumerate() {
        if let Some(that) = find(&alone(place)) {
            beats(&format!("MGDA over models beats {editor} alone"), base, that);
        }
    }
    for name in ["models in turn", "mean over models"] {
        if let Some(that) = find(name) {
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
fn budgets(results: &[Result<'_>], editors: &[&str]) -> PaperTable {
    let mut table = PaperTable::new(
        "Success over the budget, APGD with most steps",
        &["", "eps on [-1, 1]", "levels of 255", "attack_rate, worst", "attack_rate, mean", "all at once"],
        &["A file keeps whole levels; what of a budget is none goes unused."],
    );
    let mut rows: Vec<&Result<'_>> = results.iter().filter(|r| [LONG, BUDGETS].contains(&r.name)).collect();
    let eps = |r: &Result<'_>| r.setting.eps.eps();
    rows.sort_by(|a, b| eps(a).value().total_cmp(&eps(b).value()));
    for r in rows {
        table.here(vec![
            format!("{:.2}", 2.0 * eps(r).value()),
            format!("{}", (eps(r).levels() + 1e-3).floor()),
            percent(r.worst(editors)),
            percent(r.mean(editors)),
            percent(r.all_at_once(|e| e.loss)),
        ]);
    }
    table
}

/// Success over iterations, where it was watched.
fn iterations(results: &[Result<'_>], editors: &[&str]) -> PaperTable {
    let mut table = PaperTable::new(
        "Success over iterations",
        &["", "setting", "steps", "attack_rate, worst", "attack_rate, mean", "all at once"],
        &[
            "As the search saw it after so many steps, rounded to eight bits. APGD is told how many steps there will be.",
        ],
    );
    for r in results {
        let steps = r.faces.iter().flat_map(|f| &f.edits).map(|e| e.curve.len()).min().unwrap_or(0);
        let marks = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100];
        for step in marks.into_iter().filter(|&s| s < steps) {
            let at = |e: &Edit| e.curve[step];
            let each: Vec<f64> =
                editors.iter().map(|editor| r.rate(r.edits(editor).map(at)).broken).collect();
            table.here(vec![
                r.name.to_owned(),
                step.to_string(),
                percent(each.iter().copied().fold(1.0, f64::min)),
                percent(each.iter().sum::<f64>() / each.len() as f64),
                percent(r.all_at_once(at)),
            ]);
        }
    }
    table
}

/// What is left after a file's way online.
fn robust(results: &[Result<'_>]) -> PaperTable {
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
    for r in results.iter().filter(|r| [PLAIN, ROBUST, ROBUST_OWN].contains(&r.name)) {
        let after = |e: &Edit, way: &str| e.after.get(way).copied().unwrap_or(0.0);
        let ways: [&dyn Fn(&Edit) -> f32; 3] =
            [&|e| e.loss, &|e| after(e, "jpeg(75)"), &|e| after(e, "resize(0.5)")];
        let mut row = vec![r.name.to_owned()];
        row.extend(ways.iter().map(|loss| percent(r.all_at_once(loss))));
        row.extend(
            ways.iter().map(|loss| percent(r.rate(r.faces.iter().flat_map(|f| &f.edits).map(loss)).broken)),
        );
        table.here(row);
    }
    table
}
