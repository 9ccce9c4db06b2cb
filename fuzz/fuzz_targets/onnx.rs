//! ONNX networks, read into graphs. What is free has eight pixels.

#![no_main]

use moire_formats::{Limits, Onnx};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut model) = Onnx::read(bytes.to_vec(), "fuzz", &Limits::default()) {
        model.external_files().iter().for_each(|name| model.attach(name, vec![0; 64]));
        let _ = model.graph(&[("", 8), ("h", 8), ("w", 8)]);
    }
});
