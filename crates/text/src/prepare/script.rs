//! The script that a line is written in, by the blocks of its letters.

/// Scripts that are told apart. Japanese is three of them, Korean may be two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Hebrew,
    Arabic,
    Indic,
    Thai,
    Tibetan,
    Georgian,
    Hangul,
    Ethiopic,
    Khmer,
    Kana,
    Han,
    Other,
}

const SCRIPTS: usize = Script::Other as usize + 1;

/// Ranges of code points, in order. Letters outside them are [`Script::Other`].
const RANGES: &[(u32, u32, Script)] = &[
    (0x0041, 0x024F, Script::Latin),
    (0x0370, 0x03FF, Script::Greek),
    (0x0400, 0x052F, Script::Cyrillic),
    (0x0530, 0x058F, Script::Armenian),
    (0x0590, 0x05FF, Script::Hebrew),
    (0x0600, 0x08FF, Script::Arabic),
    (0x0900, 0x0DFF, Script::Indic),
    (0x0E00, 0x0EFF, Script::Thai),
    (0x0F00, 0x0FFF, Script::Tibetan),
    (0x1000, 0x109F, Script::Indic),
    (0x10A0, 0x10FF, Script::Georgian),
    (0x1100, 0x11FF, Script::Hangul),
    (0x1200, 0x139F, Script::Ethiopic),
    (0x1780, 0x17FF, Script::Khmer),
    (0x1C80, 0x1C8F, Script::Cyrillic),
    (0x1C90, 0x1CBF, Script::Georgian),
    (0x1E00, 0x1EFF, Script::Latin),
    (0x1F00, 0x1FFF, Script::Greek),
    (0x2C60, 0x2C7F, Script::Latin),
    (0x3040, 0x30FF, Script::Kana),
    (0x3130, 0x318F, Script::Hangul),
    (0x31F0, 0x31FF, Script::Kana),
    (0x3400, 0x4DBF, Script::Han),
    (0x4E00, 0x9FFF, Script::Han),
    (0xA640, 0xA69F, Script::Cyrillic),
    (0xA720, 0xA7FF, Script::Latin),
    (0xAC00, 0xD7FF, Script::Hangul),
    (0xF900, 0xFAFF, Script::Han),
    (0xFB50, 0xFDFF, Script::Arabic),
    (0xFE70, 0xFEFF, Script::Arabic),
    (0xFF21, 0xFF5A, Script::Latin),
    (0xFF66, 0xFF9D, Script::Kana),
    (0x20000, 0x3FFFF, Script::Han),
];

fn script(c: char) -> Script {
    let code = c as u32;
    let after = RANGES.partition_point(|&(first, ..)| first <= code);
    match after.checked_sub(1).map(|i| RANGES[i]) {
        Some((_, last, script)) if code <= last => script,
        _ => Script::Other,
    }
}

/// Letters by script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Letters([u64; SCRIPTS]);

/// A script belongs to a side where it has at least this share of the side's letters.
const BELONGS: f64 = 0.05;

/// A line is of the wrong script where less than this share of its letters belongs.
const RIGHT: f64 = 0.5;

impl Letters {
    /// Counts a line's.
    pub(super) fn add(&mut self, line: &str) {
        for c in line.chars().filter(|c| c.is_alphabetic()) {
            self.0[script(c) as usize] += 1;
        }
    }

    /// Whether a line is written in the scripts of the side that `self` counts. One without letters is.
    pub(super) fn suits(&self, line: &str) -> bool {
        let all: u64 = self.0.iter().sum();
        let mut letters = Letters::default();
        letters.add(line);
        let whole: u64 = letters.0.iter().sum();
        let belong = |&s: &usize| self.0[s] as f64 >= BELONGS * all as f64;
        let right: u64 = (0..SCRIPTS).filter(belong).map(|s| letters.0[s]).sum();
        right as f64 >= RIGHT * whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_in_order() {
        assert!(RANGES.iter().all(|(first, last, _)| first <= last));
        assert!(RANGES.windows(2).all(|w| w[0].1 < w[1].0));
    }

    #[test]
    fn a_side_is_written_in_its_scripts() {
        let mut japanese = Letters::default();
        japanese.add("私は東京に住んでいます。コーヒーが好きです。");
        assert!(japanese.suits("東京") && japanese.suits("これはペンです") && japanese.suits("12:30!"));
        assert!(!japanese.suits("This is a pen") && !japanese.suits("Это ручка"));
        // A name in Latin letters does no harm.
        assert!(japanese.suits("これはPythonの本です"));
        let mut latin = Letters::default();
        latin.add("Das ist schön.");
        assert!(latin.suits("Ångström") && latin.suits("Việt Nam") && !latin.suits("Москва"));
    }
}
