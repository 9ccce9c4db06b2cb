//! From text to a plan, and from a fault of a plan back to its place in the text.

use std::ops::Range;
use std::path::Path;

use moire_attack::Attack;
use toml::de::{DeTable, DeValue};

use super::Plan;
use super::check::{Fault, Step};
use crate::error::{Error, Repr};
use crate::files;

/// The largest plan that is read, in bytes.
const LONGEST: u64 = 1 << 20;

impl Plan {
    /// Reads a plan file. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// There is no such file; it is no plan, or one that cannot be: the message has file, line and column, and what is
    /// allowed there.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = files::read(path, LONGEST)?;
        let name = path.display().to_string();
        let text = String::from_utf8(bytes).map_err(|e| {
            let (expected, found) =
                ("text in UTF-8", format!("another byte at {}", e.utf8_error().valid_up_to()));
            Repr::Unfit { path: path.to_owned(), expected: expected.to_owned(), found }
        })?;
        let mut plan = Self::parse(&text, &name)?;
        plan.rebase(path.parent().unwrap_or(Path::new("")));
        Ok(plan)
    }

    /// Reads a plan from its text; `name` stands for it in messages.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let at = |span: Option<Range<usize>>, message: &str| Error::from(located(text, name, span, message));
        let plan: Self = toml::from_str(text).map_err(|e| at(e.span(), e.message()))?;
        plan.fault().map_or(Ok(plan), |fault| Err(at(find(text, &fault), &fault.message)))
    }

    /// Reads a plan that is still to be completed: what it lacks is nobody's fault yet.
    ///
    /// # Errors
    /// The text has not the form of a plan.
    pub(crate) fn draft(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|e| located(text, "plan", e.span(), e.message()).into())
    }

    /// Makes relative paths relative to `folder` instead.
    fn rebase(&mut self, folder: &Path) {
        for path in self.paths() {
            *path = folder.join(&*path);
        }
        for attack in self.attacks.iter_mut().flat_map(|a| &mut a.methods) {
            if let Attack::Universal(file) = attack {
                *file = folder.join(&*file).to_string_lossy().into_owned();
            }
        }
    }

    /// The plan as text. What [`Plan::parse`] reads from it is the plan again.
    ///
    /// # Errors
    /// A path is not text in UTF-8, or a number none that TOML has.
    pub fn text(&self) -> Result<String, Error> {
        Ok(toml::to_string(self)?)
    }

    /// The JSON schema of plans, as text, for editors and other programs.
    pub fn schema() -> String {
        let mut schema = schemars::schema_for!(Self);
        let attacks: Vec<String> = Attack::ALL.iter().map(|(name, what)| format!("{name}: {what}")).collect();
        schema.insert("$comment".to_owned(), format!("Attacks: {}", attacks.join("; ")).into());
        let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
        text.push('\n');
        text
    }
}

/// Where in the text the value stands that a fault is about, or the innermost thing around it that is there.
fn find(text: &str, fault: &Fault) -> Option<Range<usize>> {
    let root = DeTable::parse(text).ok()?;
    let mut span = None;
    let mut value: Option<&DeValue<'_>> = None;
    for step in &fault.at {
        let next = match (step, value) {
            (Step::Key(key), None) => root.get_ref().get(*key),
            (Step::Key(key), Some(DeValue::Table(table))) => table.get(*key),
            (Step::Item(at), Some(DeValue::Array(items))) => items.get(*at),
            // One value where a list may stand.
            (Step::Item(_), Some(_)) => break,
            _ => None,
        };
        let Some(next) = next else { break };
        span = Some(next.span());
        value = Some(next.get_ref());
    }
    span
}

