//! Inference finds the same bits for a sentence alone and among others, at once and step by step, on every tier.

mod common;

use common::{Kind, LONGEST, WORDS};
use lsra_exec::{Directions, Eager, EagerKeys, EagerState, Packed};
use lsra_kernels::Isa;
use lsra_model::forward::begin;
use lsra_model::{DecoderPast, Exec, Memory, Model, Tokens, decode, encode, remember};
use lsra_tensor::Tensor;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

const SMOOTHING: f32 = 0.1;

/// Mostly short ones, some over several tiles.
fn sentence() -> impl Strategy<Value = Vec<u32>> {
    let words = |lengths| vec(0..WORDS as u32, lengths);
    prop_oneof![6 => words(1..=12usize), 1 => words(60..=LONGEST)]
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// What inference finds for sentence pairs, pair by pair.
struct Found {
    encoded: Vec<Vec<u32>>,
    logits: Vec<Vec<u32>>,
    losses: Vec<[Vec<u32>; 2]>,
}

fn run(e: &mut Eager<'_>, model: &Model, pairs: &[(Vec<u32>, Vec<u32>)]) -> Found {
    let source = Tokens::from_sequences(&pairs.iter().map(|p| p.0.as_slice()).collect::<Vec<_>>());
    let target = Tokens::from_sequences(&pairs.iter().map(|p| p.1.as_slice()).collect::<Vec<_>>());
    let encoded = encode(e, model, &source);
    let memory = remember(e, model, &encoded, &source.sequences);
    let owners: Vec<usize> = (0..pairs.len()).collect();
    let x = decode(e, model, &target, &memory, &owners, None);
    let logits = e.logits(&x, &model.decoder.output);
    // What is to be predicted has no part in the decoder's values: any words will do.
    let losses = e.loss(&x, &model.decoder.output, &target.ids, SMOOTHING);
    let own = |t: &Tensor, tokens: &Tokens, i: usize| bits(&t.row_range(tokens.sequences.range(i)).to_vec());
    Found {
        encoded: (0..pairs.len()).map(|i| own(&encoded, &source, i)).collect(),
        logits: (0..pairs.len()).map(|i| own(&logits, &target, i)).collect(),
        losses: (0..pairs.len())
            .map(|i| target.sequences.range(i))
            .map(|range| [bits(&losses.smoothed[range.clone()]), bits(&losses.nll[range])])
            .collect(),
    }
}

/// Hypotheses that decode step by step, each with its sentence and its words so far.
struct Beam<'m> {
    memory: &'m Memory<EagerKeys>,
    past: DecoderPast<EagerState>,
    hypotheses: Vec<(usize, Vec<u32>)>,
}

