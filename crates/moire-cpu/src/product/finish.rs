//! What happens to a sum before it is written, and what is written beside it for the way back.

use moire_graph::Act;

use super::Shared;
use crate::aligned::Aligned;
use crate::program::{Operands, Results};
use crate::simd::{Signs, SignsMut, Simd, Vectors, math};

/// x where a sign is positive, else slope x: `ReLU` has slope 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Leak(pub(crate) f32);

impl Leak {
    /// The activations that are of this kind.
    pub(crate) fn of(act: Act) -> Option<Self> {
        match act {
            Act::Relu => Some(Self(0.0)),
            Act::LeakyRelu(slope) => Some(Self(slope)),
            _ => None,
        }
    }

    #[inline(always)]
    fn no<S: Simd>(self, simd: S, v: S::V) -> S::V {
        if self.0 == 0.0 { simd.splat(0.0) } else { simd.mul(simd.splat(self.0), v) }
    }

    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, simd: S, sign: S::V, v: S::V) -> S::V {
        simd.where_positive(sign, v, self.no(simd, v))
    }

    /// By a bit for each lane.
    #[inline(always)]
    pub(crate) fn apply_bits<S: Simd>(self, simd: S, bits: u32, v: S::V) -> S::V {
        simd.where_bits(bits, v, self.no(simd, v))
    }
}

/// Activations that take some arithmetic: applied to a row after it was written, while it is still near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Smooth {
    Gelu,
    Silu,
    Sigmoid,
    Tanh,
}

impl Smooth {
    /// The activations that are of this kind.
    pub(crate) fn of(act: Act) -> Option<Self> {
        match act {
            Act::Gelu => Some(Self::Gelu),
            Act::Silu => Some(Self::Silu),
            Act::Sigmoid => Some(Self::Sigmoid),
            Act::Tanh => Some(Self::Tanh),
            _ => None,
        }
    }

    /// Whether the way back is computed from the operand, so that the derivative is kept in its place.
    pub(crate) fn keeps_slope(self) -> bool {
        matches!(self, Self::Gelu | Self::Silu)
    }

    /// The value, and the derivative where it is kept.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, simd: S, x: S::V) -> (S::V, S::V) {
        match self {
            Self::Gelu => math::gelu(simd, x),
            Self::Silu => math::silu(simd, x),
            Self::Sigmoid => (math::sigmoid(simd, x), x),
            Self::Tanh => (math::tanh(simd, x), x),
        }
    }
}

/// A cotangent's way back through an activation, from what was kept of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Gate {
    /// Its result.
    Values(Leak),
    /// The signs of its result.
    Signs(Leak),
    /// Its derivative.
    Slope,
    /// The result of a sigmoid.
    Sigmoid,
    /// The result of a hyperbolic tangent.
    Tanh,
}

/// A [`Gate`] with what it reads.
#[derive(Clone, Copy)]
pub(crate) enum Gated<'a> {
    Values(&'a [f32], Leak),
    Signs(Signs<'a>, Leak),
    Slope(&'a [f32]),
    Sigmoid(&'a [f32]),
    Tanh(&'a [f32]),
}

impl Gate {
    /// With operand `data`, of `len` numbers.
    pub(crate) fn bind(self, data: &[f32], len: usize) -> Gated<'_> {
        match self {
            Self::Values(leak) => Gated::Values(&data[..len], leak),
            Self::Signs(leak) => Gated::Signs(Signs::of(data), leak),
            Self::Slope => Gated::Slope(&data[..len]),
            Self::Sigmoid => Gated::Sigmoid(&data[..len]),
            Self::Tanh => Gated::Tanh(&data[..len]),
        }
    }
}

impl Gated<'_> {
    /// How many numbers it covers.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Values(v, _) | Self::Slope(v) | Self::Sigmoid(v) | Self::Tanh(v) => v.len(),
            Self::Signs(signs, _) => signs.len(),
        }
    }

    /// The cotangent `v` of numbers `at..at + count`.
    ///
    /// # Safety
    /// They are covered; for signs, `at` and `count` are as [`Signs::get`] asks.
    #[allow(unsafe_code, reason = "loads take pointers")]
    #[inline(always)]
    pub(crate) unsafe fn apply<S: Simd>(&self, simd: S, v: S::V, at: usize, count: usize) -> S::V {
        // SAFETY: inside the slices by the caller's promise.
        unsafe {
            match self {
                Self::Values(from, leak) => leak.apply(simd, read(simd, from, at, count), v),
                Self::Signs(signs, leak) => leak.apply_bits(simd, signs.get(simd, at, count), v),
                Self::Slope(from) => simd.mul(v, read(simd, from, at, count)),
                Self::Sigmoid(from) => {
                    let y = read(simd, from, at, count);
                    simd.mul(v, simd.mul(y, simd.sub(simd.splat(1.0), y)))
                }
                Self::Tanh(from) => {
                    let y = read(simd, from, at, count);
                    simd.mul(v, simd.sub(simd.splat(1.0), simd.mul(y, y)))
                }
            }
        }
    }
}

