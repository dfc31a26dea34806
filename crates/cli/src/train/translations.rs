//! Text to text, in the words of a corpus.

use lsra_infer::{GeneratorConfig, Translator};
use lsra_text::{Bpe, Corpus, Prepared, cut_line};

/// A model that translates a corpus's sentences.
pub(super) struct Translations<'a> {
    /// The corpus.
    pub(super) text: &'a Prepared,
    /// The model.
    pub(super) translator: Translator<'a>,
    /// The most tokens that it reads, `</s>` counted.
    pub(super) positions: usize,
    /// Sentences worked on at a time.
    pub(super) threads: usize,
}

impl Translations<'_> {
    /// Words of each of a part's sentences. A sentence longer than the model's positions has no translation.
    pub(super) fn of_all(&self, corpus: &Corpus, search: &GeneratorConfig) -> Vec<String> {
        self.of(&corpus.source.iter().collect::<Vec<_>>(), search)
    }

    /// The same for these sources.
    pub(super) fn of(&self, sources: &[&Vec<u32>], search: &GeneratorConfig) -> Vec<String> {
        let fits = |ids: &Vec<u32>| ids.len() <= self.positions;
        let read: Vec<Vec<u32>> = sources.iter().filter(|ids| fits(ids)).map(|ids| (*ids).clone()).collect();
        let mut found = self.translator.translate(&read, search, self.threads).into_iter();
        let best = |ids: &&Vec<u32>| {
            let hypotheses = if fits(ids) { found.next() } else { None };
            let tokens = hypotheses.and_then(|h| h.into_iter().next()).map(|h| h.tokens);
            self.text.target_spelling().join(&self.text.target_vocabulary.decode(&tokens.unwrap_or_default()))
        };
        sources.iter().map(best).collect()
    }
}

/// A line of the target as words, where it came cut into pieces.
pub(super) fn reference(text: &Prepared, line: &str) -> String {
    if text.target_bpe.is_some() { line.to_owned() } else { Bpe::join(&cut_line(None, line)) }
}

/// A line of the source as words, where it came cut into pieces.
pub(super) fn source(text: &Prepared, line: &str) -> String {
    if text.source_bpe.is_some() { line.to_owned() } else { Bpe::join(&cut_line(None, line)) }
}
