//! Reference outputs of the original implementation: a part in `golden/`, more where `LSRA_GOLDEN` points.

use lsra_model::Model;
use lsra_model::config::{ConvolutionKind, Embeddings, FeedForwardInit, ModelConfig, NormOrder, TapsDropout};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A folder of reference outputs: of this package, or else of `LSRA_GOLDEN`. Says so where neither has it.
pub fn folder(name: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if own.exists() {
        return Some(own);
    }
    let given = std::env::var_os("LSRA_GOLDEN").map(|root| PathBuf::from(root).join(name));
    if !given.as_ref().is_some_and(|g| g.exists()) {
        eprintln!("skipped: {name} is neither in tests/golden nor where LSRA_GOLDEN points");
        return None;
    }
    given
}

/// As [`folder`], both where both have it: this package then has a part of its cases.
pub fn folders(name: &str) -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    let given = std::env::var_os("LSRA_GOLDEN").map(|root| PathBuf::from(root).join(name));
    let found: Vec<PathBuf> = std::iter::once(own).chain(given).filter(|f| f.exists()).collect();
    if found.len() < 2 {
        eprintln!("skipped: cases of {name} that are not in tests/golden; LSRA_GOLDEN points to no more");
    }
    found
}

/// A JSON file. Panics where it cannot be read.
pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The tensors of a safetensors file.
pub struct Golden {
    bytes: Vec<u8>,
    path: PathBuf,
}

impl Golden {
    /// Panics where the file cannot be read.
    pub fn open(path: &Path) -> Golden {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Golden { bytes, path: path.to_owned() }
    }

    /// Names and shapes of all tensors.
    pub fn names(&self) -> Vec<(String, Vec<usize>)> {
        self.tensors().tensors().into_iter().map(|(name, t)| (name, t.shape().to_vec())).collect()
    }

    /// Whether there is a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors().tensor(name).is_ok()
    }

    /// The shape of a tensor.
    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.view(name, |t| t.shape().to_vec())
    }

    /// The values of an F32 tensor.
    pub fn values(&self, name: &str) -> Vec<f32> {
        self.view(name, |t| {
            assert_eq!(t.dtype(), Dtype::F32, "{name}");
            t.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
        })
    }

    /// The values of a U8 tensor: masks, 1 where padded.
    pub fn flags(&self, name: &str) -> Vec<bool> {
        self.view(name, |t| {
            assert_eq!(t.dtype(), Dtype::U8, "{name}");
            t.data().iter().map(|&b| b != 0).collect()
        })
    }

    /// The values of an I64 tensor, as token ids.
    pub fn ids(&self, name: &str) -> Vec<u32> {
        self.view(name, |t| {
            assert_eq!(t.dtype(), Dtype::I64, "{name}");
            t.data().as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as u32).collect()
        })
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap_or_else(|e| panic!("{}: {e}", self.path.display()))
    }

    fn view<R>(&self, name: &str, read: impl FnOnce(safetensors::tensor::TensorView<'_>) -> R) -> R {
        read(self.tensors().tensor(name).unwrap_or_else(|e| panic!("{}: {name}: {e}", self.path.display())))
    }
}

/// The model of a folder's `config.json`, whose keys are the original's options.
pub fn model(folder: &Path) -> Model {
    Model::new(&config(&json(&folder.join("config.json")))).unwrap()
}

/// A configuration from the original's options.
pub fn config(c: &Value) -> ModelConfig {
    let number = |key: &str| c[key].as_u64().unwrap_or_else(|| panic!("{key} is no number")) as usize;
    let flag = |key: &str| c[key].as_bool().unwrap_or(false);
    let sizes = |key: &str| c[key].as_array().into_iter().flatten().map(|k| k.as_u64().unwrap() as usize).collect();
    let channels = number("encoder_embed_dim");
    // "attn:1:80:4", "lightweight:default:80:4": kind, detail, channels, heads.
    let branches: Vec<Vec<String>> = c["encoder_branch_type"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|b| b.as_str().unwrap().split(':').map(str::to_owned).collect())
        .collect();
    let branch = |kinds: &[&str]| branches.iter().find(|b| kinds.contains(&b[0].as_str()));
    let part = |b: Option<&Vec<String>>, i: usize| b.map(|b| b[i].parse::<usize>().unwrap());
    let attention = branch(&["attn"]);
    let convolution = branch(&["lightweight", "dynamic"]);
    let attention_channels = part(attention, 2).unwrap_or(if branches.is_empty() { channels } else { 0 });
    ModelConfig {
        channels,
        attention_channels,
        convolution_channels: part(convolution, 2).unwrap_or(0),
        feed_forward: number("encoder_ffn_embed_dim"),
        encoder_layers: number("encoder_layers"),
        decoder_layers: number("decoder_layers"),
        attention_heads: part(attention, 3).unwrap_or_else(|| number("encoder_attention_heads")),
        cross_attention_heads: number("decoder_attention_heads"),
        convolution_heads: part(convolution, 3).unwrap_or(1),
        convolution: match convolution.map(|b| b[0].as_str()) {
            Some("dynamic") => ConvolutionKind::Dynamic,
            _ => ConvolutionKind::Lightweight,
        },
        glu: flag("encoder_glu"),
        encoder_kernels: sizes("encoder_kernel_size_list"),
        decoder_kernels: sizes("decoder_kernel_size_list"),
        embeddings: if flag("share_all_embeddings") {
            Embeddings::AllShared
        } else if flag("share_decoder_input_output_embed") {
            Embeddings::SharedDecoder
        } else {
            Embeddings::Separate
        },
        source_vocabulary: number("src_vocab"),
        target_vocabulary: number("tgt_vocab"),
        max_positions: number("max_source_positions"),
        norm: if flag("encoder_normalize_before") { NormOrder::Pre } else { NormOrder::Post },
        dropout: 0.0,
        attention_dropout: 0.0,
        taps_dropout: 0.0,
        taps_dropout_mode: TapsDropout::Shared,
        feed_forward_init: FeedForwardInit::Xavier,
    }
}

/// Panics with the worst element unless all differences are within `tolerance`.
pub fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    let difference = |i: usize| (found[i] - expected[i]).abs();
    // A difference that is no number counts as the worst.
    let worst = (0..found.len()).max_by(|&a, &b| {
        difference(a).partial_cmp(&difference(b)).unwrap_or(difference(a).is_nan().cmp(&difference(b).is_nan()))
    });
    if let Some(i) = worst {
        let d = difference(i);
        assert!(d <= tolerance, "{what}: [{i}] is {}, not {}: off by {d:e}, not {tolerance:e}", found[i], expected[i]);
    }
}

/// Panics unless the difference is within `tolerance` x the expected value.
pub fn assert_relative(found: f64, expected: f64, tolerance: f64, what: &str) {
    let off = (found - expected).abs() / expected.abs().max(f64::MIN_POSITIVE);
    assert!(off <= tolerance, "{what}: {found}, not {expected}: off by {off:e} of it, not {tolerance:e}");
}
