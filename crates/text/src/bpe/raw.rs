//! Pieces of raw text. Spaces stay in the pieces, as `▁`, so that joining pieces gives the text back: `Ein Haus.` is
//! `▁Ein ▁Haus .`, and nothing has to be guessed to undo it (Kudo and Richardson 2018).
//!
//! Merges stay within words: runs of letters, single digits, runs of other characters. The same is written into the
//! `tokenizer.json` as a regular expression, so that other programs cut alike.

use super::PieceCount;
use std::collections::{BTreeMap, HashSet};
use tokenizers::decoders::metaspace::Metaspace;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer, Vocab};
use tokenizers::pre_tokenizers::metaspace::PrependScheme;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{SplitDelimiterBehavior, Tokenizer, Trainer};
use unicode_normalization::char::is_combining_mark;

/// Stands for a space.
pub(super) const SPACE: char = '▁';

/// What [`words`] does, for other programs. Rust's and Oniguruma's dialects agree on it.
pub(super) const WORDS: &str = concat!(
    r"▁?\p{N}",
    r"|▁?[\p{Alphabetic}\p{M}&&[^\p{N}]]+",
    r"|['’][\p{Alphabetic}\p{M}&&[^\p{N}]]+",
    r"|▁?[^▁\p{Alphabetic}\p{M}\p{N}]+",
    r"|▁",
);

/// Pieces seen less often than this are not worth an id.
const MIN_FREQUENCY: u64 = 2;

/// The line as words, each with the space before it as [`SPACE`]. Empty for an empty line.
pub(super) fn mark(line: &str) -> String {
    if line.is_empty() {
        return String::new();
    }
    let mut marked = String::with_capacity(line.len() + line.len() / 2);
    if !line.starts_with([' ', SPACE]) {
        marked.push(SPACE);
    }
    line.chars().for_each(|c| marked.push(if c == ' ' { SPACE } else { c }));
    marked
}

/// The words of a [`mark`]ed line.
pub(super) fn words(marked: &str) -> impl Iterator<Item = &str> {
    let mut rest = marked;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (word, others) = rest.split_at(first_word(rest));
        rest = others;
        Some(word)
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Digit,
    Letter,
    Other,
}

fn class(c: char) -> Class {
    if c == SPACE {
        Class::Space
    } else if c.is_ascii_lowercase() {
        // The most frequent case needs no table.
        Class::Letter
    } else if c.is_numeric() {
        Class::Digit
    } else if c.is_alphabetic() || is_combining_mark(c) {
        Class::Letter
    } else {
        Class::Other
    }
}

/// Bytes of the first word.
fn first_word(text: &str) -> usize {
    let body = text.strip_prefix(SPACE).unwrap_or(text);
    let space = text.len() - body.len();
    let run = |of: Class, from: usize| {
        body[from..].char_indices().find(|&(_, c)| class(c) != of).map_or(body.len(), |(i, _)| from + i)
    };
    let Some(first) = body.chars().next() else { return space };
    let length = match class(first) {
        Class::Space => 0,
        Class::Digit => first.len_utf8(),
        Class::Letter => run(Class::Letter, 0),
        // `don't` is `don` and `'t`.
        Class::Other if space == 0 && matches!(first, '\'' | '’') => {
            let letters = run(Class::Letter, first.len_utf8());
            if letters > first.len_utf8() { letters } else { run(Class::Other, 0) }
        }
        Class::Other => run(Class::Other, 0),
    };
    space + length
}

