//! The half that protects.

use std::path::Path;

use moire_cpu::Cpu;
use moire_embedded::{ATTRIBUTES, SampleFace, editors, faces};
use moire_image::{Limits, Picture, decode, encode_png};
use moire_protect::{Protector, Settings, usual_framing};
use moire_study::{Distance, ModelSpec, files};
use moire_tensor::Eps;
use moire_zoo::Table;

use crate::commands::protect::who;

/// Which of the sample faces are shown.
const SHOWN: [usize; 2] = [0, 1];
/// As strong as the paper's, in as many steps as a minute has room for.
const ATTACK: &str = "i_fgsm(steps=40,alpha=eps/10)";
const EPS: f32 = 0.05;

/// A protected photograph, and what editors make of it.
pub(super) struct Shield {
    pub(super) name: String,
    pub(super) given: Picture,
    pub(super) protected: Picture,
    pub(super) distance: Distance,
    pub(super) edits: Vec<Pair>,
}

/// One edit, of the photograph as it was and of the protected one.
pub(super) struct Pair {
    pub(super) editor: &'static str,
    pub(super) edit: String,
    pub(super) loss: f32,
    pub(super) broken: bool,
    pub(super) before: Picture,
    pub(super) after: Picture,
}

impl Shield {
    /// How many edits break.
    pub(super) fn verdict(&self) -> String {
        let broken = self.edits.iter().filter(|e| e.broken).count();
        format!("{broken} of {} edits by {} editors break", self.edits.len(), editors().len())
    }
}

/// Protects the faces from all editors at once, and writes them.
pub(super) fn protect(device: &Cpu, out: &Path) -> anyhow::Result<Vec<Shield>> {
    let settings = Settings { attack: ATTACK.parse()?, eps: Eps::new(EPS)?, ..Settings::default() };
    let mut networks = Vec::new();
    for editor in editors() {
        let network = ModelSpec::from(editor).load_editor(&settings)?.network;
        let framing = usual_framing(&network)?;
        networks.push((network, framing));
    }
    let mut protector = Protector::new(device, networks, None)?;
    SHOWN.iter().map(|&place| shield(&mut protector, &faces()[place], &settings, out)).collect()
}

fn shield(
    protector: &mut Protector<'_>,
    face: &SampleFace,
    settings: &Settings,
    out: &Path,
) -> anyhow::Result<Shield> {
    println!("protecting {}", face.name);
    let given = decode(face.real, face.name, &Limits::default())?;
    let attributes = Table::parse(ATTRIBUTES, "list_attr.csv")?.face(face.name)?;
    // As `moire protect` would do it.
    let id = who(&files::sha256(face.real))?;
    let protected = protector.protect(&given, &attributes, id, settings)?;
    files::write(&out.join("protected").join(face.name), &encode_png(&protected.picture))?;
    let mut edits = Vec::new();
    for (place, editor) in editors().iter().enumerate() {
        let before = protector.edits(&given, &attributes, place)?;
        let after = protector.edits(&protected.kept, &attributes, place)?;
        let judged = protected.edits.iter().filter(|e| e.editor == place);
        for ((before, after), edit) in before.into_iter().zip(after).zip(judged) {
            edits.push(Pair {
                editor: editor.name,
                edit: edit.domain.map_or_else(|| "painting".to_owned(), |d| d.name().replace('_', " ")),
                loss: edit.loss,
                broken: edit.loss > settings.strategy.tau,
                before,
                after,
            });
        }
    }
    let [a, b] = [&given, &protected.kept].map(Picture::to_images);
    let distance = Distance::between(a.tensor().data(), b.tensor().data(), given.height(), given.width());
    Ok(Shield { name: face.name.to_owned(), given, protected: protected.kept, distance, edits })
}
