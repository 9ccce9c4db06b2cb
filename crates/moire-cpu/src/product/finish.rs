//! What happens to a sum before it is written.

use moire_graph::Act;

use crate::aligned::Aligned;
use crate::program::Operands;
use crate::simd::{Simd, Vectors};

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
    fn apply<S: Simd>(self, simd: S, sign: S::V, v: S::V) -> S::V {
        let no = if self.0 == 0.0 { simd.splat(0.0) } else { simd.mul(simd.splat(self.0), v) };
        simd.where_positive(sign, v, no)
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

/// The epilogue of a product, in this order: bias, summand, activation, gate.
#[derive(Default)]
pub(crate) struct Finishing {
    /// By column, padded to whole vectors; empty for none.
    pub(crate) bias: Aligned,
    /// The operand that is added, and how it lies.
    pub(crate) add: Option<(usize, Repeat)>,
    pub(crate) act: Option<Leak>,
    /// The operand whose sign says what passes, and what becomes of the rest.
    pub(crate) gate: Option<(usize, Leak)>,
}

impl Finishing {
    /// The bias padded to whole vectors.
    pub(crate) fn pad(vectors: Vectors, bias: &[f32]) -> Aligned {
        let mut padded = Aligned::zeros(bias.len().next_multiple_of(2 * vectors.lanes()));
        padded[..bias.len()].copy_from_slice(bias);
        padded
    }

    /// The epilogue of one run, over `len` numbers of the result.
    pub(crate) fn bind<'a>(&'a self, operands: &Operands<'a>, len: usize) -> Finish<'a> {
        let whole = |i: usize| &operands.get(i).data[..len];
        Finish {
            bias: &self.bias,
            add: self.add.map(|(i, repeat)| (&operands.get(i).data[..len / repeat.rows], repeat)),
            act: self.act,
            gate: self.gate.map(|(i, leak)| (whole(i), leak)),
        }
    }
}

/// A [`Finishing`] with its operands, which lie as the result does.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    pub(crate) bias: &'a [f32],
    pub(crate) add: Option<(&'a [f32], Repeat)>,
    pub(crate) act: Option<Leak>,
    pub(crate) gate: Option<(&'a [f32], Leak)>,
}

impl Finish<'_> {
    /// Nothing but the sum.
    pub(crate) const NONE: Finish<'static> = Finish { bias: &[], add: None, act: None, gate: None };

    /// The epilogue for columns from `column` on.
    pub(crate) fn from(&self, column: usize) -> Self {
        Self { bias: self.bias.get(column..).unwrap_or(&[]), ..*self }
    }

    /// Whether operands reach as far as a result of `len` numbers, and the bias as far as `columns`.
    pub(crate) fn covers(&self, len: usize, columns: usize) -> bool {
        let whole = |v: &[f32]| v.len() == len;
        (self.bias.is_empty() || self.bias.len() >= columns)
            && self.add.is_none_or(|(v, repeat)| v.len() * repeat.rows == len)
            && self.gate.is_none_or(|(v, _)| whole(v))
    }

    /// The vector `v` of a row's columns from `column` on, `count` of which are real, as it is written to `at`.
    ///
    /// # Safety
    /// `at + count` lies in the operands, within one image of a summand that repeats, and `column + LANES` in the bias, where there are any.
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
        // SAFETY: inside the slices by the caller's promise.
        let read = |from: &[f32], at: usize| unsafe {
            let from = from.as_ptr().add(at);
            if count == S::LANES { simd.load(from) } else { simd.load_part(from, count) }
        };
        let mut v = v;
        if !self.bias.is_empty() {
            // SAFETY: as above.
            v = simd.add(v, unsafe { simd.load(self.bias.as_ptr().add(column)) });
        }
        if let Some((add, repeat)) = self.add {
            v = simd.add(v, read(add, repeat.place(at)));
        }
        if let Some(leak) = self.act {
            v = leak.apply(simd, v, v);
        }
        if let Some((signs, leak)) = self.gate {
            v = leak.apply(simd, read(signs, at), v);
        }
        v
    }
}
