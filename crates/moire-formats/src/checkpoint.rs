use std::collections::BTreeMap;
use std::fmt;

use moire_tensor::Tensor;

use crate::error::{Error, Repr, shown};
use crate::limits::{Budget, Limits};
use crate::{h5, pytorch, safetensors};

/// The key under which safetensors keeps its metadata: no tensor may have it as a name.
pub(crate) const RESERVED: &str = "__metadata__";

/// The formats that [`Checkpoint::read`] tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// safetensors.
    Safetensors,
    /// PyTorch since 1.6: a zip archive with a pickle and one member a storage.
    PyTorchZip,
    /// PyTorch 0.1.10 to 1.5: pickles one after another, then the storages.
    PyTorchLegacy,
    /// PyTorch before 0.1.10: a tar archive of pickles.
    PyTorchTar,
    /// Keras weights in HDF5.
    KerasH5,
}

impl Format {
    /// The format whose magic the bytes begin with.
    fn sniff(bytes: &[u8]) -> Result<Self, Repr> {
        if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
            Ok(Self::KerasH5)
        } else if bytes.starts_with(b"PK\x03\x04") {
            Ok(Self::PyTorchZip)
        } else if bytes.get(257..262) == Some(b"ustar") {
            Ok(Self::PyTorchTar)
        } else if bytes.len() > 8 && bytes[5..8] == [0; 3] && bytes[8] == b'{' {
            Ok(Self::Safetensors)
        } else if bytes.first() == Some(&0x80) {
            Ok(Self::PyTorchLegacy)
        } else if bytes.is_empty() {
            Err(Repr::Format { found: "an empty file".to_owned() })
        } else {
            let start = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).into_owned();
            Err(Repr::Format { found: format!("a file that begins with '{}'", shown(&start)) })
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::PyTorchZip => "PyTorch zip",
            Self::PyTorchLegacy => "PyTorch legacy",
            Self::PyTorchTar => "PyTorch tar",
            Self::KerasH5 => "Keras h5",
        })
    }
}

/// Named tensors of a file, in `f32` whatever the file held, and the file's text metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    format: Format,
    tensors: BTreeMap<String, Tensor>,
    metadata: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Reads `bytes`, whatever their format. `file` is how errors name them.
    ///
    /// # Errors
    /// The bytes are of no known format, break their format's rules, claim more than `limits` allow or than is
    /// there, or are a pickle that asks for anything but tensors.
    pub fn read(bytes: &[u8], file: &str, limits: &Limits) -> Result<Self, Error> {
        Self::read_inner(bytes, limits).map_err(|repr| Error::new(file, repr))
    }

    fn read_inner(bytes: &[u8], limits: &Limits) -> Result<Self, Repr> {
        let mut budget = Budget::new(limits, bytes.len())?;
        let mut checkpoint = Self::empty(Format::sniff(bytes)?);
        match checkpoint.format {
            Format::Safetensors => safetensors::read(bytes, &mut budget, &mut checkpoint)?,
            Format::PyTorchZip => pytorch::zip::read(bytes, &mut budget, &mut checkpoint)?,
            Format::PyTorchLegacy => pytorch::legacy::read(bytes, &mut budget, &mut checkpoint)?,
            Format::PyTorchTar => pytorch::tar::read(bytes, &mut budget, &mut checkpoint)?,
            Format::KerasH5 => h5::read(bytes, &mut budget, &mut checkpoint)?,
        }
        Ok(checkpoint)
    }

    fn empty(format: Format) -> Self {
        Self { format, tensors: BTreeMap::new(), metadata: BTreeMap::new() }
    }

    /// A checkpoint of tensors that are already here, to be written as safetensors.
    ///
    /// # Errors
    /// Two tensors have one name, or one has the name that safetensors reserves.
    pub fn new(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Result<Self, Error> {
        let mut checkpoint = Self::empty(Format::Safetensors);
        for (name, tensor) in tensors {
            checkpoint.insert(name, tensor).map_err(|repr| Error::new("new checkpoint", repr))?;
        }
        Ok(checkpoint)
    }

    pub(crate) fn insert(&mut self, name: String, tensor: Tensor) -> Result<(), Repr> {
        if name == RESERVED || self.tensors.contains_key(&name) {
            return Err(Repr::Duplicate { name: shown(&name) });
        }
        self.tensors.insert(name, tensor);
        Ok(())
    }

    /// Adds a text about the tensors, which [`Checkpoint::write_safetensors`] writes too. A text of the same key
    /// goes.
    pub fn describe(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.metadata.insert(key.into(), value.into());
    }

    /// The format that the tensors came from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is no tensor.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The file's texts about itself: safetensors' metadata, Keras' version and backend.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The tensors below `prefix`, without it: `G` of `G.enc.0.weight` gives `enc.0.weight`. A path in an HDF5
    /// file is parted by `/` instead. `None` where there are none.
    #[must_use]
    pub fn sub(&self, prefix: &str) -> Option<Self> {
        let parted = if self.format == Format::KerasH5 { '/' } else { '.' };
        let below = |name: &str| Some(name.strip_prefix(prefix)?.strip_prefix(parted)?.to_owned());
        let tensors: BTreeMap<String, Tensor> =
            self.tensors.iter().filter_map(|(name, t)| Some((below(name)?, t.clone()))).collect();
        let found = !tensors.is_empty();
        found.then(|| Self { format: self.format, tensors, metadata: self.metadata.clone() })
    }

    /// Drops `prefix` (`"module."`, say, which `DataParallel` adds) if every name has it and more, and says
    /// whether it did. It is taken as it stands, so write its dot.
    pub fn strip_prefix(&mut self, prefix: &str) -> bool {
        let all = !prefix.is_empty()
            && !self.tensors.is_empty()
            && self.tensors.keys().all(|name| name.len() > prefix.len() && name.starts_with(prefix));
        if all {
            self.tensors = std::mem::take(&mut self.tensors)
                .into_iter()
                .map(|(name, tensor)| (name[prefix.len()..].to_owned(), tensor))
                .collect();
        }
        all
    }

    /// Adds the tensors and metadata of `other` under `prefix` and a dot, or as they are if `prefix` is empty.
    /// Where both have a text of metadata, this one's stays.
    ///
    /// # Errors
    /// Both have a tensor of one name; then nothing was added.
    pub fn merge(&mut self, other: Self, prefix: &str) -> Result<(), Error> {
        let renamed =
            |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        let taken = |name: &String| name == RESERVED || self.tensors.contains_key(name);
        if let Some(name) = other.tensors.keys().map(|name| renamed(name)).find(taken) {
            return Err(Error::new("merged checkpoint", Repr::Duplicate { name: shown(&name) }));
        }
        for (name, tensor) in other.tensors {
            self.tensors.insert(renamed(&name), tensor);
        }
        for (key, value) in other.metadata {
            self.metadata.entry(renamed(&key)).or_insert(value);
        }
        Ok(())
    }

    /// The tensors and the metadata as a safetensors file of `f32`: the same bytes for the same content.
    pub fn write_safetensors(&self) -> Vec<u8> {
        safetensors::write_f32(&self.tensors, &self.metadata)
    }

    /// As [`Checkpoint::write_safetensors`], in `f16`, rounded to the nearest. A value beyond 65504 becomes
    /// infinite, which [`Loader`](crate::Loader) refuses.
    pub fn write_safetensors_f16(&self) -> Vec<u8> {
        safetensors::write_f16(&self.tensors, &self.metadata)
    }
}