/// The message with its place: `plan.toml:3:9: ..`, and the line itself.
fn located(text: &str, name: &str, span: Option<Range<usize>>, message: &str) -> Repr {
    let message = message.trim().replace('\n', " ");
    let Some(span) = span.filter(|s| s.start <= text.len()) else {
        return Repr::Plan { place: format!("{name}: "), message, excerpt: String::new() };
    };
    let before = &text[..span.start];
    let (number, begins) = (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |at| at + 1));
    let line = text[begins..].lines().next().unwrap_or_default().replace(char::is_control, "\u{fffd}");
    let column = text[begins..span.start].chars().count();
    let marked =
        text[span.start..span.end.min(text.len())].lines().next().unwrap_or_default().chars().count();
    let gap = " ".repeat(number.to_string().len());
    let excerpt =
        format!("\n  {number} | {line}\n  {gap} | {}{}", " ".repeat(column), "^".repeat(marked.max(1)));
    Repr::Plan { place: format!("{name}:{number}:{}: ", column + 1), message, excerpt }
}

#[cfg(test)]
mod tests {
    use super::Plan;

    const PLAN: &str =
        "[[data]]\npath = 'faces'\n\n[[detector]]\nmodel = 'meso4:m.h5'\n\n[[attack]]\nmethod = 'fgsm'\n";

    const PROTECT: &str = "[[editor]]\nmodel = 'stargan:g.ckpt'\n[[photographs]]\npath = 'faces'\n[[protect]]\nmethod = 'fgsm'\n";

    #[test]
    fn photographs_are_protected_as_the_paper_does_where_nothing_is_said() {
        let text = PROTECT.replace("method = 'fgsm'", "strategy = ['', 'models=uniform']\nrobust = true");
        let plan = Plan::parse(&text, "p").unwrap();
        let ways = plan.ways();
        assert_eq!((ways.len(), ways[0].settings.attack.name()), (2, "mi_fgsm"));
        assert!(ways[1].settings.robust && ways[1].settings.eps.value() == 0.025);
        let whole = plan.resolved().unwrap().text().unwrap();
        let again = Plan::parse(&whole, "p").unwrap();
        assert_eq!((again.text().unwrap(), again.ways()), (whole, ways));
    }

    #[test]
    fn the_least_plan_is_filled_in_and_reads_back() {
        let plan = Plan::parse(PLAN, "p").unwrap();
        let text = plan.text().unwrap();
        assert_eq!(Plan::parse(&text, "p").unwrap().text().unwrap(), text);
        assert!(text.contains("budgets = [\"1/255\", \"2/255\", \"4/255\", \"8/255\"]"), "{text}");
    }

