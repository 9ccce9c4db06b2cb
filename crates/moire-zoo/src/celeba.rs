//! The attributes of faces: a list by hand, or a row of `CelebA`'s table.

use std::collections::HashMap;
use std::str::FromStr;

use crate::attribute::Attribute;
use crate::error::{Error, Repr};

/// Rows of a table at most: `CelebA` has 202 599.
const ROWS: usize = 4_000_000;

/// Which attributes a face has, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// One bit an attribute, in the order of [`Attribute::ALL`].
    known: u64,
    has: u64,
}

impl Attributes {
    /// Whether the face has the attribute; `None` where nobody said.
    pub fn has(&self, attribute: Attribute) -> Option<bool> {
        let bit = 1 << attribute as u32;
        (self.known & bit != 0).then_some(self.has & bit != 0)
    }

    fn set(&mut self, attribute: Attribute, has: bool) {
        let bit = 1 << attribute as u32;
        self.known |= bit;
        self.has = if has { self.has | bit } else { self.has & !bit };
    }
}

impl FromStr for Attributes {
    type Err = Error;

    /// Reads those that the face has, as in `Male,Young,Black_Hair`; it has none of the others.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut face = Self::default();
        Attribute::ALL.into_iter().for_each(|a| face.set(a, false));
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            face.set(name.parse()?, true);
        }
        Ok(face)
    }
}

/// `CelebA`'s table of attributes by image, `list_attr_celeba.txt` as it is published or as CSV.
#[derive(Debug, Clone)]
pub struct Table {
    file: String,
    rows: HashMap<String, Attributes>,
}

impl Table {
    /// Reads a table. `file` is how errors name it.
    ///
    /// The published form has the number of rows on its first line and the attributes on its second; CSV begins with
    /// `image_id` and the attributes. A row is an image's name and for each attribute 1, or -1 or 0.
    ///
    /// # Errors
    /// A line is not of that form, with its number; an attribute or an image occurs twice; rows are missing.
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        let wrong = |line: usize, expected: String, found: &str| {
            let found = found.chars().take(80).collect();
            Error::from(Repr::Table { file: file.to_owned(), line: line + 1, expected, found })
        };
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let (mut at, mut head) = lines.next().ok_or_else(|| wrong(0, "a header".to_owned(), "nothing"))?;
        let announced = head.trim().parse::<usize>().ok();
        if announced.is_some() {
            (at, head) =
                lines.next().ok_or_else(|| wrong(1, "the attributes' names".to_owned(), "nothing"))?;
        }
        let comma = head.contains(',');
        let cells = |line: &'_ str| -> Vec<String> {
            let cells: Vec<&str> = if comma {
                line.split(',').map(str::trim).collect()
            } else {
                line.split_whitespace().collect()
            };
            cells.into_iter().map(str::to_owned).collect()
        };
        let mut columns: Vec<Attribute> = Vec::new();
        for name in cells(head).iter().skip(usize::from(comma)) {
            let attribute: Attribute = name.parse().map_err(|e: Error| wrong(at, e.to_string(), name))?;
            if columns.contains(&attribute) {
                return Err(wrong(at, "each attribute once".to_owned(), name));
            }
            columns.push(attribute);
        }
        let mut rows = HashMap::new();
        for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let row = cells(line);
            let expected = || format!("an image and {} numbers", columns.len());
            if row.len() != columns.len() + 1 || rows.len() == ROWS {
                return Err(wrong(at, expected(), line));
            }
            let mut face = Attributes::default();
            for (&attribute, value) in columns.iter().zip(&row[1..]) {
                match value.as_str() {
                    "1" => face.set(attribute, true),
                    "0" | "-1" => face.set(attribute, false),
                    other => return Err(wrong(at, format!("1, 0 or -1 for {attribute}"), other)),
                }
            }
            if rows.insert(row[0].clone(), face).is_some() {
                return Err(wrong(at, "each image once".to_owned(), &row[0]));
            }
        }
        match announced {
            Some(count) if count != rows.len() => {
                Err(wrong(0, format!("{} rows", rows.len()), &count.to_string()))
            }
            _ => Ok(Self { file: file.to_owned(), rows }),
        }
    }

    /// The attributes of an image, by its name or by the same name with another ending.
    ///
    /// # Errors
    /// The table has no such row.
    pub fn face(&self, image: &str) -> Result<Attributes, Error> {
        let stem = image.rsplit_once('.').map_or(image, |(stem, _)| stem);
        let named = |ending: &str| self.rows.get(&format!("{stem}.{ending}"));
        let found = self.rows.get(image).or_else(|| named("jpg")).or_else(|| named("png"));
        found.copied().ok_or_else(|| Repr::NoRow { file: self.file.clone(), image: image.to_owned() }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Attributes, Table};
    use crate::attribute::Attribute::{Bald, Male, Young};

    #[test]
    fn both_forms_of_the_table_are_read() {
        let published = "2\nMale Young \n000001.jpg -1  1\n000002.jpg  1 -1\n";
        let csv = "image_id,Male,Young\r\n000001.jpg,0,1\r\n000002.jpg,1,0\r\n";
        for text in [published, csv] {
            let table = Table::parse(text, "t").unwrap();
            let face = table.face("000002.png").unwrap();
            assert_eq!([face.has(Male), face.has(Young), face.has(Bald)], [Some(true), Some(false), None]);
            assert!(table.face("000003.jpg").unwrap_err().to_string().contains("000003.jpg"));
        }
    }

    #[test]
    fn what_is_no_table_is_refused_by_line() {
        for (text, expected) in [
            ("", "t, line 1: expected a header, found 'nothing'"),
            ("image_id,Male,Sex\n", "line 1: expected there is no attribute 'Sex'"),
            ("image_id,Male,Male\n", "each attribute once"),
            ("image_id,Male\na.jpg,1\nb.jpg\n", "line 3: expected an image and 1 numbers, found 'b.jpg'"),
            ("image_id,Male\na.jpg,2\n", "line 2: expected 1, 0 or -1 for Male, found '2'"),
            ("image_id,Male\na.jpg,1\na.jpg,1\n", "each image once"),
            ("3\nMale\na.jpg 1\n", "line 1: expected 1 rows, found '3'"),
        ] {
            let error = Table::parse(text, "t").unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_list_names_what_a_face_has() {
        let face: Attributes = "male, Young".parse().unwrap();
        assert_eq!([face.has(Male), face.has(Young), face.has(Bald)], [Some(true), Some(true), Some(false)]);
        assert!("Tall".parse::<Attributes>().unwrap_err().to_string().contains("no attribute 'Tall'"));
    }
}
