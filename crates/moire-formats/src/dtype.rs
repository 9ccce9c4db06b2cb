use half::{bf16, f16};

/// The numbers that checkpoints hold, little-endian. All widen, or for `f64` and large integers round, to `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DType {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl DType {
    /// Bytes of one element.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Every element of `bytes`; a rest that fills no element is left out.
    pub(crate) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::F32 => each(bytes, f32::from_le_bytes),
            Self::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
            Self::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
            Self::I16 => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Self::I8 => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Self::U8 => each(bytes, |[b]| f32::from(b)),
            Self::Bool => each(bytes, |[b]| f32::from(u8::from(b != 0))),
        }
    }
}

fn each<const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let element = |chunk: &[u8]| f(chunk.try_into().expect("chunks_exact gives chunks of N bytes"));
    bytes.chunks_exact(N).map(element).collect()
}

#[cfg(test)]
mod tests {
    use super::DType;

    #[test]
    fn every_type_becomes_f32() {
        let cases: [(DType, &[u8], &[f32]); 10] = [
            (DType::F64, &(-1.5f64).to_le_bytes(), &[-1.5]),
            (DType::F32, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0], &[1.0, -2.0]),
            (DType::F16, &[0, 0x3c], &[1.0]),
            (DType::Bf16, &[0x80, 0x3f], &[1.0]),
            (DType::I64, &(-7i64).to_le_bytes(), &[-7.0]),
            (DType::I32, &9i32.to_le_bytes(), &[9.0]),
            (DType::I16, &(-3i16).to_le_bytes(), &[-3.0]),
            (DType::I8, &[0xff], &[-1.0]),
            (DType::U8, &[0xff], &[255.0]),
            (DType::Bool, &[2, 0], &[1.0, 0.0]),
        ];
        for (dtype, bytes, expected) in cases {
            assert_eq!(dtype.decode(bytes), expected, "{dtype:?}");
            assert_eq!(bytes.len(), dtype.size() * expected.len(), "{dtype:?}");
        }
    }
}
