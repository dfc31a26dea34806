//! BPE-dropout: cutting with merges left out at random (Provilkov, Emelianenko and Voita 2020, algorithm 1).
//!
//! The library's own dropout draws from a generator of the thread, so that no run could be repeated. Here the numbers come from the
//! caller. Nothing dropped, the pieces are those of [`Bpe::cut`].

use super::codes::{END_OF_WORD, WordEnd};
use super::{Bpe, Kind, learn, model, raw, spelled, words};
use crate::random::Random;
use crate::{EOS, UNK, Vocabulary, files};
use std::collections::HashMap;
use tokenizers::models::ModelWrapper;

/// A longer word is cut without dropout: the time that cutting takes grows with the square of its characters.
const LONGEST: usize = 128;

/// The symbol of a character that no merge knows.
const NO_SYMBOL: u32 = u32::MAX;

/// A BPE's merges, looked up by numbers.
#[derive(Clone)]
pub(crate) struct Dropping<'a> {
    bpe: &'a Bpe,
    /// Symbols of one character, within a word and, where that differs, at its end.
    characters: HashMap<(char, Place), u32>,
    merges: HashMap<[u32; 2], Merge>,
    /// By symbol: what it was merged from, first.
    parts: Vec<Option<[u32; 2]>>,
    /// By symbol: bytes of the word that it covers.
    bytes: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Within,
    AtEnd,
}

#[derive(Clone, Copy)]
struct Merge {
    rank: u32,
    into: u32,
}

/// A symbol of a word that is being cut.
#[derive(Clone, Copy)]
struct Part {
    symbol: u32,
    start: usize,
    end: usize,
    /// What it becomes with the one after it.
    with_next: Option<Merge>,
}

/// Room for a word.
#[derive(Default)]
struct Room {
    parts: Vec<Part>,
    whole: Vec<Part>,
    pieces: Vec<String>,
}

