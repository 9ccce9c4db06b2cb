/// Decoded values: `channels` a pixel (grey; grey and alpha; RGB; RGB and alpha), row by row.
pub(super) struct Samples {
    pub(super) channels: usize,
    pub(super) values: Values,
}

/// Values at the depth of the file.
pub(super) enum Values {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

impl Samples {
    /// Eight bits, RGB, laid over white.
    pub(super) fn into_rgb(self) -> Vec<u8> {
        match self.values {
            Values::Eight(rgb) if self.channels == 3 => rgb,
            Values::Eight(values) => to_rgb(&values, self.channels, 255),
            Values::Sixteen(values) => to_rgb(&values, self.channels, 65_535),
        }
    }
}

/// Each value c over white under alpha a is (c a + m (m - a)) / m² of full scale, m being the largest value; rounded
/// once, to the nearest byte.
fn to_rgb<T: Copy + Into<u64>>(values: &[T], channels: usize, max: u64) -> Vec<u8> {
    let has_alpha = channels % 2 == 0;
    let is_grey = channels <= 2;
    let over_white = |value: u64, alpha: u64| {
        let scale = max * max;
        ((255 * (value * alpha + max * (max - alpha)) + scale / 2) / scale) as u8
    };
    let pixel = |p: &[T]| {
        let alpha = if has_alpha { p[channels - 1].into() } else { max };
        let at = |c: usize| over_white(p[if is_grey { 0 } else { c }].into(), alpha);
        [at(0), at(1), at(2)]
    };
    values.chunks_exact(channels).flat_map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::{Samples, Values};

    fn rgb(channels: usize, values: Values) -> Vec<u8> {
        Samples { channels, values }.into_rgb()
    }

    #[test]
    fn grey_becomes_rgb() {
        assert_eq!(rgb(1, Values::Eight(vec![7, 255])), [7, 7, 7, 255, 255, 255]);
    }

    #[test]
    fn transparency_is_laid_over_white() {
        assert_eq!(rgb(4, Values::Eight(vec![10, 20, 30, 255, 10, 20, 30, 0])), [10, 20, 30, 255, 255, 255]);
        // 0 at alpha 128: 255 - 128 = 127.
        assert_eq!(rgb(2, Values::Eight(vec![0, 128])), [127; 3]);
        assert_eq!(rgb(2, Values::Sixteen(vec![0, 32_768])), [127; 3]);
    }

    #[test]
    fn sixteen_bits_become_the_nearest_of_eight() {
        for v in 0..=65_535u16 {
            let expected = (f64::from(v) / 257.0).round() as u8;
            assert_eq!(rgb(1, Values::Sixteen(vec![v])), [expected; 3], "{v}");
        }
        for b in 0..=255u8 {
            assert_eq!(rgb(2, Values::Eight(vec![b, 255])), [b; 3]);
        }
    }
}
