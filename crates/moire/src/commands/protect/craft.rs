//! One change for many photographs: crafting it, and its file.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use moire_attack::Cmua;
use moire_cpu::Cpu;
use moire_formats::{Checkpoint, Limits};
use moire_protect::Universal;
use moire_study::{Photograph, files};
use moire_tensor::Tensor;
use serde_json::json;

use crate::cli::ProtectArgs;
use crate::commands::faces::counted;
use crate::commands::protect::{Failures, Networks, attributes, settings, table, who};
use crate::terminal::bar;

/// The tensor of a universal change, and what the file says of itself.
const CHANGE: &str = "change";
const FORMAT: &str = "moire.universal-protection.v1";

/// Crafts a change for all of `named` and writes it to `file`.
pub(super) fn run(
    args: &ProtectArgs,
    device: &Cpu,
    named: &[Photograph],
    file: &Path,
    mut failed: Failures,
) -> anyhow::Result<ExitCode> {
    let settings = settings(args)?;
    let networks = Networks::load(args, device, &settings)?;
    let mut protector = networks.protector.expect("moire's own editors stand in for none");
    let table = table(args)?;
    // As fine as the finest editor sees.
    let size = protector.sizes().into_iter().flatten().max().context("there is an editor")?;
    let progress = bar(named.len(), 0);
    let (mut specimens, mut hashes) = (Vec::new(), Vec::new());
    for photograph in named {
        progress.set_message(photograph.name.display().to_string());
        let mut gather = || -> anyhow::Result<()> {
            let bytes = files::read(&photograph.path, moire_image::Limits::default().max_bytes)?;
            let (name, sha256) = (photograph.path.display().to_string(), files::sha256(&bytes));
            let picture = moire_image::decode(&bytes, &name, &moire_image::Limits::default())?;
            let face = attributes(args, table.as_ref(), photograph)?;
            specimens.extend(protector.specimens(&picture, &face, who(&sha256)?, size).context(name)?);
            hashes.push(sha256);
            Ok(())
        };
        if let Err(error) = gather() {
            progress.suspend(|| failed.name(&photograph.path, &error));
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    if specimens.is_empty() {
        bail!("none of the photographs can be crafted on");
    }
    let cmua = Cmua { steps: args.steps, ..Cmua::default() };
    let progress = bar(args.steps as usize, 0);
    let universal = protector.craft(&specimens, &cmua, &settings, |_| progress.inc(1))?;
    progress.finish_and_clear();
    hashes.sort();
    let about = json!({
        "program": format!("moire {} ({})", env!("CARGO_PKG_VERSION"), device.isa()),
        "networks": networks.files,
        "steps": cmua.steps, "batch": cmua.batch, "alpha": cmua.alpha.to_string(), "mu": cmua.mu,
        "eps": settings.eps.to_string(),
        "strategy": settings.strategy.to_string(),
        "robust": settings.robust,
        "seed": settings.seed,
        "photographs": hashes.len(),
        "photographs_sha256": files::sha256(hashes.join("\n").as_bytes()),
    });
    let shape = [3, universal.size, universal.size];
    let tensor = Tensor::new(shape, universal.change.clone())?;
    let mut checkpoint = Checkpoint::new([(CHANGE.to_owned(), tensor)])?;
    checkpoint.describe("format", FORMAT);
    checkpoint.describe("laid over", if universal.whole { "photographs" } else { "faces" });
    checkpoint.describe("made by", about.to_string());
    files::write(file, &checkpoint.write_safetensors())?;
    if args.common.json {
        println!("{}", json!({"file": file, "size": size, "specimens": specimens.len(), "made by": about}));
    } else {
        let on = if universal.whole { "photograph" } else { "face" };
        println!("{}: crafted on {}", file.display(), counted(specimens.len(), on));
    }
    Ok(failed.end("could not be crafted on"))
}

/// The change of such a file, and the file's hash.
pub(super) fn read(path: &Path) -> anyhow::Result<(Universal, String)> {
    let (limits, name) = (Limits::default(), path.display().to_string());
    let bytes = files::read(path, limits.file_bytes)?;
    let checkpoint = Checkpoint::read(&bytes, &name, &limits)?;
    let says = |key: &str| checkpoint.metadata().get(key).map(String::as_str);
    ensure!(
        says("format") == Some(FORMAT),
        "{name}: expected a universal change, as `moire protect --craft` writes it, found {}",
        says("format").unwrap_or("a file that says nothing of itself")
    );
    let tensor = checkpoint.get(CHANGE).with_context(|| format!("{name}: there is no tensor {CHANGE}"))?;
    let whole = says("laid over") == Some("photographs");
    let size = tensor.shape().last().copied().unwrap_or(0);
    let universal = Universal::new(tensor.data().to_vec(), size, whole).with_context(|| name.clone())?;
    Ok((universal, files::sha256(&bytes)))
}
