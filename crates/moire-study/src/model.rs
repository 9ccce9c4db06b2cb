use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use moire_embedded::Embedded;
use moire_formats::{Limits, Onnx};
use moire_zoo::{Entry, Form, Network, Reading, Weights, entries, find};

use crate::error::{Error, Repr};
use crate::files::{read, sha256};

/// The endings of checkpoint files, for folders that hold one in several files.
const ENDINGS: [&str; 6] = ["pt", "pth", "ckpt", "h5", "safetensors", "tar"];

/// Which network the files of a model hold.
#[derive(Debug, Clone)]
pub enum Which {
    /// One of this architecture.
    Entry(&'static Entry),
    /// The one that the file names itself: what `moire zoo convert` writes.
    Itself,
    /// That of an ONNX file, and what its owner knows of it.
    Onnx(Reading),
    /// One that comes with the program.
    Embedded(&'static Embedded),
}

/// What stands in front of an ONNX file's path.
const ONNX: &str = "onnx";

/// A model as a user names it: `ynet-swap`, which comes with the program; `ynet:checkpoints/`, `meso4:Meso4_DF.h5`,
/// `onnx:net.onnx`, or a converted `ynet.safetensors`.
#[derive(Debug, Clone)]
pub struct ModelSpec {
    /// The network.
    pub which: Which,
    /// A checkpoint, a folder with the files of one, or an ONNX file; empty where the network comes with the program.
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

impl From<&'static Embedded> for ModelSpec {
    fn from(embedded: &'static Embedded) -> Self {
        Self { which: Which::Embedded(embedded), path: PathBuf::new() }
    }
}

impl FromStr for ModelSpec {
    type Err = Error;

    /// Reads `NAME`, `NAME:PATH`, or `PATH` of a safetensors file.
    fn from_str(text: &str) -> Result<Self, Error> {
        let names = || entries().iter().map(|e| e.name).chain([ONNX]).collect::<Vec<_>>().join(", ");
        let fault = |expected: String| Err(Repr::Spec { text: text.to_owned(), expected }.into());
        if let Some(embedded) = moire_embedded::find(text) {
            return Ok(embedded.into());
        }
        let path = Path::new(text);
        match text.split_once(':') {
            Some((name, path)) if !path.is_empty() => {
                let which =
                    if name == ONNX { Which::Onnx(Reading::default()) } else { Which::Entry(find(name)?) };
                Ok(Self { which, path: PathBuf::from(path) })
            }
            _ if path.extension().is_some_and(|e| e == "safetensors") => {
                Ok(Self { which: Which::Itself, path: path.to_owned() })
            }
            _ if path.exists() => fault(format!(
                "a file alone does not say which network it is, so what its answers mean is unknown; write NAME:{text} \
                 with one of {}",
                names()
            )),
            _ => fault(if let Ok(entry) = find(text.trim_end_matches(':')) {
                format!("write {}:PATH, where PATH is {}", entry.name, entry.files)
            } else {
                let embedded: Vec<_> = moire_embedded::all().map(|e| e.name).collect();
                format!("write one of {}; or NAME:PATH with one of {}", embedded.join(", "), names())
            }),
        }
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Entry(entry) => write!(f, "{}:", entry.name)?,
            Which::Onnx(_) => write!(f, "{ONNX}:")?,
            Which::Itself => {}
            Which::Embedded(embedded) => return f.write_str(embedded.name),
        }
        write!(f, "{}", self.path.display())
    }
}

impl ModelSpec {
    /// The same model, an ONNX network read as `reading` says; any other says it all itself.
    #[must_use]
    pub fn read_as(mut self, reading: &Reading) -> Self {
        if let Which::Onnx(own) = &mut self.which {
            own.clone_from(reading);
        }
        self
    }

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
        if let Which::Onnx(reading) = &self.which {
            return self.onnx(&Reading { size: reading.size.or(size), ..reading.clone() });
        }
        let Opened { entry, weights, files } = self.open()?;
        let form = weights.form(entry);
        let form = Form { size: size.unwrap_or(form.size), ..form };
        Ok(Model { network: entry.network(weights, &form)?, files })
    }

    fn onnx(&self, reading: &Reading) -> Result<Model, Error> {
        let limits = Limits::default();
        let bytes = read(&self.path, limits.file_bytes)?;
        let mut files = vec![(file_name(&self.path), sha256(&bytes))];
        let path = self.path.display().to_string();
        let mut model = Onnx::read(bytes, &path, &limits).map_err(moire_zoo::Error::from)?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        for name in model.external_files() {
            let bytes = read(&folder.join(&name), limits.file_bytes)?;
            files.push((name.clone(), sha256(&bytes)));
            model.attach(&name, bytes);
        }
        let stem = self.path.file_stem().map_or(ONNX.to_owned(), |s| s.to_string_lossy().into_owned());
        Ok(Model { network: reading.network(&model, &stem)?, files })
    }

