//! ROUGE (Lin 2004), by which summaries are measured: n-grams or the longest common subsequence, as the package
//! `rouge-score` counts them; the F-score of each pair, and the mean over pairs.

mod porter;
mod subsequence;

use super::Metric;
use super::ngrams::{Numbers, overlap};
use subsequence::{longest_common, union_of_common};

/// What two texts should have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RougeKind {
    /// N-grams of so many words, 1 to 4: ROUGE-1, ROUGE-2.
    Ngrams(usize),
    /// The longest common subsequence: ROUGE-L.
    Longest,
    /// The same sentence by sentence, for texts with line breaks between sentences: ROUGE-Lsum.
    LongestOfSummary,
}

impl RougeKind {
    /// What stands after `ROUGE-`, in lower case.
    pub fn name(self) -> String {
        match self {
            RougeKind::Ngrams(order) => order.to_string(),
            RougeKind::Longest => "l".to_owned(),
            RougeKind::LongestOfSummary => "lsum".to_owned(),
        }
    }
}

/// Whether words are compared by their stems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stemming {
    /// As they are.
    Off,
    /// Porter's stems of words of more than three letters, English.
    Porter,
}

/// ROUGE.
#[derive(Clone, Copy, Debug)]
pub struct Rouge {
    kind: RougeKind,
    stemming: Stemming,
}

impl Rouge {
    /// Panics on n-grams of no words or of more than four.
    pub fn new(kind: RougeKind, stemming: Stemming) -> Rouge {
        assert!(!matches!(kind, RougeKind::Ngrams(0 | 5..)), "{kind:?} cannot be counted");
        Rouge { kind, stemming }
    }

    /// Words in common, words of the output, words of the reference; n-grams in place of words where they are counted.
    fn common(&self, output: &str, reference: &str) -> [usize; 3] {
        let words = |text: &str| words(text, self.stemming);
        match self.kind {
            RougeKind::Ngrams(order) => {
                let (output, reference) = (words(output), words(reference));
                let (output, reference) = numbered(&output, &reference);
                let overlap = overlap(&output, &reference, order);
                [overlap.matches, overlap.output, overlap.reference]
            }
            RougeKind::Longest => {
                let (output, reference) = (words(output), words(reference));
                let (output, reference) = numbered(&output, &reference);
                [longest_common(&reference, &output), output.len(), reference.len()]
            }
            RougeKind::LongestOfSummary => {
                let sentences = |text: &str| text.split('\n').map(words).collect::<Vec<_>>();
                let (output, reference) = (sentences(output), sentences(reference));
                let mut numbers = Numbers::default();
                let mut numbered = Vec::with_capacity(output.len() + reference.len());
                for sentence in output.iter().chain(&reference) {
                    numbered.push(numbers.all(sentence.iter().map(String::as_str)));
                }
                let (output, reference) = numbered.split_at(output.len());
                let length = |side: &[Vec<u32>]| side.iter().map(Vec::len).sum::<usize>();
                [union_of_common(reference, output), length(output), length(reference)]
            }
        }
    }
}

impl Metric for Rouge {
    fn title(&self) -> String {
        let kind = match self.kind {
            RougeKind::Ngrams(order) => order.to_string(),
            RougeKind::Longest => "L".to_owned(),
            RougeKind::LongestOfSummary => "Lsum".to_owned(),
        };
        match self.stemming {
            Stemming::Off => format!("ROUGE-{kind}"),
            Stemming::Porter => format!("ROUGE-{kind} (stems)"),
        }
    }

    fn width(&self) -> usize {
        4
    }

    /// The F-score, precision and recall of the pair, and 1 for the pair itself.
    fn count(&self, output: &str, reference: &str) -> Vec<f64> {
        let [common, output, reference] = self.common(output, reference).map(|n| n as f64);
        let (precision, recall) = (common / output.max(1.0), common / reference.max(1.0));
        let f = if common > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
        vec![f, precision, recall, 1.0]
    }

    fn score(&self, sums: &[f64]) -> f64 {
        100.0 * sums[0] / sums[3].max(1.0)
    }

    fn details(&self, sums: &[f64]) -> String {
        let [precision, recall] = [sums[1], sums[2]].map(|sum| 100.0 * sum / sums[3].max(1.0));
        format!("(precision = {precision:.2} recall = {recall:.2})")
    }
}

/// Runs of Latin letters without accents and of digits, lowercased.
fn words(text: &str, stemming: Stemming) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words
        .map(|word| match stemming {
            Stemming::Porter if word.len() > 3 => porter::stem(word),
            _ => word.to_owned(),
        })
        .collect()
}

fn numbered(output: &[String], reference: &[String]) -> (Vec<u32>, Vec<u32>) {
    let mut numbers = Numbers::default();
    let output = numbers.all(output.iter().map(String::as_str));
    (output, numbers.all(reference.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In percent, rounded to what a few operations on f64 keep.
    fn f(kind: RougeKind, output: &str, reference: &str) -> f64 {
        let rouge = Rouge::new(kind, Stemming::Off);
        (rouge.score(&rouge.count(output, reference)) * 1e9).round() / 1e9
    }

    #[test]
    fn pairs_have_f_scores() {
        use RougeKind::*;
        assert_eq!(f(Ngrams(1), "The cat, the mat!", "the cat-mat"), 85.714285714);
        assert_eq!(f(Ngrams(2), "a b c", "a b d"), 50.0);
        assert_eq!(f(Longest, "a x b y c", "a b c"), 75.0);
        assert_eq!(f(Longest, "", "a"), 0.0);
        assert_eq!(f(Ngrams(2), "a", "a"), 0.0);
        // Sentences in another order keep their words.
        assert_eq!(f(LongestOfSummary, "c d\na b", "a b\nc d"), 100.0);
        assert_eq!(f(Longest, "c d\na b", "a b\nc d"), 50.0);
    }

    #[test]
    fn stems_are_compared_where_asked_for() {
        let stems = Rouge::new(RougeKind::Ngrams(1), Stemming::Porter);
        assert_eq!(stems.count("running houses was", "runs house be"), [2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 1.0]);
    }
}
