//! Work on many items at a time, in order, with little of them in memory.

use crate::TextError;
use rayon::prelude::*;

/// Items handed out together.
const ITEMS: usize = 4096;

/// Bytes after which no more are added.
const BYTES: usize = 1 << 22;

/// Takes items from `next` until there are no more, does `work` on them on all threads, and gives the results to `take` in the
/// items' order. `size` is an item's bytes. Nothing depends on the number of threads.
pub(super) fn in_order<I: Send, R: Send>(
    mut next: impl FnMut() -> Result<Option<I>, TextError>,
    size: impl Fn(&I) -> usize,
    work: impl Fn(I) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), TextError>,
) -> Result<(), TextError> {
    loop {
        let mut items = Vec::new();
        let mut bytes = 0;
        while items.len() < ITEMS && bytes < BYTES {
            let Some(item) = next()? else { break };
            bytes += size(&item);
            items.push(item);
        }
        if items.is_empty() {
            return Ok(());
        }
        let results: Vec<R> = items.into_par_iter().map(&work).collect();
        results.into_iter().try_for_each(&mut take)?;
    }
}
