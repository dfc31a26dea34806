//! A corpus and a model small enough to train in seconds, whole runs included.

use lsra_text::demo::{DemoSizes, generate};
use lsra_text::{Bpe, Prepared, TextPair, Texts};
use std::fs;
use std::path::Path;

/// A preset of some ten thousand parameters in which every kind of dropout drops something.
pub const PRESET: &str = r#"
about = "Tiny"

[model]
channels = 16
attention_channels = 8
convolution_channels = 8
feed_forward = 16
encoder_layers = 1
decoder_layers = 1
attention_heads = 2
cross_attention_heads = 2
convolution_heads = 2
convolution = "lightweight"
encoder_kernels = [3]
decoder_kernels = [3]
embeddings = "separate"
source_vocabulary = 8
target_vocabulary = 8
max_positions = 64
dropout = 0.1
attention_dropout = 0.1
taps_dropout = 0.1
taps_dropout_mode = "per-position"

[training]
optimizer = "adam"
weight_decay = 0.0001
label_smoothing = 0.1
clip_norm = 5.0
max_tokens = 96
sentences_multiple = 1
schedule = "inverse-sqrt"
lr = 0.005
warmup_updates = 20
warmup_from = 1e-7
max_updates = 1000000
average_checkpoints = 2

[decoding]
beam = 2
length_penalty = 1.0
max_length = 20
"#;

/// Some sentences, the same every time; their words are their pieces.
pub fn texts() -> Texts {
    generate(DemoSizes { train: 120, valid: 20, test: 10 }, 1)
}

/// The same as ids.
pub fn prepared() -> Prepared {
    Prepared::from_texts(texts(), None, None, None)
}

/// The same cut into pieces of words.
pub fn cut() -> Prepared {
    let texts = texts();
    let lines = [&texts.train.source[..], &texts.train.target].concat();
    Prepared::from_texts(texts, Some(Bpe::train(&lines, 60)), None, None)
}

/// The same as a folder of files that `train iwslt14` takes, and the preset beside them as `tiny.toml`.
pub fn write(folder: &Path) {
    let texts = texts();
    let part = |name: &str, pair: &TextPair| {
        for (language, lines) in [("de", &pair.source), ("en", &pair.target)] {
            fs::write(folder.join(format!("{name}.{language}")), lines.join("\n") + "\n").expect("a writable folder");
        }
    };
    part("train", &texts.train);
    part("valid", &texts.valid);
    part("test", &texts.test);
    fs::write(folder.join("tiny.toml"), PRESET).expect("a writable folder");
}
