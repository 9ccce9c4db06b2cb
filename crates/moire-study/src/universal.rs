//! Universal perturbations as files: a change for fakes, a change for reals, and what they were made of.

use std::path::Path;

use moire_attack::{Attack, Universal};
use moire_formats::{Checkpoint, Limits};
use moire_tensor::Tensor;

use crate::error::{Error, Repr};
use crate::files::read;
use crate::model::Model;
use crate::record::Budget;

const OF_FAKES: &str = "of_fakes";
const OF_REALS: &str = "of_reals";

/// Where a study keeps what an attack crafted once, by the folder of its images.
pub(crate) fn place(folder: &str) -> String {
    format!("universal/{folder}.safetensors")
}

/// A safetensors file with `of_fakes` and `of_reals`, `[3, h, w]` on pixels in `[0, 1]`, and what made them as its
/// metadata.
pub(crate) fn to_bytes(
    universal: &Universal,
    network: &str,
    model: &Model,
    attack: &Attack,
    budget: Option<&Budget>,
    seed: u64,
) -> Result<Vec<u8>, Error> {
    let [height, width] = model.network.preprocess.size;
    let tensor = |values: &[f32]| Tensor::new([3, height, width], values.to_vec());
    let mut file = Checkpoint::new([
        (OF_FAKES.to_owned(), tensor(&universal.of_fakes)?),
        (OF_REALS.to_owned(), tensor(&universal.of_reals)?),
    ])?;
    let weights: Vec<String> = model.files.iter().map(|(name, sha256)| format!("{name} {sha256}")).collect();
    file.describe("kind", "universal perturbation, pixels in [0, 1]");
    file.describe("network", network);
    file.describe("weights_sha256", weights.join(", "));
    file.describe("budget", budget.map_or("none", Budget::text));
    file.describe("attack", attack.to_string());
    file.describe("seed", seed.to_string());
    if let Attack::UapOverfire(p) = attack {
        file.describe("objective", p.form.to_string());
        file.describe("steps", p.steps.to_string());
    }
    Ok(file.write_safetensors())
}

/// The changes for fakes and for reals, `[1, 3, h, w]`, of a file that [`to_bytes`] made.
pub(crate) fn from_file(path: &Path) -> Result<[Tensor; 2], Error> {
    let limits = Limits::default();
    let file = Checkpoint::read(&read(path, limits.file_bytes)?, &path.display().to_string(), &limits)?;
    let change = |name: &str| -> Result<Tensor, Error> {
        let unfit = |found: String| {
            let expected = format!("a tensor {name} [3, h, w]");
            Error::from(Repr::Unfit { path: path.to_owned(), expected, found })
        };
        let tensor = file.get(name).ok_or_else(|| unfit("none".to_owned()))?;
        match tensor.shape()[..] {
            [3, height, width] => Ok(Tensor::new([1, 3, height, width], tensor.data().to_vec())?),
            _ => Err(unfit(tensor.shape().to_string())),
        }
    };
    Ok([change(OF_FAKES)?, change(OF_REALS)?])
}
