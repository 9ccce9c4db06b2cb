//! Keras weights: HDF5, tensors named by their path (`conv2d_1/conv2d_1/kernel:0`).
//!
//! Decoded by the crate `hdf5-reader`, behind three fences. Its options bound what a read may take; the budget is
//! asked before each read; and a panic of the crate becomes an error here, at this one boundary. (The panic hook
//! still reports it; none was seen in the mutation tests.) Links to other files are never followed.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hdf5_reader::messages::datatype::Datatype;
use hdf5_reader::{ByteOrder, Dataset, Hdf5File, OpenOptions, group::Group};
use moire_tensor::Tensor;

use crate::checkpoint::Checkpoint;
use crate::dtype::DType;
use crate::error::{Repr, at_tensor, malformed, shown};
use crate::limits::{Budget, at_most};

/// The texts of the root group that are kept as metadata.
const METADATA: [&str; 2] = ["backend", "keras_version"];

pub(crate) fn read(bytes: &[u8], budget: &mut Budget<'_>, out: &mut Checkpoint) -> Result<(), Repr> {
    catch_unwind(AssertUnwindSafe(|| read_inner(bytes, budget, out))).unwrap_or_else(|_| {
        Err(malformed("HDF5", "a file that its decoder survives", "one that it does not"))
    })
}

fn read_inner(bytes: &[u8], budget: &mut Budget<'_>, out: &mut Checkpoint) -> Result<(), Repr> {
    let bearable = bytes.len().saturating_mul(16);
    let options = OpenOptions::default()
        .with_chunk_cache_bytes(0)
        .with_max_chunk_bytes(bearable)
        .with_max_read_bytes(bearable)
        .with_max_object_header_bytes(bytes.len().min(1 << 20));
    let file = Hdf5File::from_bytes_with_options(bytes, options).map_err(|e| refused("HDF5", &e))?;
    let (end, found) = (file.superblock().eof_address, bytes.len() as u64);
    if end > found {
        return Err(Repr::Truncated { place: "HDF5".to_owned(), expected: end, found });
    }
    let root = file.root_group().map_err(|e| refused("HDF5 root group", &e))?;
    for key in METADATA {
        if let Some(value) = root.attribute(key).ok().and_then(|a| a.read_string().ok()) {
            out.describe(key.to_owned(), value);
        }
    }
    Walk { budget, out, seen: HashSet::new(), objects: 0 }.group(&root, "", 0)
}

struct Walk<'a, 'l> {
    budget: &'a mut Budget<'l>,
    out: &'a mut Checkpoint,
    seen: HashSet<u64>,
    objects: u64,
}

impl Walk<'_, '_> {
    fn group(&mut self, group: &Group, path: &str, depth: usize) -> Result<(), Repr> {
        let place = || format!("HDF5 group '/{}'", shown(path));
        let limits = self.budget.limits;
        at_most(&place(), "its depth", limits.depth as u64, depth as u64)?;
        // A tree of weights links each group once; more would be a cycle, or a bomb of shared branches.
        if !self.seen.insert(group.address()) {
            return Err(malformed(place(), "a group that one link leads to", "two links to it"));
        }
        let (groups, datasets) = group.members().map_err(|e| refused(&place(), &e))?;
        self.objects += (groups.len() + datasets.len()) as u64;
        at_most(&place(), "objects in the file", limits.members as u64, self.objects)?;
        for dataset in &datasets {
            self.dataset(dataset, &join(path, dataset.name()))?;
        }
        for group in &groups {
            self.group(group, &join(path, group.name()), depth + 1)?;
        }
        Ok(())
    }

    fn dataset(&mut self, dataset: &Dataset, name: &str) -> Result<(), Repr> {
        let Some((dtype, order)) = dtype(dataset.dtype()) else {
            return Ok(()); // a text or a record: not a tensor
        };
        if dtype.size() > 1 && order == ByteOrder::BigEndian {
            return Err(Repr::Unsupported { place: at_tensor(name), what: "big-endian data".to_owned() });
        }
        let shape = self.budget.claim(name, dataset.shape())?;
        let bytes = dataset.read_raw_bytes().map_err(|e| refused(&at_tensor(name), &e))?;
        let tensor = Tensor::new(shape, dtype.decode(&bytes))
            .map_err(|e| malformed(at_tensor(name), "data of its shape", e.to_string()))?;
        self.out.insert(name.to_owned(), tensor)
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

fn refused(place: &str, error: &hdf5_reader::error::Error) -> Repr {
    malformed(place, "valid HDF5", error.to_string())
}

fn dtype(datatype: &Datatype) -> Option<(DType, ByteOrder)> {
    let (dtype, order) = match *datatype {
        Datatype::FloatingPoint { size, byte_order } => (
            match size {
                2 => DType::F16,
                4 => DType::F32,
                8 => DType::F64,
                _ => return None,
            },
            byte_order,
        ),
        Datatype::FixedPoint { size, signed, byte_order } => (
            match (size, signed) {
                (1, false) => DType::U8,
                (1, true) => DType::I8,
                (2, true) => DType::I16,
                (4, true) => DType::I32,
                (8, true) => DType::I64,
                _ => return None,
            },
            byte_order,
        ),
        _ => return None,
    };
    Some((dtype, order))
}
