use png::{BitDepth, ColorType, Compression, Encoder};

use crate::Picture;

/// The picture as a PNG file: lossless, RGB of eight bits, compressed fast rather than small. The same picture gives
/// the same bytes.
pub fn encode_png(picture: &Picture) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width() as u32, picture.height() as u32);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(picture.rgb())?;
        writer.finish()
    });
    written.expect("a picture has a size that PNG holds, and writing to memory does not fail");
    file
}
