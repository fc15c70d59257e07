//! The natural cubic spline through points.

use crate::calendar::between;

/// A curve through points, of a cubic between each two, whose first and second derivatives have no jumps and whose second
/// derivative is 0 at both ends.
pub(super) struct Spline {
    points: Vec<(i64, f64)>,
    /// The second derivative at each point, per nanosecond twice.
    curvatures: Vec<f64>,
}

impl Spline {
    /// The spline through points with ascending times. `None` if they are fewer than three.
    pub(super) fn through(points: Vec<(i64, f64)>) -> Option<Self> {
        if points.len() < 3 {
            return None;
        }
        // The curvatures solve a system of equations with three in each, one for each inner point. Each equation is made one
        // of two unknowns by the one before it, and then they are solved from the last.
        let (mut factors, mut sums) = (vec![0.0], vec![0.0]);
        for [(before, first), (here, second), (after, third)] in points.array_windows() {
            let (left, right) = (between(*before, *here), between(*here, *after));
            let (factor, sum) = (factors.last().copied()?, sums.last().copied()?);
            let slopes = 6.0 * ((third - second) / right - (second - first) / left);
            let pivot = 2.0 * (left + right) - left * factor;
            factors.push(right / pivot);
            sums.push((slopes - left * sum) / pivot);
        }
        let mut curvatures = vec![0.0];
        let mut next = 0.0;
        for (factor, sum) in factors.iter().zip(&sums).skip(1).rev() {
            next = sum - factor * next;
            curvatures.push(next);
        }
        curvatures.push(0.0);
        curvatures.reverse();
        Some(Self { points, curvatures })
    }

    /// The value at a time, if that is not outside the points.
    pub(super) fn at(&self, time: i64) -> Option<f64> {
        let behind = self.points.partition_point(|(own, _)| *own <= time);
        let here = behind.checked_sub(1)?;
        let (from, start) = self.points.get(here).copied()?;
        if from == time {
            return Some(start);
        }
        let (to, end) = self.points.get(behind).copied()?;
        let (bend, next_bend) = (self.curvatures.get(here)?, self.curvatures.get(behind)?);
        let (width, done, left) = (between(from, to), between(from, time), between(time, to));
        let line = (start * left + end * done) / width;
        let bent = |curvature: f64, distance: f64| curvature * distance * (distance * distance / width - width) / 6.0;
        Some(line + bent(*bend, left) + bent(*next_bend, done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_spline_is_what_was_worked_out_by_hand() {
        // 8 M = 6 (-1/2 - 1/2), so M = -3/4, and at 1 it is 1/2 - 3/4 (1/2 - 2) / 6.
        let spline = Spline::through(vec![(0, 0.0), (2, 1.0), (4, 0.0)]).unwrap();
        assert_eq!(spline.at(1), Some(0.6875));
        assert_eq!((spline.at(0), spline.at(2), spline.at(4)), (Some(0.0), Some(1.0), Some(0.0)));
        assert_eq!((spline.at(-1), spline.at(5)), (None, None));
        assert!(Spline::through(vec![(0, 0.0), (2, 1.0)]).is_none());
    }

    proptest! {
        #[test]
        fn a_spline_has_no_jumps(steps in prop::collection::vec((1000..100_000_i64, -10.0..10.0), 3..20)) {
            let mut time = 0;
            let points: Vec<(i64, f64)> = steps.into_iter().map(|(step, value)| {
                time += step;
                (time, value)
            }).collect();
            let spline = Spline::through(points.clone()).unwrap();
            for [(_, _), (here, value), (_, _)] in points.array_windows() {
                prop_assert_eq!(spline.at(*here), Some(*value));
                let at = |offset: i64| spline.at(here + offset * 10).unwrap();
                // The slopes before and behind a point are one, but for what the curve bends within 40 nanoseconds.
                let (before, behind) = (at(0) - at(-1), at(1) - at(0));
                let (earlier, later) = (at(-1) - at(-2), at(2) - at(1));
                let bend = (before - earlier).abs().max((later - behind).abs());
                prop_assert!((behind - before).abs() <= 2.0 * bend + 1e-9, "{before} {behind}");
            }
        }

        #[test]
        fn a_spline_through_a_line_is_the_line(slope in -5..5_i32, count in 3..10_i64, time in 0..20_i64) {
            let points = (0..count).map(|index| (index * 10, f64::from(slope) * index as f64 * 10.0)).collect();
            let value = Spline::through(points).unwrap().at(time).unwrap();
            prop_assert!((value - f64::from(slope) * time as f64).abs() < 1e-9);
        }
    }
}
