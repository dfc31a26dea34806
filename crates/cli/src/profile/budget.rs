//! A limit of multiply-adds.

use super::numbers::{grouped, millions};
use super::{Profile, ProfileError};

/// The most multiply-adds that a sentence may cost, by the paper's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(pub u64);

impl Budget {
    /// The limit of a phone: Wu et al. 2020, section 1.
    pub const MOBILE: Budget = Budget(500_000_000);
    /// The limit of the paper's smallest models.
    pub const TINY: Budget = Budget(100_000_000);

    /// From `100M`, `0.5G`, `250k` or a plain number.
    ///
    /// Errors: no number, or nothing above zero.
    pub fn parse(text: &str) -> Result<Budget, ProfileError> {
        let refuse = || ProfileError::Budget(text.to_owned());
        let trimmed = text.trim();
        let (digits, scale) = match trimmed.char_indices().last() {
            Some((at, 'k' | 'K')) => (&trimmed[..at], 1e3),
            Some((at, 'm' | 'M')) => (&trimmed[..at], 1e6),
            Some((at, 'g' | 'G')) => (&trimmed[..at], 1e9),
            _ => (trimmed, 1.0),
        };
        if !digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Err(refuse());
        }
        let limit = digits.parse::<f64>().map_err(|_| refuse())? * scale;
        // Beyond 2^53 an f64 no longer holds every whole number; no sentence costs as much.
        if !(1.0..=(1u64 << 53) as f64).contains(&limit) {
            return Err(refuse());
        }
        Ok(Budget(limit.round() as u64))
    }

    /// Whether a profile keeps it, by the paper's rule.
    pub fn holds(self, profile: &Profile) -> bool {
        profile.macs_paper_rule <= self.0
    }

    /// One line on how far a profile is over, where it is.
    pub fn excess(self, profile: &Profile) -> Option<String> {
        if self.holds(profile) {
            return None;
        }
        let over = profile.macs_paper_rule - self.0;
        Some(format!(
            "{}: {} multiply-adds by the paper's rule are {} ({:.1}%) over the budget of {}; truly {}",
            profile.preset,
            grouped(profile.macs_paper_rule),
            grouped(over),
            100.0 * over as f64 / self.0 as f64,
            grouped(self.0),
            millions(profile.macs_total),
        ))
    }
}
