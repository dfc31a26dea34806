//! Every gradient of small models in f32 against central differences of the same loss in f64, with dropout.

use lsra_exec::{Directions, Packed, Reference, Weights};
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_kernels::reference::cross_entropy;
use lsra_model::config::{ConvolutionKind, Embeddings, ModelConfig, NormOrder, TapsDropout};
use lsra_model::{Model, ParamId};
use lsra_tests::small;
use lsra_train::{
    Gradients, Lesson, LossSums, PairBatch, TapeContext, Teacher, lane_agreement_gradients, lane_distilled_gradients,
    lane_gradients, pair_losses, pair_outputs,
};

const SMOOTHING: f32 = 0.1;
const SEED: u64 = 11;
const UPDATE: u64 = 3;

/// Which loss.
enum Loss {
    Plain,
    /// R-Drop's alpha.
    Agreement(f32),
    Teacher(Box<Taught>),
}

/// What a teacher asks for.
struct Taught {
    model: Model,
    weights: Weights,
    share: f32,
    temperature: f32,
    /// Its logits of the batch in f64.
    logits: Vec<f64>,
}

impl Taught {
    /// A teacher of another size than its students.
    fn new(share: f32, temperature: f32, batch: &PairBatch) -> Taught {
        let wider =
            ModelConfig { channels: 24, attention_channels: 12, convolution_channels: 12, ..with_dropout(vanilla()) };
        let model = Model::new(&ModelConfig { encoder_kernels: vec![3], decoder_kernels: vec![3], ..wider }).unwrap();
        let weights = small::weights(&model, SEED + 1);
        let mut reference = Reference::new(&model, &weights);
        let x = pair_outputs(&mut reference, &model, batch);
        let logits = reference.logits(&x, &model.decoder.output).data;
        Taught { model, weights, share, temperature, logits }
    }
}

/// A loss to be differentiated.
struct Case {
    name: &'static str,
    model: Model,
    batch: PairBatch,
    reference: Reference,
    kind: Loss,
    gradients: Vec<(Isa, Gradients)>,
}

impl Case {
    fn new(name: &'static str, config: ModelConfig) -> Case {
        Case::with_loss(name, config, |_| Loss::Plain)
    }

    fn with_loss(name: &'static str, config: ModelConfig, kind: impl FnOnce(&PairBatch) -> Loss) -> Case {
        let model = Model::new(&config).unwrap();
        let weights = small::weights(&model, SEED);
        // Longer and shorter than the kernels, and a source that is nothing but its end; two sentences that are not neighbours
        // in the corpus.
        let pairs =
            [(vec![4, 9, 7, 7, 12, 5, 20], vec![6, 4, 11, 8]), (vec![], vec![5]), (vec![8, 22, 5], vec![9, 9, 4])];
        let mut batch = small::batch(&pairs);
        let sentences = vec![41, 7, 1000];
        batch.source.sequences = batch.source.sequences.with_sentences(sentences.clone());
        batch.target_input.sequences = batch.target_input.sequences.with_sentences(sentences);
        let kind = kind(&batch);
        let differentiate = |isa| {
            let packed = Packed::new(isa, &model, &weights, Directions::ForwardAndBackward);
            let cx = TapeContext {
                isa,
                model: &model,
                weights: &weights,
                packed: &packed,
                seed: SEED,
                update: UPDATE,
                batch: 0,
            };
            let mut gradients = Gradients::zeros(&model.params);
            check_sums(match &kind {
                Loss::Plain => lane_gradients(&cx, &batch, SMOOTHING, &mut gradients),
                Loss::Agreement(alpha) => lane_agreement_gradients(&cx, &batch, SMOOTHING, *alpha, &mut gradients),
                Loss::Teacher(taught) => {
                    let Taught { model, weights, share, temperature, .. } = &**taught;
                    let teacher = &Teacher::new(isa, model.clone(), weights.clone(), Precision::F32);
                    let lesson = Lesson { teacher, share: *share, temperature: *temperature };
                    lane_distilled_gradients(&cx, &batch, SMOOTHING, lesson, &mut gradients)
                }
            });
            (isa, gradients)
        };
        let gradients = Isa::available().into_iter().map(differentiate).collect();
        let reference = Reference::with_dropout(&model, &weights, SEED, UPDATE);
        Case { name, model, batch, reference, kind, gradients }
    }

