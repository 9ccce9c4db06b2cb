use moire_formats::{Checkpoint, Limits, Loader};
use moire_graph::{ValueId, simplify};

use crate::condition::Condition;
use crate::error::{Error, Repr};
use crate::layers::Layers;
use crate::network::{Decision, Editing, Form, Network, Preprocess, Role, Sizes};
use crate::weights::{Config, Input, Weights};

/// A checkpoint that somebody published.
#[derive(Debug)]
pub struct Published {
    /// Its file name.
    pub file: &'static str,
    /// The SHA-256 of its bytes, in lower-case hexadecimal, where it is known.
    pub sha256: Option<&'static str>,
    /// What it was trained on.
    pub about: &'static str,
    /// What it answers to the ramp, image ((7c + 3i + 5j) mod 256) / 255 at channel c, row i, column j, of the size
    /// that the network was made for: the first numbers of `y`, of `boxes` for a finder of faces, as an independent port
    /// computes them.
    pub ramp: &'static [f64],
}

/// What an architecture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Saying whether an image is forged.
    Detect,
    /// Editing an image.
    Edit,
    /// Finding faces.
    Find,
}

/// The outputs of a graph.
pub(crate) type Outputs = Vec<(&'static str, ValueId)>;

/// From the image as the network sees it to its answers.
#[derive(Debug)]
pub(crate) enum Architecture {
    /// Gives `y`, and what else there is.
    Detector {
        decision: Decision,
        build: fn(&mut Layers<'_>, ValueId) -> Result<Outputs, moire_graph::Error>,
    },
    /// Gives `y` for the conditions of [`Form::domains`] edits, and what a condition means.
    Editor { build: fn(&mut Layers<'_>, ValueId, usize) -> Result<Edited, moire_graph::Error> },
    /// Gives `boxes`, `scores` and `landmarks`.
    Faces { build: fn(&mut Layers<'_>, ValueId) -> Result<Outputs, moire_graph::Error> },
    /// Gives `y`: an editor that takes no condition.
    Translator { build: fn(&mut Layers<'_>, ValueId) -> Result<ValueId, moire_graph::Error> },
}

/// What an editor's graph ends with.
pub(crate) struct Edited {
    pub(crate) y: ValueId,
    pub(crate) condition: Condition,
}

/// An architecture that can be asked for by name.
#[derive(Debug)]
pub struct Entry {
    /// The name, as in `ynet:PATH`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where its checkpoints are published.
    pub source: &'static str,
    /// The licence of those checkpoints.
    pub licence: &'static str,
    /// Which files make up a checkpoint.
    pub files: &'static str,
    /// What its answers mean.
    pub labels: &'static str,
    /// Known checkpoints.
    pub published: &'static [Published],
    /// The numbers that were trained, at the published widths.
    pub parameters: usize,
    /// What it does to pixels, and the size that it was made for.
    pub preprocess: Preprocess,
    /// The sizes that it takes.
    pub sizes: Sizes,
    /// The parts of larger checkpoints that may be this network: a `G` beside a discriminator and optimisers.
    pub(crate) inside: &'static [&'static str],
    pub(crate) architecture: Architecture,
}

impl Entry {
    /// The network with the weights in `files`, pairs of a name (for messages) and bytes, which together make
    /// up one checkpoint.
    ///
    /// # Errors
    /// A file cannot be read, the tensors are not exactly those of this network (all that are missing, unused or
    /// mis-shaped are listed), or the architecture has no such form.
    pub fn load(&self, files: &[(String, Vec<u8>)], limits: &Limits, form: &Form) -> Result<Network, Error> {
        self.network(Weights::read(files, limits)?, form)
    }

    /// The network with weights that were read.
    ///
    /// # Errors
    /// As [`Entry::load`]; or the weights say themselves that they are another network's.
    pub fn network(&self, weights: Weights, form: &Form) -> Result<Network, Error> {
        let (mut loader, config, input) = weights.for_entry(self)?;
        let network = self.build(&mut loader, config, Input { size: form.size, ..input }, form)?;
        // Before anything is done with the weights: where one is missing, zeros stand in that take no memory yet.
        loader.finish()?;
        simplified(network)
    }

    /// The network with plausible random weights of the published widths, for timing and tests of shape.
    ///
    /// # Errors
    /// The architecture has no such form.
    pub fn random(&self, seed: u64, form: &Form) -> Result<Network, Error> {
        let input = Input { size: form.size, ..Input::of(self.preprocess) };
        simplified(self.build(&mut Loader::random(seed), Config::default(), input, form)?)
    }

    /// The network at its published widths without weights, all zeros: to look at its inputs, layers and outputs.
    ///
    /// # Errors
    /// Never, unless this crate has a defect.
    pub fn outline(&self) -> Result<Network, Error> {
        // Every tensor is missing there, so each is asked for at its published width, and zeros stand in.
        let mut loader = Loader::new(Checkpoint::new([])?, "no weights");
        let input = Input::of(self.preprocess);
        simplified(self.build(&mut loader, Config::default(), input, &self.form())?)
    }

    /// The size that it was made for, and one edit.
    pub fn form(&self) -> Form {
        Form { size: self.preprocess.size, domains: 1 }
    }

    /// What it is for.
    pub fn task(&self) -> Task {
        match self.architecture {
            Architecture::Detector { .. } => Task::Detect,
            Architecture::Editor { .. } | Architecture::Translator { .. } => Task::Edit,
            Architecture::Faces { .. } => Task::Find,
        }
    }

    /// Whether it makes the edit that a condition asks for, and several at once.
    pub fn takes_condition(&self) -> bool {
        matches!(self.architecture, Architecture::Editor { .. })
    }

    /// Builds from `loader`, which has still to be asked whether everything was there.
    pub(crate) fn build(
        &self,
        loader: &mut Loader,
        config: Config,
        input: Input,
        form: &Form,
    ) -> Result<Network, Error> {
        self.check(form)?;
        let preprocess = input.preprocess();
        let mut net = Layers::new(loader, config);
        let x = preprocess.input(&mut net.b)?;
        let (role, outputs) = match self.architecture {
            Architecture::Detector { decision, build } => {
                let mut outputs = build(&mut net, x)?;
                let (_, y) = outputs[0];
                outputs.splice(1..1, decision.outputs(&mut net.b, y)?);
                (Role::Detector(decision), outputs)
            }
            Architecture::Editor { build } => {
                let Edited { y, condition } = build(&mut net, x, form.domains)?;
                let editing = Editing { condition: Some(condition), domains: form.domains };
                (Role::Editor(editing), vec![("y", y)])
            }
            Architecture::Translator { build } => {
                let y = build(&mut net, x)?;
                (Role::Editor(Editing { condition: None, domains: 1 }), vec![("y", y)])
            }
            Architecture::Faces { build } => (Role::Faces, build(&mut net, x)?),
        };
        if let Some(width) = net.nameless {
            return Err(Repr::Nameless { name: self.name, width }.into());
        }
        let graph = net.b.finish(outputs)?;
        Ok(Network { name: self.name.to_owned(), graph, preprocess, role, crop: input.crop })
    }

    fn check(&self, form: &Form) -> Result<(), Error> {
        let Sizes { least, most, multiple } = self.sizes;
        let fits = |&n: &usize| (least..=most).contains(&n) && n % multiple == 0;
        if !form.size.iter().all(fits) {
            let [h, w] = form.size;
            let of = if multiple == 1 { String::new() } else { format!(", in multiples of {multiple}") };
            let expected = format!("height and width from {least} to {most}{of}");
            return Err(Repr::Form { name: self.name, expected, found: format!("{h} x {w}") }.into());
        }
        let most = if self.takes_condition() { MOST_DOMAINS } else { 1 };
        if !(1..=most).contains(&form.domains) {
            let expected = format!("1 to {most} edits at once");
            return Err(Repr::Form { name: self.name, expected, found: form.domains.to_string() }.into());
        }
        Ok(())
    }
}

fn simplified(network: Network) -> Result<Network, Error> {
    Ok(Network { graph: simplify(&network.graph)?, ..network })
}

/// The most edits at once.
const MOST_DOMAINS: usize = 1024;

#[cfg(test)]
mod tests {
    use moire_formats::{Checkpoint, Loader};

    use crate::weights::{Config, Input};
    use crate::{entries, find};

    /// The numbers that are trained: all but running statistics.
    fn trained(name: &str) -> usize {
        let entry = find(name).unwrap();
        // Every tensor is missing here, so each is asked for at its published width, and nothing is drawn.
        let mut loader = Loader::new(Checkpoint::new([]).unwrap(), "nothing");
        entry.build(&mut loader, Config::default(), Input::of(entry.preprocess), &entry.form()).unwrap();
        let statistics = ["running_mean", "running_var", "moving_mean:0", "moving_variance:0"];
        let trained = loader.asked().filter(|(name, _)| !statistics.iter().any(|s| name.ends_with(s)));
        trained.map(|(_, shape)| shape.numel()).sum()
    }

    #[test]
    fn parameters_are_those_that_are_published() {
        let mut wrong = Vec::new();
        for entry in entries() {
            let found = trained(entry.name);
            if found != entry.parameters {
                wrong.push(format!("{}: {found}, not {}", entry.name, entry.parameters));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // With the thousand classes of ImageNet instead of two, as their authors count.
        let classes = |name: &str, features: usize| trained(name) + 998 * (features + 1);
        assert_eq!(classes("xception", 2048), 22_855_952);
        assert_eq!(classes("inception_v3", 2048), 23_834_568);
        assert_eq!(classes("resnet50", 2048), 25_557_032);
        assert_eq!(classes("resnet101", 2048), 44_549_160);
    }
}
