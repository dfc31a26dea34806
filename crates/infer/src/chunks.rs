//! Work on many sentences, cut into chunks of similar length that threads take one after the other.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Sentences that step together: with a beam of 4, 128 rows, where matrix products are near their full speed. More would
/// only make the memory of their past larger.
const SENTENCES: usize = 32;

/// Source tokens of a chunk, unless one sentence has more: bounds what a chunk of long sentences takes.
const TOKENS: usize = 2048;

/// As many threads as the machine, or the share of it that a container is given, runs at once.
pub fn available_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// `work` of every index below `costs.len()`, in order. Indices of similar cost come together, the dearest first; at most
/// `threads` chunks are worked on at a time.
pub(crate) fn in_chunks<R: Send>(costs: &[usize], threads: usize, work: impl Fn(&[usize]) -> Vec<R> + Sync) -> Vec<R> {
    let chunks = cut(costs);
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<R>>> = Mutex::new((0..costs.len()).map(|_| None).collect());
    let take_all = || {
        while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = work(chunk);
            let mut results = results.lock().expect("no thread panics while it stores results");
            chunk.iter().zip(found).for_each(|(&i, r)| results[i] = Some(r));
        }
    };
    let helpers = threads.min(chunks.len()).saturating_sub(1);
    thread::scope(|scope| {
        (0..helpers).for_each(|_| {
            scope.spawn(take_all);
        });
        take_all();
    });
    let results = results.into_inner().expect("no thread panics while it stores results");
    results.into_iter().map(|r| r.expect("every chunk was worked on")).collect()
}

fn cut(costs: &[usize]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(costs[i]));
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for i in order {
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < SENTENCES && costs[i] <= room => {
                room -= costs[i];
                chunk.push(i);
            }
            _ => {
                room = TOKENS.saturating_sub(costs[i]);
                chunks.push(vec![i]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_at_any_number_of_threads() {
        let costs: Vec<usize> = (0..500).map(|i| (i * 7919) % 113).collect();
        for threads in [1, 2, 5] {
            let doubled = in_chunks(&costs, threads, |chunk| chunk.iter().map(|i| 2 * i).collect());
            assert_eq!(doubled, (0..500).map(|i| 2 * i).collect::<Vec<_>>());
        }
        assert_eq!(in_chunks(&[], 4, |_| vec![()]), []);
    }

    #[test]
    fn chunks_are_bounded_and_go_from_long_to_short() {
        let costs: Vec<usize> = (0..300).map(|i| if i == 7 { 5000 } else { (i * 31) % 400 }).collect();
        let chunks = cut(&costs);
        assert_eq!(chunks[0], [7]);
        for chunk in &chunks {
            let tokens: usize = chunk.iter().map(|&i| costs[i]).sum();
            assert!(chunk.len() <= SENTENCES && (tokens <= TOKENS || chunk.len() == 1), "{} {tokens}", chunk.len());
        }
        let order: Vec<usize> = chunks.concat().iter().map(|&i| costs[i]).collect();
        assert!(order.windows(2).all(|w| w[0] >= w[1]));
    }
}