/// The first `count` lanes from `from[at]` on.
///
/// # Safety
/// They lie in the slice.
#[allow(unsafe_code, reason = "loads take pointers")]
#[inline(always)]
unsafe fn read<S: Simd>(simd: S, from: &[f32], at: usize, count: usize) -> S::V {
    // SAFETY: as the caller promises.
    unsafe {
        let from = from.as_ptr().add(at);
        if count == S::LANES { simd.load(from) } else { simd.load_part(from, count) }
    }
}

/// How a summand repeats along the rows of a result: each of its images serves `rows` of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repeat {
    /// Numbers in one image.
    pub(crate) image: usize,
    /// 1 for a summand of the result's shape.
    pub(crate) rows: usize,
}

impl Repeat {
    /// Where the summand of the result's number `at` lies.
    #[inline(always)]
    fn place(self, at: usize) -> usize {
        if self.rows == 1 { at } else { at / (self.image * self.rows) * self.image + at % self.image }
    }
}

/// What is written beside a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Whether each number is above 0, one bit each.
    Signs,
    /// The derivative of its activation.
    Slope,
    /// Which place of its window each maximum comes from, one byte each.
    Winners,
}

impl Beside {
    /// How many `f32` it takes beside so many numbers.
    pub(crate) fn size(self, numbers: usize) -> usize {
        match self {
            Self::Signs => numbers.div_ceil(32),
            Self::Slope => numbers,
            Self::Winners => numbers.div_ceil(4),
        }
    }
}

/// The epilogue of a product, in this order: bias, summand, activation, gate.
#[derive(Default)]
pub(crate) struct Finishing {
    /// By column, padded to whole vectors; empty for none.
    pub(crate) bias: Aligned,
    /// The operand that is added, and how it lies.
    pub(crate) add: Option<(usize, Repeat)>,
    pub(crate) leak: Option<Leak>,
    pub(crate) smooth: Option<Smooth>,
    /// The operand that says what passes.
    pub(crate) gate: Option<(usize, Gate)>,
    pub(crate) beside: Option<Beside>,
}

impl Finishing {
    /// The bias padded to whole vectors.
    pub(crate) fn pad(vectors: Vectors, bias: &[f32]) -> Aligned {
        let mut padded = Aligned::zeros(bias.len().next_multiple_of(2 * vectors.lanes()));
        padded[..bias.len()].copy_from_slice(bias);
        padded
    }

    /// The epilogue of one run, and the result that it is for.
    pub(crate) fn bind<'a>(
        &'a self,
        operands: &Operands<'a>,
        results: Results<'a>,
    ) -> (Shared<'a>, Finish<'a>) {
        let Results { value, beside } = results;
        let len = value.len();
        let (mut signs, mut slope) = (None, None);
        match self.beside {
            Some(Beside::Signs) => signs = Some(SignsMut::of(beside)),
            Some(Beside::Slope) => slope = Some(Shared::new(&mut beside[..len])),
            Some(Beside::Winners) | None => {}
        }
        let finish = Finish {
            bias: &self.bias,
            add: self.add.map(|(i, repeat)| (&operands.get(i).data[..len / repeat.rows], repeat)),
            leak: self.leak,
            smooth: self.smooth.map(|smooth| (smooth, slope)),
            gate: self.gate.map(|(i, gate)| gate.bind(operands.get(i).data, len)),
            signs,
        };
        (Shared::new(value), finish)
    }
}

