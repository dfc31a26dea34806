//! Learning merges exactly as subword-nmt's `learn_bpe` does, so that a corpus gets the codes that the literature has for it.
//!
//! The pair that stands most often is merged; of several the last in the order of their characters. The counts are the
//! original's, too, down to what it prunes: pairs below a threshold are taken out of the table and counted on from nothing,
//! which can lose counts where one symbol arises by two ways. So this follows it step by step.
//!
//! It differs in nothing that Moses's tokens can show: the original finds pairs by a regular expression for which white space
//! within a word, as a no-break space, ends a symbol; here a symbol is a symbol.

use super::codes::{END_OF_WORD, Merge};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// Pairs seen less often are not merged.
const MIN_FREQUENCY: i64 = 2;

/// Of the symbols' numbers.
type Pair = (u32, u32);

type Counts = HashMap<Pair, i64>;

/// Each distinct symbol once: the same text has the same number, however it came about.
#[derive(Default)]
struct Symbols {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

struct Word {
    symbols: Vec<u32>,
    count: i64,
}

struct Learner {
    symbols: Symbols,
    words: Vec<Word>,
    /// By pair: in how many places of which word it stands.
    places: HashMap<Pair, HashMap<u32, i64>>,
    /// Pairs that are looked at.
    counts: Counts,
    /// All pairs, as they were when they were last looked at.
    all: Counts,
}

/// At most `count` merges, learnt from these words and how often each stands in the text.
pub(super) fn learn(words: &BTreeMap<String, u64>, count: usize) -> Vec<Merge> {
    let mut learner = Learner::new(words);
    let mut merges = Vec::new();
    let mut threshold = learner.counts.values().copied().max().unwrap_or(0) as f64 / 10.0;
    for i in 0..count {
        let mut best = learner.most_frequent();
        if best.is_none_or(|(_, n)| i > 0 && (n as f64) < threshold) {
            learner.prune(threshold);
            learner.counts.clone_from(&learner.all);
            best = learner.most_frequent();
            threshold = best.map_or(0.0, |(_, n)| (n * i as i64) as f64 / (i as f64 + 10_000.0));
            learner.prune(threshold);
        }
        let Some((pair, _)) = best.filter(|(_, n)| *n >= MIN_FREQUENCY) else { break };
        merges.push((learner.symbols.text(pair.0).to_owned(), learner.symbols.text(pair.1).to_owned()));
        learner.merge(pair);
        if i % 100 == 0 {
            learner.prune(threshold);
        }
    }
    merges
}

impl Symbols {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    /// UTF-8's bytes are in the order of the characters, as Python compares them.
    fn compare(&self, a: Pair, b: Pair) -> Ordering {
        let texts = |(first, second)| (self.text(first), self.text(second));
        texts(a).cmp(&texts(b))
    }
}

impl Learner {
    fn new(words: &BTreeMap<String, u64>) -> Learner {
        let mut symbols = Symbols::default();
        let mut split = |word: &str| {
            let last = word.chars().count().saturating_sub(1);
            let mut text = String::new();
            let mut number = |(i, c): (usize, char)| {
                text.clear();
                text.push(c);
                if i == last {
                    text.push_str(END_OF_WORD);
                }
                symbols.number(&text)
            };
            word.chars().enumerate().map(&mut number).collect()
        };
        let words: Vec<Word> =
            words.iter().map(|(word, &count)| Word { symbols: split(word), count: count as i64 }).collect();
        let mut learner = Learner { symbols, words, places: HashMap::new(), counts: Counts::new(), all: Counts::new() };
        for (number, word) in learner.words.iter().enumerate() {
            for two in word.symbols.windows(2) {
                let pair = (two[0], two[1]);
                *learner.counts.entry(pair).or_default() += word.count;
                *learner.places.entry(pair).or_default().entry(number as u32).or_default() += 1;
            }
        }
        learner.all = learner.counts.clone();
        learner
    }

    fn most_frequent(&self) -> Option<(Pair, i64)> {
        let rank =
            |(a, n): &(&Pair, &i64), (b, m): &(&Pair, &i64)| n.cmp(m).then_with(|| self.symbols.compare(**a, **b));
        self.counts.iter().max_by(rank).map(|(pair, n)| (*pair, *n))
    }

