//! Changes that nobody sees, made visible.

use moire_tensor::{Images, Tensor};

use crate::error::Error;

/// What changed between two batches of images of one size, around mid-grey, times the largest whole factor up to 64 that
/// keeps it in range; and that factor.
///
/// # Errors
/// A value is not finite.
///
/// # Panics
/// `changed` is smaller than `given`.
pub fn amplified(given: &Images, changed: &Images) -> Result<(f64, Images), Error> {
    let (a, b) = (given.tensor().data(), changed.tensor().data());
    around_grey(&Tensor::from_fn(given.tensor().shape().clone(), |i| b[i] - a[i]))
}

/// The same for a change that was never laid over an image.
pub(crate) fn around_grey(change: &Tensor) -> Result<(f64, Images), Error> {
    let largest = change.data().iter().map(|v| v.abs()).fold(0.0f32, f32::max);
    let factor = if largest > 0.0 { (0.5 / largest).floor().clamp(1.0, 64.0) } else { 1.0 };
    let drawn = Tensor::from_fn(change.shape().clone(), |i| 0.5 + change.data()[i] * factor);
    Ok((f64::from(factor), Images::project(drawn)?))
}

#[cfg(test)]
mod tests {
    use moire_tensor::{Images, Tensor};

    use super::amplified;

    #[test]
    fn the_largest_change_reaches_the_end_of_the_range() {
        let image = |value: f32| {
            let at = |i: usize| if i == 0 { value } else { 0.5 };
            Images::new(Tensor::from_fn([1, 3, 1, 1], at)).unwrap()
        };
        let (factor, drawn) = amplified(&image(0.5), &image(0.4)).unwrap();
        assert_eq!(factor, 5.0);
        assert!(drawn.image(0)[0].abs() < 1e-6 && drawn.image(0)[1..] == [0.5, 0.5]);
        let (factor, same) = amplified(&image(0.3), &image(0.3)).unwrap();
        assert_eq!((factor, same.image(0)), (1.0, &[0.5; 3][..]), "nothing changed: grey");
    }
}
