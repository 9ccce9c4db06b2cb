//! What an 8-bit file keeps of images is what `Images::quantised` says.

use moire_image::{Limits, Picture, decode, encode_png};
use moire_tensor::{Images, Tensor};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_saved_file_holds_the_quantised_images_bit_for_bit(
        (h, w, values) in (1usize..9, 1usize..9).prop_flat_map(|(h, w)| {
            (Just(h), Just(w), prop::collection::vec(0.0f32..=1.0, 2 * 3 * h * w))
        })
    ) {
        let images = Images::new(Tensor::new([2, 3, h, w], values).unwrap()).unwrap();
        let quantised = images.quantised();
        for (v, q) in images.tensor().data().iter().zip(quantised.tensor().data()) {
            prop_assert!((v - q).abs() <= 1.0 / 510.0 + 1e-7);
        }
        prop_assert_eq!(&quantised.quantised(), &quantised);
        for index in 0..2 {
            let picture = Picture::from_images(&images, index);
            prop_assert_eq!(&Picture::from_images(&quantised, index), &picture);
            let read = decode(&encode_png(&picture), "x.png", &Limits::default()).unwrap();
            prop_assert_eq!(&read, &picture);
            prop_assert_eq!(read.to_images(), quantised.select(&[index]));
        }
    }
}
