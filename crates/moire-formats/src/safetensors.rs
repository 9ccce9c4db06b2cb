//! safetensors: an 8-byte length, a JSON header, and the data. Read with the crate of the format's authors, after
//! what it leaves open is checked: the header's size against our limit, and names that occur twice, of which its
//! map would keep the last in silence. Written here, because its writer hashes the metadata into a random order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use half::f16;
use moire_tensor::Tensor;
use safetensors::{Dtype, SafeTensors};
use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, json};

use crate::checkpoint::{Checkpoint, RESERVED};
use crate::dtype::DType;
use crate::error::{Repr, at_tensor, malformed};
use crate::limits::{Budget, at_most};

const HEADER: &str = "safetensors header";

pub(crate) fn read(bytes: &[u8], budget: &mut Budget<'_>, out: &mut Checkpoint) -> Result<(), Repr> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| short(8, bytes.len() as u64))?;
    let length = u64::from_le_bytes(*length);
    at_most(HEADER, "its bytes", budget.limits.header_bytes, length)?;
    let header = rest.get(..length as usize).ok_or_else(|| short(length, rest.len() as u64))?;
    unique_names(header)?;

    let file =
        SafeTensors::deserialize(bytes).map_err(|e| malformed(HEADER, "a valid one", e.to_string()))?;
    for (name, view) in file.iter() {
        let dtype = dtype(view.dtype()).ok_or_else(|| Repr::Unsupported {
            place: at_tensor(name),
            what: format!("element type {}", view.dtype()),
        })?;
        let dims: Vec<u64> = view.shape().iter().map(|&d| d as u64).collect();
        let shape = budget.claim(name, &dims)?;
        let tensor = Tensor::new(shape, dtype.decode(view.data()))
            .map_err(|e| malformed(at_tensor(name), "data of its shape", e.to_string()))?;
        out.insert(name.to_owned(), tensor)?;
    }
    let (_, header) =
        SafeTensors::read_metadata(bytes).map_err(|e| malformed(HEADER, "a valid one", e.to_string()))?;
    for (key, value) in header.metadata().iter().flatten() {
        out.describe(key.clone(), value.clone());
    }
    Ok(())
}

fn short(expected: u64, found: u64) -> Repr {
    Repr::Truncated { place: HEADER.to_owned(), expected, found }
}

fn dtype(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::Bf16,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::I16 => DType::I16,
        Dtype::I8 => DType::I8,
        Dtype::U8 => DType::U8,
        Dtype::BOOL => DType::Bool,
        _ => return None,
    })
}

fn unique_names(header: &[u8]) -> Result<(), Repr> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of tensors")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            let mut seen = BTreeSet::new();
            while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                if let Some(twice) = seen.replace(name) {
                    return Err(A::Error::custom(format_args!("the name '{twice}' twice")));
                }
            }
            Ok(())
        }
    }
    serde_json::Deserializer::from_slice(header)
        .deserialize_map(Names)
        .map_err(|e| malformed(HEADER, "one JSON object with distinct names", e.to_string()))
}

pub(crate) fn write_f32(tensors: &BTreeMap<String, Tensor>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    write(tensors, metadata, "F32", f32::to_le_bytes)
}

pub(crate) fn write_f16(tensors: &BTreeMap<String, Tensor>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    write(tensors, metadata, "F16", |v| f16::from_f32(v).to_le_bytes())
}

fn write<const N: usize>(
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<String, String>,
    dtype: &str,
    element: impl Fn(f32) -> [u8; N],
) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    if !metadata.is_empty() {
        header.insert(RESERVED.to_owned(), json!(metadata));
    }
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += tensor.data().len() * N;
        let entry = json!({ "dtype": dtype, "shape": tensor.shape().to_vec(), "data_offsets": [start, end] });
        header.insert(name.clone(), entry);
    }
    // The data begins at a multiple of 8 bytes; the format pads with spaces.
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    bytes.extend(tensors.values().flat_map(Tensor::data).flat_map(|&v| element(v)));
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use moire_tensor::Tensor;

    use super::{write_f16, write_f32};
    use crate::{Checkpoint, ErrorKind, Limits};

    fn read(bytes: &[u8]) -> Result<Checkpoint, crate::Error> {
        Checkpoint::read(bytes, "x", &Limits::default())
    }

    fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn written_tensors_are_read_back() {
        let tensors = BTreeMap::from([
            ("b".to_owned(), Tensor::from_fn([2, 3], |i| i as f32 - 0.5)),
            ("a\"\n".to_owned(), Tensor::from_fn([0, 4], |_| 0.0)),
            ("s".to_owned(), Tensor::full(Vec::new(), 3.0)),
        ]);
        let metadata = BTreeMap::from([("by".to_owned(), "a test".to_owned())]);
        for bytes in [write_f32(&tensors, &metadata), write_f16(&tensors, &metadata)] {
            let back = read(&bytes).unwrap();
            assert!(tensors.iter().all(|(name, t)| back.get(name) == Some(t)));
            assert_eq!((back.len(), back.metadata()), (3, &metadata));
        }
    }

    #[test]
    fn the_authors_crate_reads_what_is_written() {
        let tensors = BTreeMap::from([("w".to_owned(), Tensor::full([2], 1.0))]);
        let bytes = write_f32(&tensors, &BTreeMap::new());
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("w").unwrap().data(), [0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f]);
    }

    #[test]
    fn one_name_twice_is_refused() {
        let entry = r#""w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
        let error = read(&with_header(&format!("{{{entry},{entry}}}"), &[1])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.to_string().contains("the name 'w' twice"), "{error}");
    }

    #[test]
    fn forty_gigabytes_in_a_small_file_are_refused() {
        let header = r#"{"w":{"dtype":"F32","shape":[10000000000],"data_offsets":[0,40000000000]}}"#;
        assert_eq!(read(&with_header(header, &[0; 4])).unwrap_err().kind(), ErrorKind::Malformed);
        let longest = [&u64::to_le_bytes(40_000_000_000)[..], b"{}"].concat();
        assert_eq!(read(&longest).unwrap_err().kind(), ErrorKind::Limit);
    }

    #[test]
    fn shapes_that_overflow_and_foreign_types_are_refused() {
        let max = u64::MAX;
        for shape in [format!("[{max},{max}]"), format!("[0,{max},{max}]"), "[1,1,1,1,1,1,1,1,1]".to_owned()]
        {
            let end = u8::from(shape.starts_with("[1"));
            let header = format!(r#"{{"w":{{"dtype":"U8","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
            let error = read(&with_header(&header, &[7][..usize::from(end)])).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Limit), "{error}");
        }
        let header = r#"{"w":{"dtype":"U64","shape":[1],"data_offsets":[0,8]}}"#;
        assert_eq!(read(&with_header(header, &[0; 8])).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
