//! Stored tensors to numbers.

use std::collections::BTreeMap;

use moire_tensor::{Shape, Tensor};
use prost::bytes::Bytes;

use super::array::{Array, Ints};
use super::proto::{ElementType, EntryProto, TensorProto};
use crate::dtype::DType;
use crate::error::{Repr, at_tensor, malformed, shown};
use crate::limits::Budget;

/// Files of weights beside the model, by the name that the model calls them.
pub(crate) type External = BTreeMap<String, Option<Bytes>>;

/// What a tensor holds: weights, or the integers of shape arithmetic.
#[derive(Debug, Clone)]
pub(crate) enum Stored {
    Floats(Tensor),
    Ints(Ints),
}

/// The file and the place in it where a tensor's data is, if that is not the model itself.
pub(crate) struct Elsewhere {
    pub(crate) file: String,
    offset: u64,
    length: Option<u64>,
}

/// Where `tensor` keeps its data.
pub(crate) fn elsewhere(tensor: &TensorProto) -> Result<Option<Elsewhere>, Repr> {
    const EXTERNAL: i32 = 1;
    if tensor.data_location != EXTERNAL {
        return Ok(None);
    }
    let mut place = Elsewhere { file: String::new(), offset: 0, length: None };
    for entry in tensor.external_data.iter().take(16) {
        let EntryProto { key, value } = decode(&at_tensor(&tensor.name), entry)?;
        let number = || {
            let parsed = value.parse::<u64>();
            parsed.map_err(|_| malformed(at_tensor(&tensor.name), format!("a number as its {key}"), &value))
        };
        match key.as_str() {
            "location" => place.file = value,
            "offset" => place.offset = number()?,
            "length" => place.length = Some(number()?),
            _ => {}
        }
    }
    let inside = |part: &str| !matches!(part, "" | "." | "..") && !part.contains([':', '\\', '\0']);
    if place.file.len() > 1024 || !place.file.split('/').all(inside) {
        let expected = "external data in a file within the model's folder";
        return Err(malformed(at_tensor(&tensor.name), expected, &place.file));
    }
    Ok(Some(place))
}

/// A message, or the error that names where it should have been.
pub(crate) fn decode<M: prost::Message + Default>(place: &str, bytes: &Bytes) -> Result<M, Repr> {
    M::decode(bytes.clone()).map_err(|e| malformed(place, "a valid protocol buffer", e.to_string()))
}

/// The numbers of a tensor.
pub(crate) fn read(
    tensor: &TensorProto,
    external: &External,
    budget: &mut Budget<'_>,
) -> Result<Stored, Repr> {
    let place = at_tensor(&tensor.name);
    let negative = |_| malformed(&*place, "extents of 0 or more", format!("{:?}", tensor.dims));
    let dims: Vec<u64> =
        tensor.dims.iter().map(|&d| u64::try_from(d)).collect::<Result<_, _>>().map_err(negative)?;
    let shape = budget.claim(&tensor.name, &dims)?;
    let dtype = element(tensor.data_type).ok_or_else(|| Repr::Unsupported {
        place: place.clone(),
        what: format!("element type {}", tensor.data_type),
    })?;
    let raw = match (elsewhere(tensor)?, &tensor.raw_data) {
        (Some(at), _) => Some(cut(&place, &at, external, shape.numel() * dtype.size())?),
        (None, raw) => raw.clone(),
    };
    let integers =
        matches!(dtype, DType::I64 | DType::I32 | DType::I16 | DType::I8 | DType::U8 | DType::Bool);
    let found = |n: usize| malformed(&*place, format!("{} numbers", shape.numel()), n.to_string());
    if integers {
        let data = match raw {
            Some(raw) => whole(dtype, &raw),
            None if dtype == DType::I64 => tensor.int64_data.clone(),
            None => tensor.int32_data.iter().map(|&v| v.into()).collect(),
        };
        let fits = data.len() == shape.numel();
        return if fits { Ok(Stored::Ints(Array::new(shape, data))) } else { Err(found(data.len())) };
    }
    let data = match raw {
        Some(raw) if raw.len() == shape.numel() * dtype.size() => dtype.decode(&raw),
        Some(raw) => return Err(found(raw.len() / dtype.size())),
        None => match dtype {
            DType::F64 => tensor.double_data.iter().map(|&v| v as f32).collect(),
            DType::F32 => tensor.float_data.clone(),
            // Halves stand in the low bits of 32-bit fields.
            _ => {
                let bits: Vec<u8> =
                    tensor.int32_data.iter().flat_map(|v| (*v as u16).to_le_bytes()).collect();
                dtype.decode(&bits)
            }
        },
    };
    let count = data.len();
    Ok(Stored::Floats(Tensor::new(shape.clone(), data).map_err(|_| found(count))?))
}

/// The bytes of a tensor in another file.
fn cut(place: &str, at: &Elsewhere, external: &External, expected: usize) -> Result<Bytes, Repr> {
    let file = external.get(&at.file).and_then(Option::as_ref);
    let file = file.ok_or_else(|| {
        malformed(place, format!("the file '{}' beside the model", shown(&at.file)), "none")
    })?;
    let length = at.length.unwrap_or(expected as u64);
    let end = at.offset.checked_add(length).filter(|&end| end <= file.len() as u64);
    match end {
        Some(end) if length == expected as u64 => Ok(file.slice(at.offset as usize..end as usize)),
        Some(_) => Err(malformed(place, format!("{expected} bytes"), format!("{length}"))),
        None => {
            let found = (file.len() as u64).saturating_sub(at.offset);
            Err(Repr::Truncated {
                place: format!("{place} in '{}'", shown(&at.file)),
                expected: length,
                found,
            })
        }
    }
}

fn element(code: i32) -> Option<DType> {
    Some(match ElementType::try_from(code).ok()? {
        ElementType::Undefined => return None,
        ElementType::Float => DType::F32,
        ElementType::Uint8 => DType::U8,
        ElementType::Int8 => DType::I8,
        ElementType::Int16 => DType::I16,
        ElementType::Int32 => DType::I32,
        ElementType::Int64 => DType::I64,
        ElementType::Bool => DType::Bool,
        ElementType::Float16 => DType::F16,
        ElementType::Double => DType::F64,
        ElementType::Bfloat16 => DType::Bf16,
    })
}

/// Integers of up to 64 bits, exactly.
fn whole(dtype: DType, raw: &[u8]) -> Vec<i64> {
    let signed = dtype != DType::U8 && dtype != DType::Bool;
    let one = |bytes: &[u8]| {
        let fill = if signed && bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
        let mut wide = [fill; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let value = i64::from_le_bytes(wide);
        if dtype == DType::Bool { i64::from(value != 0) } else { value }
    };
    raw.chunks_exact(dtype.size()).map(one).collect()
}

/// Whether floats of this type are what a network's input takes.
pub(crate) fn is_float(code: i32) -> bool {
    matches!(element(code), Some(DType::F16 | DType::Bf16 | DType::F32 | DType::F64))
}

/// A vector as a shape.
pub(crate) fn shape_of(dims: &[i64]) -> Option<Shape> {
    dims.iter().map(|&d| usize::try_from(d).ok()).collect()
}
