//! Text on its way in: Moses's tokens of German sentences.

use crate::{Case, Plan, Unit};
use lsra_text::moses::{Language, Tokeniser};
use std::hint::black_box;

/// Sentences with quotations, numbers, abbreviations, brackets and a link, and their tokens, as `sacremoses` gives them.
const SENTENCES: [[&str; 2]; 4] = [
    [
        "Am 3. Mai sagte Dr. Huber: \"Wir haben 1.250,50 Euro (netto) bezahlt!\", z. B. auf www.beispiel.de verkauft.",
        "Am 3. Mai sagte Dr. Huber : &quot; Wir haben 1.250,50 Euro ( netto ) bezahlt ! &quot; , z. B. auf www.beispiel.de verkauft .",
    ],
    [
        "Herr Präsident! Frau Kommissarin, ich möchte Ihnen für Ihre Antwort danken; sie war klar.",
        "Herr Präsident ! Frau Kommissarin , ich möchte Ihnen für Ihre Antwort danken ; sie war klar .",
    ],
    [
        "Die Europäische Union – mit 27 Mitgliedstaaten & 24 Amtssprachen – hat's nicht leicht.",
        "Die Europäische Union – mit 27 Mitgliedstaaten &amp; 24 Amtssprachen – hat &apos; s nicht leicht .",
    ],
    [
        "Siehe Artikel 12 Abs. 3 [Anhang II], S. 45-47: 80% der Mittel wurden bis 2019/20 ausgegeben.",
        "Siehe Artikel 12 Abs . 3 &#91; Anhang II &#93; , S. 45-47 : 80 % der Mittel wurden bis 2019 / 20 ausgegeben .",
    ],
];
/// How often each is tokenised in a run.
const TIMES: usize = 250;

pub(super) fn plans() -> Vec<Plan> {
    vec![Plan::new("text/moses/tokenise/de", |_| {
        let tokeniser = Tokeniser::new(Language::German);
        for [sentence, tokens] in SENTENCES {
            assert_eq!(tokeniser.tokenise(sentence), tokens);
        }
        let run = move || {
            for [sentence, _] in SENTENCES.iter().cycle().take(TIMES * SENTENCES.len()) {
                black_box(tokeniser.tokenise(black_box(sentence)));
            }
        };
        let tokens: usize = SENTENCES.iter().map(|[_, tokens]| tokens.split(' ').count()).sum();
        Case::new(Unit::Rate { amount: (TIMES * tokens) as f64, name: "tokens/s" }, Vec::new(), run)
    })]
}
