/// How a stored image is turned to stand upright: EXIF tag 0x0112, 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation(u16);

impl Orientation {
    /// As it is stored.
    pub(super) const UPRIGHT: Self = Self(1);

    /// The orientation that EXIF data asks for; upright where it asks for none that exists.
    ///
    /// Source: Exif 2.32 (CIPA DC-008), the TIFF structure of section 4.5.2.
    pub(super) fn from_exif(exif: Option<&[u8]>) -> Self {
        exif.and_then(orientation_tag).filter(|o| (1..=8).contains(o)).map_or(Self::UPRIGHT, Self)
    }

    /// The size and the pixels `[height, width, 3]`, turned upright.
    pub(super) fn apply(self, width: usize, height: usize, rgb: Vec<u8>) -> (usize, usize, Vec<u8>) {
        if self == Self::UPRIGHT {
            return (width, height, rgb);
        }
        let is_sideways = self.0 >= 5;
        let (new_width, new_height) = if is_sideways { (height, width) } else { (width, height) };
        let mut turned = Vec::with_capacity(rgb.len());
        for y in 0..new_height {
            for x in 0..new_width {
                let (column, row) = match self.0 {
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, height - 1 - x),
                    7 => (width - 1 - y, height - 1 - x),
                    8 => (width - 1 - y, x),
                    _ => (x, y),
                };
                let at = 3 * (row * width + column);
                turned.extend_from_slice(&rgb[at..at + 3]);
            }
        }
        (new_width, new_height, turned)
    }
}

fn orientation_tag(exif: &[u8]) -> Option<u16> {
    // WebP files of some writers keep JPEG's prefix.
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let is_little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let u32_at = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = u32_at(4)? as usize;
    let entries = usize::from(u16_at(directory)?);
    let entry = (0..entries).map(|i| directory + 2 + 12 * i).find(|&at| u16_at(at) == Some(0x0112))?;
    // One value of type SHORT, held in place.
    (u16_at(entry + 2)? == 3 && u32_at(entry + 4)? == 1).then(|| u16_at(entry + 8))?
}