    fn loss(&mut self) -> f64 {
        let words = self.model.decoder.output.outputs;
        if let Loss::Teacher(taught) = &self.kind {
            let Taught { share, temperature, logits, .. } = &**taught;
            let x = pair_outputs(&mut self.reference, &self.model, &self.batch);
            let student = self.reference.logits(&x, &self.model.decoder.output).data;
            let targets = &self.batch.target_output;
            let losses = cross_entropy::distilled_losses([&student, logits], words, targets, SMOOTHING, *temperature);
            let (share, part) = (f64::from(*share), f64::from(*share * temperature * temperature));
            return (1.0 - share) * losses.smoothed.iter().sum::<f64>() + part * losses.divergence.iter().sum::<f64>();
        }
        if let Loss::Agreement(alpha) = self.kind {
            let logits = [0, 1].map(|pass| {
                self.reference.set_pass(pass);
                let x = pair_outputs(&mut self.reference, &self.model, &self.batch);
                self.reference.logits(&x, &self.model.decoder.output)
            });
            assert_ne!(logits[0], logits[1], "each pass has dropout of its own");
            let both = [&logits[0].data[..], &logits[1].data];
            let losses = cross_entropy::pair_losses(both, words, &self.batch.target_output, SMOOTHING);
            let divergence: f64 = losses.divergence.iter().sum();
            return losses.smoothed.iter().sum::<f64>() + f64::from(alpha) / 2.0 * divergence;
        }
        pair_losses(&mut self.reference, &self.model, &self.batch, SMOOTHING);
        self.reference.losses().smoothed.iter().sum()
    }

    /// (f(w + h d) - f(w - h d)) / 2h for a direction of length 1. Its error is h^2 / 6 times the third derivative, 1e-12 x a few
    /// hundred, and the rounding of f, 1e-14 / h; h is so small, too, that hardly a ReLU turns on or off between the two.
    fn slope(&mut self, id: ParamId, direction: &[f64]) -> f64 {
        let h = 1e-6;
        let [above, below] = [h, -h].map(|step| {
            let before = self.reference.weight_mut(id).to_vec();
            self.reference.weight_mut(id).iter_mut().zip(direction).for_each(|(w, d)| *w += step * d);
            let loss = self.loss();
            self.reference.weight_mut(id).copy_from_slice(&before);
            loss
        });
        (above - below) / (2.0 * h)
    }

    /// Every parameter: along random directions over all its values, and in a few values by themselves.
    fn check(mut self) {
        let mut noise = small::noise(SEED);
        for id in (0..self.model.params.len() as u32).map(ParamId) {
            let count = self.model.params.get(id).len();
            let mut directions: Vec<Vec<f64>> = (0..2).map(|_| unit((0..count).map(|_| noise()).collect())).collect();
            for _ in 0..4 {
                let mut one = vec![0.0; count];
                one[((noise() + 1.0) / 2.0 * count as f64) as usize] = 1.0;
                directions.push(one);
            }
            for direction in directions {
                let expected = self.slope(id, &direction);
                self.compare(id, &direction, expected);
            }
        }
    }

    fn compare(&self, id: ParamId, direction: &[f64], expected: f64) {
        for (isa, gradients) in &self.gradients {
            let gradient = gradients.get(id);
            let found: f64 = gradient.iter().zip(direction).map(|(&g, d)| f64::from(g) * d).sum();
            let scale = gradient.iter().fold(0.0f64, |m, &g| m.max(f64::from(g).abs()));
            let most = tolerance(scale);
            assert!(
                (found - expected).abs() <= most,
                "{}, {isa:?}, {}: {found}, not {expected}, within {most:e}",
                self.name,
                self.model.params.get(id).name
            );
        }
    }
}

