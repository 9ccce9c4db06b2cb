//! Files that lie. Each is refused with a reason, none makes the reader panic or take memory for a claim.

use crate::writer::{self, Claim, Pickler, f32_claim, legacy, safetensors, tar, zip, zip_members};
use moire_formats::{Checkpoint, Error, ErrorKind, Limits};

/// Valid samples of every format, small enough to try each of their bytes.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let claims = [f32_claim("a.weight", &[2, 3]), f32_claim("b", &[2])];
    vec![
        ("zip", zip(&claims)),
        ("legacy", legacy(&claims)),
        ("tar", tar(&claims)),
        ("safetensors", safetensors()),
        ("torch zip", include_bytes!("../data/zip.pt").to_vec()),
        ("torch legacy", include_bytes!("../data/legacy.pt").to_vec()),
        ("torch legacy 4", include_bytes!("../data/legacy_protocol4.pt").to_vec()),
        ("torch module", include_bytes!("../data/module.pt").to_vec()),
        ("torch legacy module", include_bytes!("../data/module_legacy.pt").to_vec()),
        ("old h5", include_bytes!("../data/old_style.h5").to_vec()),
        ("new h5", include_bytes!("../data/latest.h5").to_vec()),
    ]
}

fn read(bytes: &[u8]) -> Result<Checkpoint, Error> {
    Checkpoint::read(bytes, "x", &Limits::default())
}

fn refused(bytes: &[u8], kind: ErrorKind, says: &str) {
    let error = read(bytes).unwrap_err();
    let message = error.to_string();
    assert_eq!(error.kind(), kind, "{message}");
    assert!(message.contains(says) && message.starts_with("x: "), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

fn with_pickle(pickle: &[u8]) -> Vec<u8> {
    zip_members(&[("x/data.pkl", pickle), ("x/data/0", &[0; 8])])
}

fn claim(claim: &Claim) -> [Vec<u8>; 3] {
    let claims = std::slice::from_ref(claim);
    [zip(claims), legacy(claims), tar(claims)]
}

#[test]
fn the_samples_are_valid() {
    for (name, bytes) in samples() {
        assert!(!read(&bytes).unwrap_or_else(|e| panic!("{name}: {e}")).is_empty());
    }
}

#[test]
fn every_truncation_is_an_error() {
    for (name, bytes) in samples() {
        // A tar archive ends in a kilobyte of zeros, and its reader needs none of it.
        let needed = if name == "tar" { bytes.len() - 1024 } else { bytes.len() };
        for length in 0..needed {
            let read = read(&bytes[..length]);
            let padding = name == "tar" && bytes[length..].iter().all(|&b| b == 0);
            assert!(read.is_err() || padding, "{name} cut to {length} of {} bytes", bytes.len());
        }
    }
}

/// A small generator: the tests need the same bytes each time, not good randomness.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[test]
fn flipped_bytes_never_panic() {
    let mut state = 7;
    for (name, bytes) in samples() {
        let rounds = if name.ends_with("h5") { 1_500 } else { 4_000 };
        for _ in 0..rounds {
            let mut bytes = bytes.clone();
            for _ in 0..=next(&mut state) % 3 {
                let at = next(&mut state) % bytes.len();
                bytes[at] = match next(&mut state) % 4 {
                    0 => 0xff,
                    1 => 0,
                    _ => next(&mut state) as u8,
                };
            }
            if let Err(error) = read(&bytes) {
                assert!(!error.to_string().contains("its decoder survives"), "{name}: contained a panic");
                assert_eq!(error.to_string().lines().count(), 1, "{name}: {error}");
            }
        }
    }
}

#[test]
fn foreign_globals_are_refused_by_name() {
    let cases: [(&[u8], &str); 5] = [
        (b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.", "os.system"),
        (b"\x80\x02cbuiltins\neval\nX\x02\0\0\0ls\x85R.", "builtins.eval"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "posix.system"),
        (b"\x80\x02(X\x02\0\0\0lsios\nsystem\n.", "os.system"),
        (b"\x80\x02ctorch.serialization\nload\n.", "torch.serialization.load"),
    ];
    for (pickle, name) in cases {
        refused(&with_pickle(pickle), ErrorKind::Forbidden, name);
        refused(pickle, ErrorKind::Forbidden, name);
    }
}

#[test]
fn known_globals_are_not_called_at_will() {
    refused(&with_pickle(b"\x80\x02ctorch\nFloatStorage\n)R."), ErrorKind::Malformed, "torch storage class");
    refused(&with_pickle(b"\x80\x02K\x01)R."), ErrorKind::Malformed, "the number 1");
}

#[test]
fn objects_are_their_state_and_nothing_is_called_for_them() {
    // A method or a class that would be called is refused by name, wherever it stands.
    for pickle in [
        b"\x80\x02c__main__\nNet\n)R.".as_slice(),
        b"\x80\x02}X\x01\0\0\0ac__main__\nNet\n)Rs.",
        b"\x80\x02c__main__\nNet\n)\x81c__main__\nNet\n)Rb.",
    ] {
        refused(&with_pickle(pickle), ErrorKind::Forbidden, "__main__.Net");
    }
    refused(&with_pickle(b"\x80\x02K\x01)\x81."), ErrorKind::Malformed, "the class of a new object");
    // An object without tensors holds none, whatever its state is.
    for state in [
        b"".as_slice(),
        b"K\x07b",
        b"}b",
        b"}X\x08\0\0\0_modulesK\x01sb",
        b"}X\x08\0\0\0_modulesh\0sb",
        b"}X\x08\0\0\0_backendctorch.nn.backends.thnn\n_get_thnn_function_backend\n)Rsb",
    ] {
        let pickle = [b"\x80\x02c__main__\nNet\n)\x81q\0".as_slice(), state, b"."].concat();
        assert!(read(&with_pickle(&pickle)).unwrap().is_empty());
    }
    // A module that is its own child ends at the limit of nesting.
    let own = b"\x80\x02c__main__\nNet\n)\x81q\0}X\x08\0\0\0_modules}X\x01\0\0\0ah\0ssb.";
    refused(&with_pickle(own), ErrorKind::Limit, "nesting");
}

#[test]
fn forty_gigabytes_in_a_small_file_are_refused() {
    let ten = 10_000_000_000;
    for bytes in claim(&Claim { dims: vec![ten], strides: vec![1], elements: ten, ..f32_claim("w", &[2]) }) {
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Truncated | ErrorKind::Limit), "{error}");
    }
    // The same from a storage of one element, repeated by a stride of 0.
    for bytes in claim(&Claim { dims: vec![ten], strides: vec![0], ..f32_claim("w", &[2]) }) {
        refused(&bytes, ErrorKind::Limit, "elements in a file of this size");
    }
}

#[test]
fn absurd_views_are_refused() {
    let max = i64::MAX as u64;
    let base = f32_claim("w", &[2, 1]);
    for (dims, strides, offset) in [
        (&[2, 1][..], &[1, 1][..], 1),
        (&[2, 1], &[2, 1], 0),
        (&[2, 1], &[max, max], 0),
        (&[2, 1], &[1, 1], max),
        (&[max, max], &[1, 1], 0),
        (&[0, max, max], &[1, 1, 1], 0),
        (&[1; 9], &[1; 9], 0),
    ] {
        for bytes in claim(&Claim { dims: dims.to_vec(), strides: strides.to_vec(), offset, ..base.clone() })
        {
            let error = read(&bytes).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Limit), "{dims:?}: {error}");
        }
    }
}

