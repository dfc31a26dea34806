//! Parallel text: from a prepared folder, or from lines at hand, to ids.

use crate::prepare::{Manifest, TextForm};
use crate::{Bpe, Spelling, TextError, Vocabulary, files};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file extensions of the two sides, `de` and `en` for German to English.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Languages {
    /// What is translated.
    pub source: String,
    /// What it is translated to.
    pub target: String,
}

/// The three parts of a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose by.
    Valid,
    /// To report on.
    Test,
}

impl Split {
    /// In the order of their numbers.
    pub const ALL: [Split; 3] = [Split::Train, Split::Valid, Split::Test];

    /// The stem of the part's files.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Valid => "valid",
            Split::Test => "test",
        }
    }
}

/// Lines and their translations, line for line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextPair {
    /// Sentences.
    pub source: Vec<String>,
    /// Their translations.
    pub target: Vec<String>,
}

impl TextPair {
    /// Reads `train.de` and `train.en`, or the like, of a folder.
    ///
    /// Errors: either is missing, unreadable, empty or not UTF-8, or their lines differ in number.
    pub fn read(folder: &Path, split: Split, languages: &Languages) -> Result<TextPair, TextError> {
        let path = |language: &str| folder.join(format!("{}.{language}", split.name()));
        TextPair::read_files(&path(&languages.source), &path(&languages.target))
    }

    /// Reads two files of sentences.
    ///
    /// Errors: as [`TextPair::read`].
    pub fn read_files(source: &Path, target: &Path) -> Result<TextPair, TextError> {
        let pair = TextPair { source: files::read_lines(source)?, target: files::read_lines(target)? };
        if pair.source.len() != pair.target.len() {
            return Err(TextError::SidesDiffer {
                source_file: source.display().to_string(),
                source_lines: pair.source.len(),
                target_file: target.display().to_string(),
                target_lines: pair.target.len(),
            });
        }
        Ok(pair)
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.source.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }
}

/// A corpus's lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// To learn from.
    pub train: TextPair,
    /// To choose by.
    pub valid: TextPair,
    /// To report on.
    pub test: TextPair,
}

impl Texts {
    /// Reads the three parts of a folder.
    ///
    /// Errors: as [`TextPair::read`].
    pub fn read(folder: &Path, languages: &Languages) -> Result<Texts, TextError> {
        let read = |split| TextPair::read(folder, split, languages);
        Ok(Texts { train: read(Split::Train)?, valid: read(Split::Valid)?, test: read(Split::Test)? })
    }
}

/// Pairs of sentences as ids, each ending in `</s>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corpus {
    /// Sentences.
    pub source: Vec<Vec<u32>>,
    /// Their translations.
    pub target: Vec<Vec<u32>>,
}

impl Corpus {
    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.source.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    /// Tokens of both sides, `</s>` included.
    pub fn tokens(&self) -> (usize, usize) {
        let count = |side: &[Vec<u32>]| side.iter().map(Vec::len).sum();
        (count(&self.source), count(&self.target))
    }
}

/// A corpus ready to train on, with what turns its text into ids.
#[derive(Clone)]
pub struct Prepared {
    /// What lines went through before they came here, as whatever is to be translated must; none where text is taken as it
    /// stands.
    pub form: Option<TextForm>,
    /// Cuts the source into pieces; none where the text is cut already.
    pub source_bpe: Option<Bpe>,
    /// Cuts the target.
    pub target_bpe: Option<Bpe>,
    /// Pieces of the source.
    pub source_vocabulary: Vocabulary,
    /// Pieces of the target.
    pub target_vocabulary: Vocabulary,
    /// The lines, for references and for showing.
    pub texts: Texts,
    /// To learn from.
    pub train: Corpus,
    /// To choose by.
    pub valid: Corpus,
    /// To report on.
    pub test: Corpus,
}

impl Prepared {
    /// Reads a folder of `train`, `valid` and `test`, with `bpe.codes` and `dict.{source,target}.txt` where they are
    /// there. Without codes the text is taken as cut into pieces, without a dictionary one is counted from `train`.
    ///
    /// Errors: whatever is wrong with a file that is there, or a part that is not.
    pub fn read(folder: &Path, languages: &Languages) -> Result<Prepared, TextError> {
        let bpe = existing(folder.join("bpe.codes")).map(|p| Bpe::from_codes(&p)).transpose()?;
        let dictionary = |language: &str| {
            existing(folder.join(format!("dict.{language}.txt"))).map(|p| Vocabulary::from_file(&p)).transpose()
        };
        let (source, target) = (dictionary(&languages.source)?, dictionary(&languages.target)?);
        let texts = Texts::read(folder, languages)?;
        Ok(Prepared::from_texts(texts, bpe, source, target))
    }

