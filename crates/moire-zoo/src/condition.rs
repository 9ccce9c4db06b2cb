//! What editors are asked for, and how each of them wants it written.

use moire_tensor::Tensor;

use crate::attribute::Attribute::{
    self, Bald, Bangs, BlackHair, BlondHair, BrownHair, GrayHair, Mustache, NoBeard, RecedingHairline,
    StraightHair, WavyHair,
};
use crate::celeba::Attributes;
use crate::error::{Error, Repr};

/// How the numbers of a condition are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `StarGAN`'s: 1 for each attribute that the edited face shall have, else 0.
    Target,
    /// `AttGAN`'s: 0.5 for each attribute that the edited face shall have, else -0.5; the edited one 1 or -1.
    Signed,
    /// `STGAN`'s: what shall be minus what is, 1, 0 or -1.
    Difference,
}

/// What the numbers of a condition mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// How they are written.
    pub encoding: Encoding,
    /// What each is about: as many as a condition is wide. Each is an edit, too: a domain.
    pub attributes: Vec<Attribute>,
}

const HAIR: [Attribute; 4] = [BlackHair, BlondHair, BrownHair, GrayHair];

/// What a face cannot well have together, by AttGAN's `check_attribute_conflict`: each of the one side drives out the
/// other.
const CONFLICTS: [(&[Attribute], &[Attribute]); 7] = [
    (&[Bald, RecedingHairline], &[Bangs]),
    (&[Bangs], &[Bald, RecedingHairline]),
    (&HAIR, &HAIR),
    (&[StraightHair], &[WavyHair]),
    (&[WavyHair], &[StraightHair]),
    (&[Mustache], &[NoBeard]),
    (&[NoBeard], &[Mustache]),
];

impl Condition {
    /// The condition of one edit of a face: the numbers in the order of [`Condition::attributes`].
    ///
    /// The edit turns its attribute over. `StarGAN` and `STGAN` set a hair colour instead, and take the others away
    /// (`make_celeb_labels`, `create_labels`); AttGAN takes away what conflicts with an attribute that comes.
    ///
    /// # Errors
    /// The editor does not know this attribute, or the face's is not known.
    pub fn of_edit(&self, face: &Attributes, edit: Attribute) -> Result<Vec<f32>, Error> {
        if !self.attributes.contains(&edit) {
            return Err(Repr::NoEdit { edit, known: self.attributes.clone() }.into());
        }
        let mut is = Vec::with_capacity(self.attributes.len());
        for &attribute in &self.attributes {
            is.push(face.has(attribute).ok_or(Repr::NotKnown { attribute })?);
        }
        let comes = face.has(edit) == Some(false);
        let shall: Vec<bool> =
            self.attributes.iter().zip(&is).map(|(&a, &is)| self.after(edit, comes, a, is)).collect();
        let number = |(i, &shall): (usize, &bool)| {
            let sign = if shall { 1.0 } else { -1.0 };
            match self.encoding {
                Encoding::Target => f32::from(u8::from(shall)),
                Encoding::Signed if self.attributes[i] == edit => sign,
                Encoding::Signed => 0.5 * sign,
                Encoding::Difference => f32::from(u8::from(shall)) - f32::from(u8::from(is[i])),
            }
        };
        Ok(shall.iter().enumerate().map(number).collect())
    }

    /// The conditions `[k, n]` of several edits of a face.
    ///
    /// # Errors
    /// As [`Condition::of_edit`].
    pub fn of_edits(&self, face: &Attributes, edits: &[Attribute]) -> Result<Tensor, Error> {
        let mut rows = Vec::with_capacity(edits.len() * self.attributes.len());
        for &edit in edits {
            rows.extend(self.of_edit(face, edit)?);
        }
        Ok(Tensor::new([edits.len(), self.attributes.len()], rows).expect("each row has as many numbers"))
    }

    /// Whether the face has `attribute` after the edit, from whether it `is` there now. The edited one `comes` or goes.
    fn after(&self, edit: Attribute, comes: bool, attribute: Attribute, is: bool) -> bool {
        match self.encoding {
            Encoding::Target | Encoding::Difference if HAIR.contains(&edit) => {
                attribute == edit || is && !HAIR.contains(&attribute)
            }
            _ if attribute == edit => !is,
            Encoding::Target | Encoding::Difference => is,
            Encoding::Signed => {
                let conflict = |(one, other): &(&[Attribute], &[Attribute])| {
                    one.contains(&edit) && other.contains(&attribute)
                };
                is && !(comes && CONFLICTS.iter().any(conflict))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Attributes, Condition, Encoding};
    use crate::attribute::Attribute::{self, *};
    use crate::{attgan, stargan, stgan};

    fn edit(encoding: Encoding, attributes: &[Attribute], face: &str, edit: Attribute) -> Vec<f32> {
        let condition = Condition { encoding, attributes: attributes.to_vec() };
        condition.of_edit(&face.parse().unwrap(), edit).unwrap()
    }

    #[test]
    fn stargan_sets_one_hair_colour_and_turns_the_rest_over() {
        let edit = |face, to| edit(Encoding::Target, &stargan::ATTRIBUTES, face, to);
        assert_eq!(edit("Black_Hair,Young", BlondHair), [0.0, 1.0, 0.0, 0.0, 1.0]);
        assert_eq!(edit("Black_Hair,Young", BlackHair), [1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(edit("Black_Hair,Young", Male), [1.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(edit("Gray_Hair,Male,Young", Young), [0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn attgan_drives_out_what_conflicts() {
        let edit = |face, to| edit(Encoding::Signed, &attgan::ATTRIBUTES, face, to);
        let at = |values: &[f32], attribute| {
            values[attgan::ATTRIBUTES.iter().position(|&a| a == attribute).unwrap()]
        };
        let bald = edit("Bangs,Brown_Hair,Young", Bald);
        assert_eq!(
            [at(&bald, Bald), at(&bald, Bangs), at(&bald, BrownHair), at(&bald, Male)],
            [1.0, -0.5, 0.5, -0.5]
        );
        let blond = edit("Brown_Hair,Young", BlondHair);
        assert_eq!([at(&blond, BlondHair), at(&blond, BrownHair), at(&blond, Young)], [1.0, -0.5, 0.5]);
        // What goes drives nothing out.
        let shaved = edit("Mustache", Mustache);
        assert_eq!([at(&shaved, Mustache), at(&shaved, NoBeard)], [-1.0, -0.5]);
        assert_eq!(at(&edit("No_Beard", Mustache), NoBeard), -0.5);
        assert_eq!(at(&edit("No_Beard", NoBeard), NoBeard), -1.0);
    }

    #[test]
    fn stgan_is_told_the_difference() {
        let edit = |face, to| edit(Encoding::Difference, &stgan::ATTRIBUTES, face, to);
        let blond = edit("Brown_Hair,Young,Smiling", BlondHair);
        assert_eq!(blond, [0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(edit("Young", Young)[9], -1.0);
        assert_eq!(edit("Blond_Hair", BlondHair), [0.0; 10]);
    }

    #[test]
    fn edits_and_faces_that_are_not_known_are_named() {
        let condition = Condition { encoding: Encoding::Target, attributes: stargan::ATTRIBUTES.to_vec() };
        let error = condition.of_edit(&"Male".parse().unwrap(), Smiling).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no edit 'Smiling': there are Black_Hair, Blond_Hair, Brown_Hair, Male, Young"
        );
        let error = condition.of_edit(&Attributes::default(), Male).unwrap_err();
        assert!(error.to_string().contains("Black_Hair"), "{error}");
    }
}
