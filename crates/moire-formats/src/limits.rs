use moire_tensor::Shape;

use crate::error::{Repr, at_tensor, shown};

/// What a file may claim. Each bound is checked before memory is taken.
///
/// The defaults are far above every published detector and editor, and keep a hostile file of `n` bytes below
/// about `16 n` bytes of tensors and 200 MB of everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in the file: 4 GiB.
    pub file_bytes: u64,
    /// Tensors: 100 000.
    pub tensors: usize,
    /// Elements in all tensors together: 2^31.
    pub elements: u64,
    /// Elements in all tensors together for each byte of the file: 4. Files hold an element in one byte or more;
    /// the rest is room for storages that several tensors share, for expanded strides and for compression.
    pub elements_per_byte: u64,
    /// Axes of a tensor: 8.
    pub rank: usize,
    /// Bytes in a tensor's name: 1024.
    pub name_bytes: usize,
    /// Nesting of dicts, lists and groups: 64.
    pub depth: usize,
    /// Bytes in a safetensors header: 8 MiB.
    pub header_bytes: u64,
    /// Nodes of an ONNX network: 100 000.
    pub nodes: usize,
    /// Numbers in one value that an ONNX network computes: 2^28.
    pub value: usize,
    /// Members of a zip or tar archive, and objects in an HDF5 file: 200 000.
    pub members: usize,
    /// Opcodes in a pickle, and values visited when its dicts are flattened: 2 million.
    pub pickle_ops: usize,
    /// Objects that a pickle remembers: 1 million.
    pub pickle_memo: usize,
    /// Marks that are open at once in a pickle: 1000.
    pub pickle_marks: usize,
    /// Bytes in a text of a pickle: 16 MiB.
    pub pickle_string: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 30,
            tensors: 100_000,
            elements: 1 << 31,
            elements_per_byte: 4,
            rank: 8,
            name_bytes: 1024,
            depth: 64,
            header_bytes: 8 << 20,
            nodes: 100_000,
            value: 1 << 28,
            members: 200_000,
            pickle_ops: 2_000_000,
            pickle_memo: 1_000_000,
            pickle_marks: 1000,
            pickle_string: 16 << 20,
        }
    }
}

/// `found <= limit`, or the error that says so.
pub(crate) fn at_most(place: &str, what: &'static str, limit: u64, found: u64) -> Result<(), Repr> {
    if found <= limit { Ok(()) } else { Err(Repr::Limit { place: place.to_owned(), what, limit, found }) }
}

/// What is left of the limits while a file is read.
pub(crate) struct Budget<'l> {
    pub(crate) limits: &'l Limits,
    file_bytes: u64,
    elements: u64,
    tensors: usize,
}

impl<'l> Budget<'l> {
    pub(crate) fn new(limits: &'l Limits, file_bytes: usize) -> Result<Self, Repr> {
        let file_bytes = file_bytes as u64;
        at_most("the file", "its bytes", limits.file_bytes, file_bytes)?;
        Ok(Self { limits, file_bytes, elements: 0, tensors: 0 })
    }

    /// The bytes of the file.
    pub(crate) fn file_bytes(&self) -> usize {
        self.file_bytes as usize
    }

    /// Takes a tensor of extents `dims` from the budget, before anything is allocated for it.
    pub(crate) fn claim(&mut self, name: &str, dims: &[u64]) -> Result<Shape, Repr> {
        let limits = self.limits;
        self.tensors += 1;
        at_most("the file", "its tensors", limits.tensors as u64, self.tensors as u64)?;
        if name.len() > limits.name_bytes {
            at_most(&at_tensor(name), "bytes in its name", limits.name_bytes as u64, name.len() as u64)?;
        }
        if dims.len() > limits.rank {
            at_most(&at_tensor(name), "its rank", limits.rank as u64, dims.len() as u64)?;
        }
        // Products without the zero extents too: strides of an empty shape must not overflow either.
        let volume = dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d.max(1))).unwrap_or(u64::MAX);
        let elements = if dims.contains(&0) { 0 } else { volume };
        let bearable = self.file_bytes.saturating_mul(limits.elements_per_byte).min(limits.elements);
        let total = self.elements.saturating_add(elements);
        if volume > limits.elements || total > bearable {
            return Err(Repr::Limit {
                place: format!("{} of shape {}", at_tensor(name), shown(&format!("{dims:?}"))),
                what: "elements in a file of this size",
                limit: bearable,
                found: total.max(volume),
            });
        }
        self.elements = total;
        Ok(dims.iter().map(|&d| d as usize).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Limits};

    #[test]
    fn claims_are_bounded_by_the_file_that_makes_them() {
        let limits = Limits::default();
        let mut budget = Budget::new(&limits, 100).unwrap();
        assert_eq!(budget.claim("a", &[10, 20]).unwrap().numel(), 200);
        assert!(budget.claim("b", &[201]).is_err());
        assert_eq!(budget.claim("c", &[0, 7]).unwrap().numel(), 0);
        assert!(budget.claim("d", &[u64::MAX, u64::MAX]).is_err());
        assert!(budget.claim("e", &[0, u64::MAX, u64::MAX]).is_err());
        assert!(budget.claim("f", &[1; 9]).is_err());
        assert!(Budget::new(&limits, 5 << 30).is_err());
    }
}
