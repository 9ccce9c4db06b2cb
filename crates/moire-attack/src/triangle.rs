use moire_tensor::Rng;

/// A random triangle as a mask `[h * w]`, 1 inside: the forged mask of the segmentation attack where none is given.
///
/// Its corners are uniform over the image, drawn again until it covers between 5 % and 50 %.
pub(crate) fn triangle(rng: &mut Rng, height: usize, width: usize) -> Vec<f32> {
    loop {
        let mut corner = || [rng.unit() * width as f32, rng.unit() * height as f32];
        let corners = [corner(), corner(), corner()];
        let mask: Vec<f32> =
            (0..height * width).map(|p| f32::from(inside(corners, [p % width, p / width]))).collect();
        let share = mask.iter().sum::<f32>() / mask.len() as f32;
        if (0.05..=0.5).contains(&share) {
            return mask;
        }
    }
}

/// Whether a pixel's centre lies on the same side of all three edges.
fn inside(corners: [[f32; 2]; 3], pixel: [usize; 2]) -> bool {
    let at = pixel.map(|v| v as f32 + 0.5);
    let side = |i: usize| {
        let ([x, y], [to_x, to_y]) = (corners[i], corners[(i + 1) % 3]);
        (to_x - x) * (at[1] - y) - (to_y - y) * (at[0] - x)
    };
    let sides = [side(0), side(1), side(2)];
    sides.iter().all(|s| *s >= 0.0) || sides.iter().all(|s| *s <= 0.0)
}

#[cfg(test)]
mod tests {
    use moire_tensor::{Rng, SampleId};

    use super::{inside, triangle};

    #[test]
    fn half_a_square_is_half_its_pixels() {
        let corners = [[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]];
        let count = (0..64).filter(|p| inside(corners, [p % 8, p / 8])).count();
        assert_eq!(count, 36, "the pixels below the diagonal and those on it");
    }

    #[test]
    fn triangles_are_fixed_by_their_seed_and_neither_tiny_nor_everything() {
        let draw = |id| triangle(&mut Rng::new(3, SampleId(id), "triangle"), 32, 48);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for id in 0..50 {
            let share = draw(id).iter().sum::<f32>() / (32.0 * 48.0);
            assert!((0.05..=0.5).contains(&share), "{share}");
        }
    }
}
