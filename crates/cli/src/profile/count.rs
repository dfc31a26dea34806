//! One preset at one sentence: counted.

use super::ProfileError;
use lsra_exec::macs::{Macs, Part};
use lsra_model::presets::PresetFile;
use lsra_model::{Model, ModelConfig, Sequences};

/// Tokens of the sentence that is counted, where they are not the preset's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sentence {
    /// Source tokens.
    pub source: Option<usize>,
    /// Target tokens.
    pub target: Option<usize>,
}

impl Sentence {
    /// Tokens on each side of the paper's translations.
    const PAPER: usize = 30;
}

/// Words of each vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Source words.
    pub source: usize,
    /// Target words.
    pub target: usize,
}

impl Vocabulary {
    /// From `WORDS` or `SOURCE,TARGET`. Errors: not one or two whole numbers.
    pub fn parse(text: &str) -> Result<Vocabulary, ProfileError> {
        let words = |s: &str| {
            s.trim().parse::<usize>().map_err(|_| ProfileError::Vocabulary {
                value: text.to_owned(),
                message: "give a number of words, or two with a comma between them".to_owned(),
            })
        };
        match text.split_once(',') {
            Some((source, target)) => Ok(Vocabulary { source: words(source)?, target: words(target)? }),
            None => words(text).map(|n| Vocabulary { source: n, target: n }),
        }
    }
}

/// What a preset costs for one sentence.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, or its file.
    pub preset: String,
    /// Source tokens.
    pub source_len: usize,
    /// Target tokens.
    pub target_len: usize,
    /// Words of its vocabularies.
    pub vocabulary: Vocabulary,
    /// Parameters without the embedding tables.
    pub params_paper_rule: u64,
    /// All parameters, each shared matrix once.
    pub params_total: u64,
    /// Multiply-adds as the paper counts them.
    pub macs_paper_rule: u64,
    /// Multiply-adds as the kernels do them.
    pub macs_total: u64,
    /// Parameters that the paper states for this preset.
    pub paper_params: Option<f64>,
    /// Multiply-adds that the paper states for this preset and this sentence.
    pub paper_macs: Option<f64>,
    /// Whether a convolution stands beside the attention.
    pub lite: bool,
    /// What it is made of.
    pub parts: Vec<Part>,
}

impl Profile {
    /// Errors: a length that the model does not take, or a vocabulary that it cannot have.
    pub fn of(
        name: &str,
        file: &PresetFile,
        sentence: Sentence,
        vocabulary: Option<Vocabulary>,
    ) -> Result<Profile, ProfileError> {
        let paper_len = |len: Option<usize>| len.unwrap_or(Sentence::PAPER);
        let paper = file.paper.as_ref();
        let (paper_source, paper_target) =
            (paper_len(paper.and_then(|p| p.source_len)), paper_len(paper.and_then(|p| p.target_len)));
        let source_len = sentence.source.unwrap_or(paper_source);
        let target_len = sentence.target.unwrap_or(paper_target);
        let most = file.model.max_positions;
        for (option, length) in [("--src-len", source_len), ("--tgt-len", target_len)] {
            if !(1..=most).contains(&length) {
                return Err(ProfileError::Length { option, length, preset: name.to_owned(), most });
            }
        }
        let model = Model::new(&with_vocabulary(&file.model, vocabulary)?).expect("a validated configuration");
        let macs =
            Macs::of_pass(&model, &Sequences::from_lengths([source_len]), &Sequences::from_lengths([target_len]));
        // The paper counts an output matrix that is not tied, so a changed vocabulary leaves nothing to compare with.
        let papers_sentence = (source_len, target_len) == (paper_source, paper_target);
        Ok(Profile {
            preset: name.to_owned(),
            source_len,
            target_len,
            vocabulary: Vocabulary { source: model.config.source_vocabulary, target: model.config.target_vocabulary },
            params_paper_rule: model.params.values_by_paper_rule() as u64,
            params_total: model.params.values() as u64,
            macs_paper_rule: macs.by_paper_rule(),
            macs_total: macs.total(),
            paper_params: paper.and_then(|p| p.params).filter(|_| vocabulary.is_none()),
            paper_macs: paper.and_then(|p| p.macs).filter(|_| papers_sentence),
            lite: file.model.convolution_channels > 0,
            parts: macs.parts().to_vec(),
        })
    }
}

fn with_vocabulary(config: &ModelConfig, words: Option<Vocabulary>) -> Result<ModelConfig, ProfileError> {
    let Some(words) = words else { return Ok(config.clone()) };
    let config = ModelConfig { source_vocabulary: words.source, target_vocabulary: words.target, ..config.clone() };
    config.validate().map_err(|e| ProfileError::Vocabulary {
        value: format!("{},{}", words.source, words.target),
        message: e.to_string(),
    })?;
    Ok(config)
}
