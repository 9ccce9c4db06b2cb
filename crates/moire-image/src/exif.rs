//! EXIF data: how a stored image is turned, and what has to change in it once that has been done.
//!
//! Source: Exif 2.32 (CIPA DC-008), the TIFF structure of section 4.5.2 and the tags of 4.6.

/// How a stored image is turned to stand upright: tag 0x0112, 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orientation(u16);

const ORIENTATION: u16 = 0x0112;
/// Where the directory of the photograph's own tags is.
const PHOTOGRAPH: u16 = 0x8769;
/// The image's width and height, as the photograph's own tags repeat them.
const SIDES: [u16; 2] = [0xa002, 0xa003];
/// Where a thumbnail is and how long: as a JPEG file, or as strips.
const THUMBNAIL: [[u16; 2]; 2] = [[0x0201, 0x0202], [0x0111, 0x0117]];

/// Types of values.
const SHORT: u16 = 3;
const LONG: u16 = 4;

impl Orientation {
    /// As it is stored.
    const UPRIGHT: Self = Self(1);

    /// The orientation that EXIF data asks for; upright where it asks for none that exists.
    pub(crate) fn from_exif(exif: Option<&[u8]>) -> Self {
        let asked = exif.and_then(|exif| {
            let tiff = Tiff::new(bare(exif))?;
            let entry = tiff.entry(tiff.first()?, ORIENTATION)?;
            (tiff.u16(entry + 2)? == SHORT).then(|| tiff.number(entry)).flatten()
        });
        asked.filter(|o| (1..=8).contains(o)).map_or(Self::UPRIGHT, |o| Self(o as u16))
    }

    /// The size and the pixels `[height, width, 3]`, turned upright.
    pub(crate) fn apply(self, width: usize, height: usize, rgb: Vec<u8>) -> (usize, usize, Vec<u8>) {
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

/// EXIF data, without JPEG's prefix, for the same image once it stands upright as `width` x `height`: it asks for no
/// turn, and has no thumbnail, which would show the image as it was. `None` where the data makes no sense.
pub(crate) fn for_upright(exif: &[u8], width: usize, height: usize) -> Option<Vec<u8>> {
    let Tiff { bytes, is_little } = Tiff::new(bare(exif))?;
    let mut tiff = Tiff { bytes: bytes.to_vec(), is_little };
    let first = tiff.first()?;
    if let Some(entry) = tiff.entry(first, ORIENTATION) {
        tiff.set_number(entry, 1);
    }
    if let Some(own) = tiff.entry(first, PHOTOGRAPH).and_then(|entry| tiff.number(entry)) {
        for (tag, side) in SIDES.into_iter().zip([width, height]) {
            if let Some(entry) = tiff.entry(own as usize, tag) {
                tiff.set_number(entry, side as u32);
            }
        }
    }
    let next = tiff.end(first)?;
    if let Some(second) = tiff.u32(next).map(|at| at as usize).filter(|&at| at > 0) {
        for [place, length] in THUMBNAIL {
            let number = |tag| tiff.entry(second, tag).and_then(|entry| tiff.number(entry));
            if let (Some(at), Some(length)) = (number(place), number(length)) {
                let end = (at as usize).saturating_add(length as usize).min(tiff.bytes.len());
                if let Some(thumbnail) = tiff.bytes.get_mut(at as usize..end) {
                    thumbnail.fill(0);
                }
            }
        }
        tiff.put(next, &[0; 4]);
    }
    Some(tiff.bytes)
}

/// The TIFF structure alone: JPEG files, and WebP files of some writers, have a prefix before it.
fn bare(exif: &[u8]) -> &[u8] {
    exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)
}

/// Directories of tagged values, in either byte order. Every read may fail: the offsets are a stranger's.
struct Tiff<B> {
    bytes: B,
    is_little: bool,
}

impl<'a> Tiff<&'a [u8]> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let is_little = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self { bytes, is_little })
    }
}

impl<B: AsRef<[u8]>> Tiff<B> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.as_ref().get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.as_ref().get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// Where the first directory is.
    fn first(&self) -> Option<usize> {
        self.u32(4).map(|at| at as usize)
    }

    /// Where a directory's entries end, and the offset of the next directory stands.
    fn end(&self, directory: usize) -> Option<usize> {
        directory.checked_add(2 + 12 * usize::from(self.u16(directory)?))
    }

    /// Where the entry of a tag is in a directory.
    fn entry(&self, directory: usize, tag: u16) -> Option<usize> {
        let end = self.end(directory)?;
        (directory + 2..end).step_by(12).find(|&at| self.u16(at) == Some(tag))
    }

    /// The value of an entry that is one whole number held in place.
    fn number(&self, entry: usize) -> Option<u32> {
        let one = self.u32(entry + 4)? == 1;
        match self.u16(entry + 2)? {
            SHORT if one => self.u16(entry + 8).map(u32::from),
            LONG if one => self.u32(entry + 8),
            _ => None,
        }
    }
}

impl Tiff<Vec<u8>> {
    /// Gives such an entry another value, if that fits.
    fn set_number(&mut self, entry: usize, value: u32) {
        if self.number(entry).is_none() {
            return;
        }
        let is_short = self.u16(entry + 2) == Some(SHORT);
        match (is_short, u16::try_from(value), self.is_little) {
            (true, Ok(value), true) => self.put(entry + 8, &value.to_le_bytes()),
            (true, Ok(value), false) => self.put(entry + 8, &value.to_be_bytes()),
            (true, Err(_), _) => {}
            (false, _, true) => self.put(entry + 8, &value.to_le_bytes()),
            (false, _, false) => self.put(entry + 8, &value.to_be_bytes()),
        }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}
