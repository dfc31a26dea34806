//! Addresses, handles and codes, as words that white space separates.

use std::ops::Range;

/// Endings of names that are addresses even without `www.` or a path.
const DOMAINS: [&str; 16] =
    ["at", "ch", "com", "de", "edu", "eu", "fr", "gov", "info", "io", "it", "net", "nl", "org", "uk", "us"];

/// What an address may begin with inside a word that is more than an address: a scheme, or what stands only at a beginning.
const SCHEMES: [&str; 7] = ["http://", "https://", "ftp://", "sftp://", "file://", "ssh://", "git://"];
const MAIL: &str = "mailto:";
const WWW: &str = "www.";

/// The addresses of a word, in order: the word itself without punctuation, or those that begin inside it, as in `[text](https://…)`.
pub(super) fn links(word: &str) -> Vec<Range<usize>> {
    let whole = without_punctuation(word);
    if is_link(&word[whole.clone()]) {
        return vec![whole];
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < word.len() {
        let length = if word.is_char_boundary(at) { link_at(word, at) } else { 0 };
        if length > 0 {
            found.push(at..at + length);
        }
        at += length.max(1);
    }
    found
}

/// Bytes of the address that begins here, 0 where none does.
fn link_at(word: &str, at: usize) -> usize {
    let text = &word[at..];
    let before = word[..at].chars().next_back();
    let begins = !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    let end = if scheme(text).is_some() {
        address_end(text, before)
    } else if begins && starts(text, MAIL) {
        let named = |c: char| c.is_alphanumeric() || "._%+-@".contains(c);
        mail_end(text, MAIL.len() + text[MAIL.len()..].find(|c| !named(c)).unwrap_or(text.len() - MAIL.len()), before)
    } else if begins && starts(text, WWW) {
        www_end(text, before)
    } else {
        0
    };
    let text = &text[..trimmed_end(&text[..end])];
    if is_link(text) { text.len() } else { 0 }
}

/// Bytes of an e-mail address of so many, with what a `?` adds to it.
fn mail_end(text: &str, address: usize, before: Option<char>) -> usize {
    if text[address..].starts_with('?') && is_link(&text[..address]) { address_end(text, before) } else { address }
}

/// Bytes of a host and, where one follows, its path. What is no host is not looked at further, so that the work is one pass.
fn www_end(text: &str, before: Option<char>) -> usize {
    let host = text.find(|c: char| !c.is_alphanumeric() && c != '-' && c != '.').unwrap_or(text.len());
    let has_path = text[host..].starts_with(['/', '?', '#']) && is_host(&text[..host]);
    if has_path { address_end(text, before) } else { host }
}

/// Bytes up to what stands in no address: a quote, `<`, `>`, or a bracket that closes what the address did not open. `before`: an
/// apostrophe there is a quote.
fn address_end(text: &str, before: Option<char>) -> usize {
    let (mut round, mut square) = (0usize, 0usize);
    for (at, c) in text.char_indices() {
        let ends = match c {
            '"' | '<' | '>' | '„' | '“' | '”' | '«' | '»' | '。' | '，' | '、' | '；' | '！' | '？' | '（' | '）'
            | '「' | '」' => true,
            '\'' => before == Some('\''),
            ')' => round == 0,
            ']' => square == 0,
            _ => false,
        };
        if ends {
            return at;
        }
        match c {
            '(' => round += 1,
            ')' => round -= 1,
            '[' => square += 1,
            ']' => square -= 1,
            _ => {}
        }
    }
    text.len()
}

/// A word without the punctuation around it. A closing bracket stays where the word has its opening one.
pub(super) fn without_punctuation(word: &str) -> Range<usize> {
    let body = word.trim_start_matches(['(', '[', '{', '<', '"', '\'', '„', '“', '”', '«', '‚', '‘', '»']);
    let start = word.len() - body.len();
    start..start + trimmed_end(body)
}

/// Bytes without the punctuation at the end.
fn trimmed_end(body: &str) -> usize {
    let balance = |open, close| body.matches(open).count() as isize - body.matches(close).count() as isize;
    let (mut round, mut square) = (balance('(', ')'), balance('[', ']'));
    let mut end = body.len();
    for (at, last) in body.char_indices().rev() {
        match last {
            ')' if round < 0 => round += 1,
            ']' if square < 0 => square += 1,
            '.' | ',' | ';' | ':' | '!' | '?' | '}' | '>' | '"' | '\'' | '“' | '”' | '»' | '«' | '’' | '‘' | '…' =>
                {}
            _ => break,
        }
        end = at;
    }
    end
}

/// A web or e-mail address.
fn is_link(word: &str) -> bool {
    if address_end(word, None) < word.len() {
        return false;
    }
    if let Some(scheme) = scheme(word) {
        return word.len() > scheme.len();
    }
    let named = starts(word, MAIL);
    let word = if named { &word[MAIL.len()..] } else { word };
    if let Some((local, host)) = word.split_once('@') {
        // `mailto:anna@example.org?subject=…`
        let host = if named { host.split('?').next().unwrap_or("") } else { host };
        return !local.is_empty()
            && local.chars().all(|c| c.is_alphanumeric() && is_latin(c) || "._%+-".contains(c))
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
    if starts(host, WWW) {
        return true;
    }
    // A capital after a period begins a sentence whose space was forgotten, unless all letters are capitals.
    let one_case = ending.bytes().all(|b| b.is_ascii_lowercase()) || !host.contains(char::is_lowercase);
    let common = DOMAINS.iter().any(|domain| ending.eq_ignore_ascii_case(domain));
    let with_path =
        path.len() > 1 && path.starts_with('/') && ending.len() <= 6 && !host.starts_with(|c: char| c.is_ascii_digit());
    one_case && (common || with_path)
}

/// The scheme that an address begins with, its slashes included.
fn scheme(word: &str) -> Option<&'static str> {
    SCHEMES.into_iter().find(|scheme| starts(word, scheme))
}

/// In whatever case.
fn starts(word: &str, with: &str) -> bool {
    word.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// Labels between dots, the last of two ASCII letters at least.
fn is_host(host: &str) -> bool {
    let ending = host.rsplit('.').next().unwrap_or("");
    host.contains('.')
        && host.split('.').all(is_label)
        && ending.len() >= 2
        && ending.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Letters, Latin ones or none of those, digits and hyphens: in two scripts it is no name, but a word and an address without a space.
fn is_label(label: &str) -> bool {
    let letters = || label.chars().filter(|c| c.is_alphabetic());
    !label.is_empty()
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        && (letters().all(is_latin) || !letters().any(is_latin))
}

fn is_latin(c: char) -> bool {
    c < '\u{250}'
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
