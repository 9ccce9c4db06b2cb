//! The columns of a table of records, whatever file it goes to.

use crate::record::{Judgement, Record, both};

/// A value of a cell; nothing where the record has none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(Option<String>),
    Number(Option<f64>),
    Count(Option<u64>),
    Flag(Option<bool>),
}

impl Value {
    /// As a cell of text.
    pub(crate) fn text(&self) -> String {
        fn shown<T: ToString>(value: Option<&T>) -> String {
            value.map_or_else(String::new, ToString::to_string)
        }
        match self {
            Self::Text(value) => value.clone().unwrap_or_default(),
            Self::Number(value) => shown(value.as_ref()),
            Self::Count(value) => shown(value.as_ref()),
            Self::Flag(value) => shown(value.as_ref()),
        }
    }
}

/// Every column of a record, by name. The `psnr` of an image that did not change is infinite.
pub(crate) fn columns(record: &Record) -> Vec<(&'static str, Value)> {
    let text = |value: &str| Value::Text(Some(value.to_owned()));
    let maybe = |value: Option<&String>| Value::Text(value.cloned());
    let m = record.measured();
    let number = |value: Option<f64>| Value::Number(value);
    let eps = record.eps.as_ref();
    let mut all = vec![
        ("network", text(&record.network)),
        ("crafted_on", maybe(record.crafted_on.as_ref())),
        ("attack", text(&record.attack)),
        ("eps", Value::Text(eps.map(|b| b.text().to_owned()))),
        ("eps_value", number(eps.map(|b| b.eps().value().into()))),
        ("criterion", text(&record.criterion.to_string())),
        ("made_of", maybe(record.made_of.as_ref())),
        ("transform", maybe(record.transform.as_ref())),
        ("data", text(&record.data)),
        ("image", text(&record.image)),
        ("image_sha256", text(&record.image_sha256)),
        ("label", text(&record.label.to_string())),
        ("seed", Value::Count(Some(record.seed))),
    ];
    let judgements: [(_, Option<Judgement>); 3] = [
        (["clean_decided", "clean_p_fake", "clean_margin"], m.map(|m| m.clean)),
        (["float_decided", "float_p_fake", "float_margin"], m.and_then(|m| m.float)),
        (["saved_decided", "saved_p_fake", "saved_margin"], m.map(|m| m.saved)),
    ];
    for ([decided, p_fake, margin], j) in judgements {
        all.push((decided, Value::Text(j.map(|j| j.decided.to_string()))));
        all.push((p_fake, number(j.map(|j| j.p_fake))));
        all.push((margin, number(j.map(|j| j.margin))));
    }
    let d = m.map(|m| m.distance);
    let shift = m.and_then(|m| m.mask);
    let [before, after] = both(shift.and_then(|s| s.truth));
    let cost = m.map(|m| m.cost);
    all.extend([
        ("flipped", Value::Flag(m.map(|_| record.flipped()))),
        ("p_l0", number(d.map(|d| d.p_l0))),
        ("l0_positions", Value::Count(d.map(|d| d.l0_positions))),
        ("l0_values", Value::Count(d.map(|d| d.l0_values))),
        ("l1", number(d.map(|d| d.l1))),
        ("l2", number(d.map(|d| d.l2))),
        ("rms", number(d.map(|d| d.rms))),
        ("linf", number(d.map(|d| d.linf))),
        ("rmse_255", number(d.map(|d| d.rmse_255))),
        ("psnr", number(d.map(|d| d.psnr.unwrap_or(f64::INFINITY)))),
        ("ssim", number(d.and_then(|d| d.ssim))),
        ("mask_kept", number(shift.map(|s| s.kept))),
        ("mask_truth_before", number(before)),
        ("mask_truth_after", number(after)),
        ("mask_wanted", number(shift.and_then(|s| s.wanted))),
        ("steps", Value::Count(cost.map(|c| c.steps))),
        ("gradients", Value::Count(cost.map(|c| c.gradients))),
        ("queries", Value::Count(cost.map(|c| c.queries))),
        ("seconds", number(cost.map(|c| c.seconds))),
        ("file", maybe(m.and_then(|m| m.file.as_ref()))),
        ("failure", Value::Text(record.failure().map(str::to_owned))),
    ]);
    all
}
