//! Records as Parquet: what `records.parquet` holds, for data frames of any size.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{ConvertedType, Repetition, Type};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type as Column;

use crate::columns::{Value, columns};
use crate::csv::nobody;
use crate::error::{Error, Repr};
use crate::record::Record;

/// Rows that are held at once.
const GROUP: usize = 50_000;

/// Writes all records, in their order, with the columns of [`csv`](crate::csv); what is absent is null. A seed or a count
/// is a 64-bit integer without a sign.
///
/// # Errors
/// The place cannot be written to.
pub fn write(to: impl Write + Send, records: &[Record]) -> Result<(), Error> {
    put(to, records).map_err(|e| Repr::Parquet(e).into())
}

fn put(to: impl Write + Send, records: &[Record]) -> Result<(), ParquetError> {
    let named = columns(&nobody());
    let column = |(name, value): &(&str, Value)| {
        let (kind, converted) = match value {
            Value::Text(_) => (Type::BYTE_ARRAY, ConvertedType::UTF8),
            Value::Number(_) => (Type::DOUBLE, ConvertedType::NONE),
            Value::Count(_) => (Type::INT64, ConvertedType::UINT_64),
            Value::Flag(_) => (Type::BOOLEAN, ConvertedType::NONE),
        };
        let column = Column::primitive_type_builder(name, kind).with_converted_type(converted);
        Ok(Arc::new(column.with_repetition(Repetition::OPTIONAL).build()?))
    };
    let fields = named.iter().map(column).collect::<Result<Vec<_>, ParquetError>>()?;
    let schema = Arc::new(Column::group_type_builder("record").with_fields(fields).build()?);
    let properties =
        WriterProperties::builder().set_created_by(concat!("moire ", env!("CARGO_PKG_VERSION")).to_owned());
    let mut file = SerializedFileWriter::new(to, schema, Arc::new(properties.build()))?;
    for part in records.chunks(GROUP) {
        let rows: Vec<Vec<Value>> =
            part.iter().map(|r| columns(r).into_iter().map(|(_, value)| value).collect()).collect();
        let mut group = file.next_row_group()?;
        for (at, (_, kind)) in named.iter().enumerate() {
            write_column(&mut group, kind, &rows, at)?;
        }
        group.close()?;
    }
    file.close()?;
    Ok(())
}

fn write_column<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    kind: &Value,
    rows: &[Vec<Value>],
    at: usize,
) -> Result<(), ParquetError> {
    let there = |value: &Value| match value {
        Value::Text(v) => v.is_some(),
        Value::Number(v) => v.is_some(),
        Value::Count(v) => v.is_some(),
        Value::Flag(v) => v.is_some(),
    };
    let levels: Vec<i16> = rows.iter().map(|row| i16::from(there(&row[at]))).collect();
    let levels = Some(&levels[..]);
    let values = || rows.iter().map(|row| &row[at]);
    let mut column = group.next_column()?.expect("as many columns as the schema has");
    match kind {
        Value::Text(_) => {
            let text = |value: &Value| {
                if let Value::Text(v) = value { v.as_deref().map(ByteArray::from) } else { None }
            };
            let texts: Vec<ByteArray> = values().filter_map(text).collect();
            column.typed::<ByteArrayType>().write_batch(&texts, levels, None)?;
        }
        Value::Number(_) => {
            let number = |value: &Value| if let Value::Number(v) = value { *v } else { None };
            let numbers: Vec<f64> = values().filter_map(number).collect();
            column.typed::<DoubleType>().write_batch(&numbers, levels, None)?;
        }
        Value::Count(_) => {
            let bits = |v: u64| i64::from_ne_bytes(v.to_ne_bytes());
            let count = |value: &Value| if let Value::Count(v) = value { v.map(bits) } else { None };
            let counts: Vec<i64> = values().filter_map(count).collect();
            column.typed::<Int64Type>().write_batch(&counts, levels, None)?;
        }
        Value::Flag(_) => {
            let flag = |value: &Value| if let Value::Flag(v) = value { *v } else { None };
            let flags: Vec<bool> = values().filter_map(flag).collect();
            column.typed::<BoolType>().write_batch(&flags, levels, None)?;
        }
    }
    column.close()
}
