use crate::bounds::Bounds;

/// A face in a photograph, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// The box around it, from forehead to chin.
    pub bounds: Bounds,
    /// How sure the finder is, in `[0, 1]`.
    pub score: f32,
    /// x and y of the left and the right eye as a viewer sees them, the nose, the left and the right corner of the
    /// mouth.
    ///
    /// The published network places them to a tilt of about 60 degrees either way; on faces that lie on their side or
    /// stand on their head, the box holds and these do not.
    pub landmarks: [[f32; 2]; 5],
}

/// The faces that remain when each face that overlaps a surer one by more than `overlap` is dropped, surest first:
/// greedy non-maximum suppression.
///
/// Of two that are equally sure, the one that stands first goes first.
pub(crate) fn suppress(mut faces: Vec<Face>, overlap: f32) -> Vec<Face> {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.iter().all(|k| k.bounds.overlap(&face.bounds) <= overlap) {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{Face, suppress};
    use crate::Bounds;
    use proptest::prelude::*;

    fn face(left: f32, score: f32) -> Face {
        let bounds = Bounds { left, top: 0.0, right: left + 10.0, bottom: 10.0 };
        Face { bounds, score, landmarks: [[0.0; 2]; 5] }
    }

    #[test]
    fn the_surest_of_each_heap_remains() {
        // Overlaps: 8 of 12 with its neighbour 2 to the side, 4 of 16 with one 6 to the side.
        let faces = vec![face(0.0, 0.7), face(2.0, 0.9), face(8.0, 0.8), face(40.0, 0.6)];
        let lefts = |overlap: f32| -> Vec<f32> {
            suppress(faces.clone(), overlap).iter().map(|f| f.bounds.left).collect()
        };
        assert_eq!(lefts(0.4), [2.0, 8.0, 40.0]);
        assert_eq!(lefts(0.2), [2.0, 40.0]);
        assert_eq!(lefts(0.7), [2.0, 8.0, 0.0, 40.0]);
    }

    #[test]
    fn what_was_dropped_drops_nothing() {
        // The middle one loses to the first, so that the last has no rival left.
        let kept = suppress(vec![face(0.0, 0.9), face(4.0, 0.8), face(8.0, 0.7)], 0.3);
        assert_eq!(kept.iter().map(|f| f.bounds.left).collect::<Vec<_>>(), [0.0, 8.0]);
    }

    proptest! {
        #[test]
        fn no_two_that_remain_overlap_and_every_dropped_one_had_a_surer_rival(
            seeds in prop::collection::vec((0f32..60., 0f32..1.), 0..40),
            overlap in 0.1f32..0.9,
        ) {
            let faces: Vec<Face> = seeds.iter().map(|&(left, score)| face(left, score)).collect();
            let kept = suppress(faces.clone(), overlap);
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(kept[..i].iter().all(|b| b.bounds.overlap(&a.bounds) <= overlap && b.score >= a.score));
            }
            for f in faces {
                let has_rival = kept.iter().any(|k| k.score >= f.score && k.bounds.overlap(&f.bounds) > overlap);
                prop_assert!(kept.contains(&f) || has_rival);
            }
        }
    }
}
