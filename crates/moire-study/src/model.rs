use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use moire_formats::{Limits, Onnx};
use moire_zoo::{Entry, Form, Network, Reading, entries, find};

use crate::error::{Error, Repr};
use crate::files::{read, sha256};

/// The endings of checkpoint files, for folders that hold one in several files.
const ENDINGS: [&str; 6] = ["pt", "pth", "ckpt", "h5", "safetensors", "tar"];

/// A model as a user names it: `ynet:checkpoints/`, `meso4:Meso4_DF.h5` or `onnx:net.onnx`.
#[derive(Debug, Clone)]
pub struct ModelSpec {
    /// Where its graph comes from.
    pub source: Source,
    /// A checkpoint, a folder with the files of one, or an ONNX file.
    pub path: PathBuf,
}

/// Where a model's graph comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// An architecture of the zoo.
    Zoo(&'static Entry),
    /// The file itself, an ONNX network, and what its owner knows of it.
    Onnx(Reading),
}

impl Source {
    /// The name in front of the colon.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Zoo(entry) => entry.name,
            Self::Onnx(_) => ONNX,
        }
    }
}

/// What stands in front of an ONNX file's path.
const ONNX: &str = "onnx";

/// A model with its weights and where they came from.
#[derive(Debug)]
pub struct Model {
    /// The network.
    pub network: Network,
    /// The files that were read, each with its SHA-256.
    pub files: Vec<(String, String)>,
}

impl FromStr for ModelSpec {
    type Err = Error;

    /// Reads `NAME:PATH`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let names = || entries().iter().map(|e| e.name).chain([ONNX]).collect::<Vec<_>>().join(", ");
        let fault = |expected: String| Err(Repr::Spec { text: text.to_owned(), expected }.into());
        match text.split_once(':') {
            Some((name, path)) if !path.is_empty() => {
                let source =
                    if name == ONNX { Source::Onnx(Reading::default()) } else { Source::Zoo(find(name)?) };
                Ok(Self { source, path: PathBuf::from(path) })
            }
            _ if Path::new(text).exists() => fault(format!(
                "a file alone does not say which network it is, so what its answers mean is unknown; write NAME:{text} \
                 with one of {}",
                names()
            )),
            _ => match find(text.trim_end_matches(':')) {
                Ok(entry) => fault(format!("write {}:PATH, where PATH is {}", entry.name, entry.files)),
                Err(_) => fault(format!("write NAME:PATH with one of {}", names())),
            },
        }
    }
}

impl ModelSpec {
    /// The same model, an ONNX network read as `reading` says; one of the zoo says it all itself.
    #[must_use]
    pub fn read_as(mut self, reading: &Reading) -> Self {
        if let Source::Onnx(own) = &mut self.source {
            own.clone_from(reading);
        }
        self
    }

    /// Reads the checkpoint, for images of the size that the architecture was made for, or the ONNX file.
    ///
    /// # Errors
    /// A file cannot be read or is too large, the checkpoint is not one of this architecture, or the ONNX network is
    /// not supported or not read in a way that it can be.
    pub fn load(&self) -> Result<Model, Error> {
        match &self.source {
            Source::Zoo(entry) => self.checkpoint(entry, &entry.form()),
            Source::Onnx(reading) => self.onnx(reading),
        }
    }

    /// Reads the checkpoint, for a form of the user's choice. An ONNX file has its own.
    ///
    /// # Errors
    /// As [`ModelSpec::load`]; or the architecture has no such form.
    pub fn load_as(&self, form: &Form) -> Result<Model, Error> {
        match &self.source {
            Source::Zoo(entry) => self.checkpoint(entry, form),
            Source::Onnx(reading) => {
                self.onnx(&Reading { size: reading.size.or(Some(form.size)), ..reading.clone() })
            }
        }
    }

