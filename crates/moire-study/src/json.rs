//! Records as JSON: what `records.json` holds.

use std::io::Write;

use serde::Serialize;

use crate::error::{Error, Repr};
use crate::record::Record;
use crate::store::Meta;

#[derive(Serialize)]
struct Document<'a> {
    /// Counts changes of this document's form.
    format: u32,
    meta: &'a Meta,
    records: &'a [Record],
}

/// Writes what the study was and all its records, in their order.
pub fn write(to: impl Write, meta: &Meta, records: &[Record]) -> Result<(), Error> {
    let document = Document { format: 3, meta, records };
    serde_json::to_writer_pretty(to, &document).map_err(|e| Repr::Json(e).into())
}
