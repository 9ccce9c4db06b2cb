use std::collections::BTreeMap;
use std::path::Path;

use moire_image::{Limits, Picture, decode, encode_png};
use moire_study::files;
use moire_tensor::{Rng, SampleId};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::FOLDER;
use crate::design::{Design, Purpose, Side, Slot, Version};
use crate::error::{Error, Repr};
use crate::secret::token;

/// A picture that raters may see: nothing else is ever served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PictureFile {
    /// Relative to the study's folder.
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl PictureFile {
    /// The bytes of the file, which are those that it had when the experiment began.
    ///
    /// # Errors
    /// They are not, or there is no such file.
    pub(crate) fn read(&self, study: &Path) -> Result<Vec<u8>, Error> {
        let path = study.join(&self.path);
        let bytes = files::read(&path, Limits::default().max_bytes)?;
        if hash(&bytes) == self.sha256 {
            return Ok(bytes);
        }
        let (expected, found) = ("the bytes that it had when the experiment began".into(), "others".into());
        Err(Repr::Picture { path, expected, found }.into())
    }
}

/// One pair as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) purpose: Purpose,
    pub(crate) image: String,
    /// Indices of pictures.
    pub(crate) clean: usize,
    pub(crate) version: usize,
}

/// The design as it is served and analysed, all in memory.
#[derive(Debug)]
pub(crate) struct Deck {
    pub(crate) pictures: Vec<PictureFile>,
    pub(crate) pairs: Vec<Shown>,
    pub(crate) sets: Vec<Vec<Slot>>,
    /// Indices of pairs.
    pub(crate) training: Vec<usize>,
}

fn hash(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The pictures of a design, clean and version of each pair: decoded once, hashed, and made where they are not yet.
///
/// # Errors
/// One is missing, damaged, outside the study's folder, or not of the size of its clean one.
pub(crate) fn pictures(study: &Path, design: &Design, seed: u64) -> Result<Vec<[PictureFile; 2]>, Error> {
    let root = study.canonicalize().map_err(|e| Error::io(study, e))?;
    let mut known: BTreeMap<String, PictureFile> = BTreeMap::new();
    let mut read = |name: &str| -> Result<PictureFile, Error> {
        if let Some(file) = known.get(name) {
            return Ok(file.clone());
        }
        let path = study.join(name);
        if !path.canonicalize().map_err(|e| Error::io(&path, e))?.starts_with(&root) {
            let (expected, found) = ("a file in the study's folder".into(), "a link out of it".into());
            return Err(Repr::Picture { path, expected, found }.into());
        }
        let bytes = files::read(&path, Limits::default().max_bytes)?;
        if !bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            let (expected, found) = ("a PNG, which holds pixels exactly".into(), "something else".into());
            return Err(Repr::Picture { path, expected, found }.into());
        }
        let picture = decode(&bytes, name, &Limits::default())?;
        let file = PictureFile {
            path: name.to_owned(),
            sha256: hash(&bytes),
            width: picture.width(),
            height: picture.height(),
        };
        known.insert(name.to_owned(), file.clone());
        Ok(file)
    };
    let mut pairs = Vec::new();
    for (index, pair) in design.pairs.iter().enumerate() {
        let clean = read(&pair.clean)?;
        let version = match &pair.version {
            Version::File(name) => read(name)?,
            Version::Noise(levels) => {
                // A name that says nothing, in case it is ever seen.
                let name = format!("{FOLDER}/images/{}.png", token()?);
                let bytes = clean.read(study)?;
                let picture = decode(&bytes, &pair.clean, &Limits::default())?;
                let mut rng = Rng::new(seed, SampleId(index as u64), "rating noise");
                files::write(&study.join(&name), &encode_png(&noisy(&picture, *levels, &mut rng)?))?;
                read(&name)?
            }
        };
        if (clean.width, clean.height) != (version.width, version.height) {
            let size = |f: &PictureFile| format!("{} x {} pixels", f.width, f.height);
            let path = study.join(&version.path);
            return Err(Repr::Picture { path, expected: size(&clean), found: size(&version) }.into());
        }
        pairs.push([clean, version]);
    }
    Ok(pairs)
}

