//! Names that take the place of what a model cannot spell.
//!
//! A model of a few thousand pieces garbles an address, but it copies a name that it has seen. So a span gives way to such a
//! name before the sentence is translated, and takes its place again where the translation has it exactly once. Where it has
//! not, nothing was promised: the sentence is translated as it stands, and attention says where the span belongs.

use crate::text_model::TextModel;

/// Spelled alike in many languages, and frequent in text of some kind.
const NAMES: [&str; 16] = [
    "Anna",
    "Berlin",
    "Boston",
    "David",
    "Einstein",
    "Google",
    "John",
    "Madrid",
    "Maria",
    "Martin",
    "Michael",
    "Microsoft",
    "Paris",
    "Peter",
    "Robert",
    "Tom",
];

/// How many names are tried.
const ATTEMPTS: usize = 3;

/// The names that a model knows, those that it saw most often first.
pub(super) struct StandIns {
    known: Vec<&'static str>,
}

impl StandIns {
    pub(super) fn of(model: &TextModel) -> StandIns {
        let mut known: Vec<_> =
            NAMES.iter().filter_map(|name| model.familiarity(name).map(|found| (found, *name))).collect();
        known.sort_by_key(|&((pieces, count), _)| (pieces, std::cmp::Reverse(count)));
        StandIns { known: known.into_iter().map(|(_, name)| name).collect() }
    }

    /// The name that the model saw most often.
    pub(super) fn most_familiar(&self) -> Option<&'static str> {
        self.known.first().copied()
    }

    /// So many names that the sentence does not have, others at each attempt, from 0; none where there are no more.
    pub(super) fn absent_from(&self, sentence: &str, count: usize, attempt: usize) -> Option<Vec<&'static str>> {
        let lower = sentence.to_lowercase();
        let absent = self.known.iter().copied().filter(|name| !lower.contains(&name.to_lowercase()));
        let found: Vec<&str> = absent.skip(attempt * count).take(count).collect();
        (attempt < ATTEMPTS && found.len() == count).then_some(found)
    }
}

/// The text with `span` where it has `name` as a word of its own, in whatever case; none unless that is once.
pub(super) fn put_back(text: &str, name: &str, span: &str) -> Option<String> {
    let mut places = text.char_indices().map(|(at, _)| at).filter(|&at| is_word(text, at, name));
    match (places.next(), places.next()) {
        (Some(at), None) => Some([&text[..at], span, &text[at + name.len()..]].concat()),
        _ => None,
    }
}

fn is_word(text: &str, at: usize, name: &str) -> bool {
    let end = at + name.len();
    text.get(at..end).is_some_and(|word| word.eq_ignore_ascii_case(name))
        && !text[..at].ends_with(char::is_alphanumeric)
        && !text[end..].starts_with(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_and_as_a_word() {
        assert_eq!(put_back("Look at tom!", "Tom", "www.a.de").as_deref(), Some("Look at www.a.de!"));
        assert_eq!(put_back("TOM'S ÄTOM", "Tom", "x").as_deref(), Some("x'S ÄTOM"));
        for text in ["tomorrow", "Tom and Tom", "", "é"] {
            assert_eq!(put_back(text, "Tom", "x"), None, "{text}");
        }
    }
}
