//! Photographs under settings: each pair is a unit of work.

use std::path::Path;

use moire_attack::Combination;
use moire_image::{Picture, Rect, Subsampling, crop, encode_jpeg, encode_png};
use moire_protect::{Protector, Saving};

use super::{PANELS, Work};
use crate::error::Error;
use crate::files;
use crate::plan::{Way, plain};
use crate::portraits::{Portrait, Portraits};
use crate::protection::{Edit, Protected, Protection, Setting};
use crate::record::Distance;
use crate::study::Study;

impl Work<'_, '_> {
    /// Protects what is left.
    pub(super) fn protections(&mut self) -> Result<(), Error> {
        let study = self.run.study;
        // Editors are built for all edits at once, and anew for ways that look at single ones.
        for at_once in [true, false] {
            let is_so = |way: &&Way| matches!(way.settings.strategy.domains, Combination::Uniform) == at_once;
            let left: Vec<(usize, &Way)> = study.ways.iter().enumerate().filter(|(_, w)| is_so(w)).collect();
            let is_left = |(place, way): &(usize, &Way)| {
                study.photographs.iter().any(|set| !self.unprotected(*place, way, set).is_empty())
            };
            let Some((_, first)) = left.iter().find(|&w| is_left(w)) else { continue };
            let mut protector = study.protector(self.run.device, &first.settings)?;
            for (place, way) in left {
                for set in &study.photographs {
                    for (shown, portrait) in self.unprotected(place, way, set) {
                        self.progress.doing =
                            format!("{} at {} on {}", way.settings.attack, way.settings.eps, set.name);
                        let protection = self.protect(&mut protector, place, way, set, portrait, shown)?;
                        self.store.insert_protections(std::slice::from_ref(&protection))?;
                        self.protected.insert(protection.key());
                        self.progress.done += 1;
                        if !self.goes_on() {
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The photographs of a set that this run takes and that are not done, and whether they are to be shown.
    fn unprotected<'s>(&self, place: usize, way: &Way, set: &'s Portraits) -> Vec<(bool, &'s Portrait)> {
        let setting = setting(place, way).text();
        let is_done =
            |p: &Portrait| self.protected.contains(&(set.name.clone(), p.name.clone(), setting.clone()));
        let taken = set.all.iter().enumerate().filter(|(i, p)| self.run.takes(*i) && !is_done(p));
        taken.map(|(i, portrait)| (i < PANELS, portrait)).collect()
    }

    fn protect(
        &self,
        protector: &mut Protector<'_>,
        place: usize,
        way: &Way,
        set: &Portraits,
        portrait: &Portrait,
        shown: bool,
    ) -> Result<Protection, Error> {
        let start = (self.run.clock)();
        let mut unit = Unit {
            study: self.run.study,
            root: self.run.folder,
            protector,
            place,
            way,
            set,
            portrait,
            shown,
        };
        // What is wrong with one photograph is its record; what is wrong with the disk is everybody's.
        let outcome = match unit.attack() {
            Ok((picture, protected)) => {
                let mut kept = unit.keep(&picture, &protected)?;
                kept.seconds = (self.run.clock)() - start;
                Ok(kept)
            }
            Err(error) => Err(error.to_string()),
        };
        Ok(Protection {
            data: set.name.clone(),
            photograph: portrait.name.clone(),
            sha256: portrait.sha256.clone(),
            setting: setting(place, way),
            seed: self.seed(),
            outcome,
        })
    }
}

/// A way as records have it.
fn setting(place: usize, way: &Way) -> Setting {
    let settings = &way.settings;
    Setting {
        place,
        name: way.name.clone(),
        attack: settings.attack.to_string(),
        eps: settings.eps.into(),
        strategy: settings.strategy.to_string(),
        tau: settings.strategy.tau,
        robust: settings.robust,
        saving: settings.saving.to_string(),
    }
}

/// A photograph on its way.
struct Unit<'u, 'd> {
    study: &'u Study,
    /// The study's folder.
    root: &'u Path,
    protector: &'u mut Protector<'d>,
    place: usize,
    way: &'u Way,
    set: &'u Portraits,
    portrait: &'u Portrait,
    shown: bool,
}

impl Unit<'_, '_> {
    fn attack(&mut self) -> Result<(Picture, moire_protect::Protected), Error> {
        let (picture, attributes) = self.portrait.load()?;
        let (id, settings) = (self.portrait.id(), &self.way.settings);
        let protected = self.protector.protect(&picture, &attributes, id, settings)?;
        Ok((picture, protected))
    }

    /// Writes the file, and for photographs that are shown the edits too.
    fn keep(&mut self, picture: &Picture, made: &moire_protect::Protected) -> Result<Protected, Error> {
        let folder = self.folder();
        let name = self.portrait.saved_name();
        let (ending, bytes) = match self.way.settings.saving {
            Saving::Png => ("png", encode_png(&made.picture)),
            Saving::Jpeg(quality) => ("jpg", encode_jpeg(&made.picture, quality, Subsampling::Yuv420)?),
        };
        let file = format!("protected/{folder}/{name}.{ending}");
        files::write(&self.root.join(&file), &bytes)?;
        let names: Vec<&str> = self.study.editors.iter().map(|e| e.name.as_str()).collect();
        let mut edits: Vec<Edit> = made.edits.iter().map(|edit| self.edit(edit, &names)).collect();
        let mut given = None;
        if self.shown {
            let place = format!("photographs/{}/{name}.png", plain(&self.set.name));
            files::write(&self.root.join(&place), &encode_png(picture))?;
            given = Some(place);
            self.show(picture, made, &mut edits)?;
        }
        let around = around(&made.parts, picture);
        let [before, after] = [picture, &made.kept].map(|p| crop(&p.to_images(), around));
        let (before, after) = (before?, after?);
        Ok(Protected {
            file,
            given,
            faces: made.faces.len(),
            distance: Distance::between(before.image(0), after.image(0), around.height, around.width),
            edits,
            steps: made.steps,
            seconds: 0.0,
        })
    }

    fn edit(&self, edit: &moire_protect::Edit, names: &[&str]) -> Edit {
        let transforms = self.way.settings.after.iter().map(ToString::to_string);
        Edit {
            face: edit.face,
            editor: names[edit.editor].to_owned(),
            domain: edit.domain.map(|d| d.to_string()),
            loss: edit.loss,
            masked: edit.masked,
            after: transforms.zip(edit.after.iter().copied()).collect(),
            curve: edit.curve.clone(),
            files: None,
        }
    }

    /// Writes every edit of the surest face, of the photograph and of the protected one.
    fn show(
        &mut self,
        picture: &Picture,
        made: &moire_protect::Protected,
        edits: &mut [Edit],
    ) -> Result<(), Error> {
        let (_, attributes) = self.portrait.load()?;
        let saved = self.way.settings.saving.apply(picture)?;
        let folder = format!("edits/{}/{}", self.folder(), self.portrait.saved_name());
        for (editor, subject) in self.study.editors.iter().enumerate() {
            let before = self.protector.edits(&saved, &attributes, editor)?;
            let after = self.protector.edits(&made.kept, &attributes, editor)?;
            let own = edits.iter_mut().filter(|e| e.face == 0 && e.editor == subject.name);
            for ((edit, before), after) in own.zip(&before).zip(&after) {
                let domain = edit.domain.as_ref().map_or_else(String::new, |d| format!("-{d}"));
                let place = |of: &str| format!("{folder}/{}{domain}-{of}.png", plain(&subject.name));
                let files = ["given", "protected"].map(place);
                for (file, picture) in files.iter().zip([before, after]) {
                    files::write(&self.root.join(file), &encode_png(picture))?;
                }
                edit.files = Some(files);
            }
        }
        Ok(())
    }

    /// The folder of what this setting makes of this set.
    fn folder(&self) -> String {
        let setting = setting(self.place, self.way);
        let name = format!("{:02}-{}-{}", self.place + 1, setting.attack, setting.eps.text());
        format!("{}/{}", super::task::short(&name), plain(&self.set.name))
    }
}

/// The least rectangle that holds all parts; the whole picture where there are none.
fn around(parts: &[Rect], picture: &Picture) -> Rect {
    let both = |a: Rect, b: Rect| {
        let (x, y) = (a.x.min(b.x), a.y.min(b.y));
        let (right, bottom) = ((a.x + a.width).max(b.x + b.width), (a.y + a.height).max(b.y + b.height));
        Rect { x, y, width: right - x, height: bottom - y }
    };
    let whole = Rect { x: 0, y: 0, width: picture.width(), height: picture.height() };
    parts.iter().copied().reduce(both).unwrap_or(whole)
}