/// The loss itself is held to the reference elsewhere.
fn check_sums(sums: LossSums) {
    assert!(sums.tokens > 0 && sums.smoothed.is_finite() && sums.divergence >= 0.0, "{sums:?}");
}

/// The direction with length 1.
fn unit(direction: Vec<f64>) -> Vec<f64> {
    let norm = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
    direction.into_iter().map(|d| d / norm).collect()
}

/// Each entry of a gradient is a sum over at most a few hundred products of f32 values that were rounded as often on their way:
/// 2^9 half eps of the tensor's largest entry, and no more along a direction of length 1, the errors being independent. Keys' biases
/// have the gradient 0 (softmax ignores what all keys share), made of terms of order 1: an absolute part covers that.
fn tolerance(largest: f64) -> f64 {
    512.0 * f64::from(f32::EPSILON) / 2.0 * largest.max(0.1)
}

fn with_dropout(config: ModelConfig) -> ModelConfig {
    ModelConfig { dropout: 0.2, attention_dropout: 0.15, taps_dropout: 0.25, ..config }
}

fn dynamic_with_glu() -> ModelConfig {
    ModelConfig {
        convolution: ConvolutionKind::Dynamic,
        glu: true,
        encoder_layers: 2,
        decoder_layers: 2,
        encoder_kernels: vec![3, 8],
        decoder_kernels: vec![3, 7],
        embeddings: Embeddings::AllShared,
        ..small::config()
    }
}

fn vanilla() -> ModelConfig {
    ModelConfig {
        attention_channels: 16,
        convolution_channels: 0,
        encoder_kernels: vec![],
        decoder_kernels: vec![],
        embeddings: Embeddings::SharedDecoder,
        ..small::config()
    }
}

#[test]
fn lightweight() {
    Case::new("lightweight", small::config()).check();
}

#[test]
fn lightweight_with_shared_taps_dropout() {
    Case::new("lightweight, shared", with_dropout(small::config())).check();
}

#[test]
fn lightweight_with_taps_dropout_per_position() {
    let config = ModelConfig { taps_dropout_mode: TapsDropout::PerPosition, ..with_dropout(small::config()) };
    Case::new("lightweight, per position", config).check();
}

#[test]
fn dynamic() {
    Case::new("dynamic", dynamic_with_glu()).check();
}

#[test]
fn dynamic_with_taps_dropout() {
    for taps_dropout_mode in [TapsDropout::Shared, TapsDropout::PerPosition] {
        let config = ModelConfig { taps_dropout_mode, ..with_dropout(dynamic_with_glu()) };
        Case::new("dynamic, dropout", config).check();
    }
}

#[test]
fn transformer() {
    Case::new("transformer", with_dropout(vanilla())).check();
}

#[test]
fn norms_first() {
    let config = ModelConfig { norm: NormOrder::Pre, ..with_dropout(small::config()) };
    Case::new("norms first", config).check();
}

#[test]
fn one_branch_of_convolution() {
    let config = ModelConfig { attention_channels: 0, convolution_channels: 16, ..with_dropout(small::config()) };
    Case::new("convolution alone", config).check();
}

#[test]
fn two_passes_that_are_to_agree() {
    for taps_dropout_mode in [TapsDropout::Shared, TapsDropout::PerPosition] {
        let config = ModelConfig { taps_dropout_mode, ..with_dropout(small::config()) };
        Case::with_loss("agreement", config, |_| Loss::Agreement(5.0)).check();
    }
}

#[test]
fn a_student_of_a_teacher() {
    for (share, temperature) in [(0.5, 1.0), (1.0, 2.0)] {
        let config = with_dropout(small::config());
        Case::with_loss("teacher", config, |batch| Loss::Teacher(Box::new(Taught::new(share, temperature, batch))))
            .check();
    }
}
