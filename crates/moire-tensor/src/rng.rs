use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// Who a sample is, whatever its place in a batch: the start of its content's hash, or an index that its
/// owner keeps fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SampleId(pub u64);

/// A stream of random numbers that is fixed by a seed, a sample and a purpose.
///
/// Nothing else enters: not the batch size, not the order of images, not the thread. `ChaCha8` under a key
/// that spells out the three, so that no two streams overlap.
#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream of `sample` under `seed`, for one `purpose` (an attack's name, say).
    pub fn new(seed: u64, sample: SampleId, purpose: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&sample.0.to_le_bytes());
        key[16..24].copy_from_slice(&fnv1a(purpose.as_bytes()).to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from `[0, 1)`, on a grid of 2^-24.
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A number from `[low, high]`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        (low + (high - low) * self.unit()).clamp(low, high)
    }

    /// An index below `n`, without bias.
    ///
    /// # Panics
    /// `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "there is no index below 0");
        let n = n as u64;
        let limit = u64::MAX - u64::MAX % n;
        loop {
            let draw = self.0.next_u64();
            if draw < limit {
                return (draw % n) as usize;
            }
        }
    }
}

/// FNV-1a, to tell purposes apart; nothing rests on its strength.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::{Rng, SampleId};

    #[test]
    fn streams_are_fixed_by_seed_sample_and_purpose() {
        let draw = |seed, id, purpose| Rng::new(seed, SampleId(id), purpose).unit();
        assert_eq!(draw(1, 2, "pgd"), draw(1, 2, "pgd"));
        let all = [draw(1, 2, "pgd"), draw(2, 2, "pgd"), draw(1, 3, "pgd"), draw(1, 2, "urn")];
        assert!((1..4).all(|i| all[i] != all[0]));
    }

    #[test]
    fn draws_stay_in_range_and_fill_it() {
        let mut rng = Rng::new(0, SampleId(0), "test");
        let draws: Vec<f32> = (0..10_000).map(|_| rng.uniform(-0.5, 0.5)).collect();
        assert!(draws.iter().all(|v| (-0.5..=0.5).contains(v)));
        let mean = draws.iter().sum::<f32>() / 1e4;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((0..100).all(|_| rng.below(3) < 3));
    }
}
