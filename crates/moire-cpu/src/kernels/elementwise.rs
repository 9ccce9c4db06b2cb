use std::f32::consts::FRAC_2_SQRT_PI;

use moire_graph::{Act, Binary};

use super::reading::Reading;
use super::{Kernel, each_chunk};
use crate::fuse::Link;
use crate::product::{Beside, Gate, Gated, Shared, Smooth};
use crate::program::{Operands, Results};
use crate::scratch::Scratch;
use crate::simd::{Signs, SignsMut, Simd, Task, Vectors, math};

/// Numbers that go through all ops together: they stay in a core's first cache.
const BLOCK: usize = 1024;

/// Ops on single numbers, one after another: the first operand is where they start.
pub(crate) struct Chain {
    pub(crate) vectors: Vectors,
    pub(crate) size: usize,
    pub(crate) links: Vec<Link>,
    /// How each operand is read; what was kept beside a value is read by its link's own rule.
    pub(crate) readings: Vec<Reading>,
    pub(crate) beside: Option<Beside>,
}

/// A part of a result, cut into blocks.
struct Part<'a> {
    chain: &'a Chain,
    operands: &'a Operands<'a>,
    /// The part's sample, and where in the sample it starts.
    sample: usize,
    start: usize,
    out: &'a mut [f32],
    signs: Option<SignsMut<'a>>,
    slope: Option<Shared<'a>>,
}

impl Task for Part<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { chain, operands, sample, start, out, signs, slope } = self;
        let first = operands.get(0).sample(sample);
        let mut gathered = [0.0; BLOCK];
        for (i, block) in out.chunks_mut(BLOCK).enumerate() {
            let at = start + i * BLOCK;
            chain.readings[0].fill(first, at, block);
            for link in &chain.links {
                chain.link(simd, *link, operands, sample, at, block, slope, &mut gathered);
            }
            if let Some(signs) = signs {
                put_signs(simd, signs, sample * chain.size + at, block);
            }
        }
    }
}

/// The signs of numbers `at..` of all samples.
#[allow(unsafe_code, reason = "bits are written by several tasks")]
#[inline(always)]
fn put_signs<S: Simd>(simd: S, signs: SignsMut<'_>, at: usize, values: &[f32]) {
    assert!(at + values.len() <= signs.len(), "a bit for each number");
    for (i, v) in values.chunks(S::LANES).enumerate() {
        // SAFETY: a vector, or what there is of one; a chunk holds whole groups of eight, which are this task's alone.
        unsafe {
            let vector =
                if v.len() == S::LANES { simd.load(v.as_ptr()) } else { simd.load_part(v.as_ptr(), v.len()) };
            signs.put(simd, vector, at + i * S::LANES, v.len());
        }
    }
}

/// `f` of every vector, in place, with the vector's place.
#[allow(unsafe_code, reason = "loads and stores take pointers")]
#[inline(always)]
fn each_vector<S: Simd>(simd: S, values: &mut [f32], mut f: impl FnMut(S::V, usize, usize) -> S::V) {
    for i in (0..values.len()).step_by(S::LANES) {
        let count = S::LANES.min(values.len() - i);
        // SAFETY: `count` numbers from here on lie in the slice.
        unsafe {
            let at = values.as_mut_ptr().add(i);
            if count == S::LANES {
                simd.store(at, f(simd.load(at), i, count));
            } else {
                simd.store_part(at, f(simd.load_part(at, count), i, count), count);
            }
        }
    }
}

