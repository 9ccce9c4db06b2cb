/// ATR = `asr_target` / `asr_origin`: how much of an attack's success on the network that it was made for is left
/// on another network.
///
/// 1 where it transfers in full, 0 where nothing is left; above 1 where the target is the weaker network. `None`
/// where `asr_origin` is not positive: there is no success to carry over.
pub fn attack_transfer_ratio(asr_target: f64, asr_origin: f64) -> Option<f64> {
    (asr_origin > 0.0).then(|| asr_target / asr_origin)
}

#[cfg(test)]
mod tests {
    use super::attack_transfer_ratio;

    #[test]
    fn closed_forms() {
        assert_eq!(attack_transfer_ratio(0.25, 0.5), Some(0.5));
        assert_eq!(attack_transfer_ratio(0.5, 0.0), None);
        assert_eq!(attack_transfer_ratio(0.5, -0.1), None);
    }
}
