use std::collections::BTreeMap;

use moire_formats::{Checkpoint, Limits, Loader};
use serde::{Deserialize, Serialize};

use crate::attribute::Attribute;
use crate::entry::Entry;
use crate::error::{Error, Repr};
use crate::manifest::find;
use crate::network::{Form, Preprocess};

/// The metadata's `format` of a file that says itself which network it is.
const FORMAT: &str = "moire.network.v1";

/// The largest height and width that a file may ask for by itself.
const MOST: usize = 2048;

/// What an architecture cannot read off its tensors' shapes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The slope of the encoder's leaky `ReLU`, where there are ports that differ in it (AttGAN: 0.01, or 0.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slope: Option<f32>,
    /// What the numbers of a condition are about, where it is not what the published networks take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<Attribute>>,
}

impl Config {
    fn check(&self) -> Result<(), &'static str> {
        let slope = self.slope.is_none_or(|slope| slope > 0.0 && slope < 1.0);
        let attributes = self
            .attributes
            .as_ref()
            .is_none_or(|list| !list.is_empty() && (1..list.len()).all(|i| !list[..i].contains(&list[i])));
        match (slope, attributes) {
            (false, _) => Err("a slope lies between 0 and 1"),
            (_, false) => Err("attributes are some, and each is there once"),
            _ => Ok(()),
        }
    }
}

/// What a network sees of an image, as the metadata's `input` has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub(crate) size: [usize; 2],
    pub(crate) mean: [f32; 3],
    pub(crate) std: [f32; 3],
    /// How faces were cut out of photographs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) crop: Option<String>,
}

impl Input {
    /// Of a file that says nothing.
    pub(crate) fn of(Preprocess { size, mean, std }: Preprocess) -> Self {
        Self { size, mean, std, crop: None }
    }

    /// Reads the metadata's `input`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let input: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let finite = input.mean.iter().chain(&input.std).all(|v| v.is_finite());
        if finite && input.std.iter().all(|&v| v > 0.0) {
            Ok(input)
        } else {
            Err("a deviation is positive, and all of it finite".to_owned())
        }
    }

    pub(crate) fn preprocess(&self) -> Preprocess {
        Preprocess { size: self.size, mean: self.mean, std: self.std }
    }
}

/// Whether a file says itself which network it is.
pub(crate) fn is_described(metadata: &BTreeMap<String, String>) -> bool {
    metadata.get("format").is_some_and(|f| f == FORMAT)
}

/// What a file says of itself.
#[derive(Debug, Clone)]
struct Description {
    entry: &'static Entry,
    config: Config,
    input: Input,
}

/// The tensors of one checkpoint, which may say themselves which network they are.
#[derive(Debug, Clone)]
pub struct Weights {
    checkpoint: Checkpoint,
    file: String,
    description: Option<Description>,
}

impl Weights {
    /// Reads `files`, pairs of a name (for messages) and bytes, which together make up one checkpoint.
    ///
    /// # Errors
    /// There is no file, one cannot be read, two have a tensor of one name, or what a file says of itself makes no
    /// sense.
    pub fn read(files: &[(String, Vec<u8>)], limits: &Limits) -> Result<Self, Error> {
        let mut names = Vec::new();
        let mut whole: Option<Checkpoint> = None;
        for (name, bytes) in files {
            let mut part = Checkpoint::read(bytes, name, limits)?;
            part.strip_prefix("module.");
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => whole.merge(part, "")?,
            }
            names.push(name.as_str());
        }
        let (checkpoint, file) = (whole.ok_or(Repr::NoFile)?, names.join(" + "));
        let described = is_described(checkpoint.metadata());
        let description = described.then(|| describe(checkpoint.metadata(), &file)).transpose()?;
        Ok(Self { checkpoint, file, description })
    }

    /// The architecture that the files themselves name.
    pub fn entry(&self) -> Option<&'static Entry> {
        self.description.as_ref().map(|d| d.entry)
    }

    /// The size that the weights were made for, where they say so, else `entry`'s; and one edit.
    pub fn form(&self, entry: &Entry) -> Form {
        let size = self.description.as_ref().map_or(entry.preprocess.size, |d| d.input.size);
        Form { size, domains: 1 }
    }

    /// The weights as a safetensors checkpoint that needs no flags: the tensors that `entry` uses, and in the metadata
    /// its name, configuration, input, labels and licence. `change` may correct the configuration.
    ///
    /// # Errors
    /// The weights are not `entry`'s, or it takes no images of `size`.
    pub fn describe(
        self,
        entry: &Entry,
        size: [usize; 2],
        change: impl FnOnce(&mut Config),
    ) -> Result<Checkpoint, Error> {
        let (mut loader, mut config, input) = self.for_entry(entry)?;
        change(&mut config);
        config.check().map_err(|why| Repr::Config { name: entry.name, why })?;
        let input = Input { size, ..input };
        entry.build(&mut loader, config.clone(), input.clone(), &Form { size, domains: 1 })?;
        let mut checkpoint = loader.used()?;
        let json = |value: serde_json::Result<String>| value.expect("numbers and texts are JSON");
        for (key, value) in [
            ("format", FORMAT.to_owned()),
            ("name", entry.name.to_owned()),
            ("architecture", entry.name.to_owned()),
            ("config", json(serde_json::to_string(&config))),
            ("input", json(serde_json::to_string(&input))),
            ("labels", entry.labels.to_owned()),
            ("license", entry.licence.to_owned()),
        ] {
            checkpoint.describe(key, value);
        }
        Ok(checkpoint)
    }

    /// The part of the checkpoint that is the network, and what is said of it.
    pub(crate) fn for_entry(mut self, entry: &Entry) -> Result<(Loader, Config, Input), Error> {
        let (config, input) = match self.description.take() {
            None => (Config::default(), Input::of(entry.preprocess)),
            Some(d) if d.entry.name == entry.name => (d.config, d.input),
            Some(d) => {
                return Err(Repr::Other { file: self.file, found: d.entry.name, expected: entry.name }.into());
            }
        };
        let mut checkpoint = self.checkpoint;
        while let Some(part) = entry.inside.iter().find_map(|part| checkpoint.sub(part)) {
            checkpoint = part;
            checkpoint.strip_prefix("module.");
        }
        Ok((Loader::new(checkpoint, &self.file), config, input))
    }
}

fn describe(metadata: &BTreeMap<String, String>, file: &str) -> Result<Description, Error> {
    let wrong =
        |key: &'static str, why: String| Error::from(Repr::Metadata { file: file.to_owned(), key, why });
    let text = |key: &'static str| {
        metadata.get(key).map(String::as_str).ok_or_else(|| wrong(key, "it is missing".to_owned()))
    };
    let entry = find(text("architecture")?).map_err(|e| wrong("architecture", e.to_string()))?;
    let config: Config = serde_json::from_str(text("config")?).map_err(|e| wrong("config", e.to_string()))?;
    let input = Input::parse(text("input")?).map_err(|why| wrong("input", why))?;
    config.check().map_err(|why| wrong("config", why.to_owned()))?;
    if input.size.iter().any(|&side| side > MOST) {
        return Err(wrong("input", format!("a file may ask for {MOST} x {MOST} pixels at most")));
    }
    Ok(Description { entry, config, input })
}
