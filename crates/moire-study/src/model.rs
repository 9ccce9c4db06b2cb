use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use moire_formats::Limits;
use moire_zoo::{Entry, Form, Network, Weights, entries, find};

use crate::error::{Error, Repr};
use crate::files::{read, sha256};

/// The endings of checkpoint files, for folders that hold one in several files.
const ENDINGS: [&str; 6] = ["pt", "pth", "ckpt", "h5", "safetensors", "tar"];

/// Which network the files of a model hold.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// One of this architecture.
    Entry(&'static Entry),
    /// The one that the file names itself: what `moire zoo convert` writes.
    Itself,
}

/// A model as a user names it: `ynet:checkpoints/`, `meso4:Meso4_DF.h5`, or a converted `ynet.safetensors`.
#[derive(Debug, Clone)]
pub struct ModelSpec {
    /// The network.
    pub which: Which,
    /// A checkpoint, or a folder with the files of one.
    pub path: PathBuf,
}

/// A model with its weights and where they came from.
#[derive(Debug)]
pub struct Model {
    /// The network.
    pub network: Network,
    /// The files that were read, each with its SHA-256.
    pub files: Vec<(String, String)>,
}

/// A model whose files were read, not yet a network.
#[derive(Debug)]
pub struct Opened {
    /// Its architecture.
    pub entry: &'static Entry,
    /// Its tensors.
    pub weights: Weights,
    /// The files that were read, each with its SHA-256.
    pub files: Vec<(String, String)>,
}

impl FromStr for ModelSpec {
    type Err = Error;

    /// Reads `NAME:PATH`, or `PATH` of a safetensors file.
    fn from_str(text: &str) -> Result<Self, Error> {
        let names = || entries().iter().map(|e| e.name).collect::<Vec<_>>().join(", ");
        let fault = |expected: String| Err(Repr::Spec { text: text.to_owned(), expected }.into());
        let path = Path::new(text);
        match text.split_once(':') {
            Some((name, path)) if !path.is_empty() => {
                Ok(Self { which: Which::Entry(find(name)?), path: PathBuf::from(path) })
            }
            _ if path.extension().is_some_and(|e| e == "safetensors") => {
                Ok(Self { which: Which::Itself, path: path.to_owned() })
            }
            _ if path.exists() => fault(format!(
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

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Which::Entry(entry) = self.which {
            write!(f, "{}:", entry.name)?;
        }
        write!(f, "{}", self.path.display())
    }
}

impl ModelSpec {
    /// Reads the checkpoint, for images of the size that it was made for.
    ///
    /// # Errors
    /// A file cannot be read or is too large, or the checkpoint is not one of this architecture.
    pub fn load(&self) -> Result<Model, Error> {
        self.load_at(None)
    }

    /// Reads the checkpoint, for images of `size` where that is given.
    ///
    /// # Errors
    /// As [`ModelSpec::load`]; or the architecture takes no images of this size.
    pub fn load_at(&self, size: Option<[usize; 2]>) -> Result<Model, Error> {
        let Opened { entry, weights, files } = self.open()?;
        let form = weights.form(entry);
        let form = Form { size: size.unwrap_or(form.size), ..form };
        Ok(Model { network: entry.network(weights, &form)?, files })
    }

    /// Reads the files, without making a network of them yet.
    ///
    /// # Errors
    /// A file cannot be read or is too large, or does not say which network it is where it should.
    pub fn open(&self) -> Result<Opened, Error> {
        let limits = Limits::default();
        let mut files = Vec::new();
        for path in self.files()? {
            let bytes = read(&path, limits.file_bytes)?;
            files.push((path.display().to_string(), bytes));
        }
        let weights = Weights::read(&files, &limits)?;
        let entry = match self.which {
            Which::Entry(entry) => entry,
            Which::Itself => weights.entry().ok_or_else(|| {
                let expected = "a file that says which network it is, as `moire zoo convert` writes it, \
                                or NAME:PATH";
                let found = "no word of it in its metadata".to_owned();
                Repr::Unfit { path: self.path.clone(), expected: expected.to_owned(), found }
            })?,
        };
        let name =
            |path: &str| Path::new(path).file_name().map_or(path.to_owned(), |n| n.to_string_lossy().into());
        let files = files.iter().map(|(path, bytes)| (name(path), sha256(bytes))).collect();
        Ok(Opened { entry, weights, files })
    }

    /// The file itself, or the checkpoint files of the folder by name.
    fn files(&self) -> Result<Vec<PathBuf>, Error> {
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
            let expected = match self.which {
                Which::Entry(entry) => format!("{} for {}", entry.files, entry.name),
                Which::Itself => "a file".to_owned(),
            };
            let found = "no checkpoint file".to_owned();
            return Err(Repr::Unfit { path: self.path.clone(), expected, found }.into());
        }
        Ok(files)
    }
}

/// What each model is called in a study: its architecture, with its file's name where two share one.
pub(crate) fn names(specs: &[ModelSpec]) -> Vec<String> {
    let stem = |spec: &ModelSpec| spec.path.file_stem().map(|s| s.to_string_lossy().into_owned());
    let own = |spec: &ModelSpec| match spec.which {
        Which::Entry(entry) => entry.name.to_owned(),
        Which::Itself => stem(spec).unwrap_or_default(),
    };
    let shared = |name: &str| specs.iter().filter(|s| own(s) == name).count() > 1;
    let full = |spec: &ModelSpec| match (own(spec), stem(spec)) {
        (name, Some(stem)) if shared(&name) && name != stem => format!("{name}-{stem}"),
        (name, _) => name,
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
        let specs: Vec<ModelSpec> = ["ynet:a", "meso4:x/one.h5", "meso4:x/two.h5", "meso4:y/two.h5"]
            .map(|s| s.parse().unwrap())
            .to_vec();
        assert_eq!(names(&specs), ["ynet", "meso4-one", "meso4-two", "meso4-two-2"]);
        let own: Vec<ModelSpec> = ["a/x.safetensors", "b/x.safetensors"].map(|s| s.parse().unwrap()).to_vec();
        assert_eq!(names(&own), ["x", "x-2"]);
    }

    #[test]
    fn what_names_no_model_is_told_how() {
        let error = |text: &str| text.parse::<ModelSpec>().unwrap_err().to_string();
        assert!(error("ynet").contains("write ynet:PATH"), "{}", error("ynet"));
        assert!(error("resnet9000:x").contains("there are attgan"), "{}", error("resnet9000:x"));
        assert!(error("Cargo.toml").contains("write NAME:Cargo.toml"), "{}", error("Cargo.toml"));
        assert!(error("nowhere.pt").contains("write NAME:PATH"), "{}", error("nowhere.pt"));
    }
}
