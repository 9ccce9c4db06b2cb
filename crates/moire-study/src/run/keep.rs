//! Maps that are kept beside saved images: masks that detectors draw, and key regions.

use moire_attack::{Attack, Objective};
use moire_image::encode_png;
use moire_tensor::Images;

use super::Work;
use super::bench::Bench;
use super::task::Task;
use crate::data::{Sample, read_saved};
use crate::error::Error;
use crate::record::MaskShift;
use crate::{files, mask};

/// How many images of each attack are shown.
pub(crate) const PANELS: usize = 3;

impl Work<'_, '_> {
    /// Keeps the mask that the detector draws on a saved image, and says what became of it; or why the true mask cannot
    /// be read.
    pub(super) fn mask(
        &self,
        task: &Task<'_>,
        sample: &Sample,
        drawn: Option<&[f32]>,
        wanted: Option<&[f32]>,
        size: [usize; 2],
    ) -> Result<Result<Option<MaskShift>, String>, Error> {
        let Some(drawn) = drawn else { return Ok(Ok(None)) };
        let truth = match sample.mask(size) {
            Ok(truth) => truth,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let file = task.file(sample);
        let keep = |place: String, mask: &[f32]| {
            let picture = mask::picture(mask, size)?;
            files::write(&self.place(&place), &encode_png(&picture))?;
            Ok::<_, Error>(mask::marked(&picture))
        };
        let after = keep(mask::drawn(&file), drawn)?;
        let wanted = wanted.map(|wanted| keep(mask::wanted(&file), wanted)).transpose()?;
        let clean = Task { trial: None, ..*task };
        // The images as they are come first, so their masks are on the disk.
        let before = mask::marked(&read_saved(&self.place(&mask::drawn(&clean.file(sample))))?);
        Ok(Ok(Some(mask::shift(&before, &after, truth.as_deref(), wanted.as_deref()))))
    }

    /// Keeps the maps that key regions are made of, and the least of them, for the first images of each label: what the
    /// report shows.
    pub(super) fn regions(
        &self,
        task: &Task<'_>,
        attacked: &[(&Sample, &Images)],
        bench: &mut Bench<'_>,
    ) -> Result<(), Error> {
        let Some(Attack::Kra(kra)) = task.trial.map(|t| t.attack) else { return Ok(()) };
        let is_first = |sample: &Sample| {
            let alike = task.data.samples.iter().filter(|s| s.label == sample.label);
            alike.take(PANELS).any(|s| s == sample)
        };
        for (sample, clean) in attacked.iter().filter(|(sample, _)| is_first(sample)) {
            let maps = bench.detector.heat_maps(clean, &kra.layers)?.remove(0);
            let Some(at_all) = least(&maps) else { continue };
            for (layer, map) in maps.iter().chain([&at_all]).enumerate() {
                let place = self.place(&mask::region(&task.file(sample), layer));
                files::write(&place, &encode_png(&mask::picture(map, bench.size)?))?;
            }
        }
        Ok(())
    }
}

/// The pointwise minimum of maps.
fn least(maps: &[Vec<f32>]) -> Option<Vec<f32>> {
    let pointwise = |mut a: Vec<f32>, b: Vec<f32>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a = a.min(b));
        a
    };
    maps.iter().cloned().reduce(pointwise)
}
