//! PyTorch's three layouts. All pickle an object whose tensors are views of storages, and keep the storages' bytes
//! beside the pickle; they differ in where.
//!
//! [`pickle`] runs the opcodes over [`value`]s, asking [`global`] for every name that the pickle wants to import;
//! [`flatten`] walks the object that comes out; [`View::read`] turns a view and its storage's bytes into a tensor.
//! A whole pickled module is an object of a class that is not here: nothing is loaded or run for it, its state alone is
//! kept, and `flatten` walks that as PyTorch's `state_dict` would.

mod call;
mod flatten;
mod global;
pub(crate) mod legacy;
mod pickle;
pub(crate) mod tar;
mod value;
pub(crate) mod zip;

use moire_tensor::Tensor;

use crate::checkpoint::Checkpoint;
use crate::dtype::DType;
use crate::error::{Repr, at_tensor, malformed, shown};
use crate::limits::Budget;

/// Which of a file's storages: zip and legacy name them, tar numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Name(&'a str),
    Number(i64),
}

/// A run of elements, or a part of one: older files share a root storage between storage views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Storage<'a> {
    root: Key<'a>,
    dtype: DType,
    /// Elements in the root.
    root_len: u64,
    /// The first element of this part, and how many follow.
    start: u64,
    len: u64,
}

impl Storage<'_> {
    /// Bytes of the root, if a file could hold them.
    fn root_bytes(&self) -> Option<u64> {
        self.root_len.checked_mul(self.dtype.size() as u64)
    }
}

/// A tensor as its file describes it; nothing is read or trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct View<'a> {
    storage: Storage<'a>,
    offset: u64,
    dims: Vec<u64>,
    strides: Vec<u64>,
}

impl View<'_> {
    /// The tensor over `root`, the bytes of the root storage.
    fn read(&self, name: &str, root: &[u8], budget: &mut Budget<'_>) -> Result<Tensor, Repr> {
        let Self { storage, offset, ref dims, ref strides } = *self;
        let size = storage.dtype.size();
        let place = || at_tensor(name);
        if storage.root_bytes() != Some(root.len() as u64) {
            let expected = storage.root_bytes().unwrap_or(u64::MAX);
            return Err(Repr::Truncated { place: place(), expected, found: root.len() as u64 });
        }
        if dims.len() != strides.len() {
            let expected = format!("{} strides, one an axis", dims.len());
            return Err(malformed(place(), expected, strides.len().to_string()));
        }
        let shape = budget.claim(name, dims)?;
        let wrong =
            |found: &str| malformed(place(), format!("a view within {} elements", storage.len), found);
        let part = storage
            .start
            .checked_add(storage.len)
            .filter(|&end| end <= storage.root_len)
            .and_then(|end| root.get(storage.start as usize * size..end as usize * size))
            .ok_or_else(|| wrong("a storage view beyond its root"))?;

        if dims.contains(&0) {
            return Tensor::new(shape, Vec::new()).map_err(|e| wrong(&e.to_string()));
        }
        let last =
            dims.iter().zip(strides).try_fold(offset, |at, (&d, &s)| at.checked_add((d - 1).checked_mul(s)?));
        match last {
            Some(last) if last < storage.len => {}
            Some(last) => return Err(wrong(&format!("element {last}"))),
            None => return Err(wrong("an offset that overflows")),
        }

        // From here every index lies in `part`.
        let offset = offset as usize;
        let row_major = shape.strides();
        let contiguous =
            dims.iter().zip(strides).zip(&row_major).all(|((&d, &s), &r)| d == 1 || s == r as u64);
        let data = if contiguous {
            storage.dtype.decode(&part[offset * size..(offset + shape.numel()) * size])
        } else {
            let mut bytes = Vec::with_capacity(shape.numel() * size);
            let mut index = vec![0; dims.len()];
            let mut at = offset;
            for _ in 0..shape.numel() {
                bytes.extend_from_slice(&part[at * size..(at + 1) * size]);
                for axis in (0..dims.len()).rev() {
                    index[axis] += 1;
                    at += strides[axis] as usize;
                    if index[axis] < shape[axis] {
                        break;
                    }
                    at -= index[axis] * strides[axis] as usize;
                    index[axis] = 0;
                }
            }
            storage.dtype.decode(&bytes)
        };
        Tensor::new(shape, data).map_err(|e| malformed(place(), "data of its shape", e.to_string()))
    }
}

/// Reads every view through `bytes_of`, which gives a root storage's bytes.
fn fill<'a>(
    views: Vec<(String, View<'a>)>,
    bytes_of: impl Fn(&str, &Storage<'a>) -> Result<&'a [u8], Repr>,
    budget: &mut Budget<'_>,
    out: &mut Checkpoint,
) -> Result<(), Repr> {
    for (name, view) in views {
        let tensor = view.read(&name, bytes_of(&name, &view.storage)?, budget)?;
        out.insert(name, tensor)?;
    }
    Ok(())
}

fn no_storage(name: &str, storage: &Storage<'_>) -> Repr {
    let key = match storage.root {
        Key::Name(name) => format!("'{name}'"),
        Key::Number(number) => number.to_string(),
    };
    malformed(at_tensor(name), format!("its storage {}", shown(&key)), "none in the file")
}

#[cfg(test)]
mod tests {
    use super::{Key, Storage, View};
    use crate::Limits;
    use crate::dtype::DType;
    use crate::limits::Budget;

    fn read(offset: u64, dims: &[u64], strides: &[u64]) -> Result<Vec<f32>, String> {
        let root: Vec<u8> = (0..6).collect();
        let storage = Storage { root: Key::Name("0"), dtype: DType::U8, root_len: 6, start: 1, len: 5 };
        let view = View { storage, offset, dims: dims.to_vec(), strides: strides.to_vec() };
        let limits = Limits::default();
        let mut budget = Budget::new(&limits, 100).unwrap();
        view.read("t", &root, &mut budget).map(moire_tensor::Tensor::into_data).map_err(|e| e.to_string())
    }

    #[test]
    fn strides_are_honoured() {
        assert_eq!(read(0, &[2, 2], &[2, 1]).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(read(1, &[2, 2], &[1, 2]).unwrap(), [2.0, 4.0, 3.0, 5.0]);
        assert_eq!(read(4, &[3], &[0]).unwrap(), [5.0; 3]);
        assert_eq!(read(4, &[1, 1], &[9, 9]).unwrap(), [5.0]);
        assert_eq!(read(3, &[], &[]).unwrap(), [4.0]);
        assert_eq!(read(99, &[0, 3], &[1, 1]).unwrap(), [0.0; 0]);
    }

    #[test]
    fn views_beyond_their_storage_are_refused() {
        let max = u64::MAX;
        let cases: [(u64, &[u64], &[u64]); 8] = [
            (5, &[], &[]),
            (0, &[6], &[1]),
            (1, &[2, 2], &[3, 1]),
            (max, &[2], &[1]),
            (0, &[2], &[max]),
            (0, &[3], &[max]),
            (0, &[2, 2], &[1]),
            (0, &[max], &[0]),
        ];
        for (offset, dims, strides) in cases {
            assert!(read(offset, dims, strides).is_err(), "{offset} {dims:?} {strides:?}");
        }
    }
}
