//! Tables 1 to 4 and figures 4 to 7 of CDMAA (Future Internet 14(2):46, 2022): one face, every editor, every edit.

mod faces;
mod figures;
mod tables;

use crate::protection::Protection;

pub use faces::aligned_faces;
pub(super) use figures::draw;
pub(super) use tables::all;

/// What the plans call their settings, where more than one table or figure shows them.
pub(crate) const BASE: &str = "I-FGSM";
pub(crate) const HALF: &str = "I-FGSM at the paper's budget";
pub(crate) const ITERATIONS: &str = "I-FGSM with more steps";
pub(crate) const MOMENTUM: &str = "MI-FGSM";
pub(crate) const APGD: &str = "APGD";
pub(crate) const LONG: &str = "APGD with most steps";
pub(crate) const BUDGETS: &str = "APGD with most steps at other budgets";
pub(crate) const PLAIN: &str = "MI-FGSM with more steps";
pub(crate) const ROBUST: &str = "robust MI-FGSM";
/// Those as `moire protect` combines editors.
pub(crate) const BASE_OWN: &str = "I-FGSM by the own strategy";
pub(crate) const LONG_OWN: &str = "APGD with most steps by the own strategy";
pub(crate) const LONG_RESTING: &str = "APGD with most steps, broken edits left out";
pub(crate) const ROBUST_OWN: &str = "robust MI-FGSM by the own strategy";

/// What both plans have to have.
#[cfg(test)]
pub(super) const SHOWN: &[&str] = &[
    BASE,
    HALF,
    ITERATIONS,
    MOMENTUM,
    APGD,
    LONG,
    BUDGETS,
    PLAIN,
    ROBUST,
    BASE_OWN,
    LONG_OWN,
    LONG_RESTING,
    ROBUST_OWN,
];

/// Whether a protection is under the setting of this name.
fn is_of(protection: &Protection, name: &str) -> bool {
    protection.setting.name.as_deref() == Some(name)
}

/// What the plans call an attack on the editor of this place alone.
fn alone(place: usize) -> String {
    format!("editor {} alone", place + 1)
}

/// The editors, in the order of the plan: that of the edits of every photograph.
fn editors(protections: &[Protection]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for edit in protections.iter().filter_map(Protection::protected).flat_map(|made| &made.edits) {
        if !names.contains(&&*edit.editor) {
            names.push(&edit.editor);
        }
    }
    names
}
