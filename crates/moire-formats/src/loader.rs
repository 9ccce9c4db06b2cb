use std::collections::BTreeMap;
use std::fmt;

use moire_tensor::{Shape, Tensor};

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Repr, shown};
use crate::random;

/// How many faults of one kind are listed; the rest is counted.
const LISTED: usize = 20;

/// Strict access to a [`Checkpoint`] for whoever builds a network.
///
/// Ask for each tensor with the shape that the network needs. A fault does not stop the building: zeros stand in,
/// and [`Loader::finish`] lists every fault together. Never use what was built before `finish` has said yes.
#[derive(Debug)]
pub struct Loader {
    source: Source,
    file: String,
    asked: BTreeMap<String, Shape>,
    ignored: Vec<String>,
    below: Vec<String>,
    faults: Faults,
}

#[derive(Debug)]
enum Source {
    File(Checkpoint),
    Random(u64),
}

impl Loader {
    /// Loads from `checkpoint`; `file` is how errors name it.
    pub fn new(checkpoint: Checkpoint, file: &str) -> Self {
        Self::over(Source::File(checkpoint), file)
    }

    /// Gives every tensor that is asked for, filled with plausible numbers: for benches and tests of shape.
    ///
    /// Kernels are uniform with He et al.'s variance (arXiv 1502.01852, section 2.2), variances positive, scales
    /// near 1, the rest near 0. A tensor depends on the seed, its name and its shape, not on the order of asking.
    pub fn random(seed: u64) -> Self {
        Self::over(Source::Random(seed), "random weights")
    }

    fn over(source: Source, file: &str) -> Self {
        let (asked, ignored, below) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { source, file: file.to_owned(), asked, ignored, below, faults: Faults::default() }
    }

    /// The tensor called `name`, or zeros of `shape` and a fault that [`Loader::finish`] will list: it is missing,
    /// has another shape, or a value that is not finite.
    pub fn tensor(&mut self, name: &str, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        match &self.source {
            Source::Random(seed) => {
                let tensor = random::tensor(*seed, name, shape.clone());
                self.asked.insert(name.to_owned(), shape);
                tensor
            }
            Source::File(checkpoint) if checkpoint.get(name).is_some() => self.checked(name, shape),
            Source::File(_) => {
                if self.asked.insert(name.to_owned(), shape.clone()).is_none() {
                    self.faults.missing.push(format!("{}, expected {shape}", shown(name)));
                }
                Tensor::full(shape, 0.0)
            }
        }
    }

    /// As [`Loader::tensor`], but a missing tensor is `None` and no fault. Random weights have no optional ones.
    pub fn optional(&mut self, name: &str, shape: impl Into<Shape>) -> Option<Tensor> {
        match &self.source {
            Source::File(checkpoint) if checkpoint.get(name).is_some() => {
                Some(self.checked(name, shape.into()))
            }
            _ => None,
        }
    }

    /// The shape of the tensor called `name`, from which a builder may tell how wide or deep this network is. Random
    /// weights have none until they are asked for.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        match &self.source {
            Source::File(checkpoint) => checkpoint.get(name).map(Tensor::shape),
            Source::Random(_) => None,
        }
    }

    /// The tensors that were asked for, by name, with the shapes that the network needs.
    pub fn asked(&self) -> impl Iterator<Item = (&str, &Shape)> {
        self.asked.iter().map(|(name, shape)| (name.as_str(), shape))
    }

    /// Lets tensors stay unused: the one called `name_or_suffix`, and all whose last parts are that
    /// (`num_batches_tracked` for `bn1.num_batches_tracked`).
    pub fn ignore(&mut self, name_or_suffix: &str) {
        self.ignored.push(name_or_suffix.to_owned());
    }

    /// As [`Loader::ignore`], for all tensors below the module `name`.
    pub fn ignore_below(&mut self, name: &str) {
        self.below.push(format!("{name}."));
    }

    /// Whether the file fitted.
    ///
    /// # Errors
    /// Lists every tensor that is missing, mis-shaped, not finite or unused, with what was expected and found.
    pub fn finish(self) -> Result<(), Error> {
        self.used().map(drop)
    }

    /// As [`Loader::finish`]; the tensors that were asked for, and nothing else of the file.
    ///
    /// # Errors
    /// As [`Loader::finish`].
    pub fn used(mut self) -> Result<Checkpoint, Error> {
        if let Source::File(checkpoint) = &self.source {
            let unused = checkpoint.names().filter(|name| !self.asked.contains_key(*name));
            let unused = unused.filter(|name| !self.ignored.iter().any(|end| ends_with(name, end)));
            let unused = unused.filter(|name| !self.below.iter().any(|module| name.starts_with(module)));
            self.faults.unused = unused
                .filter_map(|name| Some(format!("{}, found {}", shown(name), checkpoint.get(name)?.shape())))
                .collect();
        }
        if !self.faults.is_empty() {
            return Err(Error::new(&self.file, Repr::Strict(self.faults)));
        }
        let Source::File(checkpoint) = self.source else { return Checkpoint::new([]) };
        Checkpoint::new(
            self.asked.keys().filter_map(|name| Some((name.clone(), checkpoint.get(name)?.clone()))),
        )
    }

    /// The tensor, which the checkpoint has, if shape and values are right.
    fn checked(&mut self, name: &str, shape: Shape) -> Tensor {
        let again = self.asked.insert(name.to_owned(), shape.clone()).is_some();
        let Source::File(checkpoint) = &self.source else { return Tensor::full(shape, 0.0) };
        let Some(tensor) = checkpoint.get(name) else { return Tensor::full(shape, 0.0) };
        if *tensor.shape() != shape {
            let fault = format!("{}, expected {shape}, found {}", shown(name), tensor.shape());
            self.faults.misshaped.push(fault);
            return Tensor::full(shape, 0.0);
        }
        if let Some(at) = tensor.data().iter().position(|v| !v.is_finite()) {
            if !again {
                let value = tensor.data()[at];
                self.faults.not_finite.push(format!("{}, found {value} at element {at}", shown(name)));
            }
            return Tensor::full(shape, 0.0);
        }
        tensor.clone()
    }
}