impl<'a> Dropping<'a> {
    /// The merges of a tokeniser.
    pub(crate) fn new(bpe: &'a Bpe) -> Dropping<'a> {
        let ModelWrapper::BPE(model) = bpe.tokenizer.get_model() else { unreachable!("a Bpe is made of a BPE") };
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut dropping =
            Dropping { bpe, characters: HashMap::new(), merges: HashMap::new(), parts: Vec::new(), bytes: Vec::new() };
        for (rank, (left, right)) in learn::learnt(model).into_iter().enumerate() {
            let into = [left.as_str(), &right].concat();
            let [left, right, into] = [left, right, into].map(|text| dropping.number(text, &mut numbers));
            let pair = [left, right];
            dropping.merges.entry(pair).or_insert(Merge { rank: rank as u32, into });
            dropping.parts[into as usize].get_or_insert(pair);
        }
        dropping
    }

    fn number(&mut self, symbol: String, numbers: &mut HashMap<String, u32>) -> u32 {
        if let Some(&number) = numbers.get(&symbol) {
            return number;
        }
        let number = self.parts.len() as u32;
        let (text, place) = match (self.bpe.kind, symbol.strip_suffix(END_OF_WORD)) {
            (Kind::Words(WordEnd::Joined), Some(text)) => (text, Place::AtEnd),
            _ => (symbol.as_str(), Place::Within),
        };
        let mut characters = text.chars();
        if let (Some(character), None) = (characters.next(), characters.next()) {
            self.characters.insert((character, place), number);
        }
        self.parts.push(None);
        self.bytes.push(text.len());
        numbers.insert(symbol, number);
        number
    }

    /// Ids of a line, [`EOS`] at the end, of its pieces after each merge that a step could make is left out with probability `rate`. A
    /// piece that merges make on their way and that the vocabulary lacks is taken apart again; a word that has none to be spelled with
    /// keeps its plain pieces, as does one in which nothing was left out.
    pub(crate) fn encode(&self, line: &str, vocabulary: &Vocabulary, rate: f32, random: &mut Random) -> Vec<u32> {
        let limit = (f64::from(rate) * 2f64.powi(32)).round() as u64;
        let mut ids = Vec::with_capacity(line.len() / 2 + 1);
        let mut room = Room::default();
        let mut add = |word: &str| self.encode_word(word, vocabulary, limit, random, &mut room, &mut ids);
        match self.bpe.kind {
            Kind::Words(_) => words(line).for_each(&mut add),
            Kind::Raw => raw::words(&raw::mark(line)).for_each(&mut add),
        }
        ids.push(EOS);
        ids
    }

    fn encode_word(
        &self,
        word: &str,
        vocabulary: &Vocabulary,
        limit: u64,
        random: &mut Random,
        room: &mut Room,
        ids: &mut Vec<u32>,
    ) {
        room.pieces.clear();
        if self.cut(word, limit, random, &mut room.parts) && self.spell(word, vocabulary, room) {
            ids.extend(room.pieces.iter().map(|p| vocabulary.id(p).expect("a piece that was looked up")));
            return;
        }
        room.pieces.clear();
        match self.bpe.kind {
            Kind::Words(word_end) => self.bpe.cut_word(word, word_end, &mut room.pieces),
            Kind::Raw => self.bpe.cut_raw_word(word, &mut room.pieces),
        }
        let pieces = room.pieces.iter().flat_map(|p| files::python_words(p));
        ids.extend(pieces.map(|p| vocabulary.id(p).unwrap_or(UNK)));
    }

    /// Cuts a word. Returns whether a merge was left out.
    fn cut(&self, word: &str, limit: u64, random: &mut Random, parts: &mut Vec<Part>) -> bool {
        parts.clear();
        for (start, character) in word.char_indices() {
            let end = start + character.len_utf8();
            let place = match self.bpe.kind {
                Kind::Words(WordEnd::Joined) if end == word.len() => Place::AtEnd,
                _ => Place::Within,
            };
            let symbol = self.characters.get(&(character, place)).copied().unwrap_or(NO_SYMBOL);
            parts.push(Part { symbol, start, end, with_next: None });
        }
        if self.bpe.kind == Kind::Words(WordEnd::Separate) {
            let mark = model::END_MARK.chars().next().expect("one character");
            let symbol = self.characters.get(&(mark, Place::Within)).copied().unwrap_or(NO_SYMBOL);
            parts.push(Part { symbol, start: word.len(), end: word.len(), with_next: None });
        }
        if parts.len() > LONGEST {
            return false;
        }
        (0..parts.len()).for_each(|i| self.look(parts, i));
        let mut dropped = false;
        loop {
            // The merge that was learnt first, of its places the first: as the library merges.
            let mut best: Option<(u32, usize)> = None;
            for (i, part) in parts.iter().enumerate() {
                let Some(merge) = part.with_next else { continue };
                if random.bits() >> 32 < limit {
                    dropped = true;
                } else if best.is_none_or(|(rank, _)| merge.rank < rank) {
                    best = Some((merge.rank, i));
                }
            }
            let Some((_, i)) = best else { return dropped };
            let merge = parts[i].with_next.expect("the best merge is one");
            parts[i] = Part { symbol: merge.into, end: parts[i + 1].end, ..parts[i] };
            parts.remove(i + 1);
            self.look(parts, i);
            if i > 0 {
                self.look(parts, i - 1);
            }
        }
    }

    /// Looks up what part i becomes with the one after it.
    fn look(&self, parts: &mut [Part], i: usize) {
        let next = parts.get(i + 1).map(|p| p.symbol);
        parts[i].with_next = next.and_then(|next| self.merges.get(&[parts[i].symbol, next]).copied());
    }

    /// Spells the parts as pieces of the vocabulary. Returns whether that can be.
    fn spell(&self, word: &str, vocabulary: &Vocabulary, room: &mut Room) -> bool {
        let Room { parts, whole, pieces } = room;
        whole.clear();
        whole.extend(parts.iter().rev());
        while let Some(part) = whole.pop() {
            let piece = match self.bpe.kind {
                Kind::Words(_) => spelled(word, part.start, part.end),
                Kind::Raw => Some(word[part.start..part.end].to_owned()),
            };
            // Nothing is spelled where a part is but the end of the word.
            let Some(piece) = piece else { continue };
            if vocabulary.id(&piece).is_some() {
                pieces.push(piece);
                continue;
            }
            let Some([left, right]) = self.parts.get(part.symbol as usize).copied().flatten() else { return false };
            let middle = part.start + self.bytes[left as usize];
            whole.push(Part { symbol: right, start: middle, ..part });
            whole.push(Part { symbol: left, end: middle, ..part });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PieceCount;
    use crate::bpe::codes::Codes;
    use std::collections::BTreeMap;

    const LINES: [&str; 4] = [
        "lower newer wider lower the lowest of the newest",
        "the wider the lower , the newer the lower",
        "widest and newest and lowest",
        "wer und wider und werden",
    ];

    /// Both kinds, and every piece that merges make.
    fn tokenisers() -> Vec<Bpe> {
        let mut characters = BTreeMap::new();
        LINES.iter().flat_map(|l| l.chars()).for_each(|c| *characters.entry(c).or_insert(0) += 1);
        vec![Bpe::train(&LINES, 40), Bpe::learn_raw(&characters, LINES.iter(), PieceCount::Merges(40))]
    }

    fn text(ids: &[u32], vocabulary: &Vocabulary, bpe: &Bpe) -> String {
        bpe.spelling().join(&vocabulary.decode(ids))
    }

    fn vocabulary(bpe: &Bpe, rate: f32) -> Vocabulary {
        // Plain pieces, and those of many cuts that drop, spelled with a vocabulary that lacks nothing.
        let ends = |c: char| [c.to_string(), format!("{c}@@"), format!("▁{c}")];
        let characters = LINES.iter().flat_map(|l| l.chars()).filter(|c| *c != ' ').flat_map(ends);
        let plain = LINES.iter().flat_map(|l| bpe.cut(l));
        let pieces: Vec<String> =
            if rate > 0.0 { plain.chain(characters).chain(["▁".to_owned()]).collect() } else { plain.collect() };
        Vocabulary::from_sentences([pieces])
    }

    /// What this module's own merging makes of a line where nothing is dropped; `encode` would fall back on the library.
    fn merged(dropping: &Dropping<'_>, line: &str, vocabulary: &Vocabulary) -> Vec<String> {
        let mut room = Room::default();
        let mut add = |word: &str| {
            assert!(
                !dropping.cut(word, 0, &mut Random::stream(&[1]), &mut room.parts),
                "{word}: something was dropped"
            );
            assert!(dropping.spell(word, vocabulary, &mut room), "{word}: cannot be spelled");
        };
        match dropping.bpe.kind {
            Kind::Words(_) => words(line).for_each(&mut add),
            Kind::Raw => raw::words(&raw::mark(line)).for_each(&mut add),
        }
        room.pieces
    }

    /// Words of few letters, so that letters and pairs repeat: `aaaa`, `abab`, and up to the longest that is cut here.
    fn repetitive(random: &mut Random) -> Vec<String> {
        let mut words = Vec::new();
        for length in [1, 2, 3, 4, 5, 7, 12, 31, 63, 64, 65, 66, 90, LONGEST - 1].repeat(4) {
            for letters in [&['a'][..], &['a', 'b'], &['a', 'b', 'é', 'c']] {
                words.push((0..length).map(|_| *random.choose(letters)).collect());
            }
        }
        words
    }

    #[test]
    fn merging_with_nothing_dropped_cuts_as_the_library_does() {
        let lines = repetitive(&mut Random::stream(&[1]));
        let mut characters = BTreeMap::new();
        lines.iter().flat_map(|l| l.chars()).for_each(|c| *characters.entry(c).or_insert(0) += 1);
        // Learning makes no tokeniser that marks ends apart: these are merges of every kind that can meet.
        let pairs = ["b </w>", "a a", "a b", "aa a", "ab ab", "aa aa", "b b</w>", "é a", "ab c", "c </w>", "aaaa aaaa"];
        let merges = pairs.iter().map(|p| p.split_once(' ').expect("two symbols"));
        let merges = merges.map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        for bpe in [
            Bpe::train(&lines, 60),
            Bpe::of(Codes { word_end: WordEnd::Separate, merges }),
            Bpe::learn_raw(&characters, lines.iter(), PieceCount::Merges(60)),
        ] {
            let dropping = Dropping::new(&bpe);
            for line in lines.iter().chain(&repetitive(&mut Random::stream(&[2]))) {
                let plain = bpe.cut(line);
                let vocabulary = Vocabulary::from_sentences([plain.clone()]);
                assert_eq!(merged(&dropping, line, &vocabulary), plain, "{:?}: {line}", bpe.kind);
            }
        }
    }

    #[test]
    fn nothing_dropped_is_the_plain_cut() {
        for bpe in tokenisers() {
            let dropping = Dropping::new(&bpe);
            // Pieces that are missing are unknown, as they are in the plain cut.
            let some = Vocabulary::from_sentences([bpe.cut(LINES[1])]);
            for vocabulary in [vocabulary(&bpe, 0.0), some] {
                for line in LINES.iter().copied().chain(["lowestest 中x", "", "wide\u{a0}lower"]) {
                    let plain = vocabulary.encode(&crate::cut_line(Some(&bpe), line));
                    assert_eq!(dropping.encode(line, &vocabulary, 0.0, &mut Random::stream(&[1])), plain, "{line:?}");
                }
            }
        }
    }

    #[test]
    fn whatever_is_dropped_the_text_stays_and_the_cut_changes() {
        for bpe in tokenisers() {
            let (dropping, vocabulary) = (Dropping::new(&bpe), vocabulary(&bpe, 0.1));
            for (rate, line) in [(0.1, LINES[0]), (0.5, LINES[1]), (0.9, LINES[3])] {
                let cuts: Vec<Vec<u32>> =
                    (0..50).map(|n| dropping.encode(line, &vocabulary, rate, &mut Random::stream(&[n]))).collect();
                assert!(cuts.iter().all(|ids| text(ids, &vocabulary, &bpe) == line), "{rate}");
                assert!(cuts.iter().any(|ids| *ids != cuts[0]), "{rate}: always the same");
                let again = dropping.encode(line, &vocabulary, rate, &mut Random::stream(&[7]));
                assert_eq!(again, cuts[7]);
            }
        }
    }

    /// Half the merges dropped at each step make more pieces than a tenth, and all dropped single characters.
    #[test]
    fn more_dropped_is_more_pieces() {
        for bpe in tokenisers() {
            let (dropping, vocabulary) = (Dropping::new(&bpe), vocabulary(&bpe, 0.1));
            let pieces = |rate: f32| -> usize {
                (0..100).map(|n| dropping.encode(LINES[0], &vocabulary, rate, &mut Random::stream(&[n])).len()).sum()
            };
            let counts = [0.0, 0.1, 0.5, 0.999_999].map(pieces);
            assert!(counts.is_sorted_by(|a, b| a < b), "{counts:?}");
        }
    }

    /// A vocabulary of plain pieces lacks what lies between them and characters: no cut makes a word unknown that is known.
    #[test]
    fn known_words_stay_known() {
        for bpe in tokenisers() {
            let (dropping, vocabulary) = (Dropping::new(&bpe), vocabulary(&bpe, 0.0));
            for n in 0..200 {
                for line in LINES {
                    let ids = dropping.encode(line, &vocabulary, 0.5, &mut Random::stream(&[n]));
                    assert!(!ids.contains(&UNK));
                    assert_eq!(text(&ids, &vocabulary, &bpe), line);
                }
            }
        }
    }
}
