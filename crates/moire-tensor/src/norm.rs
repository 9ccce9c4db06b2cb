use std::fmt;

/// How the size of a change is measured, over all values of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Norm {
    /// The number of values that are not zero.
    L0,
    /// The sum of magnitudes.
    L1,
    /// The Euclidean length.
    L2,
    /// The largest magnitude.
    Linf,
}

impl Norm {
    /// The norm of `values`, accumulated in double precision.
    pub fn of(self, values: impl IntoIterator<Item = f32>) -> f64 {
        let values = values.into_iter().map(f64::from);
        match self {
            Self::L0 => values.filter(|&v| v != 0.0).count() as f64,
            Self::L1 => values.map(f64::abs).sum(),
            Self::L2 => values.map(|v| v * v).sum::<f64>().sqrt(),
            Self::Linf => values.map(f64::abs).fold(0.0, f64::max),
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::Linf => "Linf",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Norm;

    #[test]
    fn closed_forms() {
        let v = [3.0f32, 0.0, -4.0];
        let of = |n: Norm| n.of(v);
        assert_eq!((of(Norm::L0), of(Norm::L1), of(Norm::L2), of(Norm::Linf)), (2.0, 7.0, 5.0, 4.0));
    }
}
