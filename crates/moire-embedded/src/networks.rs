/// A network that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// What it is called: its architecture, and what it learnt to see where there are several.
    pub name: &'static str,
    /// A safetensors file of 16-bit numbers whose metadata says which network it is.
    pub weights: &'static [u8],
    /// Its model card in Markdown: data, licence, recipe, what it is worth on held-out faces, limits.
    pub card: &'static str,
}

impl Embedded {
    /// The first words of its card: what it is, for how large images, with how many parameters.
    pub fn summary(&self) -> &'static str {
        let mut paragraphs =
            self.card.split("\n\n").skip_while(|p| !p.contains("\n# ") && !p.starts_with("# "));
        paragraphs.nth(1).unwrap_or_default()
    }

    /// The kind of forgery that a detector learnt to see: its name's ending, swaps without one.
    pub fn forgery(&self) -> &'static str {
        let ending = self.name.rsplit_once('-').map(|(_, ending)| ending);
        ending.filter(|kind| ["warp", "edit"].contains(kind)).unwrap_or("swap")
    }
}

macro_rules! embedded {
    ($($name:literal)*) => {
        &[$(Embedded {
            name: $name,
            weights: include_bytes!(concat!("../weights/", $name, ".safetensors")),
            card: include_str!(concat!("../cards/", $name, ".md")),
        }),*]
    };
}

static EDITORS: &[Embedded] = embedded! {
    "stargan" "attgan" "stgan" "ugatit"
};

static DETECTORS: &[Embedded] = embedded! {
    "ynet-swap" "ynet-warp" "ynet-edit"
    "forensictransfer-swap" "forensictransfer-edit" "forensictransfer-residual-swap"
    "mesoinception4-swap" "mesoinception4-edit"
    "resnet50" "resnet101" "xception" "inception_v3"
};

/// Those that edit faces.
pub fn editors() -> &'static [Embedded] {
    EDITORS
}

/// Those that say whether a face was forged.
pub fn detectors() -> &'static [Embedded] {
    DETECTORS
}

/// Every network that comes with the program: editors first, then detectors.
pub fn all() -> impl Iterator<Item = &'static Embedded> {
    EDITORS.iter().chain(DETECTORS)
}

/// The network of this name.
pub fn find(name: &str) -> Option<&'static Embedded> {
    all().find(|network| network.name == name)
}
