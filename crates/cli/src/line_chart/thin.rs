//! A curve of few points for one of many: nothing that is seen gets lost, and a page stays small.

/// The mean of neighbours, and between what they lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// x of the first and of the last of them.
    pub x: [f64; 2],
    /// Of their y.
    pub mean: f64,
    /// The least y.
    pub low: f64,
    /// The most.
    pub high: f64,
}

/// Values beyond it are no losses, rates or norms of anybody's; sums and differences of those below are finite.
const MOST: f64 = 1e150;

/// Points as they are where they are at most `most`; else means of neighbours, the range of x cut into as many equal parts, those
/// without a point left out. Points that are no numbers count as none. points: (x, y), x ascending.
pub fn thin(points: &[(f64, f64)], most: usize) -> Vec<Bucket> {
    let usable = |v: f64| v.is_finite() && v.abs() <= MOST;
    let points: Vec<(f64, f64)> = points.iter().copied().filter(|&(x, y)| usable(x) && usable(y)).collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    if points.len() <= most {
        return points.iter().map(|&(x, y)| Bucket { x: [x, x], mean: y, low: y, high: y }).collect();
    }
    let width = (last.0 - first.0) / most as f64;
    let part = |x: f64| if width > 0.0 { (((x - first.0) / width) as usize).min(most - 1) } else { 0 };
    points.chunk_by(|a, b| part(a.0) == part(b.0)).map(bucket).collect()
}

fn bucket(points: &[(f64, f64)]) -> Bucket {
    let ys = || points.iter().map(|p| p.1);
    Bucket {
        x: [points[0].0, points[points.len() - 1].0],
        mean: ys().sum::<f64>() / points.len() as f64,
        low: ys().fold(f64::INFINITY, f64::min),
        high: ys().fold(f64::NEG_INFINITY, f64::max),
    }
}

impl Bucket {
    /// Where its mean is drawn.
    pub fn middle(&self) -> f64 {
        (self.x[0] + self.x[1]) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_points_stay_as_they_are() {
        let found = thin(&[(1.0, 5.0), (2.0, f64::NAN), (3.0, 7.0), (4.0, f64::INFINITY), (5.0, 1e300)], 3);
        assert_eq!(found.iter().map(|b| (b.middle(), b.mean)).collect::<Vec<_>>(), [(1.0, 5.0), (3.0, 7.0)]);
        assert_eq!(thin(&[], 3), []);
    }

    #[test]
    fn many_become_means_and_no_spike_is_lost() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (i as f64, (i % 10) as f64)).collect();
        points[77_777].1 = 1000.0;
        let found = thin(&points, 100);
        assert_eq!(found.len(), 100);
        assert_eq!((found[0].x, found[0].mean, found[0].low, found[0].high), ([0.0, 999.0], 4.5, 0.0, 9.0));
        assert_eq!(found.iter().filter(|b| b.high == 1000.0).count(), 1);
        assert!(found.windows(2).all(|w| w[0].x[1] < w[1].x[0]), "no point is in two");
    }

    #[test]
    fn gaps_have_no_means_and_one_place_makes_one() {
        let points: Vec<(f64, f64)> = (0..50).chain(950..1000).map(|i| (i as f64, 1.0)).collect();
        assert_eq!(thin(&points, 10).len(), 2);
        assert_eq!(thin(&[(3.0, 1.0), (3.0, 2.0), (3.0, 6.0)], 2)[0].mean, 3.0);
    }
}