    /// Reads the files of a checkpoint, without making a network of them yet.
    ///
    /// # Errors
    /// A file cannot be read or is too large, does not say which network it is where it should, or is ONNX, which is a
    /// network already.
    pub fn open(&self) -> Result<Opened, Error> {
        if let Which::Onnx(_) = self.which {
            let (expected, found) =
                ("a checkpoint".to_owned(), "an ONNX network, which needs none".to_owned());
            return Err(Repr::Unfit { path: self.path.clone(), expected, found }.into());
        }
        let limits = Limits::default();
        let mut files = Vec::new();
        if let Which::Embedded(embedded) = &self.which {
            files.push((embedded.name.to_owned(), embedded.weights.to_vec()));
        } else {
            for path in self.files()? {
                let bytes = read(&path, limits.file_bytes)?;
                files.push((path.display().to_string(), bytes));
            }
        }
        let weights = Weights::read(&files, &limits)?;
        let entry = match &self.which {
            Which::Entry(entry) => *entry,
            Which::Onnx(_) => unreachable!("refused above"),
            Which::Itself | Which::Embedded(_) => weights.entry().ok_or_else(|| {
                let expected = "a file that says which network it is, as `moire zoo convert` writes it, \
                                or NAME:PATH";
                let found = "no word of it in its metadata".to_owned();
                Repr::Unfit { path: self.path.clone(), expected: expected.to_owned(), found }
            })?,
        };
        let files = files.iter().map(|(path, bytes)| (file_name(Path::new(path)), sha256(bytes))).collect();
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
            let expected = match &self.which {
                Which::Entry(entry) => format!("{} for {}", entry.files, entry.name),
                Which::Itself | Which::Onnx(_) | Which::Embedded(_) => "a file".to_owned(),
            };
            let found = "no checkpoint file".to_owned();
            return Err(Repr::Unfit { path: self.path.clone(), expected, found }.into());
        }
        Ok(files)
    }
}

/// The last part of a path.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// What each model is called in results: what it was named as (its file, where that says which network it is), with its
/// file's name where two share one.
pub fn names(specs: &[ModelSpec]) -> Vec<String> {
    let stem = |spec: &ModelSpec| spec.path.file_stem().map(|s| s.to_string_lossy().into_owned());
    let own = |spec: &ModelSpec| match &spec.which {
        Which::Entry(entry) => entry.name.to_owned(),
        // That a network is ONNX says nothing about it; its file's name does.
        Which::Itself | Which::Onnx(_) => stem(spec).unwrap_or_default(),
        Which::Embedded(embedded) => embedded.name.to_owned(),
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
        let own: Vec<ModelSpec> =
            ["a/x.safetensors", "b/x.safetensors", "onnx:c/own.onnx"].map(|s| s.parse().unwrap()).to_vec();
        assert_eq!(names(&own), ["x", "x-2", "own"]);
        let embedded: Vec<ModelSpec> = ["ynet-swap", "stargan"].map(|s| s.parse().unwrap()).to_vec();
        assert_eq!(names(&embedded), ["ynet-swap", "stargan"]);
        assert_eq!(embedded[0].to_string(), "ynet-swap");
    }

    #[test]
    fn every_embedded_network_loads() {
        for embedded in moire_embedded::all() {
            let model = embedded.name.parse::<ModelSpec>().unwrap().load().unwrap();
            assert_eq!(model.files.len(), 1, "{}", embedded.name);
            assert!(!model.network.graph.nodes().is_empty());
        }
    }

    #[test]
    fn what_names_no_model_is_told_how() {
        let error = |text: &str| text.parse::<ModelSpec>().unwrap_err().to_string();
        assert!(error("meso4").contains("write meso4:PATH"), "{}", error("meso4"));
        assert!(error("ynet-sawp").contains("ynet-swap"), "{}", error("ynet-sawp"));
        assert!(error("resnet9000:x").contains("there are attgan"), "{}", error("resnet9000:x"));
        assert!(error("Cargo.toml").contains("write NAME:Cargo.toml"), "{}", error("Cargo.toml"));
        assert!(error("nowhere.pt").contains("or NAME:PATH with one of"), "{}", error("nowhere.pt"));
    }
}
