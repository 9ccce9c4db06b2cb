//! The pickle machine: the object's pickle of a legacy file, after a head that is valid.

#![no_main]

use moire_formats::{Checkpoint, Limits};

const HEAD: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Checkpoint::read(&[HEAD, bytes].concat(), "fuzz", &Limits::default());
});
