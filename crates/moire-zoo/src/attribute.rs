use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Repr};

/// Defines [`Attribute`] with the names that `CelebA` gives its columns.
macro_rules! attributes {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// One of the forty attributes of `CelebA` (Liu et al., arXiv 1411.7766), in the order of its table.
        #[allow(missing_docs, reason = "the names are CelebA's own")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Attribute { $($variant),+ }

        impl Attribute {
            /// All of them, in the order of `CelebA`'s table.
            pub const ALL: [Self; 40] = [$(Self::$variant),+];

            /// `CelebA`'s own name, as in `Black_Hair`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

attributes! {
    FiveOClockShadow "5_o_Clock_Shadow", ArchedEyebrows "Arched_Eyebrows", Attractive "Attractive",
    BagsUnderEyes "Bags_Under_Eyes", Bald "Bald", Bangs "Bangs", BigLips "Big_Lips", BigNose "Big_Nose",
    BlackHair "Black_Hair", BlondHair "Blond_Hair", Blurry "Blurry", BrownHair "Brown_Hair",
    BushyEyebrows "Bushy_Eyebrows", Chubby "Chubby", DoubleChin "Double_Chin", Eyeglasses "Eyeglasses",
    Goatee "Goatee", GrayHair "Gray_Hair", HeavyMakeup "Heavy_Makeup", HighCheekbones "High_Cheekbones", Male "Male",
    MouthSlightlyOpen "Mouth_Slightly_Open", Mustache "Mustache", NarrowEyes "Narrow_Eyes", NoBeard "No_Beard",
    OvalFace "Oval_Face", PaleSkin "Pale_Skin", PointyNose "Pointy_Nose", RecedingHairline "Receding_Hairline",
    RosyCheeks "Rosy_Cheeks", Sideburns "Sideburns", Smiling "Smiling", StraightHair "Straight_Hair",
    WavyHair "Wavy_Hair", WearingEarrings "Wearing_Earrings", WearingHat "Wearing_Hat",
    WearingLipstick "Wearing_Lipstick", WearingNecklace "Wearing_Necklace", WearingNecktie "Wearing_Necktie",
    Young "Young",
}

impl Serialize for Attribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Attribute {
    type Err = Error;

    /// Reads `CelebA`'s name; upper and lower case are alike.
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|a| a.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| Repr::Attribute { name: text.to_owned() }.into())
    }
}