    /// Each mistake of a new user, with where it is and what is allowed.
    #[test]
    fn mistakes_are_found_at_their_place() {
        let more = |text: &str| format!("{PLAN}{text}");
        let first = |text: &str| format!("{text}\n{PLAN}");
        for (text, place, allowed) in [
            (first("budgts = ['1/255']"), ":1:1:", "expected one of `title`, `seed`, `budgets`"),
            (first("seed = 'seven'"), ":1:8:", "expected u64"),
            (first("budgets = ['1/255', '8']"), ":1:21:", "[0, 1]"),
            (first("criterion = 'save'"), ":1:13:", "saved, float, grid or spent"),
            (first("judges = 'everyone'"), ":1:10:", "`own` or `all`"),
            (first("transforms = ['jpeg(101)']"), ":1:15:", "jpeg(101)"),
            (first("limits.time = '8 hours'"), ":1:15:", "90s, 30min, 8h or 2d"),
            (first("limits.stpes = 3"), ":1:8:", "expected one of `steps`, `time`, `memory`"),
            (first("limits.steps = 0"), ":1:16:", "1 or more"),
            (first("metrics.breaks = 50"), ":1:18:", "0.01 to 1"),
            (first("judges = 'all'"), ":1:10:", "two detectors or more"),
            (first("budgets = ['1/255', '1/255']"), ":1:21:", "stands there twice"),
            (first("budgets = []"), ":1:11:", "at least one budget"),
            (PLAN.replace("'fgsm'", "'fgms'"), ":8:10:", "there are fgsm, i_fgsm, pgd"),
            (PLAN.replace("'fgsm'", "['urn', 'pgd(step=3)']"), ":8:18:", "it has steps, alpha"),
            (PLAN.replace("'fgsm'", "['urn', 'urn']"), ":8:10:", "asked for twice"),
            (PLAN.replace("'fgsm'", "3"), ":8:10:", "an attack such as pgd(steps=40), or a list"),
            (PLAN.replace("'fgsm'", "[]"), ":8:10:", "at least one attack"),
            (more("on = ['meso']"), ":9:7:", "there are meso4"),
            (more("data = ['face']"), ":9:9:", "there are faces"),
            (more("made_of = ['faces']"), ":9:11:", "made of images"),
            (more("bugdets = []"), ":9:1:", "`budgets`"),
            (PLAN.replace("meso4:m.h5", "meso5:m.h5"), ":5:9:", "mesoinception4"),
            (PLAN.replace("meso4:m.h5", "meso4"), ":5:9:", "write meso4:PATH"),
            (PLAN.replace("'meso4:m.h5'", "'meso4:m.h5'\nmean = [0.5, 0.5, 0.5]"), ":6:8:", "onnx:PATH"),
            (PLAN.replace("'meso4:m.h5'", "'onnx:m.onnx'\nlabels = 'yes,no'"), ":6:10:", "real,fake"),
            (PLAN.replace("'meso4:m.h5'", "'onnx:m.onnx'\nstd = [1, 0, 1]"), ":6:7:", "above 0"),
            (PLAN.replace("'faces'", "'faces'\nlimit = 0"), ":3:9:", "1 or more"),
            (PLAN.replace("'faces'", "'faces'\nname = 'a/b'"), ":3:8:", "letters, digits"),
            (PLAN.replace("'faces'", "'faces'\nchoose = 'best'"), ":3:10:", "`first` or `random`"),
            (PLAN.replace("path = 'faces'\n", ""), ":1:1:", "missing field `path`"),
            (
                more("[[data]]\npath = 'b'\nname = 'x'\n[[data]]\npath = 'c'\nname = 'x'"),
                ":14:8:",
                "stands there twice",
            ),
            (PLAN.replace("[[attack]]\nmethod = 'fgsm'\n", ""), ": ", "at least one [[attack]]"),
            (PLAN.replace("[[data]]", "[[data]"), ":1:", "expected"),
            (more("method = 'pgd'"), ":9:1:", "duplicate key"),
            (PROTECT.replace("'fgsm'", "'deepfool'"), ":6:10:", "no budget"),
            (PROTECT.replace("'fgsm'", "'fgsm'\nbudgets = ['0.001']"), ":7:11:", "level"),
            (PROTECT.replace("'fgsm'", "'fgsm'\nstrategy = 'models=all'"), ":7:12:", "single-N, iterative"),
            (PROTECT.replace("'fgsm'", "'fgsm'\nstrategy = 'models=single-1'"), ":7:12:", "0 to 0"),
            (PROTECT.replace("'fgsm'", "'fgsm'\nsave = 'gif'"), ":7:8:", "png"),
            (PROTECT.replace("'faces'", "'faces'\nattributes = ['Bold']"), ":5:14:", "Bald"),
            (PROTECT.replace("'faces'", "'faces'\ntable = 't'\nattributes = []"), ":6:14:", "not both"),
            (PROTECT.replace("[[editor]]\nmodel = 'stargan:g.ckpt'", ""), ": ", "at least one [[editor]]"),
            (format!("{PROTECT}[[protect]]\nmethod = 'fgsm'"), ":", "asked for twice"),
            ("\u{0}".to_owned(), ":1:", "expected"),
            (String::new(), "p: ", "at least one [[detector]]"),
        ] {
            let error = Plan::parse(&text, "p").unwrap_err().to_string();
            assert!(error.starts_with("p:") && error.contains(place), "expected {place} in: {error}\n{text}");
            assert!(error.contains(allowed), "expected '{allowed}' in: {error}\n{text}");
        }
    }
}
