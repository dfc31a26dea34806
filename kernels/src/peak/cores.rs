//! What all cores do at once.

use std::num::NonZero;
use std::sync::Barrier;
use std::thread;

/// Threads that this process may run at once.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The sum of the rates that one thread a core reach together, in the best of `rounds` rounds, each begun by all at once.
///
/// `prepare` makes a thread's own data and returns what measures its rate once.
pub fn all_cores<M: FnMut() -> f64>(rounds: usize, prepare: impl Fn() -> M + Sync) -> f64 {
    let start = Barrier::new(cores());
    let work = || {
        let mut measure = prepare();
        let round = |_| {
            start.wait();
            measure()
        };
        (0..rounds).map(round).collect::<Vec<f64>>()
    };
    let rates: Vec<Vec<f64>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|t| t.join().expect("measuring does not panic")).collect()
    });
    (0..rounds).map(|round| rates.iter().map(|r| r[round]).sum()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_one_round_are_summed() {
        let rising = || {
            let mut round = 0.0;
            move || {
                round += 1.0;
                round
            }
        };
        assert_eq!(all_cores(3, rising), 3.0 * cores() as f64);
    }
}