#[test]
fn two_tensors_of_one_name_are_refused() {
    for bytes in [zip, legacy, tar].map(|write| write(&[f32_claim("w", &[2]), f32_claim("w", &[2])])) {
        refused(&bytes, ErrorKind::Duplicate, "'w'");
    }
    let member = ("x/data/0", &[0u8; 8][..]);
    let twice = zip_members(&[("x/data.pkl", b"\x80\x02}."), member, member]);
    refused(&twice, ErrorKind::Duplicate, "x/data/0");
}

#[test]
fn deep_nesting_meets_a_limit() {
    let mut deep = b"\x80\x02}".to_vec();
    for _ in 0..10_000 {
        deep.extend(b"X\x01\0\0\0a}");
    }
    deep.extend(b"s".repeat(10_000));
    deep.push(b'.');
    refused(&with_pickle(&deep), ErrorKind::Limit, "nesting");
    let marks = [b"\x80\x02".to_vec(), b"(".repeat(2000)].concat();
    refused(&with_pickle(&marks), ErrorKind::Limit, "open marks");
}

#[test]
fn a_dict_that_holds_itself_is_refused() {
    refused(&with_pickle(b"\x80\x02}q\0X\x01\0\0\0ah\0s."), ErrorKind::Limit, "nesting");
}

