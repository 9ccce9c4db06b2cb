//! Universal perturbations as files: a change for fakes, a change for reals, and what they were made of.

use std::path::Path;

use moire_attack::{Attack, Detector, Needs, Ready, Samples, Universal};
use moire_formats::{Checkpoint, Limits};
use moire_tensor::{Images, Label, Tensor};

use crate::data::Sample;
use crate::error::{Error, Repr};
use crate::files::{read, sha256};
use crate::model::Model;
use crate::plan::Trial;
use crate::record::Budget;

const OF_FAKES: &str = "of_fakes";
const OF_REALS: &str = "of_reals";

/// Makes an attack ready for a detector that takes images of this size: what needs a change from a file reads it,
/// what is made of images is made of the first of `samples`.
pub(crate) fn prepare<'a>(
    Trial { attack, eps, .. }: Trial<'a>,
    seed: u64,
    detector: &mut Detector<'_>,
    size: [usize; 2],
    samples: &[Sample],
) -> Result<Ready<'a>, Error> {
    match attack.needs() {
        Needs::Nothing => Ok(attack.prepare(detector, eps, seed, None)?),
        Needs::Change(path) => Ok(attack.prepared(from_file(Path::new(path))?.fitted(size))),
        Needs::Images(most) => {
            let chosen = first(samples, most);
            let images = chosen.iter().map(|s| s.load(size)).collect::<Result<Vec<_>, _>>()?;
            let images = Images::concat(&images.iter().collect::<Vec<_>>())?;
            detector.set_labels(&chosen.iter().map(|s| s.label).collect::<Vec<_>>());
            let ids: Vec<_> = chosen.iter().map(|s| s.id()).collect();
            let made_of = Samples { images: &images, ids: &ids, seed };
            Ok(attack.prepare(detector, eps, seed, Some(&made_of))?)
        }
    }
}

/// The first so many of each label.
fn first(samples: &[Sample], most: usize) -> Vec<&Sample> {
    let of = |label| samples.iter().filter(move |s| s.label == label).take(most);
    of(Label::Fake).chain(of(Label::Real)).collect()
}

/// The files that attacks take their changes from, each read and found to hold one, with their SHA-256.
pub(crate) fn checksums<'a>(
    attacks: impl IntoIterator<Item = &'a Attack>,
) -> Result<Vec<(String, String)>, Error> {
    let mut found = Vec::new();
    for attack in attacks {
        if let Needs::Change(path) = attack.needs() {
            let bytes = read(Path::new(path), Limits::default().file_bytes)?;
            from_bytes(Path::new(path), &bytes)?;
            found.push((format!("universal: {path}"), sha256(&bytes)));
        }
    }
    Ok(found)
}

/// Where a study keeps what an attack crafted once, by the folder of its images.
pub(crate) fn place(folder: &str) -> String {
    format!("universal/{folder}.safetensors")
}

/// A safetensors file with `of_fakes` and `of_reals`, `[3, h, w]` on pixels in `[0, 1]`, and what made them as its
/// metadata; `samples` are those that an attack made of images could take from.
pub(crate) fn to_bytes(
    universal: &Universal,
    network: &str,
    model: &Model,
    attack: &Attack,
    budget: Option<&Budget>,
    seed: u64,
    samples: &[Sample],
) -> Result<Vec<u8>, Error> {
    let [height, width] = universal.size;
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
    match (attack, attack.needs()) {
        (_, Needs::Images(most)) => {
            let lines: Vec<String> = first(samples, most).into_iter().map(Sample::line).collect();
            file.describe("images", lines.len().to_string());
            file.describe("images_sha256", sha256(lines.join("\n").as_bytes()));
        }
        (Attack::UapOverfire(p), _) => {
            file.describe("objective", p.form.to_string());
            file.describe("steps", p.steps.to_string());
        }
        (Attack::GdUap(p), _) => file.describe("steps", p.steps.to_string()),
        _ => {}
    }
    Ok(file.write_safetensors())
}

/// The changes in a file that [`to_bytes`] made, or anything of its form.
///
/// # Errors
/// It cannot be read, is not such a file, or holds what is no change of pixels in `[0, 1]`.
pub(crate) fn from_file(path: &Path) -> Result<Universal, Error> {
    from_bytes(path, &read(path, Limits::default().file_bytes)?)
}

fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Universal, Error> {
    let file = Checkpoint::read(bytes, &path.display().to_string(), &Limits::default())?;
    let unfit =
        |expected: String, found: String| Error::from(Repr::Unfit { path: path.to_owned(), expected, found });
    let change = |name: &str| -> Result<([usize; 2], Vec<f32>), Error> {
        let expected = || format!("a tensor {name} [3, h, w]");
        let tensor = file.get(name).ok_or_else(|| unfit(expected(), "none".to_owned()))?;
        let [3, height, width] = tensor.shape()[..] else {
            return Err(unfit(expected(), tensor.shape().to_string()));
        };
        match tensor.data().iter().find(|v| !(-1.0..=1.0).contains(*v)) {
            Some(bad) => Err(unfit(format!("changes in {name} from -1 to 1"), bad.to_string())),
            None => Ok(([height, width], tensor.data().to_vec())),
        }
    };
    let ((size, of_fakes), (other, of_reals)) = (change(OF_FAKES)?, change(OF_REALS)?);
    if size != other || size.contains(&0) {
        return Err(unfit(
            "two changes of one size".to_owned(),
            format!("{} x {} and {} x {}", size[0], size[1], other[0], other[1]),
        ));
    }
    Ok(Universal { size, of_fakes, of_reals })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use moire_formats::Checkpoint;
    use moire_tensor::{Shape, Tensor};

    use super::from_bytes;

    fn file(fakes: &[usize], reals: &[usize], value: f32) -> Vec<u8> {
        let tensor = |name: &str, shape: &[usize]| (name.to_owned(), Tensor::full(Shape::from(shape), value));
        Checkpoint::new([tensor("of_fakes", fakes), tensor("of_reals", reals)]).unwrap().write_safetensors()
    }

    #[test]
    fn what_is_no_change_is_refused_by_name() {
        let read = |bytes: &[u8]| from_bytes(Path::new("a/u.safetensors"), bytes);
        let good = read(&file(&[3, 2, 4], &[3, 2, 4], -0.25)).unwrap();
        assert_eq!((good.size, good.of_reals), ([2, 4], vec![-0.25; 24]));
        for (bytes, expected) in [
            (file(&[3, 2, 4], &[3, 4, 2], 0.0), "two changes of one size, found 2 x 4 and 4 x 2"),
            (file(&[1, 3, 2, 4], &[3, 2, 4], 0.0), "a tensor of_fakes [3, h, w], found"),
            (file(&[3, 2, 4], &[3, 2, 4], 8.0), "changes in of_fakes from -1 to 1, found 8"),
            (file(&[3, 2, 4], &[3, 2, 4], f32::NAN), "NaN"),
            (b"text".to_vec(), "u.safetensors"),
        ] {
            let said = read(&bytes).unwrap_err().to_string();
            assert!(said.contains("a/u.safetensors") && said.contains(expected), "{said}");
        }
    }
}
