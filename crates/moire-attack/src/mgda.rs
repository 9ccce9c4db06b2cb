//! The multiple gradient descent algorithm (Désidéri, `Comptes Rendus Mathématique` 350, 2012; Sener and Koltun, arXiv
//! 1810.04650, algorithm 2): the shortest vector in the convex hull of several gradients, along which none of them
//! falls.

/// The weights, at least 0 and summing to 1, of the shortest vector in the convex hull of vectors whose inner products
/// are `gram`. Frank-Wolfe with exact line search and steps away from the worst vector, which make it converge linearly
/// (Lacoste-Julien and Jaggi, arXiv 1511.05932, algorithm 1).
///
/// # Panics
/// `gram` is empty or not square.
pub fn shortest(gram: &[Vec<f64>]) -> Vec<f64> {
    let n = gram.len();
    assert!(n > 0 && gram.iter().all(|row| row.len() == n), "a Gram matrix is square");
    // From the shortest of them: where two vectors are alike, the first.
    let first = (0..n).reduce(|a, b| if gram[b][b] < gram[a][a] { b } else { a }).expect("n is at least 1");
    let mut weights = vec![0.0; n];
    weights[first] = 1.0;
    let scale = (0..n).map(|i| gram[i][i]).fold(0.0, f64::max);
    for _ in 0..10_000 {
        // The inner product of each vector with the combination: half the slope towards it.
        let slope: Vec<f64> =
            gram.iter().map(|row| row.iter().zip(&weights).map(|(g, w)| g * w).sum()).collect();
        let length: f64 = slope.iter().zip(&weights).map(|(s, w)| s * w).sum();
        let towards = (0..n).reduce(|a, b| if slope[b] < slope[a] { b } else { a }).expect("n is at least 1");
        let used = (0..n).filter(|&i| weights[i] > 0.0);
        let away = used.reduce(|a, b| if slope[b] > slope[a] { b } else { a }).expect("the weights sum to 1");
        if length - slope[towards] <= 1e-15 * scale {
            break;
        }
        // The step moves weight to one vector, or away from one; its direction is that of the larger slope.
        let (to, sign, most) = if length - slope[towards] >= slope[away] - length {
            (towards, 1.0, 1.0)
        } else {
            (away, -1.0, weights[away] / (1.0 - weights[away]).max(f64::MIN_POSITIVE))
        };
        let square = gram[to][to] - 2.0 * slope[to] + length;
        let step = (sign * (length - slope[to]) / square.max(f64::MIN_POSITIVE)).clamp(0.0, most);
        for (i, w) in weights.iter_mut().enumerate() {
            *w += sign * step * (f64::from(u8::from(i == to)) - *w);
        }
        if sign < 0.0 && step == most {
            weights[to] = 0.0;
        }
    }
    weights
}

/// The weights of the mean of directions: the inverse of each vector's length, by their number. A vector of zero has no
/// direction, and the weight 0.
pub(crate) fn even(vectors: &[&[f32]]) -> Vec<f64> {
    let length = |v: &&[f32]| v.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
    let inverse = |l: f64| if l > 0.0 { 1.0 / (l * vectors.len() as f64) } else { 0.0 };
    vectors.iter().map(length).map(inverse).collect()
}

/// The inner products of all pairs.
pub(crate) fn gram(vectors: &[&[f32]]) -> Vec<Vec<f64>> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    vectors.iter().map(|a| vectors.iter().map(|b| dot(a, b)).collect()).collect()
}

/// The sum of `vectors` under `weights`.
pub(crate) fn sum(vectors: &[&[f32]], weights: &[f64]) -> Vec<f32> {
    let at = |i: usize| vectors.iter().zip(weights).map(|(v, w)| f64::from(v[i]) * w).sum::<f64>() as f32;
    (0..vectors[0].len()).map(at).collect()
}

#[cfg(test)]
mod tests {
    use moire_tensor::{Rng, SampleId};

    use super::shortest;

    fn gram(vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum();
        vectors.iter().map(|a| vectors.iter().map(|b| dot(a, b)).collect()).collect()
    }

