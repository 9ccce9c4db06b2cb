//! Pictures for the look at the screen: drawn here, for no published plate may be copied, and so not validated: what
//! raters answer is a flag and nothing more.

use moire_image::{Picture, encode_png};
use moire_tensor::{Rng, SampleId};

/// Pixels of a side of the plate.
pub(crate) const PLATE: usize = 280;
/// Width and height of the strip in pixels.
pub(crate) const STRIP: (usize, usize) = (420, 60);

/// Digits, five dots wide and seven high.
const DIGITS: [[u8; 7]; 10] = [
    [0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e],
    [0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e],
    [0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f],
    [0x0e, 0x11, 0x01, 0x06, 0x01, 0x11, 0x0e],
    [0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02],
    [0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e],
    [0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e],
    [0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08],
    [0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e],
    [0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c],
];

/// What one rater is asked to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check {
    /// The number in the plate.
    pub(crate) number: u8,
    /// The squares in the strip.
    pub(crate) squares: u8,
    seed: u64,
}

impl Check {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, SampleId(0), "screen check");
        Self { number: 12 + rng.below(87) as u8, squares: 3 + rng.below(5) as u8, seed }
    }

    /// A number in reddish dots among greenish ones of the same range of brightness.
    pub(crate) fn plate(self) -> Vec<u8> {
        let mut rng = Rng::new(self.seed, SampleId(1), "screen check");
        let mut rgb = vec![238u8; 3 * PLATE * PLATE];
        let mut dots: Vec<(f32, f32, f32)> = Vec::new();
        let side = PLATE as f32;
        for attempt in 0..16_000u32 {
            // Large dots first; small ones fill what they leave.
            let radius = if attempt < 3000 { rng.uniform(4.0, 6.0) } else { rng.uniform(1.8, 3.2) };
            let (x, y) = (rng.uniform(0.0, side), rng.uniform(0.0, side));
            let inside = (x - side / 2.0).hypot(y - side / 2.0) + radius < side / 2.0 - 2.0;
            if inside && dots.iter().all(|d| (d.0 - x).hypot(d.1 - y) > d.2 + radius + 0.8) {
                dots.push((x, y, radius));
            }
        }
        for (x, y, radius) in dots {
            let light = rng.uniform(-28.0, 28.0);
            let base = if self.is_figure(x, y) { [214.0, 116.0, 74.0] } else { [128.0, 150.0, 84.0] };
            let colour = base.map(|v: f32| (v + light).clamp(0.0, 255.0));
            disc(&mut rgb, x, y, radius, colour);
        }
        encode_png(&Picture::new(PLATE, PLATE, rgb).expect("three bytes a pixel"))
    }

    /// Whether this place belongs to one of the two digits.
    fn is_figure(self, x: f32, y: f32) -> bool {
        let dot = PLATE as f32 / 13.5;
        let (column, row) = (x / dot - 1.25, y / dot - 3.25);
        if !(0.0..7.0).contains(&row) || !(0.0..11.0).contains(&column) {
            return false;
        }
        let (column, row) = (column as usize, row as usize);
        let bit = |digit: u8, column: usize| DIGITS[digit as usize][row] >> (4 - column) & 1 == 1;
        match column {
            0..=4 => bit(self.number / 10, column),
            6..=10 => bit(self.number % 10, column - 6),
            _ => false,
        }
    }

    /// Squares that are a little lighter than what is about them.
    pub(crate) fn strip(self) -> Vec<u8> {
        let (width, height) = STRIP;
        let mut rgb = vec![8u8; 3 * width * height];
        let room = width / 7;
        for square in 0..usize::from(self.squares) {
            for y in 16..height - 16 {
                for x in square * room + 16..(square + 1) * room - 16 {
                    rgb[3 * (y * width + x)..][..3].fill(20 + 3 * square as u8);
                }
            }
        }
        encode_png(&Picture::new(width, height, rgb).expect("three bytes a pixel"))
    }
}

fn disc(rgb: &mut [u8], x: f32, y: f32, radius: f32, colour: [f32; 3]) {
    let range = |v: f32| (v - radius - 1.0).max(0.0) as usize..((v + radius + 2.0) as usize).min(PLATE);
    for py in range(y) {
        for px in range(x) {
            // Edges are smooth over one pixel.
            let cover = (radius + 0.5 - (px as f32 - x).hypot(py as f32 - y)).clamp(0.0, 1.0);
            for (value, c) in rgb[3 * (py * PLATE + px)..][..3].iter_mut().zip(colour) {
                *value = (f32::from(*value) * (1.0 - cover) + c * cover).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn each_rater_has_a_plate_of_their_own_and_always_the_same() {
        let checks: Vec<Check> = (0..200).map(Check::new).collect();
        assert!(checks.iter().all(|c| (12..99).contains(&c.number) && (3..8).contains(&c.squares)));
        assert_eq!(checks[3].plate(), Check::new(3).plate());
        assert_ne!(checks[3].plate(), checks[4].plate());
        assert!(checks[0].strip().starts_with(b"\x89PNG"));
    }
}