    /// Reads a folder that [`prepare`](crate::prepare) made.
    ///
    /// Errors: the folder was not prepared to the end, or whatever is wrong with a file in it.
    pub fn read_prepared(folder: &Path) -> Result<(Languages, Prepared), TextError> {
        let manifest = Manifest::read(folder)?;
        let languages = manifest.languages.clone();
        let bpes = manifest.tokenizers(folder)?;
        let dictionary = |language: &str| Vocabulary::from_file(&folder.join(format!("dict.{language}.txt")));
        let vocabularies = [dictionary(&languages.source)?, dictionary(&languages.target)?];
        let texts = Texts::read(folder, &languages)?;
        let prepared = Prepared::new(texts, bpes.map(Some), vocabularies.map(Some));
        Ok((languages, Prepared { form: Some(manifest.text), ..prepared }))
    }

    /// Cuts and numbers lines at hand. A vocabulary that is not given is counted from `texts.train`.
    pub fn from_texts(
        texts: Texts,
        bpe: Option<Bpe>,
        source_vocabulary: Option<Vocabulary>,
        target_vocabulary: Option<Vocabulary>,
    ) -> Prepared {
        Prepared::new(texts, [bpe.clone(), bpe], [source_vocabulary, target_vocabulary])
    }

    fn new(texts: Texts, bpes: [Option<Bpe>; 2], vocabularies: [Option<Vocabulary>; 2]) -> Prepared {
        // Line by line: the pieces of a whole corpus are many small strings, ten times the size of its ids.
        let count = |lines: &[String], bpe: &Option<Bpe>| {
            Vocabulary::from_sentences(lines.iter().map(|l| cut_line(bpe.as_ref(), l)))
        };
        let number = |vocabulary: &Vocabulary, lines: &[String], bpe: &Option<Bpe>| -> Vec<Vec<u32>> {
            lines.iter().map(|l| vocabulary.encode(&cut_line(bpe.as_ref(), l))).collect()
        };
        let [source_bpe, target_bpe] = bpes;
        let [source, target] = vocabularies;
        let source_vocabulary = source.unwrap_or_else(|| count(&texts.train.source, &source_bpe));
        let target_vocabulary = target.unwrap_or_else(|| count(&texts.train.target, &target_bpe));
        let corpus = |text: &TextPair| Corpus {
            source: number(&source_vocabulary, &text.source, &source_bpe),
            target: number(&target_vocabulary, &text.target, &target_bpe),
        };
        let (train, valid, test) = (corpus(&texts.train), corpus(&texts.valid), corpus(&texts.test));
        Prepared { form: None, source_bpe, target_bpe, source_vocabulary, target_vocabulary, texts, train, valid, test }
    }

    /// The same lines, cut and numbered by tokenisers and vocabularies from elsewhere. Lines that came cut are joined first where there is a
    /// tokeniser to cut them again.
    pub fn cut_by(self, bpes: [Option<Bpe>; 2], vocabularies: [Vocabulary; 2]) -> Prepared {
        let to_cut = |lines: Vec<String>, here: &Option<Bpe>, there: &Option<Bpe>| match (here, there) {
            (None, Some(_)) => lines.into_iter().map(|line| Bpe::join(&cut_line(None, &line))).collect(),
            _ => lines,
        };
        let part = |text: TextPair| TextPair {
            source: to_cut(text.source, &self.source_bpe, &bpes[0]),
            target: to_cut(text.target, &self.target_bpe, &bpes[1]),
        };
        let Texts { train, valid, test } = self.texts;
        let texts = Texts { train: part(train), valid: part(valid), test: part(test) };
        Prepared { form: self.form, ..Prepared::new(texts, bpes, vocabularies.map(Some)) }
    }

    /// How pieces of the target show where words end.
    pub fn target_spelling(&self) -> Spelling {
        self.target_bpe.as_ref().map_or(Spelling::Continued, Bpe::spelling)
    }
}

/// The pieces of a line: cut by `bpe`, or as they stand where there is none. White space within a word that `bpe` keeps,
/// as a no-break space, ends a piece here as it does in fairseq, whose dictionaries hold no such piece.
pub fn cut_line(bpe: Option<&Bpe>, line: &str) -> Vec<String> {
    match bpe {
        Some(bpe) => bpe.cut(line).iter().flat_map(|piece| files::python_words(piece)).map(str::to_owned).collect(),
        None => files::python_words(line).map(str::to_owned).collect(),
    }
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}
