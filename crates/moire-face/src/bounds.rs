/// An upright box in pixels of a photograph, whose upper left corner is (0, 0). It may leave the photograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Lower edge.
    pub bottom: f32,
}

impl Bounds {
    /// Width, not below 0.
    pub fn width(&self) -> f32 {
        (self.right - self.left).max(0.0)
    }

    /// Height, not below 0.
    pub fn height(&self) -> f32 {
        (self.bottom - self.top).max(0.0)
    }

    /// Width times height.
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// The middle, x and y.
    pub fn centre(&self) -> [f32; 2] {
        [f32::midpoint(self.left, self.right), f32::midpoint(self.top, self.bottom)]
    }

    /// The area of the intersection over that of the union, in `[0, 1]`; 0 where either is empty.
    pub fn overlap(&self, other: &Self) -> f32 {
        let shared = Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        };
        let shared = shared.area();
        if shared > 0.0 { shared / (self.area() + other.area() - shared) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;
    use proptest::prelude::*;

    fn square(left: f32, top: f32, side: f32) -> Bounds {
        Bounds { left, top, right: left + side, bottom: top + side }
    }

    #[test]
    fn overlap_is_intersection_over_union() {
        let a = square(0.0, 0.0, 2.0);
        assert_eq!(a.overlap(&a), 1.0);
        assert_eq!(a.overlap(&square(1.0, 1.0, 2.0)), 1.0 / 7.0);
        assert_eq!(a.overlap(&square(2.0, 0.0, 2.0)), 0.0, "boxes that touch share nothing");
        assert_eq!(a.overlap(&square(1.0, 1.0, -3.0)), 0.0, "an empty box overlaps nothing");
        assert_eq!(a.overlap(&square(-1.0, -1.0, 4.0)), 0.25);
    }

    proptest! {
        #[test]
        fn overlap_is_symmetric_and_a_share(a in (0f32..50., 0f32..50., 0f32..50.), b in (0f32..50., 0f32..50., 0f32..50.)) {
            let (a, b) = (square(a.0, a.1, a.2), square(b.0, b.1, b.2));
            let overlap = a.overlap(&b);
            prop_assert!((0.0..=1.0001).contains(&overlap));
            prop_assert_eq!(overlap, b.overlap(&a));
        }
    }
}
