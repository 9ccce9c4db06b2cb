mod craft;
mod record;
mod tally;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use moire_attack::Strategy;
use moire_cpu::Cpu;
use moire_face::{FaceFinder, Search};
use moire_image::{Limits, Metadata, Picture, Rect, decode_with_metadata, encode_jpeg_with, encode_png_with};
use moire_protect::{Protected, Protector, Saving, Settings, Universal, usual_framing};
use moire_study::{Model, ModelSpec, Photograph, files, fitting, model_names, photographs};
use moire_tensor::{Eps, SampleId};
use moire_zoo::{Attribute, Attributes, Table};
use serde_json::{Value, json};

use crate::cli::{Format, ProtectArgs, Strength};
use crate::commands::faces::{counted, distinct};
use crate::commands::protect::record::{Record, Told};
use crate::commands::protect::tally::Tally;
use crate::terminal::{bar, one_line};

/// What is the same for all photographs of a run.
struct Run<'a> {
    args: &'a ProtectArgs,
    work: Work<'a>,
    settings: Settings,
    editors: Vec<String>,
    table: Option<Table>,
    /// Everything that changes a result, as it stands in each record.
    plan: Value,
}

/// Where changes come from.
enum Work<'a> {
    /// An attack on each photograph.
    Attack(Protector<'a>),
    /// One change for all, judged by editors.
    Judged(Universal, Protector<'a>),
    /// The same, judged by nobody.
    Laid(Universal, Option<FaceFinder>),
}

/// A photograph as its file gives it.
struct Opened {
    picture: Picture,
    metadata: Metadata,
    attributes: Attributes,
    sha256: String,
}

pub(crate) fn run(args: &ProtectArgs) -> anyhow::Result<ExitCode> {
    let device = Cpu::new(args.common.threads);
    let (mut failed, mut named) = (Failures { json: args.common.json, count: 0 }, Vec::new());
    for path in &args.photographs {
        match photographs(path) {
            Ok(inside) => named.extend(inside),
            Err(error) => failed.name(path, &error.into()),
        }
    }
    if let Some(file) = &args.craft {
        return craft::run(args, &device, &named, file, failed);
    }
    distinct("results", &named)?;
    let mut run = Run::new(args, &device)?;
    let progress = bar(named.len(), 0);
    let mut tally = Tally::default();
    for photograph in &named {
        progress.set_message(photograph.name.display().to_string());
        match run.one(photograph) {
            Ok(record) => {
                let told = if args.common.json { record.to_json()? } else { Told(&record).to_string() };
                progress.suspend(|| println!("{told}"));
                tally.add(&record);
            }
            Err(error) => progress.suspend(|| failed.name(&photograph.path, &error)),
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    if tally.photographs == 0 {
        bail!("none of the photographs could be protected");
    }
    if args.common.json {
        println!("{}", tally.to_json(failed.count));
    } else {
        print!("{tally}");
    }
    Ok(failed.end("could not be protected"))
}

/// Photographs that could not be dealt with, named as they come.
struct Failures {
    json: bool,
    count: usize,
}

impl Failures {
    fn name(&mut self, file: &Path, error: &anyhow::Error) {
        self.count += 1;
        if self.json {
            println!("{}", json!({"photograph": file, "error": one_line(error)}));
        }
        eprintln!("error: {}", one_line(error));
    }

    fn end(&self, what: &str) -> ExitCode {
        if self.count == 0 {
            return ExitCode::SUCCESS;
        }
        eprintln!("{} {what}", counted(self.count, "photograph"));
        ExitCode::from(3)
    }
}

/// The settings that the arguments ask for.
fn settings(args: &ProtectArgs) -> anyhow::Result<Settings> {
    let eps = match (args.eps, args.strength) {
        (Some(eps), _) => eps,
        (None, Strength::Light) => Eps::from_u8(4)?,
        (None, Strength::Normal) => Eps::new(0.025)?,
        (None, Strength::Strong) => Eps::new(0.05)?,
    };
    let attack = match &args.attack {
        Some(attack) => attack.clone(),
        None if args.robust => Settings::robust_attack(),
        None => Settings::default().attack,
    };
    let (models, domains, regularisation, enough) =
        (args.models, args.domains, args.regularisation, args.enough);
    let settings = Settings {
        attack,
        eps,
        strategy: Strategy { models, domains, regularisation, enough, ..Strategy::default() },
        robust: args.robust,
        saving: match args.format {
            Format::Png => Saving::Png,
            Format::Jpeg => Saving::Jpeg(args.quality),
        },
        seed: args.seed,
        ..Settings::default()
    };
    settings.check()?;
    Ok(settings)
}

/// The editors of the arguments: those that come with moire, where there are none, unless a change is there already.
fn editors_of(args: &ProtectArgs) -> Vec<ModelSpec> {
    if args.editors.is_empty() && args.universal.is_none() {
        return moire_embedded::editors().iter().map(ModelSpec::from).collect();
    }
    args.editors.clone()
}

/// The editors and the finder of the arguments, what the editors are called, and all networks with their files.
struct Networks<'a> {
    protector: Option<Protector<'a>>,
    /// Where there is no editor to look for faces for.
    finder: Option<FaceFinder>,
    editors: Vec<String>,
    files: Vec<Value>,
}

impl<'a> Networks<'a> {
    fn load(args: &ProtectArgs, device: &'a Cpu, settings: &Settings) -> anyhow::Result<Self> {
        let (mut networks, mut files) = (Vec::new(), Vec::new());
        let specs = editors_of(args);
        let editors = model_names(&specs);
        for (spec, name) in specs.into_iter().zip(&editors) {
            let spec = spec.read_as(&(&args.onnx).into());
            let Model { network, files: from } = spec.load_editor(settings)?;
            let framing = match args.framing {
                Some(framing) => framing,
                None => usual_framing(&network).with_context(|| name.clone())?,
            };
            let seen = if args.finder.is_none() { "whole" } else { framing.name() };
            files.push(json!({"editor": name, "framing": seen, "files": from}));
            networks.push((network, framing));
        }
        let mut finder = None;
        if let Some(spec) = &args.finder {
            let Model { network, files: from } = spec.load()?;
            files.push(json!({"finder": network.name, "files": from}));
            finder = Some(FaceFinder::new(device, &network, Search::default())?);
        }
        if networks.is_empty() {
            return Ok(Self { protector: None, finder, editors, files });
        }
        let protector = Protector::new(device, networks, finder)?;
        fitting(&editors.join(", "), 1, args.memory, |_| Ok::<_, anyhow::Error>(protector.memory().total()))?;
        Ok(Self { protector: Some(protector), finder: None, editors, files })
    }
}

impl<'a> Run<'a> {
    fn new(args: &'a ProtectArgs, device: &'a Cpu) -> anyhow::Result<Self> {
        let settings = settings(args)?;
        let Networks { protector, finder, editors, files } = Networks::load(args, device, &settings)?;
        let universal = args.universal.as_ref().map(|path| craft::read(path)).transpose()?;
        let mut plan = json!({
            "program": format!("moire {} ({})", env!("CARGO_PKG_VERSION"), device.isa()),
            "networks": files,
            "file": settings.saving.to_string(),
            "broken above": settings.strategy.tau.to_string(),
        });
        let work = if let Some((universal, sha256)) = universal {
            plan["universal"] = json!(sha256);
            match protector {
                Some(protector) => Work::Judged(universal, protector),
                None => Work::Laid(universal, finder),
            }
        } else {
            plan["attack"] = json!(settings.attack.to_string());
            plan["eps"] = json!(settings.eps.to_string());
            plan["strategy"] = json!(settings.strategy.to_string());
            plan["robust"] = json!(settings.robust);
            plan["seed"] = json!(settings.seed);
            Work::Attack(
                protector.expect("where there is no change yet, moire's own editors stand in for none"),
            )
        };
        Ok(Self { args, work, settings, editors, table: table(args)?, plan })
    }

    /// Protects one photograph, unless its result is there already.
    fn one(&mut self, photograph: &Photograph) -> anyhow::Result<Record> {
        let limits = Limits::default();
        let bytes = files::read(&photograph.path, limits.max_bytes)?;
        let sha256 = files::sha256(&bytes);
        let attributes = attributes(self.args, self.table.as_ref(), photograph)?;
        let stated: Vec<String> = names(&attributes);
        let (file, beside) = self.places(photograph);
        if let Some(known) = Record::read(&beside).filter(|_| file.exists()) {
            if known.is_of(&self.plan, &sha256, &stated) {
                return Ok(known);
            }
        }
        let name = photograph.path.display().to_string();
        let (picture, metadata) = decode_with_metadata(&bytes, &name, &limits)?;
        let opened = Opened { picture, metadata, attributes, sha256 };
        let began = Instant::now();
        let protected = self.protect(&opened).context(name)?;
        let seconds = began.elapsed().as_secs_f64();
        let encoded = match self.settings.saving {
            Saving::Png => encode_png_with(&protected.picture, &opened.metadata),
            Saving::Jpeg(q) => {
                encode_jpeg_with(&protected.picture, &opened.metadata, q, moire_image::Subsampling::Yuv420)
                    .with_context(|| photograph.path.display().to_string())?
            }
        };
        files::write(&file, &encoded)?;
        let record = Record::new(self, photograph, &file, &opened, &protected, stated, seconds)?;
        files::write(&beside, &serde_json::to_vec_pretty(&record)?)?;
        Ok(record)
    }

    fn protect(&mut self, opened: &Opened) -> anyhow::Result<Protected> {
        let Opened { picture, attributes, sha256, .. } = opened;
        Ok(match &mut self.work {
            Work::Attack(protector) => {
                protector.protect(picture, attributes, who(sha256)?, &self.settings)?
            }
            Work::Judged(universal, protector) => {
                protector.lay(universal, picture, attributes, &self.settings)?
            }
            Work::Laid(universal, finder) => {
                let faces = finder.as_mut().map(|f| f.find(picture)).transpose()?.unwrap_or_default();
                if faces.is_empty() && !universal.whole {
                    bail!("no face was found");
                }
                let changed = universal.lay(picture, &faces)?;
                let all = Rect { x: 0, y: 0, width: picture.width(), height: picture.height() };
                let kept = self.settings.saving.apply(&changed)?;
                Protected { picture: changed, kept, faces, parts: vec![all], edits: Vec::new(), steps: 0 }
            }
        })
    }

    /// Where the result goes, and its record. A file that is of the wanted kind already keeps its name; what was another
    /// says which.
    fn places(&self, photograph: &Photograph) -> (PathBuf, PathBuf) {
        let to = |ending: &str| {
            let mut name = photograph.name.clone().into_os_string();
            name.push(ending);
            self.args.out.join(name)
        };
        let endings: &[&str] = match self.settings.saving {
            Saving::Png => &["png"],
            Saving::Jpeg(_) => &["jpg", "jpeg"],
        };
        let own = photograph.name.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let keeps = endings.iter().any(|e| own.eq_ignore_ascii_case(e));
        (if keeps { to("") } else { to(&format!(".{}", endings[0])) }, to(".json"))
    }
}

/// Who a photograph is: the start of its content's hash.
pub(super) fn who(sha256: &str) -> anyhow::Result<SampleId> {
    Ok(SampleId(u64::from_str_radix(&sha256[..16], 16).context("a hash is hexadecimal")?))
}

fn table(args: &ProtectArgs) -> anyhow::Result<Option<Table>> {
    let Some(path) = &args.table else { return Ok(None) };
    let name = path.display().to_string();
    let text = String::from_utf8(files::read(path, 1 << 28)?)
        .with_context(|| format!("{name}: expected text in UTF-8"))?;
    Ok(Some(Table::parse(&text, &name)?))
}

/// What is known of the people on a photograph.
fn attributes(
    args: &ProtectArgs,
    table: Option<&Table>,
    photograph: &Photograph,
) -> anyhow::Result<Attributes> {
    Ok(match table {
        Some(table) => table.face(&photograph.path.file_name().unwrap_or_default().to_string_lossy())?,
        None => args.attributes,
    })
}

/// The attributes that a face has.
fn names(attributes: &Attributes) -> Vec<String> {
    let has = Attribute::ALL.iter().filter(|a| attributes.has(**a) == Some(true));
    has.map(|a| a.name().to_owned()).collect()
}