impl Chain {
    /// One op on the numbers `at..` of a sample.
    #[allow(unsafe_code, clippy::too_many_arguments, reason = "an innermost loop")]
    #[inline(always)]
    fn link<S: Simd>(
        &self,
        simd: S,
        link: Link,
        operands: &Operands<'_>,
        sample: usize,
        at: usize,
        block: &mut [f32],
        slope: Option<Shared<'_>>,
        gathered: &mut [f32; BLOCK],
    ) {
        let len = block.len();
        match link {
            Link::Act(act) => apply(simd, act, block),
            Link::Smooth(smooth, keeps) => {
                // SAFETY: each block is one task's alone.
                let mut kept =
                    slope.filter(|_| keeps).map(|slope| unsafe { slope.part(sample * self.size + at, len) });
                each_vector(
                    simd,
                    block,
                    #[inline(always)]
                    |x, i, count| {
                        let (y, dy) = smooth.apply(simd, x);
                        if let Some(kept) = &mut kept {
                            // SAFETY: as many numbers as there are in the block.
                            unsafe { simd.store_part(kept.as_mut_ptr().add(i), dy, count) };
                        }
                        y
                    },
                );
            }
            Link::Binary(op, i, first) => {
                let other = self.other(operands.get(i).sample(sample), i, at, &mut gathered[..len]);
                match (op, first) {
                    (Binary::Add, _) => zip(block, other, |v, o| v + o),
                    (Binary::Mul, _) => zip(block, other, |v, o| v * o),
                    (Binary::Sub, false) => zip(block, other, |v, o| v - o),
                    (Binary::Sub, true) => zip(block, other, |v, o| o - v),
                    (Binary::Div, false) => zip(block, other, |v, o| v / o),
                    (Binary::Div, true) => zip(block, other, |v, o| o / v),
                }
            }
            Link::Gate(i, gate) => {
                let operand = operands.get(i);
                // Signs are counted over all samples, values within their own.
                let (gated, from) = match gate {
                    Gate::Signs(leak) => {
                        (Gated::Signs(Signs::of(operand.data), leak), sample * self.size + at)
                    }
                    _ => (gate.bind(&operand.sample(sample)[at..], len), 0),
                };
                assert!(gated.len() >= from + len, "the operand covers the block");
                each_vector(
                    simd,
                    block,
                    #[inline(always)]
                    // SAFETY: the operand covers the block, whose vectors start at whole groups of eight where there are
                    // signs.
                    |v, j, count| unsafe { gated.apply(simd, v, from + j, count) },
                );
            }
            Link::Grad(i, act) => {
                let saved = self.other(operands.get(i).sample(sample), i, at, &mut gathered[..len]);
                grad(simd, act, saved, block);
            }
        }
    }

    /// The numbers of operand `i`, `from`, for those of the result from `at` on: where they lie, or gathered.
    #[inline(always)]
    fn other<'a>(&self, from: &'a [f32], i: usize, at: usize, gathered: &'a mut [f32]) -> &'a [f32] {
        match &self.readings[i] {
            Reading::Whole => &from[at..][..gathered.len()],
            reading => {
                reading.fill(from, at, gathered);
                gathered
            }
        }
    }
}

impl Kernel for Chain {
    fn name(&self) -> &'static str {
        "elementwise"
    }

    fn run(&self, operands: &Operands<'_>, results: Results<'_>, _: &Scratch<'_>) {
        let Results { value, beside } = results;
        let (mut signs, mut slope) = (None, None);
        match self.beside {
            Some(Beside::Signs) => signs = Some(SignsMut::of(beside)),
            Some(Beside::Slope) => slope = Some(Shared::new(beside)),
            Some(Beside::Winners) | None => {}
        }
        each_chunk(value, self.size, |sample, start, out| {
            self.vectors.run(Part { chain: self, operands, sample, start, out, signs, slope });
        });
    }
}

#[inline(always)]
fn zip(values: &mut [f32], others: &[f32], f: impl Fn(f32, f32) -> f32) {
    values.iter_mut().zip(others).for_each(|(v, &o)| *v = f(*v, o));
}

