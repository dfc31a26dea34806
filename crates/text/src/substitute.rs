//! What a regular expression's substitution does whose pattern is a fixed number of characters long.

/// Replaces windows of N characters from left to right, each character belonging to one window at most.
pub(crate) fn substitute<const N: usize, const M: usize>(
    text: &[char],
    matches: impl Fn([char; N]) -> bool,
    replacement: impl Fn([char; N]) -> [char; M],
) -> Vec<char> {
    let mut replaced = Vec::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        match rest.first_chunk::<N>().filter(|window| matches(**window)) {
            Some(&window) => {
                replaced.extend(replacement(window));
                rest = &rest[N..];
            }
            None => {
                replaced.push(first);
                rest = after;
            }
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_window_took_the_next_cannot_have() {
        let text: Vec<char> = ",,,a".chars().collect();
        let replaced = substitute(&text, |[_, comma]| comma == ',', |[before, _]| [before, ';']);
        assert_eq!(replaced.iter().collect::<String>(), ",;,a");
        assert_eq!(substitute(&[], |[_]| true, |[c]| [c]), []);
    }
}