#[cfg(test)]
mod tests {
    use moire_tensor::Tensor;

    use super::Checkpoint;
    use crate::{ErrorKind, Limits};

    fn named(names: &[&str]) -> Checkpoint {
        Checkpoint::new(names.iter().map(|n| ((*n).to_owned(), Tensor::full([1], 1.0)))).unwrap()
    }

    fn names(checkpoint: &Checkpoint) -> Vec<&str> {
        checkpoint.names().collect()
    }

    #[test]
    fn sub_keeps_what_lies_below_the_dot() {
        let all = named(&["G.a", "G.b.c", "GG.d", "G"]);
        assert_eq!(names(&all.sub("G").unwrap()), ["a", "b.c"]);
        assert!(all.sub("H").is_none());
    }

    #[test]
    fn a_prefix_goes_only_if_every_name_has_it() {
        let mut all = named(&["module.a", "module.b"]);
        assert!(all.strip_prefix("module."));
        assert_eq!(names(&all), ["a", "b"]);
        assert!(!named(&["module.a", "b"]).strip_prefix("module."));
        assert!(!named(&["module."]).strip_prefix("module."));
        assert!(!named(&[]).strip_prefix("module."));
    }

    #[test]
    fn merging_renames_and_refuses_duplicates() {
        let mut all = named(&["a"]);
        all.merge(named(&["a"]), "dec").unwrap();
        all.merge(named(&["b"]), "").unwrap();
        assert_eq!(names(&all), ["a", "b", "dec.a"]);
        let before = all.clone();
        let error = all.merge(named(&["0", "b"]), "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Duplicate);
        assert_eq!(all, before);
    }

    #[test]
    fn bytes_of_no_format_are_refused_with_their_start() {
        let error = |bytes: &[u8]| Checkpoint::read(bytes, "x.pt", &Limits::default()).unwrap_err();
        let text = error(b"version https://git-lfs.github.com/spec/v1\noid");
        assert_eq!(text.kind(), ErrorKind::Format);
        assert_eq!(
            text.to_string(),
            "x.pt: expected safetensors, a PyTorch state dict or Keras HDF5 weights, \
             found a file that begins with 'version https://git-lfs.'"
        );
        assert!(error(b"").to_string().ends_with("found an empty file"));
    }
}
