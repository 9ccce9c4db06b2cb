/// How large an image file may be. All three hold before a pixel is decoded or allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Width times height: 100,000,000 unless told otherwise. Decoding takes up to 16 bytes of memory a pixel.
    pub max_pixels: u64,
    /// The length of the file in bytes: 256 MiB unless told otherwise.
    pub max_bytes: u64,
    /// The longer side: 65,535 unless told otherwise, which is also the most that a [`Picture`](crate::Picture) has.
    pub max_side: u64,
}

impl Limits {
    /// For files of one's own.
    pub(crate) const NONE: Self = Self { max_pixels: u64::MAX, max_bytes: u64::MAX, max_side: u64::MAX };
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_bytes: 256 << 20, max_side: 65_535 }
    }
}