fn ends_with(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '/']))
}

/// What [`Loader::finish`] found wrong, one text a tensor.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    missing: Vec<String>,
    misshaped: Vec<String>,
    not_finite: Vec<String>,
    unused: Vec<String>,
}

impl Faults {
    fn kinds(&self) -> [(&'static str, &[String]); 4] {
        [
            ("missing", &self.missing),
            ("mis-shaped", &self.misshaped),
            ("not finite", &self.not_finite),
            ("unused", &self.unused),
        ]
    }

    fn is_empty(&self) -> bool {
        self.kinds().iter().all(|(_, list)| list.is_empty())
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tensors are not those of the network:")?;
        let found = || self.kinds().into_iter().filter(|(_, list)| !list.is_empty());
        for (i, (kind, list)) in found().enumerate() {
            write!(f, "{} {} {kind}", if i == 0 { "" } else { "," }, list.len())?;
        }
        for (kind, list) in found() {
            for fault in list.iter().take(LISTED) {
                write!(f, "\n  {kind}: {fault}")?;
            }
            if list.len() > LISTED {
                write!(f, "\n  {kind}: .. and {} more", list.len() - LISTED)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use moire_tensor::Tensor;

    use super::Loader;
    use crate::{Checkpoint, ErrorKind};

    fn loader() -> Loader {
        let named = |name: &str, dims: &[usize]| (name.to_owned(), Tensor::full(dims, 1.0));
        let checkpoint = Checkpoint::new([
            named("conv.weight", &[4, 3]),
            named("conv.bias", &[4]),
            named("bn.num_batches_tracked", &[]),
            ("bn.mean".to_owned(), Tensor::new([2], vec![0.0, f32::NAN]).unwrap()),
        ]);
        Loader::new(checkpoint.unwrap(), "x.pt")
    }

    #[test]
    fn every_fault_is_listed_with_expected_and_found() {
        let mut loader = loader();
        assert_eq!(loader.tensor("conv.weight", [3, 4]).shape().to_vec(), [3, 4]);
        assert_eq!(loader.tensor("fc.weight", [2]).data(), [0.0, 0.0]);
        assert_eq!(loader.tensor("bn.mean", [2]).data(), [0.0, 0.0]);
        let error = loader.finish().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Strict);
        assert_eq!(
            error.to_string(),
            "x.pt: the tensors are not those of the network: 1 missing, 1 mis-shaped, 1 not finite, 2 unused
  missing: fc.weight, expected [2]
  mis-shaped: conv.weight, expected [3, 4], found [4, 3]
  not finite: bn.mean, found NaN at element 1
  unused: bn.num_batches_tracked, found []
  unused: conv.bias, found [4]"
        );
    }

    #[test]
    fn what_is_ignored_or_optional_is_no_fault() {
        let mut loader = loader();
        loader.tensor("conv.weight", [4, 3]);
        assert!(loader.optional("conv.bias", [4]).is_some());
        assert!(loader.optional("conv.scale", [4]).is_none());
        loader.ignore("num_batches_tracked");
        loader.ignore("bn.mean");
        loader.finish().unwrap();
    }

    #[test]
    fn a_suffix_is_whole_parts() {
        let mut loader = loader();
        loader.ignore("ias");
        let message = loader.finish().unwrap_err().to_string();
        assert!(message.contains("unused: conv.bias"), "{message}");
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let mut loader = loader();
        for i in 0..25 {
            loader.tensor(&format!("m{i}"), [1]);
        }
        let message = loader.finish().unwrap_err().to_string();
        assert!(message.contains("25 missing") && message.contains("missing: .. and 5 more"), "{message}");
        assert_eq!(message.lines().count(), 1 + 21 + 4);
    }
}