    fn vectors(n: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = Rng::new(seed, SampleId(n as u64), "mgda");
        let shift = rng.uniform(0.0, 0.6);
        let mut vector = || (0..6).map(|_| f64::from(rng.uniform(-1.0, 1.0) + shift)).collect();
        (0..n).map(|_| vector()).collect()
    }

    fn length(gram: &[Vec<f64>], w: &[f64]) -> f64 {
        (0..w.len())
            .flat_map(|i| (0..w.len()).map(move |j| (i, j)))
            .map(|(i, j)| w[i] * w[j] * gram[i][j])
            .sum()
    }

    #[test]
    fn two_vectors_have_a_closed_form() {
        for seed in 0..50 {
            let g = gram(&vectors(2, seed));
            let between = g[0][0] - 2.0 * g[0][1] + g[1][1];
            let first = ((g[1][1] - g[0][1]) / between).clamp(0.0, 1.0);
            let weights = shortest(&g);
            assert!(
                (weights[0] - first).abs() < 1e-6 && (weights[1] - 1.0 + first).abs() < 1e-6,
                "{weights:?}"
            );
        }
    }

    /// Solves `a x = b` by elimination with pivots; `None` where it is singular.
    fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
        let n = b.len();
        for c in 0..n {
            let pivot = (c..n).max_by(|&i, &j| a[i][c].abs().total_cmp(&a[j][c].abs()))?;
            a.swap(c, pivot);
            b.swap(c, pivot);
            if a[c][c].abs() < 1e-12 {
                return None;
            }
            for r in c + 1..n {
                let f = a[r][c] / a[c][c];
                let above = a[c].clone();
                a[r].iter_mut().zip(above).for_each(|(v, above)| *v -= f * above);
                b[r] -= f * b[c];
            }
        }
        for c in (0..n).rev() {
            b[c] = (b[c] - (c + 1..n).map(|k| a[c][k] * b[k]).sum::<f64>()) / a[c][c];
        }
        Some(b)
    }

    /// The exact optimum: on each face of the simplex the equality-constrained minimum, the best that is feasible.
    fn exact(g: &[Vec<f64>]) -> f64 {
        let n = g.len();
        let mut best = f64::INFINITY;
        for face in 1..1u32 << n {
            let on: Vec<usize> = (0..n).filter(|i| face >> i & 1 == 1).collect();
            let m = on.len();
            let row =
                |i: usize| (0..=m).map(|j| if j < m { g[on[i]][on[j]] } else { 1.0 }).collect::<Vec<_>>();
            let last = (0..=m).map(|j| if j < m { 1.0 } else { 0.0 }).collect();
            let system = (0..m).map(row).chain([last]).collect();
            let right = (0..=m).map(|i| if i < m { 0.0 } else { 1.0 }).collect();
            let Some(solution) = solve(system, right) else { continue };
            if solution[..m].iter().all(|&w| w >= -1e-12) {
                let mut w = vec![0.0; n];
                on.iter().zip(&solution).for_each(|(&i, &v)| w[i] = v.max(0.0));
                best = best.min(length(g, &w));
            }
        }
        best
    }

    #[test]
    fn the_quadratic_programme_is_solved_exactly() {
        for n in 1..=6 {
            for seed in 0..40 {
                let g = gram(&vectors(n, seed));
                let weights = shortest(&g);
                assert!(
                    (weights.iter().sum::<f64>() - 1.0).abs() < 1e-12 && weights.iter().all(|&w| w >= 0.0)
                );
                let (found, best) = (length(&g, &weights), exact(&g));
                assert!(
                    (found - best).abs() < 1e-9,
                    "{n} vectors, seed {seed}: {found}, the optimum is {best}"
                );
            }
        }
    }

    #[test]
    fn many_vectors_and_vectors_alike_are_no_trouble() {
        let mut all = vectors(24, 7);
        all.push(all[3].clone());
        all.push(vec![0.0; 6]);
        let weights = shortest(&gram(&all));
        assert!(length(&gram(&all), &weights) < 1e-12, "a vector of zero is the shortest");
        assert_eq!(shortest(&[vec![0.0]]), [1.0]);
    }
}
