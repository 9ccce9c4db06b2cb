use png::{BitDepth, ColorType, Compression, Encoder, Info};

use crate::{Metadata, Picture};

/// The picture as a PNG file: lossless, RGB of eight bits, compressed fast rather than small. The same picture gives
/// the same bytes.
pub fn encode_png(picture: &Picture) -> Vec<u8> {
    encode_png_with(picture, &Metadata::default())
}

/// The same with EXIF data (chunk `eXIf`) and the colour profile (`iCCP`).
pub fn encode_png_with(picture: &Picture, metadata: &Metadata) -> Vec<u8> {
    let mut file = Vec::new();
    let mut info = Info::with_size(picture.width() as u32, picture.height() as u32);
    metadata.state_png(&mut info);
    let written = Encoder::with_info(&mut file, info).and_then(|mut encoder| {
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::Fast);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(picture.rgb())?;
        writer.finish()
    });
    written.expect("a picture has a size that PNG holds, and writing to memory does not fail");
    file
}
