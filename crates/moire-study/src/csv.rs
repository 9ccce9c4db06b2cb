//! Records as a table: what `records.csv` holds.

use std::io::Write;

use crate::columns::columns;
use crate::error::{Error, Repr};
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