/// A [`Finishing`] with its operands, which lie as the result does.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    pub(crate) bias: &'a [f32],
    pub(crate) add: Option<(&'a [f32], Repeat)>,
    pub(crate) leak: Option<Leak>,
    /// And where the derivative goes.
    pub(crate) smooth: Option<(Smooth, Option<Shared<'a>>)>,
    pub(crate) gate: Option<Gated<'a>>,
    pub(crate) signs: Option<SignsMut<'a>>,
}

impl Finish<'_> {
    /// Nothing but the sum.
    pub(crate) const NONE: Finish<'static> =
        Finish { bias: &[], add: None, leak: None, smooth: None, gate: None, signs: None };

    /// The epilogue for columns from `column` on.
    pub(crate) fn from(&self, column: usize) -> Self {
        Self { bias: self.bias.get(column..).unwrap_or(&[]), ..*self }
    }

    /// Whether operands reach as far as a result of `len` numbers, and the bias as far as `columns`.
    pub(crate) fn covers(&self, len: usize, columns: usize) -> bool {
        (self.bias.is_empty() || self.bias.len() >= columns)
            && self.add.is_none_or(|(v, repeat)| v.len() * repeat.rows == len)
            && self.gate.is_none_or(|gate| gate.len() >= len)
            && self.signs.is_none_or(|signs| signs.len() >= len)
            && self.smooth.is_none_or(|(_, slope)| slope.is_none_or(|slope| slope.len() >= len))
    }

    /// The vector `v` of a row's columns from `column` on, `count` of which are real, as it is written to `at`, but for
    /// what [`Finish::smooth`] does.
    ///
    /// # Safety
    /// [`Finish::covers`] holds, `at + count` lies in the result, within one image of a summand that repeats, and
    /// `column + LANES` in the bias, where there is one. Nobody else writes those numbers of the result, nor others of
    /// their groups of eight where there are signs.
    #[allow(unsafe_code, reason = "loads take pointers")]
    #[inline(always)]
    pub(crate) unsafe fn apply<S: Simd>(
        &self,
        simd: S,
        v: S::V,
        at: usize,
        column: usize,
        count: usize,
    ) -> S::V {
        let mut v = v;
        // SAFETY: inside the slices by the caller's promise.
        unsafe {
            if !self.bias.is_empty() {
                v = simd.add(v, simd.load(self.bias.as_ptr().add(column)));
            }
            if let Some((add, repeat)) = self.add {
                v = simd.add(v, read(simd, add, repeat.place(at), count));
            }
            if let Some(leak) = self.leak {
                v = leak.apply(simd, v, v);
            }
            if let Some(gate) = &self.gate {
                v = gate.apply(simd, v, at, count);
            }
            if let Some(signs) = &self.signs {
                signs.put(simd, v, at, count);
            }
        }
        v
    }

    /// The activation that takes some arithmetic, on `len` numbers from `at` on that were written.
    ///
    /// # Safety
    /// They lie in `out`, which [`Finish::covers`] was asked about, and nobody else reads or writes them.
    #[allow(unsafe_code, reason = "loads and stores take pointers")]
    #[inline(always)]
    pub(crate) unsafe fn smooth<S: Simd>(&self, simd: S, out: &Shared<'_>, at: usize, len: usize) {
        let Some((smooth, slope)) = self.smooth else { return };
        // SAFETY: as the caller promises.
        let slope = slope.map(|slope| unsafe { slope.part(at, len) });
        // SAFETY: as above.
        let values = unsafe { out.part(at, len) };
        let mut slope = slope;
        for i in (0..len).step_by(S::LANES) {
            let count = S::LANES.min(len - i);
            // SAFETY: `count` numbers of either slice.
            unsafe {
                let (y, dy) = smooth.apply(simd, read(simd, values, i, count));
                let write = |to: &mut [f32], v: S::V| {
                    let to = to.as_mut_ptr().add(i);
                    if count == S::LANES { simd.store(to, v) } else { simd.store_part(to, v, count) }
                };
                write(values, y);
                if let Some(slope) = &mut slope {
                    write(slope, dy);
                }
            }
        }
    }
}
