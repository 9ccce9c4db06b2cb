/// Pearson's correlation, how nearly two measures lie on one line, in `[-1, 1]`. None of fewer than two pairs, or
/// where one of the measures does not vary.
///
/// # Panics
/// The lengths differ.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    assert_eq!(x.len(), y.len(), "two measures of the same things");
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(x, y)| f(x - mx, y - my)).sum::<f64>();
    let (xy, xx, yy) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
    (xx > 0.0 && yy > 0.0).then(|| (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

/// Spearman's rank correlation: Pearson's of ranks, ties at their mean rank. How nearly two measures order things
/// alike, in `[-1, 1]`. None as for [`pearson`].
///
/// # Panics
/// The lengths differ.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    pearson(&ranks(x), &ranks(y))
}

/// Ranks from 1; equals share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + f64::midpoint(1.0, equal.len() as f64);
        equal.iter().for_each(|&i| ranks[i] = rank);
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::{pearson, spearman};

    #[test]
    fn known_values() {
        // scipy.stats.pearsonr and spearmanr, with ties.
        let x = [1.0, 2.0, 2.0, 4.0, 7.0, 5.0];
        let y = [2.0, 1.0, 3.0, 3.0, 9.0, 4.0];
        assert!((pearson(&x, &y).unwrap() - 0.884_112_569_130_941_7).abs() < 1e-12, "{:?}", pearson(&x, &y));
        assert!(
            (spearman(&x, &y).unwrap() - 0.867_647_058_823_529_4).abs() < 1e-12,
            "{:?}",
            spearman(&x, &y)
        );
        // A monotone curve is a perfect order and no line.
        let cubes: Vec<f64> = x.iter().map(|v: &f64| v.powi(3)).collect();
        assert_eq!(spearman(&x, &cubes), Some(1.0));
        assert!(pearson(&x, &cubes).unwrap() < 0.97);
    }

    #[test]
    fn what_does_not_vary_has_none() {
        assert_eq!(pearson(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[], &[]), None);
        assert_eq!(pearson(&[1.0], &[1.0]), None);
    }
}
