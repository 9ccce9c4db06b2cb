//! A small writer of PyTorch's three layouts and of stored zip archives, which also writes what is not true.

use moire_formats::Checkpoint;
use moire_tensor::{Shape, Tensor};

/// A tensor of `f32` as a file claims it.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) dims: Vec<u64>,
    pub(crate) strides: Vec<u64>,
    pub(crate) offset: u64,
    /// The elements that its storage claims, and the bytes that are there.
    pub(crate) elements: u64,
    pub(crate) data: Vec<u8>,
}

/// A true claim: `tensor` as it is.
pub(crate) fn claim_of(name: &str, tensor: &Tensor) -> Claim {
    Claim {
        name: name.to_owned(),
        dims: tensor.shape().iter().map(|&d| d as u64).collect(),
        strides: tensor.shape().strides().iter().map(|&s| s as u64).collect(),
        offset: 0,
        elements: tensor.data().len() as u64,
        data: tensor.data().iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

/// A true claim of a ramp.
pub(crate) fn f32_claim(name: &str, dims: &[usize]) -> Claim {
    claim_of(name, &Tensor::from_fn(Shape::from(dims), |i| i as f32))
}

pub(crate) fn safetensors() -> Vec<u8> {
    let tensors = [("a.weight", [2, 3]), ("b", [1, 2])];
    let tensors = tensors.map(|(name, dims)| (name.to_owned(), Tensor::from_fn(dims, |i| i as f32)));
    Checkpoint::new(tensors).unwrap().write_safetensors()
}

/// Opcodes, one after another.
#[derive(Default)]
pub(crate) struct Pickler(pub(crate) Vec<u8>);

impl Pickler {
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        let length = text.len() as u32;
        self.raw(b"X").raw(&length.to_le_bytes()).raw(text.as_bytes())
    }

    fn int(&mut self, number: u64) -> &mut Self {
        self.raw(b"\x8a\x08").raw(&number.to_le_bytes())
    }

    fn ints(&mut self, numbers: &[u64]) -> &mut Self {
        self.raw(b"(");
        for &number in numbers {
            self.int(number);
        }
        self.raw(b"t")
    }

    /// A tensor through `_rebuild_tensor_v2`; the legacy layout has one more item in the persistent id.
    fn tensor(&mut self, claim: &Claim, key: usize, legacy: bool) -> &mut Self {
        self.raw(b"ctorch._utils\n_rebuild_tensor_v2\n((").text("storage").raw(b"ctorch\nFloatStorage\n");
        self.text(&key.to_string()).text("cpu").int(claim.elements);
        self.raw(if legacy { b"NtQ" } else { b"tQ" }).int(claim.offset);
        self.ints(&claim.dims).ints(&claim.strides).raw(b"\x89NtR")
    }
}

fn object(claims: &[Claim], legacy: bool) -> Vec<u8> {
    let mut pickle = Pickler::default();
    pickle.raw(b"\x80\x02}");
    for (key, claim) in claims.iter().enumerate() {
        pickle.text(&claim.name).tensor(claim, key, legacy).raw(b"s");
    }
    pickle.raw(b".");
    pickle.0
}

pub(crate) fn zip(claims: &[Claim]) -> Vec<u8> {
    let pickle = object(claims, false);
    let names: Vec<String> = (0..claims.len()).map(|key| format!("x/data/{key}")).collect();
    let storages = names.iter().zip(claims).map(|(name, claim)| (name.as_str(), &claim.data[..]));
    let members: Vec<_> =
        [("x/data.pkl", &pickle[..]), ("x/byteorder", b"little")].into_iter().chain(storages).collect();
    zip_members(&members)
}

/// A zip archive of stored members: APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
pub(crate) fn zip_members(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut central) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let offset = bytes.len() as u32;
        let size = (data.len() as u32).to_le_bytes();
        // Version, flags, method, time, date, checksum, twice the size, length of the name and of extra fields.
        let fields =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &size[..], &size, &[name.len() as u8, 0, 0, 0]]
                .concat();
        bytes.extend([&b"PK\x03\x04"[..], &fields, name.as_bytes(), data].concat());
        central.extend(
            [&b"PK\x01\x02\x14\0"[..], &fields, &[0; 10], &offset.to_le_bytes(), name.as_bytes()].concat(),
        );
    }
    let start = (bytes.len() as u32).to_le_bytes();
    let length = (central.len() as u32).to_le_bytes();
    let count = (members.len() as u16).to_le_bytes();
    bytes.extend(central);
    bytes.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &length, &start, &[0, 0]].concat());
    bytes
}

pub(crate) fn legacy(claims: &[Claim]) -> Vec<u8> {
    let mut system = Pickler::default();
    system.raw(b"\x80\x02}").text("little_endian").raw(b"\x88s.");
    let mut keys = Pickler::default();
    keys.raw(b"\x80\x02](");
    for key in 0..claims.len() {
        keys.text(&key.to_string());
    }
    keys.raw(b"e.");
    let storages: Vec<u8> =
        claims.iter().flat_map(|claim| [&claim.elements.to_le_bytes()[..], &claim.data].concat()).collect();
    legacy_parts(&system.0, &object(claims, true), &keys.0, &storages)
}

pub(crate) fn legacy_parts(system: &[u8], object: &[u8], keys: &[u8], storages: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
    [magic, system, object, keys, storages].concat()
}

pub(crate) fn tar(claims: &[Claim]) -> Vec<u8> {
    let [mut object, mut tensors, mut storages] = [(); 3].map(|()| Pickler::default());
    object.raw(b"\x80\x02}");
    let count = claims.len() as u64;
    tensors.raw(b"\x80\x02").int(count).raw(b".");
    storages.raw(b"\x80\x02").int(count).raw(b".");
    for (claim, key) in claims.iter().zip(0..) {
        let root = key + 100;
        object.text(&claim.name).text(&key.to_string()).raw(b"Qs");
        storages.raw(b"\x80\x02").int(root).text("cpu").raw(b"ctorch\nFloatStorage\n\x87.");
        storages.raw(&claim.elements.to_le_bytes()).raw(&claim.data);
        tensors.raw(b"\x80\x02").int(key).int(root).raw(b"ctorch\nFloatTensor\n\x87.");
        for number in [&[claim.dims.len() as u64], &claim.dims[..], &claim.strides, &[claim.offset]].concat()
        {
            tensors.raw(&number.to_le_bytes());
        }
    }
    object.raw(b".");
    storages.raw(b"\x80\x02].");

    let mut archive = ::tar::Builder::new(Vec::new());
    for (name, member) in [("pickle", object), ("tensors", tensors), ("storages", storages)] {
        let mut header = ::tar::Header::new_ustar();
        header.set_size(member.0.len() as u64);
        archive.append_data(&mut header, name, &member.0[..]).unwrap();
    }
    archive.into_inner().unwrap()
}
