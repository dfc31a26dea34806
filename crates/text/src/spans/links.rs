//! Addresses, handles and codes, as words that white space separates.

use std::ops::Range;

/// Endings of names that are addresses even without `www.` or a path.
const DOMAINS: [&str; 16] =
    ["at", "ch", "com", "de", "edu", "eu", "fr", "gov", "info", "io", "it", "net", "nl", "org", "uk", "us"];

/// A word without the punctuation around it. A closing bracket stays where the word has its opening one.
pub(super) fn without_punctuation(word: &str) -> Range<usize> {
    let body = word.trim_start_matches(['(', '[', '{', '<', '"', '\'', '„', '“', '”', '«', '‚', '‘', '»']);
    let start = word.len() - body.len();
    let mut end = body.len();
    while let Some(last) = body[..end].chars().next_back() {
        let inner = &body[..end - last.len_utf8()];
        let opened = |open, close| inner.matches(open).count() > inner.matches(close).count();
        let belongs = match last {
            ')' => opened('(', ')'),
            ']' => opened('[', ']'),
            c => !matches!(
                c,
                '.' | ',' | ';' | ':' | '!' | '?' | '}' | '>' | '"' | '\'' | '“' | '”' | '»' | '«' | '’' | '‘' | '…'
            ),
        };
        if belongs {
            break;
        }
        end = inner.len();
    }
    start..start + end
}

/// A web or e-mail address.
pub(super) fn is_link(word: &str) -> bool {
    if let Some((scheme, rest)) = word.split_once("://") {
        let known = ["http", "https", "ftp", "sftp", "file", "ssh", "git"];
        return !rest.is_empty() && known.iter().any(|k| scheme.eq_ignore_ascii_case(k));
    }
    let word = word.strip_prefix("mailto:").unwrap_or(word);
    if let Some((local, host)) = word.split_once('@') {
        return !local.is_empty()
            && local.chars().all(|c| c.is_ascii_alphanumeric() || "._%+-".contains(c))
            && is_host(host);
    }
    let (host, path) = match word.find(['/', '?', '#']) {
        Some(at) => word.split_at(at),
        None => (word, ""),
    };
    let port = host.rsplit_once(':').filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let host = port.map_or(host, |(host, _)| host);
    if !is_host(host) {
        return false;
    }
    let ending = host.rsplit('.').next().unwrap_or("");
    let prefixed = host.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    prefixed
        || DOMAINS.contains(&ending)
        || path.len() > 1
            && path.starts_with('/')
            && ending.len() <= 6
            && !host.starts_with(|c: char| c.is_ascii_digit())
}

/// Labels between dots, the last of two small letters at least.
fn is_host(host: &str) -> bool {
    let label = |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let ending = host.rsplit('.').next().unwrap_or("");
    host.contains('.')
        && host.split('.').all(label)
        && ending.len() >= 2
        && ending.bytes().all(|b| b.is_ascii_lowercase())
}

/// `@name`, or `#topic` with a letter in it.
pub(super) fn is_handle(word: &str) -> bool {
    let name = |n: &str| n.chars().count() >= 2 && n.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    word.strip_prefix('@').is_some_and(|n| name(n) && n.is_ascii())
        || word.strip_prefix('#').is_some_and(|n| name(n) && n.contains(char::is_alphabetic))
}

/// Capitals and at least three digits, six signs in all.
pub(super) fn is_code(word: &str) -> bool {
    let sign = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'/' | b'_' | b'.');
    word.len() >= 6
        && word.bytes().all(sign)
        && word.bytes().any(|b| b.is_ascii_uppercase())
        && word.bytes().filter(u8::is_ascii_digit).count() >= 3
}
