//! Long numbers, and which of them a translation lost.
//!
//! Small models now and then drop or double a digit. Short numbers may become words, and times and dates are written
//! otherwise in another language; so only these count: runs of three digits or more, and numbers with separators of thousands,
//! decimals included. Two are the same where their digits are.

use std::ops::Range;

/// A number in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Bytes of the sentence.
    pub range: Range<usize>,
    /// Its digits alone.
    pub digits: String,
}

/// The long numbers of a sentence, in order.
pub fn numbers(sentence: &str) -> Vec<Number> {
    let mut found = Vec::new();
    let bytes = sentence.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = at + run(&bytes[at..]);
        let text = &sentence[at..end];
        // A number that is a part of a word, a code or an address is none.
        let apart = !sentence[..at].ends_with(touches) && !sentence[end..].starts_with(touches);
        if apart && is_long(text) {
            let digits = text.bytes().filter(u8::is_ascii_digit).map(char::from).collect();
            found.push(Number { range: at..end, digits });
        }
        at = end;
    }
    found
}

/// Bytes of digits with single separators between them.
fn run(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        end += bytes[end..].iter().take_while(|b| b.is_ascii_digit()).count();
        let separated = matches!(bytes.get(end), Some(b'.' | b',' | b':' | b'/' | b'-' | b'\''));
        if !separated || !bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
            return end;
        }
        end += 1;
    }
}

fn touches(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '/' | '@' | '#' | '=')
}

fn is_long(text: &str) -> bool {
    let mut groups = text.split(['.', ',', '\'']);
    let first = groups.next().unwrap_or("");
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'\'')) {
        return false;
    }
    let rest: Vec<&str> = groups.collect();
    match rest.as_slice() {
        [] => first.len() >= 3,
        // A long whole number with decimals, or one group of thousands: `1250,5`, `1.250`.
        [last] => first.len() >= 3 || last.len() == 3 && !first.starts_with('0'),
        [groups @ .., last] => {
            // A telephone's number, or a network's address.
            let is_number = !first.starts_with('0') && text.parse::<std::net::Ipv4Addr>().is_err();
            is_number
                && first.len() <= 3
                && groups.iter().all(|g| g.len() == 3)
                && (last.len() == 3 || has_decimals(text))
        }
    }
}

/// Whether the last separator is another than those before it.
fn has_decimals(text: &str) -> bool {
    let separators: Vec<char> = text.chars().filter(|c| !c.is_ascii_digit()).collect();
    separators.split_last().is_some_and(|(last, others)| !others.contains(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_only() {
        let found = |s: &str| numbers(s).into_iter().map(|n| s[n.range].to_owned()).collect::<Vec<_>>();
        assert_eq!(found("1989 und 12.345,67 oder 1,000,000."), ["1989", "12.345,67", "1,000,000"]);
        assert_eq!(found("Um 14:30, 14.30 Uhr, am 1.10.2026, 3,5 %, 42, 10/2026, 2026-11-24"), [""; 0]);
        assert_eq!(found("1.250 m, 1250,5 kg, (375), 0.125"), ["1.250", "1250,5", "375"]);
        assert_eq!(found("192.168.100.200, 030.123.456, 1.192.168.300"), ["1.192.168.300"]);
        assert_eq!(found("A1234 1234x a/1234 1990er"), [""; 0]);
        assert_eq!(numbers("1.250,50")[0].digits, "125050");
    }
}
