//! PyTorch's zip archives. The bytes tell the format; the seeds are of this one.

#![no_main]

use moire_formats::{Checkpoint, Limits};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Checkpoint::read(bytes, "fuzz", &Limits::default());
});
