//! The caches of this machine, as Linux lists them.

use std::fs;
use std::path::Path;

/// A cache that holds data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// 1 is nearest to the core.
    pub level: u32,
    /// How much it holds.
    pub bytes: usize,
    /// Cores that share it.
    pub cores: usize,
}

/// What is taken where the system does not say: the sizes of a common server core.
const USUAL: [Cache; 3] = [
    Cache { level: 1, bytes: 32 << 10, cores: 1 },
    Cache { level: 2, bytes: 1 << 20, cores: 1 },
    Cache { level: 3, bytes: 32 << 20, cores: 8 },
];

/// The first core's caches of data, nearest first; common sizes where the system does not say.
pub fn caches() -> Vec<Cache> {
    let folders = (0..8).map(|i| format!("/sys/devices/system/cpu/cpu0/cache/index{i}"));
    let mut found: Vec<Cache> = folders.filter_map(|folder| cache(Path::new(&folder))).collect();
    found.sort_by_key(|c| c.level);
    if found.is_empty() { USUAL.to_vec() } else { found }
}

fn cache(folder: &Path) -> Option<Cache> {
    let read = |name| fs::read_to_string(folder.join(name)).ok().map(|text| text.trim().to_owned());
    if read("type")? == "Instruction" {
        return None;
    }
    let cores = read("shared_cpu_list").and_then(|list| count(&list)).unwrap_or(1);
    Some(Cache { level: read("level")?.parse().ok()?, bytes: bytes(&read("size")?)?, cores })
}

/// `1024K`, `32M`.
fn bytes(text: &str) -> Option<usize> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        _ => (text, 0),
    };
    digits.parse::<usize>().ok().filter(|&n| n > 0).map(|n| n << shift)
}

/// How many numbers `0-3,8` names.
fn count(list: &str) -> Option<usize> {
    list.split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            (last + 1).checked_sub(first)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_lists_are_as_linux_writes_them() {
        assert_eq!(bytes("1024K"), Some(1 << 20));
        assert_eq!(bytes("32M"), Some(32 << 20));
        assert_eq!(bytes("512"), Some(512));
        assert_eq!([bytes(""), bytes("K"), bytes("0K"), bytes("big")], [None; 4]);
        assert_eq!(count("0-1"), Some(2));
        assert_eq!(count("0-3,8"), Some(5));
        assert_eq!([count(""), count("3-x")], [None; 2]);
    }

    #[test]
    fn caches_grow_outward() {
        let found = caches();
        assert!(found.windows(2).all(|c| c[0].level < c[1].level && c[0].bytes < c[1].bytes), "{found:?}");
    }
}
