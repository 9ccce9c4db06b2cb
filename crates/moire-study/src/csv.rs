//! Records as a table: what `records.csv` holds.

use std::io::Write;

use crate::error::{Error, Repr};
use crate::record::{Judgement, Record, both};

const COLUMNS: [&str; 39] = [
    "network",
    "crafted_on",
    "attack",
    "eps",
    "eps_value",
    "image",
    "image_sha256",
    "label",
    "seed",
    "clean_decided",
    "clean_p_fake",
    "clean_margin",
    "float_decided",
    "float_p_fake",
    "float_margin",
    "saved_decided",
    "saved_p_fake",
    "saved_margin",
    "flipped",
    "p_l0",
    "l0_positions",
    "l0_values",
    "l1",
    "l2",
    "rms",
    "linf",
    "rmse_255",
    "psnr",
    "ssim",
    "mask_kept",
    "mask_truth_before",
    "mask_truth_after",
    "mask_wanted",
    "steps",
    "gradients",
    "queries",
    "seconds",
    "file",
    "failure",
];

/// Writes all records, in their order, under one line of names. What is absent is an empty cell; the `psnr` of an
/// image that did not change is `inf`.
///
/// A cell is what the record says, to the letter: a file whose name looks like a formula stays one, so a
/// spreadsheet that runs formulas from untrusted tables needs care.
pub fn write(to: impl Write, records: &[Record]) -> Result<(), Error> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(COLUMNS).map_err(Repr::Csv)?;
    for record in records {
        writer.write_record(cells(record)).map_err(Repr::Csv)?;
    }
    writer.flush().map_err(|e| Repr::Csv(e.into()).into())
}

fn cells(record: &Record) -> Vec<String> {
    let mut cells = vec![
        record.network.clone(),
        record.crafted_on.clone().unwrap_or_default(),
        record.attack.clone(),
        record.eps.as_ref().map_or_else(String::new, |b| b.text().to_owned()),
        record.eps.as_ref().map_or_else(String::new, |b| b.eps().value().to_string()),
        record.image.clone(),
        record.image_sha256.clone(),
        record.label.to_string(),
        record.seed.to_string(),
    ];
    if let Some(m) = record.measured() {
        let judgement = |j: &Judgement| [j.decided.to_string(), j.p_fake.to_string(), j.margin.to_string()];
        for j in [Some(&m.clean), m.float.as_ref(), Some(&m.saved)] {
            cells.extend(j.map_or_else(Default::default, judgement));
        }
        cells.push(record.flipped().to_string());
        let d = &m.distance;
        cells.extend([d.p_l0.to_string(), d.l0_positions.to_string(), d.l0_values.to_string()]);
        cells.extend([d.l1, d.l2, d.rms, d.linf, d.rmse_255].map(|v| v.to_string()));
        cells.push(d.psnr.map_or_else(|| "inf".to_owned(), |v| v.to_string()));
        cells.push(d.ssim.map_or_else(String::new, |v| v.to_string()));
        let [before, after] = both(m.mask.and_then(|s| s.truth));
        for overlap in [m.mask.map(|s| s.kept), before, after, m.mask.and_then(|s| s.wanted)] {
            cells.push(overlap.map_or_else(String::new, |v| v.to_string()));
        }
        cells.extend([m.cost.steps, m.cost.gradients, m.cost.queries].map(|v| v.to_string()));
        cells.extend([m.cost.seconds.to_string(), m.file.clone().unwrap_or_default(), String::new()]);
    } else {
        cells.resize(COLUMNS.len() - 1, String::new());
        cells.push(record.failure().unwrap_or_default().to_owned());
    }
    cells
}
