//! Hugging Face's tokeniser over subword-nmt's merges: built from codes, and recognised in a file.

use super::codes::{Codes, END_OF_WORD, WordEnd};
use super::{Kind, raw};
use serde_json::Value;
use std::collections::BTreeSet;
use tokenizers::decoders::bpe::BPEDecoder;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::replace::{Replace, ReplacePattern};
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{Model, SplitDelimiterBehavior, Tokenizer};

/// Stands for the end of a word where that is a symbol of its own. The library's symbols begin as single characters, so
/// this is one: of private use, and found in no text.
pub(super) const END_MARK: &str = "\u{E000}";

/// The model's token for a character that no merge knows. Never seen outside: pieces are cut out of the text itself.
pub(crate) const UNKNOWN: &str = "<unk>";

/// Words whose pieces are remembered, on each thread. The corpora of the literature have 50 to 150 thousand distinct
/// words a side, most of them rare; this holds all but the rare ones in some 10 MB.
pub(super) const CACHED_WORDS: usize = 1 << 16;

/// A tokeniser that merges as these codes say.
pub(super) fn build(codes: Codes) -> Tokenizer {
    let Codes { word_end, mut merges } = codes;
    if word_end == WordEnd::Separate {
        let marked = |symbol: String| match symbol.strip_suffix(END_OF_WORD) {
            Some(text) => [text, END_MARK].concat(),
            None => symbol,
        };
        merges = merges.into_iter().map(|(left, right)| (marked(left), marked(right))).collect();
    }
    let mut vocabulary = Vocab::from_iter([(UNKNOWN.to_owned(), 0)]);
    let mut add = |symbol: String| {
        let next = vocabulary.len() as u32;
        vocabulary.entry(symbol).or_insert(next);
    };
    // Each character within a word and at the end of one, so that other programs that read the file know it in both
    // places, though merges may hold it in one.
    let characters: BTreeSet<char> = merges.iter().flat_map(|(l, r)| letters(l).chain(letters(r))).collect();
    characters.iter().for_each(|c| add(c.to_string()));
    match word_end {
        WordEnd::Joined => characters.iter().for_each(|c| add(format!("{c}{END_OF_WORD}"))),
        WordEnd::Separate => add(END_MARK.to_owned()),
    }
    for (left, right) in &merges {
        [left.clone(), right.clone(), [left.as_str(), right].concat()].into_iter().for_each(&mut add);
    }
    let mut model = BPE::builder().vocab_and_merges(vocabulary, merges).unk_token(UNKNOWN.to_owned());
    if word_end == WordEnd::Joined {
        model = model.end_of_word_suffix(END_OF_WORD.to_owned());
    }
    wrap(model.build().expect("every merge's pieces and result are in the vocabulary"), word_end)
}

/// Reads a `tokenizer.json` that [`build`] or [`raw::learn`] could have made.
///
/// Errors: why it is not.
pub(super) fn read(bytes: &[u8]) -> Result<(Tokenizer, Kind), String> {
    // The library panics over a decoder that is no JSON, so that is looked at first.
    let json: Value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    // The library compiles patterns as it reads them, and one that swelled takes what the regex library allows: 64 MiB. Only
    // ours are let through, in the JSON that was looked at: of two equal keys it holds one.
    if PATTERNED.iter().any(|part| !has_our_patterns(&json[part])) {
        return Err(OTHERWISE.to_owned());
    }
    let tokenizer = Tokenizer::from_bytes(json.to_string()).map_err(|e| e.to_string())?;
    drop(json);
    let ModelWrapper::BPE(model) = tokenizer.get_model() else {
        return Err("its model is not BPE".to_owned());
    };
    let kind = match model.end_of_word_suffix.as_deref() {
        Some(END_OF_WORD) => Kind::Words(WordEnd::Joined),
        None if raw::is_raw(&tokenizer) => Kind::Raw,
        None if model.token_to_id(END_MARK).is_some() => Kind::Words(WordEnd::Separate),
        _ => return Err("words do not end in </w>, nor do pieces hold their spaces".to_owned()),
    };
    if model.unk_token.as_ref().is_none_or(|unknown| model.token_to_id(unknown).is_none()) {
        return Err("its unknown token is missing".to_owned());
    }
    if model.fuse_unk || model.byte_fallback {
        return Err("unknown characters do not stay themselves".to_owned());
    }
    if model.dropout.is_some_and(|p| p > 0.0) {
        return Err("it drops merges at random".to_owned());
    }
    if model.continuing_subword_prefix.is_some() || model.ignore_merges {
        return Err("it does not merge as subword-nmt does".to_owned());
    }
    let expected = match kind {
        Kind::Words(word_end) => wrap(model.clone(), word_end),
        Kind::Raw => raw::wrap(model.clone()),
    };
    if tokenizer.to_string(false).ok() != expected.to_string(false).ok() {
        return Err(OTHERWISE.to_owned());
    }
    Ok((expected, kind))
}