#[test]
fn a_bomb_of_shared_dicts_meets_a_limit() {
    // Each of 60 dicts holds the one before twice: 2^60 leaves.
    let mut bomb = b"\x80\x02}q\0".to_vec();
    for i in 0..60u8 {
        bomb.extend([b'}', b'q', i + 1]);
        bomb.extend(b"(X\x01\0\0\0ah");
        bomb.push(i);
        bomb.extend(b"X\x01\0\0\0bh");
        bomb.push(i);
        bomb.push(b'u');
    }
    bomb.push(b'.');
    refused(&with_pickle(&bomb), ErrorKind::Limit, "values in it");
}

#[test]
fn a_long_memo_or_text_meets_its_limit() {
    let limits = Limits { pickle_memo: 3, pickle_string: 4, ..Limits::default() };
    let says = |pickle: &[u8]| Checkpoint::read(&with_pickle(pickle), "x", &limits).unwrap_err().to_string();
    assert!(says(b"\x80\x02}q\0q\x01q\x02q\x03.").contains("remembered objects"));
    assert!(says(b"\x80\x02}X\x05\0\0\0abcdeK\0s.").contains("bytes in a text"));
}

#[test]
fn stacks_that_run_empty_are_errors() {
    for op in b".0aesub1tdlRbQq\x85\x86\x87\x93\x94\x90\x91\x92\x81Ph" {
        let error = read(&with_pickle(&[0x80, 2, *op, 0])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "0x{op:02x}: {error}");
    }
}

#[test]
fn big_endian_files_are_refused_clearly() {
    let zip = zip_members(&[("x/byteorder", b"big"), ("x/data.pkl", b"\x80\x02}.")]);
    refused(&zip, ErrorKind::Unsupported, "byte order 'big'");
    let mut system = Pickler::default();
    system.raw(b"\x80\x02}").text("little_endian").raw(b"\x89s.");
    refused(
        &writer::legacy_parts(&system.0, b"\x80\x02}.", b"\x80\x02].", &[]),
        ErrorKind::Unsupported,
        "big-endian",
    );
}

#[test]
fn zips_that_are_no_state_dicts_are_refused() {
    refused(&zip_members(&[("weights.npy", b"x")]), ErrorKind::Malformed, "data.pkl");
    let one = ("x/data.pkl", &b"\x80\x02}."[..]);
    refused(&zip_members(&[one, ("y/data.pkl", b"\x80\x02}.")]), ErrorKind::Malformed, "several");
    refused(&with_pickle(b"\x80\x02K\x01."), ErrorKind::Malformed, "a dict of tensors");

    // Compressed, or an offset beyond the file: patched in the central directory.
    let good = with_pickle(b"\x80\x02}.");
    let central = good.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let patched = |at: usize, value: &[u8]| {
        let mut bytes = good.clone();
        bytes[central + at..][..value.len()].copy_from_slice(value);
        bytes
    };
    refused(&patched(10, &[8, 0]), ErrorKind::Unsupported, "compression");
    assert!(read(&patched(20, &[0xff; 3])).is_err());
    assert!(read(&patched(24, &[0xff; 3])).is_err());
    assert!(read(&patched(42, &[0xff; 3])).is_err());
    assert!(read(&patched(42, &[1])).is_err());
}

#[test]
fn a_file_may_not_exceed_its_limits() {
    let (_, bytes) = samples().swap_remove(0);
    let says = |limits: Limits| Checkpoint::read(&bytes, "x", &limits).unwrap_err().to_string();
    assert!(says(Limits { file_bytes: 10, ..Limits::default() }).contains("its bytes may be at most 10"));
    assert!(says(Limits { tensors: 1, ..Limits::default() }).contains("its tensors may be at most 1"));
    assert!(says(Limits { members: 1, ..Limits::default() }).contains("its members may be at most 1"));
    assert!(says(Limits { elements: 5, ..Limits::default() }).contains("may be at most 5"));
    assert!(says(Limits { rank: 1, ..Limits::default() }).contains("rank may be at most 1"));
    assert!(says(Limits { name_bytes: 3, ..Limits::default() }).contains("name may be at most 3"));
    assert!(says(Limits { pickle_ops: 9, ..Limits::default() }).contains("opcodes may be at most 9"));
}

#[test]
fn hdf5_shapes_that_lie_are_refused() {
    let good = include_bytes!("../data/old_style.h5");
    let dims = [2u64, 1, 3].map(u64::to_le_bytes).concat();
    let at = good.windows(dims.len()).position(|w| w == dims).unwrap();
    for extent in [3, 10_000_000_000, u64::MAX] {
        let mut bytes = good.to_vec();
        bytes[at..at + 8].copy_from_slice(&u64::to_le_bytes(extent));
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Limit), "{extent}: {error}");
    }
}
