//! Hashes that are the same on every machine and in every run.

use crate::TextError;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

/// Of a sentence. Among 100 million sentences two have the same with a probability of 0.03%; a pair would be lost, or moved.
pub(super) fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// Of numbers.
pub(super) fn hash_words(words: &[u64]) -> u64 {
    words.iter().fold(0, |seed, word| xxhash_rust::xxh3::xxh3_64_with_seed(&word.to_le_bytes(), seed))
}

/// Of settings, as hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

/// The size and the digest of a file's bytes.
///
/// Errors: the file cannot be read.
pub(super) fn digest_file(path: &Path) -> Result<(u64, String), TextError> {
    let unreadable = |cause| TextError::Unreadable { file: path.display().to_string(), cause };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hasher = Xxh3::new();
    let mut buffer = vec![0; 1 << 17];
    let mut size = 0;
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok((size, format!("{:032x}", hasher.digest128()))),
            read => {
                size += read as u64;
                hasher.update(&buffer[..read]);
            }
        }
    }
}