/// Why a tokeniser of somebody else is not used.
const OTHERWISE: &str = "it changes text, or splits it otherwise than this program";

/// The parts of a `tokenizer.json` that may hold patterns.
const PATTERNED: [&str; 4] = ["normalizer", "pre_tokenizer", "post_processor", "decoder"];

/// Where a word ends: what [`END_MARK`] is put at.
const ENDS: &str = "(?<=[^ ])(?= |$)";

/// Whether all patterns in a part are this program's.
fn has_our_patterns(part: &Value) -> bool {
    let ours = |pattern: &str| [" ", ENDS, raw::WORDS].contains(&pattern);
    match part {
        Value::Object(fields) => fields.iter().all(|(key, value)| match value {
            Value::String(pattern) if matches!(key.as_str(), "Regex" | "String") => ours(pattern),
            other => has_our_patterns(other),
        }),
        Value::Array(parts) => parts.iter().all(has_our_patterns),
        _ => true,
    }
}

/// The characters of a symbol without the end of a word.
fn letters(symbol: &str) -> impl Iterator<Item = char> {
    symbol.strip_suffix(END_OF_WORD).unwrap_or(symbol).chars()
}

/// The model with what cuts a line into words before it.
fn wrap(mut model: BPE, word_end: WordEnd) -> Tokenizer {
    model.resize_cache(CACHED_WORDS);
    let mut tokenizer = Tokenizer::new(model);
    let spaces = Split::new(SplitPattern::String(" ".to_owned()), SplitDelimiterBehavior::Removed, false);
    tokenizer.with_pre_tokenizer(Some(spaces.expect("a space is a pattern")));
    let suffix = match word_end {
        WordEnd::Joined => END_OF_WORD,
        WordEnd::Separate => {
            let ends = ReplacePattern::Regex(ENDS.to_owned());
            let mark = Replace::new(ends, END_MARK).expect("the ends of words are a pattern");
            tokenizer.with_normalizer(Some(mark)).expect("a normaliser fits any tokeniser");
            END_MARK
        }
    };
    tokenizer.with_decoder(Some(BPEDecoder::new(suffix.to_owned())));
    tokenizer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another program that loads the file gets the same tokens, spelled with the end of the word.
    #[test]
    fn the_whole_tokeniser_cuts_as_its_model_does() {
        for (word_end, expected) in [
            (WordEnd::Joined, ["ab", "a</w>", "ab", "ab</w>"]),
            (WordEnd::Separate, ["ab", "a\u{E000}", "ab", "ab\u{E000}"]),
        ] {
            let merges = match word_end {
                WordEnd::Joined => vec![("a", "b"), ("a", "b</w>")],
                WordEnd::Separate => vec![("a", "b"), ("a", "</w>"), ("ab", "</w>")],
            };
            let merges = merges.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
            let tokenizer = build(Codes { word_end, merges });
            let encoding = tokenizer.encode("aba  abab", false).unwrap();
            assert_eq!(encoding.get_tokens(), expected);
            assert_eq!(tokenizer.decode(encoding.get_ids(), false).unwrap(), "aba abab");
        }
    }
}
