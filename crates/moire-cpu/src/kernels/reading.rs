use moire_tensor::Shape;

use crate::layout::{broadcast_strides, order, strides};

/// How an operand is read along a result in memory order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It lies as the result does.
    Whole,
    /// Each of its numbers serves `inner` of the result's, one after another; after `period` numbers it starts again,
    /// and after `block` of the result's numbers it goes on.
    Repeated { inner: usize, period: usize, block: usize },
    /// Any other: extents of the result and distances in the operand, slowest first.
    Strided(Vec<(usize, usize)>),
}

impl Reading {
    pub(crate) fn new(from: &Shape, to: &Shape) -> Self {
        let (read, own) = (broadcast_strides(from, to), strides(to));
        if read.iter().zip(&own).zip(to.iter()).all(|((read, own), &extent)| extent == 1 || read == own) {
            return Self::Whole;
        }
        // Runs of axes, fastest first, that repeat a number or walk on.
        let axes: Vec<(usize, usize)> = order(to.len()).iter().map(|&a| (to[a], read[a])).collect();
        let mut extents = [1; 4];
        let (mut run, mut next) = (0, 1);
        for &(extent, step) in axes.iter().rev().filter(|axis| axis.0 != 1) {
            let walks = step != 0;
            if walks != (run % 2 == 1) {
                run += 1;
            }
            if run == extents.len() || walks && step != next {
                return Self::Strided(axes);
            }
            extents[run] *= extent;
            next *= if walks { extent } else { 1 };
        }
        let [inner, period, again, _] = extents;
        Self::Repeated { inner, period, block: inner * period * again }
    }

    /// The operand's numbers for those of the result from `start` on.
    #[inline(always)]
    pub(crate) fn fill(&self, from: &[f32], start: usize, to: &mut [f32]) {
        match self {
            Self::Whole => to.copy_from_slice(&from[start..][..to.len()]),
            &Self::Repeated { inner, period, block } => {
                let mut done = 0;
                while done < to.len() {
                    let at = start + done;
                    let (place, base) = (at % block / inner % period, at / block * period);
                    if inner > 1 || period == 1 {
                        // To the number's last repetition, or that of all that follow where there is one alone.
                        let left = if period == 1 { block - at % block } else { inner - at % inner };
                        let len = left.min(to.len() - done);
                        to[done..done + len].fill(from[base + place]);
                        done += len;
                    } else {
                        let len = (block - at % block).min(to.len() - done);
                        repeat(&from[base..][..period], place, &mut to[done..done + len]);
                        done += len;
                    }
                }
            }
            Self::Strided(axes) => {
                for (i, v) in to.iter_mut().enumerate() {
                    let (mut rest, mut at) = (start + i, 0);
                    for &(extent, step) in axes.iter().rev() {
                        at += rest % extent * step;
                        rest /= extent;
                    }
                    *v = from[at];
                }
            }
        }
    }
}

/// Fills `to` with `period` again and again, from its number `place` on: once from itself, then from what is there, which
/// doubles each time, so that a short one is not copied number by number.
#[inline(always)]
fn repeat(period: &[f32], place: usize, to: &mut [f32]) {
    let rest = &period[place..];
    let (head, tail) = to.split_at_mut(rest.len().min(to.len()));
    head.copy_from_slice(&rest[..head.len()]);
    let mut known = period.len().min(tail.len());
    tail[..known].copy_from_slice(&period[..known]);
    while known < tail.len() {
        let more = known.min(tail.len() - known);
        tail.copy_within(..more, known);
        known += more;
    }
}

#[cfg(test)]
mod tests {
    use moire_tensor::Shape;

    use super::Reading;
    use crate::layout::strides;

    #[test]
    fn what_repeats_is_seen() {
        let image = Shape::from([2, 3, 4, 5]);
        let case = |from: &[usize]| Reading::new(&Shape::from(from), &image);
        let repeated = |inner, period, block| Reading::Repeated { inner, period, block };
        assert_eq!(case(&[2, 3, 4, 5]), Reading::Whole);
        assert_eq!(case(&[1, 3, 4, 5]), repeated(1, 60, 120));
        assert_eq!(case(&[1, 3, 1, 1]), repeated(1, 3, 120));
        assert_eq!(case(&[]), repeated(120, 1, 120));
        assert_eq!(case(&[2, 1, 1, 1]), repeated(60, 2, 120));
        assert_eq!(case(&[2, 3, 1, 1]), repeated(1, 3, 60));
        assert_eq!(case(&[2, 1, 4, 5]), repeated(3, 40, 120));
        assert_eq!(case(&[2, 1, 4, 1]), repeated(15, 8, 120));
        assert!(matches!(case(&[1, 3, 4, 1]), Reading::Strided(_)));
    }

    #[test]
    fn every_way_of_repeating_reads_what_broadcasting_says() {
        let image = Shape::from([2, 3, 4, 5]);
        for bits in 0..16 {
            let from: Shape = (0..4).map(|a| if bits >> a & 1 == 1 { image[a] } else { 1 }).collect();
            let data: Vec<f32> = (0..from.numel()).map(|i| i as f32).collect();
            let (own, read) = (strides(&image), strides(&from));
            let expected = |at: usize| {
                let index = |a: usize| at / own[a] % image[a];
                data[(0..4).map(|a| index(a).min(from[a] - 1) * read[a]).sum::<usize>()]
            };
            let reading = Reading::new(&from, &image);
            for start in [0, 7, 59, 60] {
                let mut found = vec![0.0; image.numel() - start];
                reading.fill(&data, start, &mut found);
                let expected: Vec<f32> = (start..image.numel()).map(expected).collect();
                assert_eq!(found, expected, "{from} from {start} on, as {reading:?}");
            }
        }
    }
}
