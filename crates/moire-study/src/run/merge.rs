//! Shares of a study, joined.

use std::fs;
use std::path::{Path, PathBuf};

use super::{database, plan_file};
use crate::error::{Error, Repr};
use crate::files;
use crate::protection::Protection;
use crate::record::Record;
use crate::store::Store;

/// The folders of a study whose files belong to its records.
const FOLDERS: [&str; 8] =
    ["images", "masks", "wanted", "regions", "universal", "photographs", "protected", "edits"];

/// How deep they nest at most.
const DEPTH: usize = 64;

/// What a merge came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// Records that it added.
    pub added: u64,
    /// Records that the study has now.
    pub there: u64,
}

/// Adds the records and files of `shares` to the study in `out`, which is made where there is none. What is there already
/// stays; run again after an interruption, it goes on.
///
/// # Errors
/// A share is none, or is of another plan, program, seed, weights or images than the first; another run holds `out`; two
/// have different files of one name; the disk is full. What was added before stays.
pub fn merge(out: &Path, shares: &[PathBuf]) -> Result<Merged, Error> {
    let mut opened = Vec::new();
    for share in shares {
        let store = Store::open(&database(share))?;
        opened.push((share, store.meta()?, store));
    }
    let Some((first, meta, _)) = opened.first() else { return Err(Repr::NoShares.into()) };
    fs::create_dir_all(out).map_err(|e| Error::io(out, e))?;
    if !database(out).exists() {
        copy(&plan_file(first), &plan_file(out))?;
    }
    let mut whole = Store::open_or_create(&database(out), meta)?;
    let mut done = whole.done_keys()?;
    let mut protected = whole.protected_keys()?;
    let mut added = 0;
    for (share, meta, store) in &opened {
        // The same check that refuses to go on with another study.
        whole.compare(meta)?;
        for folder in FOLDERS {
            copy_all(&share.join(folder), &out.join(folder), DEPTH)?;
        }
        let new: Vec<Record> = store.records()?.into_iter().filter(|r| !done.contains(&r.key())).collect();
        whole.insert(&new)?;
        added += new.len() as u64;
        done.extend(new.iter().map(Record::key));
        let all = store.protections()?;
        let new: Vec<Protection> = all.into_iter().filter(|p| !protected.contains(&p.key())).collect();
        whole.insert_protections(&new)?;
        added += new.len() as u64;
        protected.extend(new.iter().map(Protection::key));
    }
    Ok(Merged { added, there: (done.len() + protected.len()) as u64 })
}

/// Copies what is below a folder.
fn copy_all(from: &Path, to: &Path, depth: usize) -> Result<(), Error> {
    if !from.is_dir() || depth == 0 {
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(from).map_err(|e| Error::io(from, e))? {
        entries.push(entry.map_err(|e| Error::io(from, e))?.path());
    }
    entries.sort();
    for path in entries {
        let Some(name) = path.file_name() else { continue };
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            copy_all(&path, &to.join(name), depth - 1)?;
        } else if path.extension().is_none_or(|e| e != "partial") {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// Copies one file; one that is there already has to be the same.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    const LARGEST: u64 = 1 << 32;
    let bytes = files::read(from, LARGEST)?;
    if to.exists() {
        if files::read(to, LARGEST)? == bytes {
            return Ok(());
        }
        let (expected, found) = (format!("the bytes of {}", from.display()), "others".to_owned());
        return Err(Repr::Unfit { path: to.to_owned(), expected, found }.into());
    }
    files::write(to, &bytes)
}
