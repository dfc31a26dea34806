//! How text is taken and given: options, and what they come to for a model.

use super::stand_ins::StandIns;
use crate::Error;
use crate::lines::Line;
use crate::text_model::{Form, TextModel};
use clap::{Args, ValueEnum};
use lsra_infer::GeneratorConfig;
use lsra_text::moses::Language;
use lsra_text::sentences::{Sentence, Splitter, cut_long, marks_before};
use lsra_text::spans::{Span, spans};

/// How text is taken and given.
#[derive(Args, Clone, Debug)]
pub struct HandlingArgs {
    /// Where lines are cut before they are translated [default: sentences, of models of raw text; else long, and with
    /// --tokenized never]
    #[arg(long, value_enum, value_name = "WHERE")]
    split: Option<Split>,
    /// Sentences go on in the next line: a text ends at a blank line, before a line that begins with a bullet, a heading's
    /// mark or the > of a quotation, and with a heading, not at each line's end. As many lines as fit in memory many times over are waited for before they are translated
    #[arg(long)]
    pub paragraphs: bool,
    /// Sentences of more tokens are cut at semicolons, commas or spaces [default: the longest that the
    /// model was trained on, or that a translation may have if that is less]
    #[arg(long, value_name = "TOKENS")]
    longest: Option<usize>,
    /// What becomes of words that a translation has as `<unk>`
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    unknown: Unknown,
    /// Whose capitals translations have, where the model knows none or the source has nothing else
    #[arg(long, value_enum, value_name = "WHOSE", default_value_t)]
    casing: CasingOf,
    /// What of the source is kept as it is [default: spans, of models of raw text; else nothing]
    #[arg(long, value_enum, value_name = "WHAT")]
    keep: Option<Keep>,
}

/// Where lines are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Split {
    /// Where sentences end, and where one is too long
    Sentences,
    /// Where a line is too long
    Long,
    /// Nowhere: a line that is too long is an error
    Never,
}

/// What becomes of unknown words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Unknown {
    /// They stay `<unk>`
    #[default]
    Mark,
    /// The word of the source that the model looked at most stands in their place
    Copy,
}

/// Whose capitals a translation has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum CasingOf {
    /// The source's: a capital at the beginning, or all capitals
    #[default]
    Source,
    /// The model's
    Model,
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Keep {
    /// Web and e-mail addresses, @names and #topics, codes, emoji, words in unknown letters, long numbers, and a bullet or # that begins a line
    Spans,
    /// Nothing: all is the model's
    Nothing,
}

/// What options come to for a model.
pub(super) struct Handling {
    pub(super) form: Form,
    pub(super) unknown: Unknown,
    pub(super) casing: CasingOf,
    pub(super) keep: Keep,
    /// Of source and target.
    pub(super) languages: [Option<Language>; 2],
    split: Split,
    /// Tokens of a sentence, `</s>` not counted.
    most: usize,
    /// What counts for a span where tokens are counted.
    filler: String,
}

/// What is translated at once: a sentence, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit<'t> {
    pub(super) text: &'t str,
    /// The white space after it.
    pub(super) space: &'t str,
    pub(super) part: Part,
}

/// Whether a sentence goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It ends here.
    Last,
    /// The next unit is of the same sentence.
    GoesOn,
}

/// The fewest tokens of a sentence that can be asked for: with less there would be nothing to translate.
const LEAST: usize = 4;

impl Handling {
    /// Errors: an option that this model cannot have.
    pub(super) fn new(
        args: &HandlingArgs,
        model: &TextModel,
        search: &GeneratorConfig,
        form: Form,
    ) -> Result<Handling, Error> {
        let raw = form == Form::Words && model.takes_raw_text();
        let split = args.split.unwrap_or(match form {
            Form::Words if raw => Split::Sentences,
            Form::Words => Split::Long,
            Form::Pieces => Split::Never,
        });
        let room = model.max_positions() - 1;
        if let Some(longest) = args.longest.filter(|n| !(LEAST..=room).contains(n)) {
            return Err(Error::Option {
                option: "longest",
                value: longest.to_string(),
                expected: format!(
                    "must be from {LEAST} to the model's positions without the end of a sentence, {room}"
                ),
            });
        }
        let most = args.longest.unwrap_or_else(|| model.longest_source(search).saturating_sub(1).max(LEAST.min(room)));
        let keep = args.keep.unwrap_or(if raw { Keep::Spans } else { Keep::Nothing });
        let (unknown, casing, languages) = (args.unknown, args.casing, model.languages());
        let filler = StandIns::of(model).most_familiar().unwrap_or("0").to_owned();
        Ok(Handling { form, unknown, casing, keep, languages, split, most, filler })
    }

    /// Errors: a line that is too long where none is cut.
    pub(super) fn check(&self, model: &TextModel, origin: &str, line: &Line) -> Result<(), Error> {
        if self.split != Split::Never {
            return Ok(());
        }
        let tokens = model.encode_source(&line.text, self.form).len();
        Error::check_length(origin, line.number, tokens, model.max_positions())
    }

    /// Tokens of a part of a sentence, the name that stands for a span counted, not the span.
    fn tokens(&self, model: &TextModel, part: &str) -> usize {
        model.encode_source(&self.without_spans(model, part), self.form).len() - 1
    }

    /// The text with a name for each span.
    pub(super) fn without_spans(&self, model: &TextModel, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut at = 0;
        for span in self.spans(model, text) {
            result += &text[at..span.range.start];
            result += &self.filler;
            at = span.range.end;
        }
        result + &text[at..]
    }

    /// What is kept of a text.
    pub(super) fn spans(&self, model: &TextModel, text: &str) -> Vec<Span> {
        match self.keep {
            Keep::Spans => spans(text, |c| model.knows(c)),
            Keep::Nothing => Vec::new(),
        }
    }

    /// What stands before a text, white space and marks that are kept, and the text as units, which with their white space are the rest of it.
    pub(super) fn cut<'t>(&self, model: &TextModel, text: &'t str) -> (&'t str, Vec<Unit<'t>>) {
        let (before, body) = match self.keep {
            Keep::Spans => text.split_at(marks_before(text)),
            Keep::Nothing => text.split_at(text.len() - text.trim_start().len()),
        };
        let whole = body.trim_end();
        let line = Sentence { text: whole, space: &body[whole.len()..] };
        let sentences = match self.split {
            _ if whole.is_empty() => Vec::new(),
            Split::Sentences => Splitter::new(self.languages[0]).split(body).sentences,
            Split::Long | Split::Never => vec![line],
        };
        let mut units = Vec::with_capacity(sentences.len());
        for Sentence { text, space } in sentences {
            let parts = match self.split {
                Split::Never => vec![Sentence { text, space: "" }],
                _ => cut_long(text, self.most, self.languages[0], |part| self.tokens(model, part)),
            };
            units.extend(parts.iter().map(|p| Unit { text: p.text, space: p.space, part: Part::GoesOn }));
            if let Some(last) = units.last_mut() {
                (last.space, last.part) = (space, Part::Last);
            }
        }
        (before, units)
    }
}
