use moire_image::{Picture, Rect};
use moire_tensor::{Images, Tensor};

/// The part of a photograph that is worked on, and how finely: memory is taken for that alone.
///
/// Where editors see faces much smaller than the photograph shows them, squares of `grain` x `grain` pixels change
/// together. Their means are what the work is done on: an editor's own shrinking averages over them anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) rect: Rect,
    pub(crate) grain: usize,
}

/// The most pixels that a step looks at one by one, where squares of them change together.
const PIXELS: usize = 1 << 20;

/// A window starts where blocks of a JPEG file do.
const BLOCK: usize = 16;

impl Window {
    /// The window around `region` of a photograph of `[height, width]`, at this grain.
    pub(crate) fn around(region: Rect, [height, width]: [usize; 2], grain: usize) -> Self {
        let block = BLOCK * grain;
        let span = |start: usize, length: usize, extent: usize| {
            let first = start / block * block;
            (first, (start + length).next_multiple_of(block).min(extent) - first)
        };
        let ((x, wide), (y, tall)) =
            (span(region.x, region.width, width), span(region.y, region.height, height));
        Self { rect: Rect { x, y, width: wide, height: tall }, grain }
    }

    /// Height and width of the squares that change together.
    pub(crate) fn size(self) -> [usize; 2] {
        [self.rect.height, self.rect.width].map(|side| side.div_ceil(self.grain))
    }

    /// How many pixels along a side a square stands for where something is to happen to all of them: as many as it has,
    /// unless that were too many pixels.
    pub(crate) fn zoom(self) -> usize {
        let squares: usize = self.size().iter().product();
        let affordable = ((PIXELS / squares.max(1)) as f64).sqrt() as usize;
        affordable.clamp(1, self.grain)
    }

    /// The window's pixels as they are.
    ///
    /// # Panics
    /// The window is not of this photograph.
    pub(crate) fn cut(self, photograph: &Picture) -> Picture {
        let Rect { width, height, .. } = self.rect;
        let rgb = (0..height).flat_map(|row| self.row(photograph, row).iter().copied()).collect();
        Picture::new(width, height, rgb).expect("a window has the sides that it says")
    }

    fn row(self, photograph: &Picture, row: usize) -> &[u8] {
        let Rect { x, y, width, .. } = self.rect;
        &photograph.rgb()[3 * ((y + row) * photograph.width() + x)..][..3 * width]
    }

    /// The means of the squares, `[1, 3, h, w]`.
    ///
    /// # Panics
    /// The window is not of this photograph.
    pub(crate) fn means(self, photograph: &Picture) -> Images {
        let [rows, columns] = self.size();
        let (plane, grain) = (rows * columns, self.grain);
        let mut sums = vec![0u32; 3 * plane];
        for row in 0..self.rect.height {
            for (column, pixel) in self.row(photograph, row).chunks_exact(3).enumerate() {
                let at = row / grain * columns + column / grain;
                for (channel, &byte) in pixel.iter().enumerate() {
                    sums[channel * plane + at] += u32::from(byte);
                }
            }
        }
        let held = |at: usize, side: usize| grain.min(side - at * grain);
        let mean = |i: usize| {
            let (row, column) = (i % plane / columns, i % columns);
            let pixels = held(row, self.rect.height) * held(column, self.rect.width);
            (f64::from(sums[i]) / (255 * pixels) as f64) as f32
        };
        Images::new(Tensor::from_fn([1, 3, rows, columns], mean)).expect("means of bytes lie in [0, 1]")
    }

    /// The photograph with the squares changed by as many levels as `change` `[3, h, w]` says.
    ///
    /// # Panics
    /// The window is not of this photograph, or `change` not of this window.
    pub(crate) fn change(self, photograph: &Picture, change: &[i16]) -> Picture {
        let (width, height) = (photograph.width(), photograph.height());
        let [rows, columns] = self.size();
        let Rect { x, y, width: wide, height: tall } = self.rect;
        let mut rgb = photograph.rgb().to_vec();
        for row in 0..tall {
            let line = &mut rgb[3 * ((y + row) * width + x)..][..3 * wide];
            for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
                let at = row / self.grain * columns + column / self.grain;
                for (channel, byte) in pixel.iter_mut().enumerate() {
                    let to = i16::from(*byte) + change[channel * rows * columns + at];
                    *byte = to.clamp(0, 255) as u8;
                }
            }
        }
        Picture::new(width, height, rgb).expect("a photograph keeps its sides")
    }
}

#[cfg(test)]
mod tests {
    use moire_image::{Picture, Rect};

    use super::Window;

    fn photograph(width: usize, height: usize) -> Picture {
        Picture::new(width, height, (0..width * height * 3).map(|i| (i * 7 % 251) as u8).collect()).unwrap()
    }

    #[test]
    fn windows_start_with_a_block_and_end_with_one_or_with_the_photograph() {
        let region = Rect { x: 20, y: 33, width: 30, height: 10 };
        let window = Window::around(region, [60, 100], 1);
        assert_eq!(window.rect, Rect { x: 16, y: 32, width: 48, height: 16 });
        let coarse = Window::around(region, [60, 100], 3);
        assert_eq!((coarse.rect, coarse.size()), (Rect { x: 0, y: 0, width: 96, height: 48 }, [16, 32]));
        let last = Window::around(Rect { x: 95, y: 50, width: 5, height: 10 }, [60, 100], 1);
        assert_eq!(last.rect, Rect { x: 80, y: 48, width: 20, height: 12 });
    }

    #[test]
    fn fine_windows_hold_the_pixels_themselves() {
        let photograph = photograph(40, 30);
        let window = Window::around(Rect { x: 17, y: 3, width: 20, height: 20 }, [30, 40], 1);
        let pixels = window.cut(&photograph);
        assert_eq!(window.means(&photograph), pixels.to_images());
        assert_eq!(pixels.rgb()[..3], photograph.rgb()[3 * 16..][..3]);
        let none = vec![0; pixels.rgb().len()];
        assert_eq!(window.change(&photograph, &none), photograph);
        let black = window.change(&photograph, &vec![-255; none.len()]);
        assert!(window.cut(&black).rgb().iter().all(|&b| b == 0));
        let outside =
            |p: &Picture| (0..30).flat_map(|y| p.rgb()[120 * y..][..48].to_vec()).collect::<Vec<_>>();
        assert_eq!(outside(&black), outside(&photograph));
    }

    #[test]
    fn coarse_windows_change_whole_squares_and_know_their_means() {
        let photograph = photograph(100, 70);
        let window = Window::around(Rect { x: 0, y: 0, width: 100, height: 70 }, [70, 100], 8);
        let [rows, columns] = window.size();
        assert_eq!([rows, columns], [9, 13]);
        let change: Vec<i16> = (0..3 * rows * columns).map(|i| (i % 7) as i16 - 3).collect();
        let changed = window.change(&photograph, &change);
        let (before, after) = (window.means(&photograph), window.means(&changed));
        for (i, (b, a)) in before.image(0).iter().zip(after.image(0)).enumerate() {
            let moved = 255.0 * (a - b);
            // What is held at 0 or 255 moves less.
            assert!((moved - f32::from(change[i])).abs() < 0.5, "{i}: {moved}");
        }
    }
}
