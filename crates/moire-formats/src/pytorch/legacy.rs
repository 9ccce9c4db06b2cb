//! PyTorch 0.1.10 to 1.5: five pickles one after another (a magic number, a version, the machine that wrote, the
//! object, the keys of the storages), then for each key a count and that many elements.

use std::collections::BTreeMap;

use super::flatten::flatten;
use super::pickle::Pickle;
use super::value::{Node, Value};
use super::{Key, Storage, View, fill};
use crate::checkpoint::Checkpoint;
use crate::error::{Repr, malformed};
use crate::limits::Budget;

/// 0x1950a86a20f9469cfc6c, little-endian.
const MAGIC: &[u8] = &[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const PROTOCOL: i64 = 1001;

pub(crate) fn read(bytes: &[u8], budget: &mut Budget<'_>, out: &mut Checkpoint) -> Result<(), Repr> {
    let limits = budget.limits;
    let magic = Pickle::read(bytes, 0, limits)?;
    if magic.root != Value::Long(MAGIC) {
        let found = magic.heap.describe(magic.root);
        return Err(malformed("first pickle", "PyTorch's magic number", found));
    }
    let protocol = Pickle::read(bytes, magic.end, limits)?;
    if protocol.root != Value::Int(PROTOCOL) {
        let found = protocol.heap.describe(protocol.root);
        return Err(malformed("second pickle", format!("protocol {PROTOCOL}"), found));
    }
    let system = Pickle::read(bytes, protocol.end, limits)?;
    little_endian(&system)?;
    let object = Pickle::read(bytes, system.end, limits)?;
    let keys = Pickle::read(bytes, object.end, limits)?;
    let views = flatten(object, limits)?;
    let storages = storages(bytes, &keys, &views)?;
    let bytes_of = |name: &str, storage: &Storage<'_>| {
        let found = storages.get(&storage.root).copied();
        found.ok_or_else(|| super::no_storage(name, storage))
    };
    fill(views, bytes_of, budget, out)
}

fn little_endian(system: &Pickle<'_>) -> Result<(), Repr> {
    let Some(Node::Dict(pairs)) = system.heap.get(system.root) else {
        let found = system.heap.describe(system.root);
        return Err(malformed("third pickle", "a dict about the machine that wrote", found));
    };
    if pairs.contains(&(Value::Text("little_endian"), Value::Bool(false))) {
        let what = "a file that was written by a big-endian machine".to_owned();
        return Err(Repr::Unsupported { place: "third pickle".to_owned(), what });
    }
    Ok(())
}

/// The bytes of each storage, which follow the last pickle in the order of `keys`.
fn storages<'a>(
    bytes: &'a [u8],
    keys: &Pickle<'a>,
    views: &[(String, View<'a>)],
) -> Result<BTreeMap<Key<'a>, &'a [u8]>, Repr> {
    // The element size is only known from the tensors, as PyTorch itself has it.
    let mut known: BTreeMap<Key<'a>, Storage<'a>> = BTreeMap::new();
    for (name, View { storage, .. }) in views {
        let first = known.entry(storage.root).or_insert(*storage);
        if (first.dtype, first.root_len) != (storage.dtype, storage.root_len) {
            let expected = format!("{} elements of {:?}", first.root_len, first.dtype);
            let found = format!("{} of {:?}", storage.root_len, storage.dtype);
            return Err(malformed(format!("storage of {}", crate::error::at_tensor(name)), expected, found));
        }
    }
    let Some(list) = keys.heap.sequence(keys.root) else {
        let found = keys.heap.describe(keys.root);
        return Err(malformed("fifth pickle", "a list of storage keys", found));
    };
    let mut found = BTreeMap::new();
    let mut rest = bytes.get(keys.end..).unwrap_or_default();
    for &key in list {
        let place = || format!("storage at byte {}", bytes.len() - rest.len());
        let Value::Text(text) = key else {
            return Err(malformed("fifth pickle", "a storage's key", keys.heap.describe(key)));
        };
        let Some(storage) = known.get(&Key::Name(text)) else {
            return Err(malformed("fifth pickle", "the key of a tensor's storage", format!("'{text}'")));
        };
        let short = |expected| Repr::Truncated { place: place(), expected, found: rest.len() as u64 };
        let (count, data) = rest.split_first_chunk::<8>().ok_or_else(|| short(8))?;
        let count = u64::from_le_bytes(*count);
        if count != storage.root_len {
            let expected = format!("{} elements, as its tensors say", storage.root_len);
            return Err(malformed(place(), expected, count.to_string()));
        }
        let length = storage.root_bytes().unwrap_or(u64::MAX);
        let data = usize::try_from(length).ok().and_then(|n| data.split_at_checked(n));
        let (data, after) = data.ok_or_else(|| short(length.saturating_add(8)))?;
        if found.insert(Key::Name(text), data).is_some() {
            return Err(malformed("fifth pickle", "each storage once", format!("'{text}' twice")));
        }
        rest = after;
    }
    if rest.is_empty() {
        Ok(found)
    } else {
        Err(malformed("end of the last storage", "the end of the file", format!("{} more bytes", rest.len())))
    }
}
