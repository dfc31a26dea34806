//! Counts as people read them.

/// `54.14M`.
pub fn millions(n: u64) -> String {
    format!("{:.2}M", n as f64 / 1e6)
}

/// `54,144,000`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How far `ours` is from `theirs`: `+0.3%`.
pub fn difference(ours: u64, theirs: f64) -> String {
    let tenths = (1000.0 * (ours as f64 / theirs - 1.0)).round();
    // Adding zero turns -0 into 0.
    format!("{:+.1}%", tenths / 10.0 + 0.0)
}

/// `12.5%`; nothing is 0% of nothing.
pub fn share(part: u64, whole: u64) -> String {
    format!("{:.1}%", if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 })
}