/// Applies `act` in place.
#[inline(always)]
fn apply<S: Simd>(simd: S, act: Act, values: &mut [f32]) {
    #[inline(always)]
    fn each(values: &mut [f32], f: impl Fn(f32) -> f32) {
        values.iter_mut().for_each(|v| *v = f(*v));
    }
    match act {
        Act::Relu => each(values, |x| x.max(0.0)),
        Act::LeakyRelu(slope) => each(values, |x| if x > 0.0 { x } else { slope * x }),
        Act::Tanh | Act::Sigmoid | Act::Gelu | Act::Silu => {
            let smooth = Smooth::of(act).expect("these four are smooth");
            each_vector(
                simd,
                values,
                #[inline(always)]
                |x, _, _| smooth.apply(simd, x).0,
            );
        }
        Act::Exp => each_vector(
            simd,
            values,
            #[inline(always)]
            |x, _, _| math::exp(simd, x),
        ),
        Act::Softplus => each(values, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
        Act::Sqrt => each(values, f32::sqrt),
        Act::Abs => each(values, f32::abs),
        Act::Square => each(values, |x| x * x),
        Act::Log => each(values, f32::ln),
        Act::Erf => each(values, libm::erff),
        Act::Elu(scale) => each(values, |x| if x > 0.0 { x } else { scale * x.exp_m1() }),
        Act::Clip(low, high) => each(values, |x| x.clamp(low, high)),
        Act::Step => each(values, |x| f32::from(u8::from(x >= 0.0))),
        Act::Round | Act::Quantise => each(values, f32::round_ties_even),
    }
}

/// Multiplies the cotangents `dy` by the derivative of `act`, from the result or the operand as the op says.
#[inline(always)]
fn grad<S: Simd>(simd: S, act: Act, saved: &[f32], dy: &mut [f32]) {
    match act {
        Act::Relu => zip(dy, saved, |d, y| if y > 0.0 { d } else { 0.0 }),
        Act::LeakyRelu(slope) => zip(dy, saved, |d, y| if y > 0.0 { d } else { slope * d }),
        Act::Tanh => zip(dy, saved, |d, y| d * (1.0 - y * y)),
        Act::Sigmoid => zip(dy, saved, |d, y| d * y * (1.0 - y)),
        Act::Softplus => zip(dy, saved, |d, x| d / (1.0 + (-x).exp())),
        Act::Exp => zip(dy, saved, |d, y| d * y),
        Act::Sqrt => zip(dy, saved, |d, y| if y > 0.0 { d * 0.5 / y } else { 0.0 }),
        Act::Abs => zip(dy, saved, |d, x| if x == 0.0 { 0.0 } else { d * x.signum() }),
        Act::Square => zip(dy, saved, |d, x| d * 2.0 * x),
        Act::Log => zip(dy, saved, |d, x| d / x),
        Act::Erf => zip(dy, saved, |d, x| d * FRAC_2_SQRT_PI * (-x * x).exp()),
        Act::Gelu => slopes(simd, saved, dy, Smooth::Gelu),
        Act::Silu => slopes(simd, saved, dy, Smooth::Silu),
        Act::Elu(scale) => zip(dy, saved, |d, y| if y > 0.0 { d } else { d * (y + scale) }),
        Act::Clip(low, high) => zip(dy, saved, |d, x| if x >= low && x <= high { d } else { 0.0 }),
        Act::Step => dy.fill(0.0),
        Act::Round => {}
        Act::Quantise => zip(dy, saved, |d, x| if x.abs() <= 0.5 { d * 3.0 * x * x } else { d }),
    }
}

/// Multiplies `dy` by the derivative of a smooth activation at `saved`.
#[allow(unsafe_code, reason = "loads take pointers")]
#[inline(always)]
fn slopes<S: Simd>(simd: S, saved: &[f32], dy: &mut [f32], smooth: Smooth) {
    assert!(saved.len() >= dy.len(), "one for each");
    each_vector(
        simd,
        dy,
        #[inline(always)]
        |d, i, count| {
            // SAFETY: `count` numbers from here on lie in the slice.
            let x = unsafe { simd.load_part(saved.as_ptr().add(i), count) };
            simd.mul(d, smooth.apply(simd, x).1)
        },
    );
}
