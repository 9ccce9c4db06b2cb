/// The share of images that a detector judges as they are: `correct / total`, in `[0, 1]`. `None` for no images.
///
/// # Panics
/// `correct` is above `total`.
pub fn accuracy(correct: u64, total: u64) -> Option<f64> {
    assert!(correct <= total, "{correct} correct out of {total} images");
    (total > 0).then(|| correct as f64 / total as f64)
}

#[cfg(test)]
mod tests {
    use super::accuracy;

    #[test]
    fn closed_forms() {
        assert_eq!(accuracy(3, 4), Some(0.75));
        assert_eq!(accuracy(0, 0), None);
    }

    #[test]
    #[should_panic(expected = "5 correct out of 4 images")]
    fn more_correct_than_images_is_a_mistake() {
        accuracy(5, 4);
    }
}
