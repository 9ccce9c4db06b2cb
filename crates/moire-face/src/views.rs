use moire_image::Rect;

/// A part of a photograph, and the height and width at which a finder sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) region: Rect,
    pub(crate) to: [usize; 2],
}

/// Pixels of a face's longer side below which it is not found reliably. On photographs shrunk step by step, the
/// published network loses faces between 19 and 23 pixels; its finest prior has 16.
const FINEST: f64 = 24.0;

/// Of a tile, the part that its neighbour shows too.
const SHARED: usize = 4;

impl View {
    /// The whole photograph, never enlarged, and then tiles of it at twice the scale, at four times, .. until a face of
    /// `smallest` pixels is large enough to be found.
    pub(crate) fn all([height, width]: [usize; 2], canvas: [usize; 2], smallest: f64) -> Vec<Self> {
        let mut scale = (canvas[0] as f64 / height as f64).min(canvas[1] as f64 / width as f64).min(1.0);
        let whole = Rect { x: 0, y: 0, width, height };
        let mut views = vec![Self { region: whole, to: [shown(height, scale), shown(width, scale)] }];
        while scale < 1.0 && smallest * scale < FINEST {
            scale = (2.0 * scale).min(1.0);
            for (y, tall, to_height) in tiles(height, canvas[0], scale) {
                for (x, wide, to_width) in tiles(width, canvas[1], scale) {
                    let region = Rect { x, y, width: wide, height: tall };
                    views.push(Self { region, to: [to_height, to_width] });
                }
            }
        }
        views
    }

    /// The longest side of a face that this view answers for, in its pixels: one that its neighbours are sure to show
    /// whole. What is larger was found before, at half the scale. `None` for the whole photograph.
    pub(crate) fn largest(&self, photograph: [usize; 2]) -> Option<f32> {
        let whole = [self.region.height, self.region.width] == photograph;
        (!whole).then(|| (self.to[0].max(self.to[1]) / SHARED) as f32)
    }
}

/// The pixels of `extent` at `scale`.
fn shown(extent: usize, scale: f64) -> usize {
    ((extent as f64 * scale).round() as usize).max(1)
}

/// Along one axis: where each tile starts, how long it is, and as how many pixels it is seen.
fn tiles(extent: usize, canvas: usize, scale: f64) -> impl Iterator<Item = (usize, usize, usize)> {
    let length = ((canvas as f64 / scale).round() as usize).min(extent);
    let step = (length - length / SHARED).max(1);
    let more = (extent - length).div_ceil(step);
    let to = shown(length, scale).min(canvas);
    (0..=more).map(move |i| ((extent - length) * i / more.max(1), length, to))
}

#[cfg(test)]
mod tests {
    use super::View;
    use moire_image::Rect;
    use proptest::prelude::*;

    #[test]
    fn small_photographs_are_seen_as_they_are() {
        let whole = Rect { x: 0, y: 0, width: 300, height: 200 };
        assert_eq!(View::all([200, 300], [640, 640], 1.0), [View { region: whole, to: [200, 300] }]);
    }

    #[test]
    fn large_photographs_are_seen_as_a_whole_and_then_in_tiles() {
        let views = View::all([1000, 2000], [640, 640], 40.0);
        assert_eq!(views[0].to, [320, 640]);
        // At 0.64, tiles are 1000 pixels long, of which neighbours share 250.
        let starts: Vec<_> = views[1..].iter().map(|v| (v.region.x, v.region.y, v.region.width)).collect();
        assert_eq!(starts, [(0, 0, 1000), (500, 0, 1000), (1000, 0, 1000)]);
        assert!(views[1..].iter().all(|v| v.to == [640, 640]));
        assert_eq!(View::all([1000, 2000], [640, 640], 75.0).len(), 1, "75 pixels are seen as 24");
    }

    proptest! {
        #[test]
        fn every_face_is_whole_in_a_view_that_answers_for_it(
            size in (1usize..6000, 1usize..6000),
            at in (0f64..1., 0f64..1.),
            side in 1f64..3000.,
        ) {
            let (photograph, canvas) = ([size.0, size.1], [640, 640]);
            let side = side.min(size.0 as f64).min(size.1 as f64);
            let (x, y) = (at.0 * (size.1 as f64 - side), at.1 * (size.0 as f64 - side));
            let views = View::all(photograph, canvas, side);
            let fits = |v: &View| {
                let r = v.region;
                let scale = v.to[1] as f64 / r.width as f64;
                let inside = |start: usize, length: usize, at: f64| {
                    start as f64 <= at && at + side <= (start + length) as f64
                };
                let seen = side * scale;
                let found = seen >= 23.0 || scale >= 1.0;
                let answers = v.largest(photograph).is_none_or(|most| seen <= f64::from(most));
                found && answers && inside(r.x, r.width, x) && inside(r.y, r.height, y)
            };
            prop_assert!(views.iter().any(fits), "{views:?}");
            for v in views {
                prop_assert!(v.region.fits(size.1, size.0) && v.to[0] <= 640 && v.to[1] <= 640);
            }
        }
    }
}
