//! Updates of training: 160 pairs of 25 and 25 tokens, as the peers' are.

use super::model::{config, pairs, training};
use crate::{Bound, Case, Plan, Unit};
use lsra_exec::{Directions, Packed};
use lsra_kernels::gemm::Precision;
use lsra_kernels::{Isa, trace};
use lsra_model::{Model, ModelConfig};
use lsra_text::Corpus;
use lsra_train::{Gradients, PrecisionKind, Setup, TapeContext, Trainer, TrainingConfig, lane_gradients, lanes};

const PAIRS: usize = 160;
const LENGTH: usize = 25;
/// Pairs of one update where lengths differ.
const SENTENCES: usize = 24;

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for preset in ["iwslt-160", "iwslt-320", "wmt-496"] {
        for precision in [PrecisionKind::F32, PrecisionKind::Bf16] {
            for (threads, suffix) in [(1, "1-thread"), (2, "2-threads")] {
                let stem = format!("train/{preset}/{}", Precision::from(precision));
                plans.push(Plan::new(format!("{stem}/{suffix}"), move |isa| speed(isa, preset, precision, threads)));
            }
        }
    }
    for length in [10, 20, 40, 80, 160] {
        plans.push(Plan::new(format!("scaling/train/length/{length}"), move |isa| {
            cost(isa, &config("iwslt-160"), SENTENCES, length)
        }));
    }
    for width in [80, 160, 320, 640] {
        plans
            .push(Plan::new(format!("scaling/train/width/{width}"), move |isa| cost(isa, &widened(width), 48, LENGTH)));
    }
    plans
}

/// `iwslt-160`, but so wide.
pub(super) fn widened(width: usize) -> ModelConfig {
    let mut config = config("iwslt-160");
    (config.channels, config.feed_forward) = (width, width);
    (config.attention_channels, config.convolution_channels) = (width / 2, width / 2);
    config
}

fn speed(isa: Isa, preset: &'static str, precision: PrecisionKind, threads: usize) -> Case {
    let model = config(preset);
    let mut job = Job::new(isa, &model, &training(preset), precision, threads, PAIRS, LENGTH);
    // One core's multiply-adds, seen from this thread, for both.
    let products = job.multiply_adds();
    let unit = Unit::Rate { amount: (PAIRS * LENGTH) as f64, name: "tokens/s" };
    let bound = Bound::MultiplyAdds(precision.into(), products as f64);
    let case = Case::new(unit, vec![bound], move || job.update()).threads(threads);
    if preset == "wmt-496" {
        return case;
    }
    // Which of the peer's is fastest is measured, not assumed.
    ["f32", "bf16"].iter().fold(case, |case, p| case.peer(format!("train/{preset}/{p}"), 1.0))
}

/// Milliseconds of an update.
fn cost(isa: Isa, model: &ModelConfig, n: usize, length: usize) -> Case {
    let mut job = Job::new(isa, model, &training("iwslt-160"), PrecisionKind::F32, 1, n, length);
    Case::new(Unit::Milliseconds { each_of: 1.0 }, Vec::new(), move || job.update())
}

struct Job(Trainer<'static>);

impl Job {
    fn new(
        isa: Isa,
        model: &ModelConfig,
        training: &TrainingConfig,
        precision: PrecisionKind,
        threads: usize,
        n: usize,
        length: usize,
    ) -> Job {
        // A corpus outlives its trainer; there are few, and the process ends soon.
        let corpus: &'static Corpus = Box::leak(Box::new(pairs(model, n, length)));
        let config = TrainingConfig { precision, max_tokens: n * length, accumulate: 1, ..training.clone() };
        let trainer = |threads| {
            let (model, config) = (Model::new(model).expect("a preset is a model"), config.clone());
            let setup = Setup {
                isa,
                threads,
                seed: 1,
                model,
                config,
                train: corpus,
                valid: corpus,
                recut: None,
                weights: None,
                teacher: None,
            };
            Trainer::new(setup).expect("sentences that fit")
        };
        let mut job = Job(trainer(threads));
        // The answer: finite, about that of guessing at first, and the same bits as on another number of threads.
        let first = job.0.update().expect("a finite loss");
        let guess = (model.target_vocabulary as f64).log2();
        assert!((0.8 * guess..2.0 * guess).contains(&first.losses.loss()), "first loss {}", first.losses.loss());
        let mut other = Job(trainer(3 - threads.min(2)));
        other.update();
        let same = job.0.weights().iter().zip(other.0.weights().iter()).all(|(a, b)| a.data() == b.data());
        assert!(same, "weights after an update on {threads} threads and on another number");
        job
    }

    fn update(&mut self) {
        if self.0.at_epoch_end() {
            self.0.next_epoch();
        }
        self.0.update().expect("a finite loss");
    }

    /// Of one update.
    fn multiply_adds(&self) -> u64 {
        let t = &self.0;
        let packed = Packed::new(t.isa(), t.model(), t.weights(), Directions::ForwardAndBackward);
        let context = TapeContext {
            isa: t.isa(),
            model: t.model(),
            weights: t.weights(),
            packed: &packed,
            seed: 1,
            update: 0,
            batch: 0,
        };
        let all: Vec<u32> = (0..t.train_corpus().len() as u32).collect();
        let pairs = lanes::pairs(t.train_corpus(), &all);
        // Adjoints count in their spans alone.
        trace::start(1 << 20);
        lane_gradients(&context, &pairs, t.config().label_smoothing, &mut Gradients::zeros(&t.model().params));
        let trace = trace::stop();
        assert!(!trace.is_full, "a trace of one lane");
        let kernels = trace.threads.iter().flat_map(|thread| &thread.events).filter(|event| event.depth == 0);
        kernels.map(|event| event.multiply_adds).sum()
    }
}
