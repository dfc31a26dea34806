//! Text on its way in: Moses's tokens of German sentences.

use crate::{Case, Plan, Unit};
use lsra_text::moses::{Language, Tokeniser};

/// A sentence with a quotation, numbers, an abbreviation and a link, and its tokens, as `sacremoses` gives them.
const SENTENCE: &str =
    "Am 3. Mai sagte Dr. Huber: \"Wir haben 1.250,50 Euro (netto) bezahlt!\", z. B. auf www.beispiel.de verkauft.";
const TOKENS: &str = "Am 3. Mai sagte Dr. Huber : &quot; Wir haben 1.250,50 Euro ( netto ) bezahlt ! &quot; , z. B. auf www.beispiel.de verkauft .";
/// Sentences of one run.
const SENTENCES: usize = 1000;

pub(super) fn plans() -> Vec<Plan> {
    vec![Plan::new("text/moses/tokenise/de", |_| {
        let tokeniser = Tokeniser::new(Language::German);
        let run = move || {
            for _ in 0..SENTENCES {
                assert_eq!(tokeniser.tokenise(std::hint::black_box(SENTENCE)), TOKENS);
            }
        };
        let amount = (SENTENCES * TOKENS.split(' ').count()) as f64;
        Case::new(Unit::Rate { amount, name: "tokens/s" }, Vec::new(), run)
    })]
}
