/// Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) with its usual decay rates.
#[derive(Debug, Clone)]
pub(crate) struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

impl Adam {
    pub(crate) fn new(len: usize) -> Self {
        Self { first: vec![0.0; len], second: vec![0.0; len], steps: 0 }
    }

    /// Moves `x` against `gradient` at this rate. An element whose gradient has always been 0 stays, to the bit.
    pub(crate) fn descend(&mut self, x: &mut [f32], gradient: &[f32], rate: f32) {
        const BETA: [f32; 2] = [0.9, 0.999];
        self.steps += 1;
        let scale = BETA.map(|b| 1.0 / (1.0 - f64::from(b).powi(self.steps)) as f32);
        for (i, &g) in gradient.iter().enumerate() {
            let (m, v) = (&mut self.first[i], &mut self.second[i]);
            *m = BETA[0] * *m + (1.0 - BETA[0]) * g;
            *v = BETA[1] * *v + (1.0 - BETA[1]) * g * g;
            x[i] -= rate * *m * scale[0] / ((*v * scale[1]).sqrt() + 1e-8);
        }
    }
}
