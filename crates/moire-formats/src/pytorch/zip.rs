//! PyTorch since 1.6: a zip archive `<root>/data.pkl`, `<root>/data/<key>` for each storage, and in newer files
//! `<root>/byteorder`. Members are stored, never compressed, so a storage is a slice of the file. Their checksums
//! are not compared: PyTorch has an option to leave them out, and does not look at them either.

use std::collections::BTreeMap;
use std::ops::Range;

use rawzip::{CompressionMethod, ZipArchive};

use super::flatten::flatten;
use super::pickle::Pickle;
use super::{Key, Storage, fill};
use crate::checkpoint::Checkpoint;
use crate::error::{Repr, malformed, shown};
use crate::limits::{Budget, at_most};

type Members<'a> = BTreeMap<&'a str, &'a [u8]>;

pub(crate) fn read(bytes: &[u8], budget: &mut Budget<'_>, out: &mut Checkpoint) -> Result<(), Repr> {
    let ranges = members(bytes, budget)?;
    let members: Members<'_> =
        ranges.iter().map(|(name, range)| (name.as_str(), &bytes[range.clone()])).collect();

    let mut pickles = members.keys().filter_map(|name| name.strip_suffix("/data.pkl"));
    let root = match (pickles.next(), pickles.next()) {
        (Some(root), None) => root,
        (None, _) => return Err(malformed("zip archive", "a member data.pkl, as PyTorch writes it", "none")),
        (Some(_), Some(_)) => return Err(malformed("zip archive", "one member data.pkl", "several")),
    };
    let member = |path: &str| members.get(format!("{root}/{path}").as_str()).copied();
    if let Some(order) = member("byteorder").filter(|&order| order != b"little") {
        let what = format!("byte order '{}'", shown(&String::from_utf8_lossy(order)));
        return Err(Repr::Unsupported { place: "zip member byteorder".to_owned(), what });
    }
    let pickle = member("data.pkl").unwrap_or_default();
    let object = Pickle::read(pickle, 0, budget.limits)?;
    let views = flatten(object, budget.limits)?;
    let bytes_of = |name: &str, storage: &Storage<'_>| {
        let data = match storage.root {
            Key::Name(key) => member(&format!("data/{key}")),
            Key::Number(_) => None,
        };
        data.ok_or_else(|| super::no_storage(name, storage))
    };
    fill(views, bytes_of, budget, out)
}

/// Where each member's bytes lie: all within the file, and of distinct names.
fn members(bytes: &[u8], budget: &Budget<'_>) -> Result<BTreeMap<String, Range<usize>>, Repr> {
    let broken = |e: rawzip::Error| malformed("zip archive", "a valid one", e.to_string());
    let archive = ZipArchive::from_slice(bytes).map_err(broken)?;
    let limit = budget.limits.members as u64;
    at_most("zip archive", "its members", limit, archive.entries_hint())?;

    let mut members = BTreeMap::new();
    let mut entries = archive.entries();
    let mut count = 0;
    while let Some(entry) = entries.next_entry().map_err(broken)? {
        count += 1;
        at_most("zip archive", "its members", limit, count)?;
        let path = entry.file_path();
        let name = String::from_utf8_lossy(path.as_bytes()).into_owned();
        let place = || format!("zip member '{}'", shown(&name));
        let unsupported = |what: &str| Repr::Unsupported { place: place(), what: what.to_owned() };
        if entry.flags().is_encrypted() {
            return Err(unsupported("encryption"));
        }
        let size = entry.uncompressed_size_hint();
        if entry.compression_method() != CompressionMethod::STORE || entry.compressed_size_hint() != size {
            return Err(unsupported("compression, which PyTorch never uses"));
        }
        let local = archive.get_entry(entry.wayfinder()).map_err(broken)?;
        if local.local_header().file_path().as_bytes() != path.as_bytes() {
            return Err(malformed(place(), "its name before its data", "another name"));
        }
        let (start, end) = local.compressed_data_range();
        let range = start as usize..end as usize;
        if bytes.get(range.clone()).is_none_or(|data| data.len() as u64 != size) {
            return Err(Repr::Truncated { place: place(), expected: size, found: bytes.len() as u64 });
        }
        if members.insert(name.clone(), range).is_some() {
            return Err(Repr::Duplicate { name: shown(&name) });
        }
    }
    if count == archive.entries_hint() {
        Ok(members)
    } else {
        let expected = format!("{} members, as its end says", archive.entries_hint());
        Err(malformed("zip archive", expected, count.to_string()))
    }
}
