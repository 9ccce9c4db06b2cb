//! PyTorch before 0.1.10: a tar archive of three streams of pickles. `storages` holds each storage and its elements
//! and then views of them, `tensors` each tensor's extents, and `pickle` the object, which names tensors by number.

use std::collections::BTreeMap;
use std::io::Cursor;

use super::flatten::flatten;
use super::global::Global;
use super::pickle::Pickle;
use super::value::Value;
use super::{Key, Storage, View, fill};
use crate::checkpoint::Checkpoint;
use crate::error::{Repr, malformed};
use crate::limits::{Budget, Limits, at_most};

pub(crate) fn read(bytes: &[u8], budget: &mut Budget<'_>, out: &mut Checkpoint) -> Result<(), Repr> {
    let limits = budget.limits;
    let members = members(bytes, limits)?;
    let member = |name: &str| {
        let found = members.get(name.as_bytes()).copied();
        found.ok_or_else(|| {
            malformed("tar archive", format!("a member '{name}', as PyTorch writes it"), "none")
        })
    };
    let (storages, data) = Stream::new(member("storages")?, "tar member 'storages'", limits).storages()?;
    let tensors = Stream::new(member("tensors")?, "tar member 'tensors'", limits).tensors(&storages)?;
    let object = Pickle::read_with(member("pickle")?, 0, limits, Some(&tensors))?;
    let views = flatten(object, limits)?;
    let bytes_of = |name: &str, storage: &Storage<'_>| {
        let found = data.get(&storage.root).copied();
        found.ok_or_else(|| super::no_storage(name, storage))
    };
    fill(views, bytes_of, budget, out)
}

fn members<'a>(bytes: &'a [u8], limits: &Limits) -> Result<BTreeMap<Vec<u8>, &'a [u8]>, Repr> {
    let broken = |e: std::io::Error| malformed("tar archive", "a valid one", e.to_string());
    let mut archive = ::tar::Archive::new(Cursor::new(bytes));
    let mut members = BTreeMap::new();
    for (i, entry) in archive.entries().map_err(broken)?.enumerate() {
        at_most("tar archive", "its members", limits.members as u64, i as u64 + 1)?;
        let entry = entry.map_err(broken)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path_bytes().into_owned();
        let place = || format!("tar member '{}'", crate::error::shown(&String::from_utf8_lossy(&path)));
        let start = usize::try_from(entry.raw_file_position()).ok();
        let rest = start.and_then(|start| bytes.get(start..)).unwrap_or_default();
        let data = usize::try_from(entry.size()).ok().and_then(|size| rest.get(..size));
        let short = || Repr::Truncated { place: place(), expected: entry.size(), found: rest.len() as u64 };
        let data = data.ok_or_else(short)?;
        if members.insert(path.clone(), data).is_some() {
            return Err(malformed(place(), "each member once", "two of this name"));
        }
    }
    Ok(members)
}

type Storages<'a> = BTreeMap<i64, Storage<'a>>;

/// Pickles and numbers one after another.
struct Stream<'a, 'l> {
    bytes: &'a [u8],
    place: &'static str,
    limits: &'l Limits,
    next: usize,
}

impl<'a, 'l> Stream<'a, 'l> {
    fn new(bytes: &'a [u8], place: &'static str, limits: &'l Limits) -> Self {
        Self { bytes, place, limits, next: 0 }
    }

    fn pickle(&mut self) -> Result<Pickle<'a>, Repr> {
        let pickle = Pickle::read(self.bytes, self.next, self.limits)?;
        self.next = pickle.end;
        Ok(pickle)
    }

    fn number(&mut self, what: &str) -> Result<u64, Repr> {
        let pickle = self.pickle()?;
        pickle.root.count().ok_or_else(|| self.bad(what, &pickle.heap.describe(pickle.root)))
    }

    fn bad(&self, expected: &str, found: &str) -> Repr {
        malformed(format!("{} at byte {}", self.place, self.next), expected, found)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Repr> {
        let rest = self.bytes.get(self.next..).unwrap_or_default();
        let taken = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let place = format!("{} at byte {}", self.place, self.next);
        let taken = taken.ok_or(Repr::Truncated { place, expected: length, found: rest.len() as u64 })?;
        self.next += taken.len();
        Ok(taken)
    }

    /// A little-endian count of 8 bytes.
    fn count(&mut self) -> Result<u64, Repr> {
        let bytes = self.take(8)?;
        Ok(u64::from_le_bytes(bytes.try_into().expect("take gives as many bytes as were asked for")))
    }

    fn storages(mut self) -> Result<(Storages<'a>, BTreeMap<Key<'a>, &'a [u8]>), Repr> {
        let (mut storages, mut data) = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..self.number("the number of storages")? {
            let pickle = self.pickle()?;
            let &[Value::Int(key), _, Value::Global(Global::Storage(dtype))] =
                pickle.heap.sequence(pickle.root).unwrap_or_default()
            else {
                return Err(
                    self.bad("a storage's key, location and class", &pickle.heap.describe(pickle.root))
                );
            };
            let len = self.count()?;
            let storage = Storage { root: Key::Number(key), dtype, root_len: len, start: 0, len };
            let bytes = self.take(storage.root_bytes().unwrap_or(u64::MAX))?;
            data.insert(storage.root, bytes);
            self.once(&mut storages, key, storage)?;
        }
        let views = self.pickle()?;
        for &view in views.heap.sequence(views.root).unwrap_or_default() {
            let wrong = || self.bad("a view's key, root, offset and length", &views.heap.describe(view));
            let &[Value::Int(key), Value::Int(root), start, len] =
                views.heap.sequence(view).unwrap_or_default()
            else {
                return Err(wrong());
            };
            let root = *storages.get(&root).ok_or_else(wrong)?;
            let start = start.count().ok_or_else(wrong)?;
            let len = len.count().ok_or_else(wrong)?;
            self.once(&mut storages, key, Storage { start, len, ..root })?;
        }
        Ok((storages, data))
    }

    fn tensors(mut self, storages: &Storages<'a>) -> Result<BTreeMap<i64, View<'a>>, Repr> {
        let mut tensors = BTreeMap::new();
        for _ in 0..self.number("the number of tensors")? {
            at_most(self.place, "its tensors", self.limits.tensors as u64, tensors.len() as u64 + 1)?;
            let pickle = self.pickle()?;
            let &[Value::Int(key), Value::Int(storage), _] =
                pickle.heap.sequence(pickle.root).unwrap_or_default()
            else {
                return Err(self.bad("a tensor's key, storage and class", &pickle.heap.describe(pickle.root)));
            };
            let storage =
                *storages.get(&storage).ok_or_else(|| self.bad("a storage's key", &storage.to_string()))?;
            // The rank has 4 bytes; the 4 after it were padding once, and are to be skipped.
            let rank = self.count()? & 0xffff_ffff;
            at_most(self.place, "a tensor's rank", self.limits.rank as u64, rank)?;
            let dims = (0..rank).map(|_| self.count()).collect::<Result<_, _>>()?;
            let strides = (0..rank).map(|_| self.count()).collect::<Result<_, _>>()?;
            let offset = self.count()?;
            self.once(&mut tensors, key, View { storage, offset, dims, strides })?;
        }
        Ok(tensors)
    }

    fn once<T>(&self, map: &mut BTreeMap<i64, T>, key: i64, value: T) -> Result<(), Repr> {
        match map.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(self.bad("each key once", &format!("{key} twice"))),
        }
    }
}
