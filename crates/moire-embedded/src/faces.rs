/// A face that is nobody's, 128 x 128 pixels, each picture a PNG file.
#[derive(Debug, Clone, Copy)]
pub struct SampleFace {
    /// Its name in [`ATTRIBUTES`], `00.png` and so on.
    pub name: &'static str,
    /// The face as it is.
    pub real: &'static [u8],
    /// The face forged, once in each way.
    pub forged: &'static [Forged],
}

/// A forged face.
#[derive(Debug, Clone, Copy)]
pub struct Forged {
    /// How: `swap`, `warp` or `edit`; what the detectors of that name learnt to see.
    pub kind: &'static str,
    /// The forged face, a PNG file.
    pub picture: &'static [u8],
    /// White where it was forged, a PNG file of grey values.
    pub mask: &'static [u8],
}

/// What the faces have, in the form of `CelebA`'s table as CSV.
pub const ATTRIBUTES: &str = include_str!("../faces/list_attr.csv");

macro_rules! picture {
    ($folder:literal, $number:literal) => {
        include_bytes!(concat!("../faces/", $folder, "/", $number, ".png"))
    };
}

macro_rules! forged {
    ($kind:literal, $number:literal) => {
        Forged {
            kind: $kind,
            picture: picture!($kind, $number),
            mask: include_bytes!(concat!("../faces/", $kind, "-mask/", $number, ".png")),
        }
    };
}

macro_rules! faces {
    ($($number:literal)*) => {
        &[$(SampleFace {
            name: concat!($number, ".png"),
            real: picture!("real", $number),
            forged: &[
                forged!("swap", $number),
                forged!("warp", $number),
                forged!("edit", $number),
            ],
        }),*]
    };
}

static FACES: &[SampleFace] = faces! {
    "00" "01" "02" "03" "04" "05" "06" "07" "08" "09" "10" "11"
    "12" "13" "14" "15" "16" "17" "18" "19" "20" "21" "22" "23"
    "24" "25" "26" "27" "28" "29" "30" "31" "32" "33" "34" "35"
};

/// Every sample face.
pub fn faces() -> &'static [SampleFace] {
    FACES
}
