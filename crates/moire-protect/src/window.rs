use moire_image::{Picture, Rect};

/// The part of a photograph that is worked on: memory is taken for it alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window(pub(crate) Rect);

impl Window {
    /// The smallest rectangle around all of `regions`; `None` where there are none.
    pub(crate) fn around(regions: impl IntoIterator<Item = Rect>) -> Option<Self> {
        let join = |a: Rect, b: Rect| {
            let (x, y) = (a.x.min(b.x), a.y.min(b.y));
            let right = (a.x + a.width).max(b.x + b.width);
            let bottom = (a.y + a.height).max(b.y + b.height);
            Rect { x, y, width: right - x, height: bottom - y }
        };
        regions.into_iter().reduce(join).map(Self)
    }

    /// The window's pixels.
    ///
    /// # Panics
    /// The window is not of this photograph.
    pub(crate) fn cut(self, photograph: &Picture) -> Picture {
        let Rect { x, y, width, height } = self.0;
        let row = |r: usize| &photograph.rgb()[3 * ((y + r) * photograph.width() + x)..][..3 * width];
        let rgb = (0..height).flat_map(|r| row(r).iter().copied()).collect();
        Picture::new(width, height, rgb).expect("a window has the sides that it says")
    }

    /// The photograph with other pixels in the window.
    ///
    /// # Panics
    /// The window is not of this photograph, or `pixels` not of this window.
    pub(crate) fn paste(self, photograph: &Picture, pixels: &Picture) -> Picture {
        let Rect { x, y, width, height } = self.0;
        let mut rgb = photograph.rgb().to_vec();
        for (r, line) in pixels.rgb().chunks_exact(3 * width).enumerate().take(height) {
            rgb[3 * ((y + r) * photograph.width() + x)..][..3 * width].copy_from_slice(line);
        }
        Picture::new(photograph.width(), photograph.height(), rgb).expect("the sides are the photograph's")
    }
}

#[cfg(test)]
mod tests {
    use moire_image::{Picture, Rect};

    use super::Window;

    #[test]
    fn what_is_cut_goes_back_where_it_was() {
        let photograph = Picture::new(7, 5, (0..105).collect()).unwrap();
        let rect = |x, y, width, height| Rect { x, y, width, height };
        let window = Window::around([rect(2, 1, 2, 1), rect(4, 2, 1, 2)]).unwrap();
        assert_eq!(window.0, rect(2, 1, 3, 3));
        let pixels = window.cut(&photograph);
        assert_eq!(pixels.rgb()[..3], photograph.rgb()[3 * (7 + 2)..][..3]);
        assert_eq!(window.paste(&photograph, &pixels), photograph);
        let black = Picture::new(3, 3, vec![0; 27]).unwrap();
        let changed = window.paste(&photograph, &black);
        let zeros = changed.rgb().chunks_exact(3).filter(|p| **p == [0, 0, 0]).count();
        assert_eq!(zeros, 9);
        assert!(Window::around([]).is_none());
    }
}
