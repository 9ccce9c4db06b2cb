use std::fmt;

/// A file format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Jpeg,
    WebP,
}

impl Format {
    /// The format that a file's first bytes name.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
        })
    }
}

/// What bytes that are no readable image look like, for the person who has to find out why.
pub(crate) fn describe(bytes: &[u8]) -> &'static str {
    const KNOWN: [(usize, &[u8], &str); 9] = [
        (0, b"GIF8", "a GIF image"),
        (0, b"BM", "a BMP image"),
        (0, b"II*\0", "a TIFF image"),
        (0, b"MM\0*", "a TIFF image"),
        (4, b"ftyphei", "a HEIC image"),
        (4, b"ftypmif1", "a HEIC image"),
        (4, b"ftypavi", "an AVIF image"),
        (0, b"%PDF", "a PDF file"),
        (0, b"PK\x03\x04", "a ZIP file"),
    ];
    if bytes.is_empty() {
        return "an empty file";
    }
    let known = KNOWN.iter().find(|(at, magic, _)| bytes.get(*at..).is_some_and(|b| b.starts_with(magic)));
    if let Some((_, _, name)) = known {
        return name;
    }
    let beginning = &bytes[..bytes.len().min(512)];
    let is_text = match std::str::from_utf8(beginning) {
        Ok(text) => !text.contains(|c: char| c.is_control() && !c.is_whitespace()),
        // A character cut in two at the end of the sample.
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    if is_text { "text" } else { "something else" }
}
