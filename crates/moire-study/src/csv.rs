//! Records as a table: what `records.csv` holds.

use std::io::Write;

use crate::columns::columns;
use crate::error::{Error, Repr};
use crate::protection::Protection;
use crate::record::{Answer, Record};

/// Writes all records, in their order, under one line of names. What is absent is an empty cell; the `psnr` of an
/// image that did not change is `inf`.
///
/// A cell is what the record says, to the letter: a file whose name looks like a formula stays one, so a
/// spreadsheet that runs formulas from untrusted tables needs care.
pub fn write(to: impl Write, records: &[Record]) -> Result<(), Error> {
    let mut writer = csv::Writer::from_writer(to);
    writer.write_record(columns(&nobody()).iter().map(|(name, _)| name)).map_err(Repr::Csv)?;
    for record in records {
        writer.write_record(columns(record).iter().map(|(_, value)| value.text())).map_err(Repr::Csv)?;
    }
    writer.flush().map_err(|e| Repr::Csv(e.into()).into())
}

/// Writes every edit of every protected photograph, in their order, under one line of names: what `edits.csv` holds. A
/// photograph that failed has one line, with its reason.
pub fn write_edits(to: impl Write, protections: &[Protection]) -> Result<(), Error> {
    let mut writer = csv::Writer::from_writer(to);
    let edits = || protections.iter().filter_map(Protection::protected).flat_map(|p| &p.edits);
    let transforms: Vec<String> = edits().next().map_or_else(Vec::new, |e| e.after.keys().cloned().collect());
    let mut head: Vec<String> = [
        "data",
        "photograph",
        "sha256",
        "name",
        "attack",
        "eps",
        "strategy",
        "robust",
        "saving",
        "seed",
        "file",
        "psnr",
        "ssim",
        "linf",
        "steps",
        "seconds",
        "failure",
        "face",
        "editor",
        "domain",
        "loss",
        "broken",
        "masked",
    ]
    .map(str::to_owned)
    .to_vec();
    head.extend(transforms.iter().map(|t| format!("loss after {t}")));
    writer.write_record(&head).map_err(Repr::Csv)?;
    let maybe = |value: Option<f64>| value.map_or_else(String::new, |v| v.to_string());
    for p in protections {
        let s = &p.setting;
        let mut row = vec![
            p.data.clone(),
            p.photograph.clone(),
            p.sha256.clone(),
            s.name.clone().unwrap_or_default(),
            s.attack.clone(),
            s.eps.text().to_owned(),
            s.strategy.clone(),
            s.robust.to_string(),
            s.saving.clone(),
            p.seed.to_string(),
        ];
        let made = match &p.outcome {
            Ok(made) => made,
            Err(reason) => {
                row.resize(16, String::new());
                row.push(reason.clone());
                row.resize(head.len(), String::new());
                writer.write_record(&row).map_err(Repr::Csv)?;
                continue;
            }
        };
        let d = &made.distance;
        row.extend([made.file.clone(), maybe(d.psnr), maybe(d.ssim), d.linf.to_string()]);
        row.extend([made.steps.to_string(), made.seconds.to_string(), String::new()]);
        for e in &made.edits {
            let mut row = row.clone();
            row.extend([e.face.to_string(), e.editor.clone(), e.domain.clone().unwrap_or_default()]);
            row.extend([e.loss.to_string(), p.breaks(e.loss).to_string(), maybe(e.masked.map(f64::from))]);
            row.extend(transforms.iter().map(|t| maybe(e.after.get(t).copied().map(f64::from))));
            writer.write_record(&row).map_err(Repr::Csv)?;
        }
    }
    writer.flush().map_err(|e| Repr::Csv(e.into()).into())
}

/// A record for the sake of its columns' names.
pub(crate) fn nobody() -> Record {
    Record {
        network: String::new(),
        crafted_on: None,
        attack: String::new(),
        eps: None,
        criterion: moire_attack::Criterion::default(),
        made_of: None,
        transform: None,
        data: String::new(),
        image: String::new(),
        image_sha256: String::new(),
        label: moire_tensor::Label::Real,
        seed: 0,
        answer: Answer::Failed(String::new()),
    }
}
