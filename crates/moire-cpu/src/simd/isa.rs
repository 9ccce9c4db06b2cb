use std::fmt;

#[cfg(target_arch = "x86_64")]
use super::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
use super::portable::Portable;
use super::{Simd, Task};

/// A set of vector instructions, widest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// x86-64 with AVX-512F.
    Avx512,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// 64-bit ARM.
    Neon,
    /// Whatever the compiler makes of plain arithmetic.
    Portable,
}

impl Isa {
    /// All of them, widest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Portable];
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2+fma",
            Self::Neon => "neon",
            Self::Portable => "portable",
        })
    }
}

/// Vector instructions that this machine has been seen to have.
#[derive(Clone, Copy)]
pub(crate) struct Vectors(Proof);

#[derive(Clone, Copy)]
enum Proof {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    Portable(Portable),
}

impl Vectors {
    /// These instructions, where the machine has them.
    pub(crate) fn of(isa: Isa) -> Option<Self> {
        let proof = match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Proof::Avx512(Avx512::detect()?),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Proof::Avx2(Avx2::detect()?),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Proof::Neon(Neon::detect()?),
            Isa::Portable => Proof::Portable(Portable),
            #[allow(unreachable_patterns, reason = "which are left depends on the architecture")]
            _ => return None,
        };
        Some(Self(proof))
    }

    /// The widest that there are.
    pub(crate) fn detect() -> Self {
        Isa::ALL.into_iter().find_map(Self::of).expect("plain arithmetic is always there")
    }

    /// Their name.
    pub(crate) fn isa(self) -> Isa {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(_) => Isa::Avx512,
            #[cfg(target_arch = "x86_64")]
            Proof::Avx2(_) => Isa::Avx2,
            #[cfg(target_arch = "aarch64")]
            Proof::Neon(_) => Isa::Neon,
            Proof::Portable(_) => Isa::Portable,
        }
    }

    /// Runs `task` with these instructions. A plain loop in a closure that is `#[inline(always)]` gains as well.
    pub(crate) fn run(self, task: impl Task) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(s) => s.vectorize(task),
            #[cfg(target_arch = "x86_64")]
            Proof::Avx2(s) => s.vectorize(task),
            #[cfg(target_arch = "aarch64")]
            Proof::Neon(s) => s.vectorize(task),
            Proof::Portable(s) => s.vectorize(task),
        }
    }

    /// Numbers in a vector.
    pub(crate) fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(_) => Avx512::LANES,
            #[cfg(target_arch = "x86_64")]
            Proof::Avx2(_) => Avx2::LANES,
            #[cfg(target_arch = "aarch64")]
            Proof::Neon(_) => Neon::LANES,
            Proof::Portable(_) => Portable::LANES,
        }
    }

    /// Rows of a product's tile.
    pub(crate) fn rows(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Proof::Avx512(_) => Avx512::ROWS,
            #[cfg(target_arch = "x86_64")]
            Proof::Avx2(_) => Avx2::ROWS,
            #[cfg(target_arch = "aarch64")]
            Proof::Neon(_) => Neon::ROWS,
            Proof::Portable(_) => Portable::ROWS,
        }
    }
}