impl Beam<'_> {
    /// Appends a span to each hypothesis. Returns each one's logits for it.
    fn step(&mut self, e: &mut Eager<'_>, model: &Model, spans: &[&[u32]]) -> Vec<Vec<u32>> {
        for (hypothesis, span) in self.hypotheses.iter_mut().zip(spans) {
            hypothesis.1.extend_from_slice(span);
        }
        let target = Tokens::from_sequences(spans);
        let owners: Vec<usize> = self.hypotheses.iter().map(|h| h.0).collect();
        let x = decode(e, model, &target, self.memory, &owners, Some(&mut self.past));
        let logits = e.logits(&x, &model.decoder.output);
        (0..spans.len()).map(|i| bits(&logits.row_range(target.sequences.range(i)).to_vec())).collect()
    }

    /// Goes on from these hypotheses only, some more than once.
    fn reorder(&mut self, parents: &[usize]) {
        self.past.history.reorder(parents);
        self.hypotheses = parents.iter().map(|&p| self.hypotheses[p].clone()).collect();
    }

    /// The last rows of a hypothesis' logits when its words are decoded at once.
    fn at_once(&self, e: &mut Eager<'_>, model: &Model, i: usize, rows: usize) -> Vec<u32> {
        let (owner, words) = &self.hypotheses[i];
        let x = decode(e, model, &Tokens::from_sequences(&[words]), self.memory, &[*owner], None);
        let logits = e.logits(&x, &model.decoder.output);
        bits(&logits.row_range(words.len() - rows..words.len()).to_vec())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn alone_and_among_others(pairs in vec((sentence(), sentence()), 3..=41), chosen: Index) {
        for kind in Kind::ALL {
            let (model, weights) = kind.model();
            for isa in Isa::available() {
                let packed = Packed::new(isa, &model, &weights, Directions::Forward);
                let mut e = Eager::new(isa, &model, &weights, &packed);
                let together = run(&mut e, &model, &pairs);
                for i in [0, chosen.index(pairs.len()), pairs.len() - 1] {
                    let alone = run(&mut e, &model, &pairs[i..=i]);
                    prop_assert_eq!(&alone.encoded[0], &together.encoded[i], "{:?}, {:?}: encoder", isa, kind);
                    prop_assert_eq!(&alone.logits[0], &together.logits[i], "{:?}, {:?}: logits", isa, kind);
                    prop_assert_eq!(&alone.losses[0], &together.losses[i], "{:?}, {:?}: losses", isa, kind);
                }
            }
        }
    }

    /// A beam that reorders, grows and shrinks, a few words or one at a time: what each hypothesis sees is what its words at once
    /// give.
    #[test]
    fn at_once_and_step_by_step(
        sources in vec(sentence(), 1..=3),
        first in vec(sentence(), 3),
        steps in vec((vec(any::<Index>(), 1..=5), vec(vec(0..WORDS as u32, 1..=3), 5)), 1..=5),
    ) {
        for kind in Kind::ALL {
            let (model, weights) = kind.model();
            for isa in Isa::available() {
                let packed = Packed::new(isa, &model, &weights, Directions::Forward);
                let mut e = Eager::new(isa, &model, &weights, &packed);
                let source = Tokens::from_sequences(&sources);
                let encoded = encode(&mut e, &model, &source);
                let memory = remember(&mut e, &model, &encoded, &source.sequences);
                let hypotheses: Vec<_> = (0..first.len()).map(|i| (i % sources.len(), Vec::new())).collect();
                let past = begin(&mut e, &model, hypotheses.len());
                let mut beam = Beam { memory: &memory, past, hypotheses };
                let whole = (0..first.len()).collect();
                let begun = (whole, first.iter().map(Vec::as_slice).collect::<Vec<_>>());
                let later = steps.iter().scan(first.len(), |width, (parents, spans)| {
                    let chosen: Vec<usize> = parents.iter().map(|p| p.index(*width)).collect();
                    *width = chosen.len();
                    let spans = spans[..*width].iter().map(Vec::as_slice).collect();
                    Some((chosen, spans))
                });
                for (parents, spans) in std::iter::once(begun).chain(later) {
                    beam.reorder(&parents);
                    let found = beam.step(&mut e, &model, &spans);
                    for (i, found) in found.iter().enumerate() {
                        let expected = beam.at_once(&mut e, &model, i, spans[i].len());
                        prop_assert_eq!(found, &expected, "{:?}, {:?}: hypothesis {}", isa, kind, i);
                    }
                }
            }
        }
    }
}

/// Weights packed anew over others are as if packed first.
#[test]
fn refreshed_and_packed() {
    let pairs = [(vec![5, 6, 7, 2], vec![2, 9, 4])];
    for kind in Kind::ALL {
        let (model, weights) = kind.model();
        let others = lsra_exec::Weights::init(&model.params, 6);
        for isa in Isa::available() {
            let fresh = Packed::new(isa, &model, &weights, Directions::Forward);
            let mut refreshed = Packed::new(isa, &model, &others, Directions::Forward);
            refreshed.refresh(&weights);
            let [a, b] =
                [&fresh, &refreshed].map(|p| run(&mut Eager::new(isa, &model, &weights, p), &model, &pairs).logits);
            assert_eq!(a, b, "{isa:?}, {kind:?}");
        }
    }
}
