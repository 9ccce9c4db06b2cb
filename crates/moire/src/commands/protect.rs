use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use moire_attack::{Criterion, Strategy};
use moire_cpu::Cpu;
use moire_face::{FaceFinder, Search};
use moire_image::{Limits, Picture, crop, decode, encode_png};
use moire_protect::{Protected, Protector, Settings};
use moire_study::{Distance, Model, ModelSpec, Photograph, Which, files, photographs};
use moire_tensor::{Eps, SampleId};
use moire_zoo::{Attribute, Form, Network, Role, Table};
use serde_json::{Value, json};

use crate::cli::{ProtectArgs, Strength};
use crate::commands::faces::{counted, distinct};
use crate::terminal::{bar, one_line};

/// What is the same for all photographs of a run.
struct Run<'a> {
    args: &'a ProtectArgs,
    protector: Protector<'a>,
    editors: Vec<String>,
    table: Option<Table>,
    /// Everything that changes a result, as it stands in each record.
    plan: Value,
}

pub(crate) fn run(args: &ProtectArgs) -> anyhow::Result<ExitCode> {
    let device = Cpu::new(args.common.threads);
    let mut failed = 0;
    let mut fail = |file: &Path, error: &anyhow::Error| {
        failed += 1;
        if args.common.json {
            println!("{}", json!({"photograph": file, "error": one_line(error)}));
        }
        eprintln!("error: {}", one_line(error));
    };
    let mut named = Vec::new();
    for path in &args.photographs {
        match photographs(path) {
            Ok(inside) => named.extend(inside),
            Err(error) => fail(path, &error.into()),
        }
    }
    distinct("results", &named)?;
    let mut run = Run::new(args, &device)?;
    let progress = bar(named.len(), 0);
    let (mut done, mut held) = (0, 0);
    for photograph in &named {
        progress.set_message(photograph.name.display().to_string());
        match run.one(photograph) {
            Ok(record) => {
                done += 1;
                held += usize::from(record["holds"] == true);
                let told = if args.common.json { record.to_string() } else { tell(&record) };
                progress.suspend(|| println!("{told}"));
            }
            Err(error) => progress.suspend(|| fail(&photograph.path, &error)),
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    if done == 0 {
        bail!("none of the photographs could be protected");
    }
    if !args.common.json && done + failed > 1 {
        println!("{} protected, {held} of them from every edit", counted(done, "photograph"));
    }
    if failed > 0 {
        eprintln!("{} could not be protected", counted(failed, "photograph"));
        return Ok(ExitCode::from(3));
    }
    Ok(ExitCode::SUCCESS)
}

impl<'a> Run<'a> {
    fn new(args: &'a ProtectArgs, device: &'a Cpu) -> anyhow::Result<Self> {
        let eps = match (args.eps, args.strength) {
            (Some(eps), _) => eps,
            (None, Strength::Light) => Eps::from_u8(4)?,
            (None, Strength::Normal) => Eps::new(0.025)?,
            (None, Strength::Strong) => Eps::new(0.05)?,
        };
        let strategy =
            Strategy { models: args.models.into(), domains: args.domains.into(), ..Strategy::default() };
        let settings = Settings {
            attack: args.attack.clone(),
            eps,
            strategy,
            criterion: Criterion::Spent,
            seed: args.seed,
        };
        let (mut networks, mut editors, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for spec in &args.editors {
            let (network, files) = editor(&spec.clone().read_as(&(&args.onnx).into()))?;
            editors.push(network.name.clone());
            weights.push(json!({"editor": network.name, "files": files}));
            networks.push(network);
        }
        let mut finder = None;
        if let Some(spec) = &args.finder {
            let Model { network, files } = spec.load()?;
            weights.push(json!({"finder": network.name, "files": files}));
            finder = Some(FaceFinder::new(device, &network, Search::default())?);
        }
        let table = args.table.as_ref().map(|path| -> anyhow::Result<Table> {
            let name = path.display().to_string();
            let bytes = files::read(path, 1 << 28)?;
            let text = String::from_utf8(bytes).with_context(|| format!("{name}: expected text in UTF-8"))?;
            Ok(Table::parse(&text, &name)?)
        });
        let plan = json!({
            "program": format!("moire {} ({})", env!("CARGO_PKG_VERSION"), device.isa()),
            "networks": weights,
            "attack": args.attack.to_string(),
            "eps": eps.value(),
            "models": format!("{:?}", strategy.models).to_lowercase(),
            "domains": format!("{:?}", strategy.domains).to_lowercase(),
            "broken above": strategy.tau,
            "seed": args.seed,
        });
        let protector = Protector::new(device, networks, finder, settings)?;
        Ok(Self { args, protector, editors, table: table.transpose()?, plan })
    }

    /// Protects one photograph, unless its result is there already; its record.
    fn one(&mut self, photograph: &Photograph) -> anyhow::Result<Value> {
        let limits = Limits::default();
        let bytes = files::read(&photograph.path, limits.max_bytes)?;
        let sha256 = files::sha256(&bytes);
        let attributes = match &self.table {
            Some(table) => table.face(&photograph.path.file_name().unwrap_or_default().to_string_lossy())?,
            None => self.args.attributes,
        };
        let has = |a: &Attribute| attributes.has(*a) == Some(true);
        let stated: Vec<&str> = Attribute::ALL.iter().filter(|a| has(a)).map(|a| a.name()).collect();
        let to = |ending: &str| {
            let mut name = photograph.name.clone().into_os_string();
            name.push(ending);
            self.args.out.join(name)
        };
        // A PNG keeps its name; what was another file says which.
        let is_png = photograph.name.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
        let (picture, record) = (if is_png { to("") } else { to(".png") }, to(".json"));
        if let Some(known) = known(&record).filter(|_| picture.exists()) {
            let same = ["plan", "sha256", "attributes"].map(|key| known[key].clone());
            if same == [self.plan.clone(), json!(sha256), json!(stated)] {
                return Ok(known);
            }
        }
        let name = photograph.path.display().to_string();
        let original = decode(&bytes, &name, &limits)?;
        let id = SampleId(u64::from_str_radix(&sha256[..16], 16).context("a hash is hexadecimal")?);
        let protected = self.protector.protect(&original, &attributes, id).context(name)?;
        files::write(&picture, &encode_png(&protected.picture))?;
        let value = self.record(photograph, &picture, &original, &protected, &sha256, &stated)?;
        files::write(&record, &serde_json::to_vec_pretty(&value)?)?;
        Ok(value)
    }

    fn record(
        &self,
        photograph: &Photograph,
        file: &Path,
        original: &Picture,
        protected: &Protected,
        sha256: &str,
        attributes: &[&str],
    ) -> anyhow::Result<Value> {
        let part = |picture: &Picture| crop(&picture.to_images(), protected.part);
        let (before, after) = (part(original)?, part(&protected.picture)?);
        let distance = Distance::between(before.image(0), after.image(0), before.height(), before.width());
        let faces: Vec<Value> = protected
            .faces
            .iter()
            .map(|f| json!({"left": f.bounds.left, "top": f.bounds.top, "right": f.bounds.right, "bottom": f.bounds.bottom, "score": f.score}))
            .collect();
        let edits: Vec<Value> = protected
            .edits
            .iter()
            .map(|e| {
                let domain = e.domain.map(|d| d.to_string());
                json!({"face": e.face, "editor": self.editors[e.editor], "edit": domain, "loss": e.loss, "broken": e.broken})
            })
            .collect();
        Ok(json!({
            "photograph": photograph.path,
            "sha256": sha256,
            "attributes": attributes,
            "file": file,
            "width": original.width(),
            "height": original.height(),
            "holds": protected.holds(),
            "faces": faces,
            "edits": edits,
            "changed part": {"x": protected.part.x, "y": protected.part.y, "width": protected.part.width, "height": protected.part.height},
            "distance there": distance,
            "steps": protected.steps,
            "plan": self.plan,
        }))
    }
}

/// An editor for all its edits at once, and its files with their checksums.
fn editor(spec: &ModelSpec) -> anyhow::Result<(Network, Vec<(String, String)>)> {
    if let Which::Onnx(_) = spec.which {
        let Model { network, files } = spec.load()?;
        return Ok((network, files));
    }
    let opened = spec.open()?;
    let form = opened.weights.form(opened.entry);
    let network = opened.entry.network(opened.weights.clone(), &form)?;
    let Role::Editor(editing) = &network.role else { return Ok((network, opened.files)) };
    let domains = editing.condition.as_ref().map_or(1, |c| c.attributes.len());
    if domains == form.domains {
        return Ok((network, opened.files));
    }
    Ok((opened.entry.network(opened.weights, &Form { domains, ..form })?, opened.files))
}

/// The record that an earlier run left, if it is one.
fn known(path: &Path) -> Option<Value> {
    serde_json::from_slice(&files::read(path, 1 << 26).ok()?).ok()
}

/// A record as a line for people.
fn tell(record: &Value) -> String {
    let edits = record["edits"].as_array().map_or(&[][..], Vec::as_slice);
    let mut editors: Vec<(&str, usize, usize)> = Vec::new();
    for edit in edits {
        let name = edit["editor"].as_str().unwrap_or_default();
        if editors.last().is_none_or(|(last, ..)| *last != name) && !editors.iter().any(|(n, ..)| *n == name)
        {
            editors.push((name, 0, 0));
        }
        if let Some((_, broken, all)) = editors.iter_mut().find(|(n, ..)| *n == name) {
            *broken += usize::from(edit["broken"] == true);
            *all += 1;
        }
    }
    let each: Vec<String> =
        editors.iter().map(|(name, broken, all)| format!("{name} {broken} of {all}")).collect();
    let faces = record["faces"].as_array().map_or(0, Vec::len);
    let seen = if faces == 0 { "taken whole".to_owned() } else { counted(faces, "face") };
    let distance = &record["distance there"];
    let number = |key: &str| distance[key].as_f64();
    let psnr = number("psnr").map_or(String::new(), |v| format!(", PSNR {v:.1} dB"));
    let ssim = number("ssim").map_or(String::new(), |v| format!(", SSIM {v:.3}"));
    format!(
        "{} -> {}: {seen}; edits broken: {}{psnr}{ssim}",
        record["photograph"].as_str().unwrap_or_default(),
        record["file"].as_str().unwrap_or_default(),
        each.join(", ")
    )
}
