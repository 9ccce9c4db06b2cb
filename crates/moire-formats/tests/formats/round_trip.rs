//! What is written is what is read, in each format that can be written here.

use std::collections::BTreeMap;

use moire_formats::{Checkpoint, Format, Limits};
use moire_tensor::Tensor;
use proptest::prelude::*;

use crate::writer::{claim_of, legacy, tar, zip};

fn tensors() -> impl Strategy<Value = BTreeMap<String, Tensor>> {
    let tensor = (proptest::collection::vec(0..4usize, 0..4), any::<u32>()).prop_map(|(dims, seed)| {
        // Every bit pattern that is a number.
        Tensor::from_fn(dims, |i| {
            let value = f32::from_bits(seed.wrapping_mul(i as u32 * 2 + 1));
            if value.is_nan() { 0.5 } else { value }
        })
    });
    proptest::collection::btree_map("[a-z]{1,3}[.é\" ]?[a-z]{1,3}", tensor, 0..5)
}

fn read(bytes: &[u8]) -> Checkpoint {
    Checkpoint::read(bytes, "x", &Limits::default()).unwrap()
}

fn same(checkpoint: &Checkpoint, tensors: &BTreeMap<String, Tensor>) -> bool {
    checkpoint.len() == tensors.len() && tensors.iter().all(|(name, t)| checkpoint.get(name) == Some(t))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn safetensors_round_trips(tensors in tensors()) {
        let checkpoint = Checkpoint::new(tensors.clone()).unwrap();
        let bytes = checkpoint.write_safetensors();
        let back = read(&bytes);
        prop_assert_eq!(back.format(), Format::Safetensors);
        prop_assert!(same(&back, &tensors));
        prop_assert_eq!(back.write_safetensors(), bytes);
    }

    #[test]
    fn pytorch_layouts_round_trip(tensors in tensors()) {
        let claims: Vec<_> = tensors.iter().map(|(name, tensor)| claim_of(name, tensor)).collect();
        let written = [
            (Format::PyTorchZip, zip(&claims)),
            (Format::PyTorchLegacy, legacy(&claims)),
            (Format::PyTorchTar, tar(&claims)),
        ];
        for (format, bytes) in written {
            let back = read(&bytes);
            prop_assert_eq!(back.format(), format);
            prop_assert!(same(&back, &tensors), "{}", format);
        }
    }
}