/// The picture with uniform noise of up to so many levels.
fn noisy(picture: &Picture, levels: u8, rng: &mut Rng) -> Result<Picture, Error> {
    let size = f32::from(levels);
    let value = |&v: &u8| (f32::from(v) + rng.uniform(-size, size)).round().clamp(0.0, 255.0) as u8;
    let rgb = picture.rgb().iter().map(value).collect();
    Ok(Picture::new(picture.width(), picture.height(), rgb)?)
}

pub(super) fn insert(tx: &Connection, design: &Design, files: &[[PictureFile; 2]]) -> rusqlite::Result<()> {
    let mut ids: BTreeMap<&str, i64> = BTreeMap::new();
    let mut add_picture =
        tx.prepare("INSERT INTO picture (id, path, sha256, width, height) VALUES (?, ?, ?, ?, ?)")?;
    let mut add_pair = tx.prepare(
        "INSERT INTO pair (id, purpose, condition, image, clean, version) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    for (index, (pair, files)) in design.pairs.iter().zip(files).enumerate() {
        let mut rows = [0; 2];
        for (row, f) in rows.iter_mut().zip(files) {
            let next = ids.len() as i64;
            *row = *ids.entry(&f.path).or_insert(next);
            if *row == next {
                add_picture.execute((next, &f.path, &f.sha256, f.width as i64, f.height as i64))?;
            }
        }
        let (purpose, condition) = match pair.purpose {
            Purpose::Rated(condition) => ("rated", Some(condition as i64)),
            Purpose::Golden => ("golden", None),
            Purpose::Trap => ("trap", None),
            Purpose::Training => ("training", None),
        };
        add_pair.execute((index as i64, purpose, condition, &pair.image, rows[0], rows[1]))?;
    }
    let mut add =
        tx.prepare("INSERT INTO slot (deck, position, pair, clean_left, ask) VALUES (?, ?, ?, ?, ?)")?;
    for (deck, set) in design.sets.iter().enumerate() {
        for (position, slot) in set.iter().enumerate() {
            let left = slot.clean == Side::Left;
            add.execute((deck as i64, position as i64, slot.pair as i64, left, slot.ask))?;
        }
    }
    Ok(())
}

impl Deck {
    /// Reads the design back.
    pub(crate) fn read(db: &Connection) -> rusqlite::Result<Self> {
        let index =
            |row: &rusqlite::Row<'_>, at: usize| Ok::<_, rusqlite::Error>(row.get::<_, u32>(at)? as usize);
        let pictures = db
            .prepare("SELECT path, sha256, width, height FROM picture ORDER BY id")?
            .query_map([], |row| {
                let (width, height) = (index(row, 2)?, index(row, 3)?);
                Ok(PictureFile { path: row.get(0)?, sha256: row.get(1)?, width, height })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let pairs = db
            .prepare("SELECT purpose, condition, image, clean, version FROM pair ORDER BY id")?
            .query_map([], |row| {
                let purpose = match row.get_ref(0)?.as_str()? {
                    "rated" => Purpose::Rated(index(row, 1)?),
                    "golden" => Purpose::Golden,
                    "trap" => Purpose::Trap,
                    _ => Purpose::Training,
                };
                Ok(Shown { purpose, image: row.get(2)?, clean: index(row, 3)?, version: index(row, 4)? })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        let mut sets: Vec<Vec<Slot>> = Vec::new();
        let mut slots = db.prepare("SELECT deck, pair, clean_left, ask FROM slot ORDER BY deck, position")?;
        let mut rows = slots.query([])?;
        while let Some(row) = rows.next()? {
            let clean = if row.get(2)? { Side::Left } else { Side::Right };
            let slot = Slot { pair: index(row, 1)?, clean, ask: row.get(3)? };
            if index(row, 0)? == sets.len() {
                sets.push(Vec::new());
            }
            sets.last_mut().ok_or(rusqlite::Error::QueryReturnedNoRows)?.push(slot);
        }
        let training = (0..pairs.len()).filter(|&i| pairs[i].purpose == Purpose::Training).collect();
        Ok(Self { pictures, pairs, sets, training })
    }

    /// The pictures of a pair from left to right.
    pub(crate) fn sides(&self, pair: usize, clean: Side) -> [&PictureFile; 2] {
        let [c, v] = [self.pairs[pair].clean, self.pairs[pair].version].map(|i| &self.pictures[i]);
        if clean == Side::Left { [c, v] } else { [v, c] }
    }
}
