//! What a study does, piece by piece, and where what came of it is kept.

use crate::data::{Dataset, Sample};
use crate::files::sha256;
use crate::plan::{Trial, plain};
use crate::record::{Answer, Budget, CLEAN, Key, Record};

/// One attack as it is asked for, or none (the images as they are), on one detector and one set of images.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) network: &'a str,
    pub(crate) data: &'a Dataset,
    pub(crate) trial: Option<Trial<'a>>,
}

/// Who judges the files of a task, and what happened to them before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way {
    /// The detector, where it is not the one that they were made for.
    pub(crate) guest: Option<String>,
    /// What happened to the file.
    pub(crate) transform: Option<String>,
}

impl Task<'_> {
    /// The attack and its budget as records have them.
    pub(crate) fn text(&self) -> (String, Option<Budget>) {
        match &self.trial {
            None => (CLEAN.to_owned(), None),
            Some(trial) => (trial.attack.to_string(), trial.eps.map(Budget::from)),
        }
    }

    /// The record of an image that came to this.
    pub(crate) fn record(&self, way: &Way, sample: &Sample, seed: u64, answer: Answer) -> Record {
        let (attack, eps) = self.text();
        let (network, crafted_on) = match &way.guest {
            None => (self.network.to_owned(), None),
            Some(guest) => (guest.clone(), Some(self.network.to_owned())),
        };
        Record {
            network,
            crafted_on,
            attack,
            eps,
            criterion: self.trial.map_or_else(Default::default, |t| t.criterion),
            made_of: self.trial.and_then(|t| t.made_of).map(str::to_owned),
            transform: way.transform.clone(),
            data: self.data.name.clone(),
            image: sample.name.clone(),
            image_sha256: sample.sha256.clone(),
            label: sample.label,
            seed,
            answer,
        }
    }

    pub(crate) fn key(&self, way: &Way, sample: &Sample) -> Key {
        self.record(way, sample, 0, Answer::Failed(String::new())).key()
    }

    /// What is running, for people.
    pub(crate) fn title(&self) -> String {
        let (attack, eps) = self.text();
        let eps = eps.map_or(String::new(), |e| format!(" at {}", e.text()));
        format!("{}: {attack}{eps} on {}", self.network, self.data.name)
    }

    /// The folder of what is kept of it, within `images` and beside.
    pub(crate) fn folder(&self) -> String {
        Place::of_task(self).folder()
    }

    /// Where the result of an image is saved, relative to the study's folder.
    pub(crate) fn file(&self, sample: &Sample) -> String {
        format!("images/{}/{}", self.folder(), sample.saved_name())
    }
}

/// What the folder of a task hangs on.
pub(crate) struct Place {
    network: String,
    attack: String,
    eps: Option<String>,
    criterion: String,
    made_of: Option<String>,
    data: String,
}

impl Place {
    /// That of a task.
    pub(crate) fn of_task(task: &Task<'_>) -> Self {
        let (attack, eps) = task.text();
        Self {
            network: task.network.to_owned(),
            attack,
            eps: eps.map(|e| e.text().to_owned()),
            criterion: task.trial.map_or_else(Default::default, |t| t.criterion).to_string(),
            made_of: task.trial.and_then(|t| t.made_of).map(str::to_owned),
            data: task.data.name.clone(),
        }
    }

    /// That of the task that a record is of, whoever judged it.
    pub(crate) fn of_record(record: &Record) -> Self {
        Self {
            network: record.crafted_on.as_ref().unwrap_or(&record.network).clone(),
            attack: record.attack.clone(),
            eps: record.eps.as_ref().map(|e| e.text().to_owned()),
            criterion: record.criterion.to_string(),
            made_of: record.made_of.clone(),
            data: record.data.clone(),
        }
    }

    /// The folder, below any other.
    pub(crate) fn folder(&self) -> String {
        format!("{}/{}", self.attack_folder(), short(&self.data))
    }

    /// The folder of the attack, whatever data it is put on.
    pub(crate) fn attack_folder(&self) -> String {
        let mut parts = vec![short(&self.network), short(&self.attack)];
        parts.extend(self.eps.as_deref().map(short));
        if self.criterion != "saved" {
            parts.push(short(&self.criterion));
        }
        parts.extend(self.made_of.as_deref().map(|data| format!("of-{}", short(data))));
        parts.join("/")
    }
}

/// A text as the name of a folder, of a length that every file system takes.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 100;
    let plain = plain(text);
    if plain.len() <= LONGEST {
        return plain;
    }
    format!("{}-{}", &plain[..LONGEST - 9], &sha256(text.as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn long_names_stay_apart() {
        let [a, b] = ["a", "b"].map(|end| short(&format!("kra(layers={}{end})", "block.conv2d+".repeat(20))));
        assert!(a.len() == 100 && a != b, "{a}");
        assert_eq!(short("pgd(steps=10,alpha=eps/4)"), "pgd-steps=10-alpha=eps-4");
    }
}
