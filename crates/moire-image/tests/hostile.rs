//! Files that a stranger has bent: an error or a picture within the limits, never a panic.

mod samples;

use moire_image::{Limits, decode_with_metadata};
use samples::one_of_each;

const FLIPS: usize = 20_000;

#[test]
fn twenty_thousand_mutations_do_not_panic() {
    let limits = Limits { max_pixels: 64 << 10, ..Limits::default() };
    let files = one_of_each();
    let (mut read, mut refused) = (0, 0);
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    // splitmix64
    let mut below = |n: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    };
    for round in 0..FLIPS {
        let (name, whole) = &files[round % files.len()];
        let mut bytes = whole.clone();
        for _ in 0..=below(4) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] ^= 1 << below(8),
                1 => bytes[at] = [0, 0xff, 0x7f, 0x80][below(4)],
                2 => bytes[at] = below(256) as u8,
                _ => {
                    bytes.insert(at, below(256) as u8);
                }
            }
        }
        match decode_with_metadata(&bytes, name, &limits) {
            Ok((picture, _)) => {
                assert!((picture.width() * picture.height()) as u64 <= limits.max_pixels);
                read += 1;
            }
            Err(error) => {
                assert!(error.to_string().starts_with(name) && error.to_string().lines().count() == 1);
                refused += 1;
            }
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused: the mutations reach nothing");
}