    /// Takes out what stands less often, and notes how often it did.
    fn prune(&mut self, threshold: f64) {
        let all = &mut self.all;
        self.counts.retain(|pair, &mut n| {
            if n as f64 >= threshold {
                return true;
            }
            match n < 0 {
                true => *all.entry(*pair).or_default() += n,
                false => {
                    all.insert(*pair, n);
                }
            }
            false
        });
    }

    /// Makes one symbol of two, wherever they stand side by side.
    fn merge(&mut self, pair: Pair) {
        let (first, second) = pair;
        let joined = [self.symbols.text(first), self.symbols.text(second)].concat();
        let joined = self.symbols.number(&joined);
        self.counts.insert(pair, 0);
        let places = self.places.insert(pair, HashMap::new()).unwrap_or_default();
        for (number, _) in places.into_iter().filter(|(_, places)| *places > 0) {
            let word = &mut self.words[number as usize];
            let (count, new) = (word.count, replaced(&word.symbols, pair, joined));
            let old = std::mem::replace(&mut word.symbols, new);
            let mut change = |pair: Pair, by: i64| {
                *self.counts.entry(pair).or_default() += by * count;
                *self.places.entry(pair).or_default().entry(number).or_default() += by;
            };
            without(&old, pair, |pair| change(pair, -1));
            with(&self.words[number as usize].symbols, joined, |pair| change(pair, 1));
        }
        self.counts.insert(pair, 0);
    }
}

/// The symbols with each such pair, from the left, as one.
fn replaced(symbols: &[u32], (first, second): Pair, joined: u32) -> Vec<u32> {
    let mut new = Vec::with_capacity(symbols.len());
    let mut i = 0;
    while i < symbols.len() {
        let here = symbols[i] == first && symbols.get(i + 1) == Some(&second);
        new.push(if here { joined } else { symbols[i] });
        i += if here { 2 } else { 1 };
    }
    new
}

/// Pairs that are gone once `first second` are one.
fn without(old: &[u32], (first, second): Pair, mut gone: impl FnMut(Pair)) {
    let mut i = 0;
    while i < old.len() {
        if old[i] != first || old.get(i + 1) != Some(&second) {
            i += 1;
            continue;
        }
        if i > 0 {
            gone((old[i - 1], old[i]));
        }
        // Of `A B C B C` the pair `C B` is taken off where the next `B C` is met.
        if let Some(&after) = old.get(i + 2)
            && (after != first || old.get(i + 3) != Some(&second))
        {
            gone((old[i + 1], after));
        }
        i += 2;
    }
}

/// Pairs that are there once `joined` is.
fn with(new: &[u32], joined: u32, mut come: impl FnMut(Pair)) {
    for (i, _) in new.iter().enumerate().filter(|(_, symbol)| **symbol == joined) {
        if i > 0 {
            come((new[i - 1], joined));
        }
        if let Some(&after) = new.get(i + 1)
            && after != joined
        {
            come((joined, after));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merges(text: &str, count: usize) -> Vec<String> {
        let mut words = BTreeMap::new();
        text.split(' ').for_each(|w| *words.entry(w.to_owned()).or_default() += 1);
        learn(&words, count).into_iter().map(|(a, b)| format!("{a} {b}")).collect()
    }

    /// What subword-nmt 0.3.8 gives for the same words.
    #[test]
    fn merges_and_their_order_are_the_originals() {
        let text =
            "low low low lower lower newest newest newest newest widest widest aaaa aaa aa abab ababab bab babab";
        assert_eq!(merges(text, 60), EXPECTED.split('|').collect::<Vec<_>>());
        assert_eq!(merges("a b c", 5), [] as [&str; 0]);
        assert_eq!(merges("ab cd", 5), [] as [&str; 0]);
    }

    const EXPECTED: &str = "w e|s t</w>|b a|l o|we st</w>|n e|ne west</w>|ba b</w>|lo w</w>|a a</w>|we r</w>|w i|wi d|wid e|wide st</w>|lo wer</w>|ba bab</w>|a aa</w>";
}
