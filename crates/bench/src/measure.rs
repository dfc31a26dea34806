//! Timing in rounds: the roof, the case and its peers, one right after the other.

use crate::peers::{PeerError, Peers};
use crate::{Case, Figure, Roofs};
use std::time::{Duration, Instant};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds, the median of which counts.
    pub rounds: usize,
    /// How long each side runs in a round.
    pub slice: Duration,
}

impl Effort {
    /// For figures that are kept.
    pub const FULL: Effort = Effort { rounds: 11, slice: Duration::from_millis(60) };
    /// For a first look.
    pub const QUICK: Effort = Effort { rounds: 3, slice: Duration::from_millis(20) };
}

/// Rounds of a case that takes seconds.
const FEWEST: usize = 3;
/// After so long, the fewest rounds are enough.
const LONGEST: Duration = Duration::from_secs(15);

/// Times a case. Within a round the best run of each side counts: the others were disturbed. Over rounds, the median of ratios.
///
/// Errors: a peer that does not answer.
pub fn measure(
    name: &str,
    mut case: Case,
    roofs: &mut Roofs,
    mut peers: Option<&mut Peers>,
    effort: Effort,
) -> Result<Figure, PeerError> {
    (case.run)();
    let (mut values, mut shares) = (Vec::new(), Vec::new());
    let mut others: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); case.peers.len()];
    let start = Instant::now();
    for round in 0..effort.rounds {
        if round >= FEWEST && start.elapsed() > LONGEST {
            break;
        }
        let roof = roofs.seconds(&mut case.bounds, case.threads);
        let own = best_of_slice(&mut case.run, effort.slice);
        values.push(case.unit.value(own));
        shares.push(roof / own);
        if let Some(peers) = &mut peers {
            for (peer, (values, ratios)) in case.peers.iter().zip(&mut others) {
                let theirs = peers.best_seconds(&peer.case, case.threads, effort.slice)? / peer.share;
                values.push(case.unit.value(theirs));
                ratios.push(theirs / own);
            }
        }
    }
    // The fastest peer is the one to beat.
    let rival = others
        .iter()
        .zip(&case.peers)
        .filter(|((values, _), _)| !values.is_empty())
        .map(|((values, ratios), peer)| (median(values), median(ratios), peer.case.clone()))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    let bound = !case.bounds.is_empty();
    Ok(Figure {
        name: name.to_owned(),
        value: median(&values),
        unit: case.unit.name().to_owned(),
        percent_of_roof: bound.then(|| 100.0 * median(&shares)),
        baseline: rival.as_ref().map(|r| r.0),
        ratio: rival.as_ref().map(|r| r.1),
        peer: rival.map(|r| r.2),
        noise: spread(if bound { &shares } else { &values }),
    })
}

/// Timings are of so long at least: a clock's own cost does not count then.
const SHORTEST: Duration = Duration::from_micros(100);

/// Seconds of a run, in the best of the timings that a slice has room for, one at least.
pub fn best_of_slice(run: &mut dyn FnMut(), slice: Duration) -> f64 {
    let once = time(run, 1);
    if once > slice.as_secs_f64() {
        return once;
    }
    let runs = (SHORTEST.as_secs_f64() / once.max(1e-9)).ceil().max(1.0) as u32;
    let end = Instant::now() + slice;
    let mut best = if runs == 1 { once } else { f64::INFINITY };
    loop {
        best = best.min(time(run, runs));
        if Instant::now() >= end {
            return best;
        }
    }
}

fn time(run: &mut dyn FnMut(), runs: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..runs {
        run();
    }
    start.elapsed().as_secs_f64() / f64::from(runs)
}

/// The middle value. Panics without any.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Half the distance of the quartiles / the median.
pub fn spread(values: &[f64]) -> f64 {
    (quantile(values, 0.75) - quantile(values, 0.25)) / 2.0 / median(values)
}

/// Between the two values nearest to a share q of them.
fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = q * (sorted.len() - 1) as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    sorted[low] + part * (sorted[at.ceil() as usize] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bound, Unit};
    use lsra_kernels::Isa;

    #[test]
    fn the_middle_and_its_surroundings() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0]), 1.5);
        assert_eq!(spread(&[1.0, 2.0, 3.0, 4.0, 5.0]), 1.0 / 3.0);
        assert_eq!(spread(&[7.0]), 0.0);
    }

    #[test]
    fn a_wait_is_timed_as_long_as_it_is() {
        let wait = Duration::from_millis(3);
        let unit = Unit::Milliseconds { each_of: 1.0 };
        let case = Case::new(unit, vec![Bound::Own(Box::new(|| 0.0015))], move || std::thread::sleep(wait));
        let effort = Effort { rounds: 3, slice: Duration::from_millis(5) };
        let figure = measure("wait", case, &mut Roofs::new(Isa::best()), None, effort).unwrap();
        // A sleep is never shorter than asked for.
        assert!(figure.value >= 3.0, "{figure:?}");
        let share = figure.percent_of_roof.unwrap();
        assert!(share > 0.0 && share <= 50.0, "{figure:?}");
        assert_eq!((figure.ratio, figure.unit.as_str()), (None, "ms"));
    }
}
