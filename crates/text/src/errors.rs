//! What can be wrong with text that someone hands in, each with where it is and what to do.

use std::io;

/// A fault in text files or in what a model file holds of them. Its message is one line for a user.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The file is not there.
    #[error("{file}: no such file; check its path: {expected} is expected there")]
    Missing {
        /// The file's path.
        file: String,
        /// What the file should have held.
        expected: &'static str,
    },
    /// The file is there and cannot be read.
    #[error("{file}: cannot be read ({cause}); check that it is a file and that you may read it")]
    Unreadable {
        /// The file's path.
        file: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// The file holds nothing.
    #[error("{file}: is empty; {expected} is expected there")]
    Empty {
        /// The file's path.
        file: String,
        /// What the file should have held.
        expected: &'static str,
    },
    /// A byte that is not UTF-8.
    #[error("{file}, line {line}: byte {byte} of the line is not valid UTF-8; convert the file to UTF-8")]
    InvalidUtf8 {
        /// The file's path.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Byte within the line, from 1.
        byte: usize,
    },
    /// UTF-16, by its byte order mark.
    #[error("{file}: is UTF-16; convert the file to UTF-8, as with iconv -f UTF-16 -t UTF-8")]
    Utf16 {
        /// The file's path.
        file: String,
    },
    /// A pipe or a device.
    #[error("{file}: is a pipe or a device; files are read more than once, so write it to a file first")]
    NotAFile {
        /// The path.
        file: String,
    },
    /// A file that is packed in a way that is not read.
    #[error("{file}: is {format}; unpack it first, or pack it with gzip or zstd, which are read as they are")]
    OtherPacking {
        /// The file's path.
        file: String,
        /// What it is.
        format: &'static str,
    },
    /// A file far larger than what it should hold.
    #[error("{file}: has more than {most} bytes; {expected} is expected there")]
    TooLarge {
        /// The file's path.
        file: String,
        /// The most that is read.
        most: u64,
        /// What the file should have held.
        expected: &'static str,
    },
    /// A compressed file that ends early or was changed.
    #[error(
        "{file}: its {format} data end early or are damaged at line {line} ({cause}); fetch or pack the file again"
    )]
    Damaged {
        /// The file's path.
        file: String,
        /// How it is packed.
        format: &'static str,
        /// The line that could not be read whole, from 1.
        line: u64,
        /// The reader's reason.
        cause: io::Error,
    },
    /// A file or folder that cannot be written.
    #[error("{file}: cannot be written ({cause}); check that its folder exists and that you may write there")]
    Unwritable {
        /// The file's path.
        file: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// Files that do not say how they hold pairs.
    #[error("{files}: {reason}")]
    UnclearSource {
        /// The files.
        files: String,
        /// What is unclear, and what to do.
        reason: &'static str,
    },
    /// A setting out of range.
    #[error("{name} = {value}: {expected}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Nothing passed the cleaning.
    #[error(
        "{part}: none of the {pairs} pairs is left; most were dropped for this reason: {reason}, as {example} was{advice}"
    )]
    NothingLeft {
        /// The part of which they were read.
        part: &'static str,
        /// Pairs read.
        pairs: u64,
        /// Why most of them were dropped.
        reason: &'static str,
        /// The place of one of them.
        example: String,
        /// After a semicolon, what can be done about it, if that is known.
        advice: String,
    },
    /// Too few pairs, because most of those that were read were dropped.
    #[error(
        "{fault}; {dropped} of the {read} pairs read were dropped, most of them for this reason: {reason}, as {example} was{advice}"
    )]
    AfterCleaning {
        /// What there are too few for.
        fault: Box<TextError>,
        /// Pairs dropped.
        dropped: u64,
        /// Pairs read.
        read: u64,
        /// Why most of them were dropped.
        reason: &'static str,
        /// The place of one of them.
        example: String,
        /// After a semicolon, what can be done about it, if that is known.
        advice: String,
    },
    /// A part to be held out that cannot be had.
    #[error(
        "of {pairs} pairs, {found} can be held out for {part} without sharing a sentence with the others, and {wanted} \
         are wanted; ask for fewer"
    )]
    SplitTooLarge {
        /// Pairs that passed the cleaning.
        pairs: usize,
        /// Those that may be held out.
        found: usize,
        /// The part.
        part: &'static str,
        /// Its size.
        wanted: usize,
    },
    /// A corpus of so few sentences that parts of one pair each cannot be had.
    #[error(
        "of {pairs} pairs, {free} share no sentence with others, which is too few for {parts}; add text, or give files with {options}"
    )]
    TooFewPairs {
        /// Pairs that passed the cleaning.
        pairs: usize,
        /// Those that could be held out.
        free: usize,
        /// The parts that are to be made of them.
        parts: &'static str,
        /// What would make them fewer.
        options: &'static str,
    },
    /// All pairs would be held out.
    #[error("of {pairs} pairs none is left for train once those for valid and test are held out; ask for fewer")]
    NothingToTrain {
        /// Pairs that passed the cleaning.
        pairs: usize,
    },
    /// More pairs than can be numbered.
    #[error("more than {most} pairs; prepare the corpus in parts")]
    TooManyPairs {
        /// The most.
        most: u64,
    },
    /// A folder with something else in it.
    #[error("{folder}: holds {found}, which was not prepared here; choose another folder, or remove it")]
    ForeignFolder {
        /// The folder.
        folder: String,
        /// What lies there.
        found: String,
    },
    /// A file where a folder goes.
    #[error("{path}: is a file, and a folder is to be written there; name another")]
    NotAFolder {
        /// The path.
        path: String,
    },
    /// A raw file where a prepared one goes.
    #[error("{file}: would be written over or removed by what is prepared in {folder}; choose another folder")]
    OwnFile {
        /// The raw file.
        file: String,
        /// The folder to write.
        folder: String,
    },
    /// A folder in which a preparation was stopped.
    #[error("{folder}: lsra prepare did not end there; run it again with the same files, and it goes on where it was")]
    Unfinished {
        /// The folder.
        folder: String,
    },
    /// A manifest that is none.
    #[error("{file}: {reason}; prepare the corpus again")]
    BadManifest {
        /// The manifest's path.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A parallel text whose sides do not have a line for a line.
    #[error(
        "{source_file} has {source_lines} lines but {target_file} has {target_lines}; \
         each line of one needs its translation on the same line of the other"
    )]
    SidesDiffer {
        /// The source side's path.
        source_file: String,
        /// Its lines.
        source_lines: usize,
        /// The target side's path.
        target_file: String,
        /// Its lines.
        target_lines: usize,
    },
    /// A dictionary line that is not `piece count`.
    #[error("{file}, line {line}: {found:?} is no dictionary line; expected a piece, a space and a count")]
    BadDictionaryLine {
        /// The dictionary's path, or its place in a model file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The line as it stands.
        found: String,
    },
    /// A piece that has an id already.
    #[error("{file}, line {line}: the piece {piece:?} already has the id {id}; each piece may stand only once")]
    DuplicatePiece {
        /// The dictionary's path, or its place in a model file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The piece.
        piece: String,
        /// Its first id.
        id: u32,
    },
    /// A line of BPE codes that is not two pieces.
    #[error("{file}, line {line}: {found:?} is no merge; expected two pieces with a space between them")]
    BadCodesLine {
        /// The codes' path.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The line as it stands.
        found: String,
    },
    /// BPE codes of a version that is not understood.
    #[error("{file}: codes of version {found:?} are not understood; expected subword-nmt's 0.1 or 0.2")]
    BadCodesVersion {
        /// The codes' path.
        file: String,
        /// The version that the first line states.
        found: String,
    },
    /// A tokeniser that is not what this crate writes.
    #[error("{file}: the tokeniser cannot be used ({reason}); expected a tokenizer.json as this program writes them")]
    BadTokenizer {
        /// The file, or its place in a model file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A sentence that no batch can hold.
    #[error(
        "sentence {sentence} has {length} tokens, more than the {max_tokens} that a batch may hold; \
         raise the tokens of a batch or lower the longest sentence that is kept"
    )]
    SentenceExceedsBatch {
        /// The sentence's number in its corpus, from 0.
        sentence: u32,
        /// Tokens of its longer side, `</s>` included.
        length: usize,
        /// The limit of a batch.
        max_tokens: usize,
    },
    /// Every sentence is longer than the model's positions.
    #[error(
        "none of the {sentences} sentences fits {max_source} source and {max_target} target positions; \
         raise them or check that the text holds one sentence a line"
    )]
    NothingFits {
        /// Sentences looked at.
        sentences: usize,
        /// Longest source that is kept.
        max_source: usize,
        /// Longest target that is kept.
        max_target: usize,
    },
}