/// Learns from `lines`, in which each of `characters` stands so often. `lines` may hold several lines in one string.
pub(super) fn learn<S>(
    characters: &BTreeMap<char, u64>,
    lines: impl Iterator<Item = S> + Send,
    size: PieceCount,
) -> Tokenizer
where
    S: AsRef<str> + Send,
{
    let mut by_count: Vec<(char, u64)> = characters.iter().map(|(&c, &n)| (c, n)).collect();
    by_count.retain(|&(c, n)| c != ' ' && n >= MIN_FREQUENCY);
    // Stable, from the order of characters.
    by_count.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    if let PieceCount::Vocabulary(most) = size {
        // Where a script has thousands of characters, the rarer ones stay unknown, so that half of the pieces are words.
        by_count.truncate(most.div_ceil(2).max(1));
    }
    let alphabet: HashSet<char> = by_count.iter().map(|&(c, _)| c).chain([SPACE]).collect();
    let pieces = match size {
        PieceCount::Vocabulary(most) => most,
        PieceCount::Merges(merges) => alphabet.len() + merges,
    };
    // The library breaks ties between equally frequent characters by their place in a hash map: an alphabet handed in whole
    // leaves it nothing to choose.
    let mut trainer = BpeTrainer::builder()
        .vocab_size(pieces)
        .min_frequency(MIN_FREQUENCY)
        .limit_alphabet(alphabet.len())
        .initial_alphabet(alphabet.clone())
        .show_progress(false)
        .build();
    // The library passes over characters that are not in the alphabet, and so would learn that their neighbours stand side by side.
    let parts = |word: &str| -> Vec<String> {
        word.split(|c| !alphabet.contains(&c)).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let split =
        |text: &str| Ok(text.lines().flat_map(|l| words(&mark(l)).flat_map(parts).collect::<Vec<_>>()).collect());
    trainer.feed(lines, split).expect("splitting a line cannot fail");
    let mut model = BPE::default();
    trainer.train(&mut model).expect("training on counted words cannot fail");
    build(&alphabet, super::learn::learnt(&model))
}

fn build(alphabet: &HashSet<char>, merges: Vec<(String, String)>) -> Tokenizer {
    let mut vocabulary = Vocab::from_iter([(super::model::UNKNOWN.to_owned(), 0)]);
    let mut add = |symbol: String| {
        let next = vocabulary.len() as u32;
        vocabulary.entry(symbol).or_insert(next);
    };
    let mut characters: Vec<char> = alphabet.iter().copied().collect();
    characters.sort_unstable();
    characters.iter().for_each(|c| add(c.to_string()));
    merges.iter().for_each(|(left, right)| add([left.as_str(), right].concat()));
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).unk_token(super::model::UNKNOWN.to_owned());
    wrap(model.build().expect("every merge's pieces and result are in the vocabulary"))
}

/// Whether a tokeniser may be one of raw text: its pieces hold the spaces.
pub(super) fn is_raw(tokenizer: &Tokenizer) -> bool {
    matches!(tokenizer.get_model(), ModelWrapper::BPE(m) if m.end_of_word_suffix.is_none())
        && matches!(tokenizer.get_decoder(), Some(tokenizers::DecoderWrapper::Metaspace(_)))
}

/// The model with what cuts a line into words before it.
pub(super) fn wrap(mut model: BPE) -> Tokenizer {
    model.resize_cache(super::model::CACHED_WORDS);
    let mut tokenizer = Tokenizer::new(model);
    let spaces = Metaspace::new(SPACE, PrependScheme::Always, false);
    let split = Split::new(SplitPattern::Regex(WORDS.to_owned()), SplitDelimiterBehavior::Isolated, false);
    let cut = vec![spaces.clone().into(), split.expect("a valid pattern").into()];
    tokenizer.with_pre_tokenizer(Some(Sequence::new(cut)));
    tokenizer.with_decoder(Some(spaces));
    tokenizer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_digits_and_the_rest() {
        let of = |line: &str| words(&mark(line)).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of("Ein Haus, 42 m² (neu)."), ["▁Ein", "▁Haus", ",", "▁4", "2", "▁m", "²", "▁(", "neu", ")."]);
        assert_eq!(of("Don't 'go'!"), ["▁Don", "'t", "▁'", "go", "'!"]);
        assert_eq!(of("a  b"), ["▁a", "▁", "▁b"]);
        assert_eq!(of("'tis"), ["▁'", "tis"]);
        assert_eq!(of("नमस्ते"), ["▁नमस्ते"]);
        assert!(of("").is_empty());
    }
}