    fn onnx(&self, reading: &Reading) -> Result<Model, Error> {
        let limits = Limits::default();
        let bytes = read(&self.path, limits.file_bytes)?;
        let name = file_name(&self.path.display().to_string());
        let mut files = vec![(name, sha256(&bytes))];
        let mut model =
            Onnx::read(bytes, &self.path.display().to_string(), &limits).map_err(moire_zoo::Error::from)?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        for name in model.external_files() {
            let bytes = read(&folder.join(&name), limits.file_bytes)?;
            files.push((name.clone(), sha256(&bytes)));
            model.attach(&name, bytes);
        }
        let stem = self.path.file_stem().map_or(ONNX.to_owned(), |s| s.to_string_lossy().into_owned());
        Ok(Model { network: reading.network(&model, &stem)?, files })
    }

    fn checkpoint(&self, entry: &'static Entry, form: &Form) -> Result<Model, Error> {
        let limits = Limits::default();
        let mut files = Vec::new();
        for path in self.files(entry)? {
            let bytes = read(&path, limits.file_bytes)?;
            files.push((path.display().to_string(), bytes));
        }
        let network = entry.load(&files, &limits, form)?;
        let files = files.iter().map(|(path, bytes)| (file_name(path), sha256(bytes))).collect();
        Ok(Model { network, files })
    }

    /// The file itself, or the checkpoint files of the folder by name.
    fn files(&self, entry: &Entry) -> Result<Vec<PathBuf>, Error> {
        let io = |e| Error::io(&self.path, e);
        if !fs::metadata(&self.path).map_err(io)?.is_dir() {
            return Ok(vec![self.path.clone()]);
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
            if ENDINGS.contains(&ending.as_str()) {
                files.push(path);
            }
        }
        files.sort();
        if files.is_empty() {
            let expected = format!("{} for {}", entry.files, entry.name);
            let found = "no checkpoint file".to_owned();
            return Err(Repr::Unfit { path: self.path.clone(), expected, found }.into());
        }
        Ok(files)
    }
}

/// The last part of a path.
fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or(path.to_owned(), |n| n.to_string_lossy().into())
}

/// What each model is called in a study: its architecture, with its file's name where two share one.
pub(crate) fn names(specs: &[ModelSpec]) -> Vec<String> {
    let shared = |name: &str| specs.iter().filter(|s| s.source.name() == name).count() > 1;
    let stem = |spec: &ModelSpec| spec.path.file_stem().map(|s| s.to_string_lossy().into_owned());
    let full = |spec: &ModelSpec| match (&spec.source, stem(spec)) {
        // That a network is ONNX says nothing about it; its file's name does.
        (Source::Onnx(_), Some(stem)) => stem,
        (source, Some(stem)) if shared(source.name()) => format!("{}-{stem}", source.name()),
        (source, _) => source.name().to_owned(),
    };
    let mut names: Vec<String> = specs.iter().map(full).collect();
    for i in 0..names.len() {
        let earlier = names[..i].iter().filter(|n| **n == names[i]).count();
        if earlier > 0 {
            names[i] = format!("{}-{}", names[i], earlier + 1);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{ModelSpec, names};

    #[test]
    fn names_tell_models_apart() {
        let specs: Vec<ModelSpec> =
            ["ynet:a", "meso4:x/one.h5", "meso4:x/two.h5", "meso4:y/two.h5", "onnx:own.onnx"]
                .map(|s| s.parse().unwrap())
                .to_vec();
        assert_eq!(names(&specs), ["ynet", "meso4-one", "meso4-two", "meso4-two-2", "own"]);
    }

    #[test]
    fn what_names_no_model_is_told_how() {
        let error = |text: &str| text.parse::<ModelSpec>().unwrap_err().to_string();
        assert!(error("ynet").contains("write ynet:PATH"), "{}", error("ynet"));
        assert!(error("resnet9000:x").contains("there are meso4"), "{}", error("resnet9000:x"));
        assert!(error("Cargo.toml").contains("write NAME:Cargo.toml"), "{}", error("Cargo.toml"));
        assert!(error("nowhere.pt").contains("write NAME:PATH"), "{}", error("nowhere.pt"));
    }
}
