//! Training gives the same bits at any number of threads and however often it is stopped, on every tier.

use lsra_exec::Weights;
use lsra_kernels::Isa;
use lsra_tests::runs::{Watcher, bits, options, trainer, trainer_from};
use lsra_tests::tiny;
use lsra_text::{Corpus, Prepared};
use lsra_train::checkpoint::CheckpointFolder;
use lsra_train::{Ending, Start, TrainError, Trainer, final_weights, run};
use std::path::Path;
use std::sync::atomic::AtomicBool;

#[test]
fn threads_change_no_bit() {
    // Both at hand: whole words, and words in pieces.
    let (plain, cut) = (tiny::prepared(), tiny::cut());
    for isa in Isa::available() {
        for changes in [
            &["model.taps_dropout_mode=shared", "training.accumulate=2"][..],
            &["training.accumulate=3", "model.convolution=dynamic"],
            &["training.precision=bf16"],
            &["training.ema=0.9", "training.r_drop=5"],
            &["training.r_drop=2", "training.precision=bf16", "training.accumulate=2"],
            &["training.bpe_dropout=0.2"],
            &["training.teacher=t"],
            &["training.teacher=t", "training.distil=0.8", "training.distil_temperature=2", "training.precision=bf16"],
            &["training.bpe_dropout=0.2", "training.teacher=t", "training.accumulate=2"],
        ] {
            let text = if changes[0].contains("bpe") { &cut } else { &plain };
            let train = |threads: usize| {
                let mut trainer = trainer(isa, threads, text, changes);
                let losses: Vec<u64> = (0..5).map(|_| trainer.update().unwrap().losses.smoothed.to_bits()).collect();
                (losses, trainer.validate().valid, bits(&trainer))
            };
            let one = train(1);
            assert!(one.2 != bits(&trainer(isa, 1, text, changes)), "training changes the weights");
            assert!(one == train(2) && one == train(4), "{isa:?}, {changes:?}");
        }
    }
}

/// bf16 moves the losses, but little, and they fall as those of f32 do.
#[test]
fn rounded_operands_learn_as_exact_ones() {
    let text = tiny::prepared();
    for isa in Isa::available() {
        let losses = |changes: &[&str]| -> Vec<f64> {
            let mut trainer = trainer(isa, 2, &text, changes);
            let mut update = |_| {
                if trainer.at_epoch_end() {
                    trainer.next_epoch();
                }
                trainer.update().unwrap().losses.loss()
            };
            (0..20).map(&mut update).collect()
        };
        let (exact, rounded) = (losses(&[]), losses(&["training.precision=bf16"]));
        assert_ne!(exact, rounded, "{isa:?}");
        assert!(rounded[19] < rounded[0], "{isa:?}: {rounded:?}");
        for (e, r) in exact.iter().zip(&rounded) {
            assert!((e - r).abs() < 0.01 * e, "{isa:?}: {r} instead of {e}");
        }
    }
}

#[test]
fn a_run_that_was_stopped_equals_one_that_was_not() {
    let (text, cut) = (tiny::prepared(), tiny::cut());
    let plain = &["training.max_epochs=3", "training.accumulate=2"][..];
    let averaged = [plain, &["training.ema=0.9", "training.r_drop=5"]].concat();
    let recut = [plain, &["training.bpe_dropout=0.2"]].concat();
    let taught = [plain, &["training.teacher=t", "training.distil=0.7"]].concat();
    let cases = Isa::available().into_iter().map(|isa| (isa, &text, plain));
    let more = [&averaged, &taught].map(|changes| (Isa::best(), &text, &changes[..]));
    let more = more.into_iter().chain([(Isa::best(), &cut, &recut[..])]);
    for (isa, text, changes) in cases.chain(more) {
        let folder = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(false);
        let mut whole = trainer(isa, 2, text, changes);
        let mut seen = Watcher::new(&stop, usize::MAX);
        let whole_run =
            run(&mut whole, &options(&folder.path().join("whole"), Start::Fresh, &stop), &mut seen).unwrap();
        assert_eq!((whole_run.ending, seen.validations.len()), (Ending::Complete, 3));

        let out = folder.path().join("parts");
        let (mut losses, mut validations) = (Vec::new(), Vec::new());
        // Within the first epoch, across its end, at once, and to the end; each with another number of threads.
        let (resumed, ending) = [(1, 7), (4, 20), (3, 1), (2, usize::MAX)]
            .into_iter()
            .map(|(threads, updates)| {
                let mut part = trainer(isa, threads, text, changes);
                let mut seen = Watcher::new(&stop, updates);
                let run = run(&mut part, &options(&out, Start::Resume, &stop), &mut seen).unwrap();
                losses.extend(seen.losses);
                validations.extend(seen.validations);
                (part, run)
            })
            .last()
            .unwrap();
        assert_eq!(losses, seen.losses, "{isa:?}");
        assert_eq!(validations, seen.validations, "{isa:?}");
        assert!(bits(&resumed) == bits(&whole), "{isa:?}: weights");
        assert_eq!(resumed.progress(), whole.progress());
        let averaged = |run: &lsra_train::Run| {
            let (chosen, weights) =
                final_weights(&run.checkpoints, &whole.model().params, whole.progress(), whole.updates_per_epoch(), 2)
                    .unwrap()
                    .unwrap();
            (chosen, weights.iter().flat_map(|t| t.to_vec()).map(f32::to_bits).collect::<Vec<u32>>())
        };
        assert!(averaged(&ending) == averaged(&whole_run), "{isa:?}: averaged weights");
    }
}

#[test]
fn it_learns_and_stops_when_it_learns_no_more() {
    let text = tiny::prepared();
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    // A learning rate that falls to nothing: validations must stop improving.
    let changes =
        ["training.schedule=cosine", "training.period_updates=150", "training.final_lr=0", "training.patience=2"];
    let mut trainer = trainer(Isa::best(), 2, &text, &[&changes[..], &["training.period_growth=1000"]].concat());
    let mut seen = Watcher::new(&stop, usize::MAX);
    let run = run(&mut trainer, &options(folder.path(), Start::Fresh, &stop), &mut seen).unwrap();
    assert_eq!(run.ending, Ending::Converged);
    let losses: Vec<f64> = seen.validations.iter().map(|v| v.valid.loss()).collect();
    let best = trainer.progress().best().unwrap();
    assert!(best.valid.loss() < 0.8 * losses[0], "{losses:?}");
    assert_eq!(best.updates, seen.validations[losses.len() - 3].updates);
    let kept: Vec<u64> = run.checkpoints.entries().unwrap().iter().map(|e| e.updates).collect();
    assert!(kept.contains(&best.updates), "{kept:?}");
}

/// What is validated where a run happens to stop counts neither for patience nor as the best once it goes on.
#[test]
fn many_short_runs_end_where_a_whole_one_does() {
    let text = tiny::prepared();
    let stop = AtomicBool::new(false);
    let changes =
        ["training.schedule=cosine", "training.period_updates=150", "training.final_lr=0", "training.patience=2"];
    let whole = tempfile::tempdir().unwrap();
    let mut wanted = trainer(Isa::best(), 2, &text, &changes);
    let run_of = |trainer: &mut Trainer<'_>, folder: &Path, start: Start| {
        run(trainer, &options(folder, start, &stop), &mut Watcher::new(&stop, usize::MAX)).unwrap().ending
    };
    assert_eq!(run_of(&mut wanted, whole.path(), Start::Fresh), Ending::Converged);
    assert!(wanted.updates_per_epoch() > 2);

    let parts = tempfile::tempdir().unwrap();
    for end in (1..).map(|n| n * wanted.updates_per_epoch() / 2) {
        let until = format!("training.max_updates={end}");
        let mut again = trainer(Isa::best(), 2, &text, &[&changes[..], &[until.as_str()]].concat());
        if run_of(&mut again, parts.path(), Start::Resume) == Ending::Converged {
            assert_eq!(again.progress(), wanted.progress());
            assert!(bits(&again) == bits(&wanted));
            break;
        }
        assert!(end < 2 * wanted.progress().updates, "it has not stopped where the whole run did");
    }
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_harms_nothing() {
    let text = tiny::prepared();
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    // The first step makes weights of 1e30, whose products are beyond f32.
    let changes = ["training.lr=1e30", "training.warmup_updates=0", "training.checkpoint_minutes=1e-9"];
    let mut trainer = trainer(Isa::best(), 2, &text, &changes);
    let mut seen = Watcher::new(&stop, usize::MAX);
    let Err(error) = run(&mut trainer, &options(folder.path(), Start::Fresh, &stop), &mut seen) else {
        panic!("a learning rate of 1e30 does no harm");
    };
    let ended = seen.losses.len() as u64 + 1;
    assert!(matches!(error, TrainError::NotANumber { update, .. } if update == ended), "{error}");
    assert!(error.to_string().contains("training.lr") && error.to_string().contains("training.clip_norm"), "{error}");
    // The weights are those before the update, and those of the last checkpoint, which is whole.
    assert_eq!(trainer.progress().updates, ended - 1);
    let checkpoints = CheckpointFolder::open(folder.path().join("checkpoints")).unwrap();
    let newest = checkpoints.newest().unwrap().0.expect("a checkpoint before the update");
    assert_eq!(newest.saved().progress, *trainer.progress());
    let saved = newest.weights(&trainer.model().params).unwrap();
    assert!(saved.iter().zip(trainer.weights().iter()).all(|(s, w)| s.data() == w.data()));
}

/// The last update of an epoch may make weights that no later update tells of.
#[test]
fn a_validation_that_is_no_number_takes_no_place() {
    let text = tiny::prepared();
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    // An update an epoch, of which the second makes weights of 1e30.
    let changes = [
        "training.optimizer=nesterov",
        "training.lr=1e30",
        "training.warmup_from=1e-3",
        "training.warmup_updates=1",
        "training.accumulate=1000",
        "training.average_checkpoints=1",
    ];
    let mut trainer = trainer(Isa::best(), 2, &text, &changes);
    assert_eq!(trainer.updates_per_epoch(), 1);
    let mut seen = Watcher::new(&stop, usize::MAX);
    let Err(error) = run(&mut trainer, &options(folder.path(), Start::Fresh, &stop), &mut seen) else {
        panic!("a learning rate of 1e30 does no harm");
    };
    assert!(matches!(error, TrainError::NotANumber { .. }), "{error}");
    let checkpoints = CheckpointFolder::open(folder.path().join("checkpoints")).unwrap();
    let newest = checkpoints.newest().unwrap().0.expect("the one of the first epoch");
    let validations = &newest.saved().progress.validations;
    assert!(validations.len() == 1 && validations[0].valid.loss().is_finite());
}

#[test]
fn another_run_is_told_from_the_same() {
    let text = tiny::prepared();
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let mut first = trainer(Isa::best(), 2, &text, &[]);
    run(&mut first, &options(folder.path(), Start::Fresh, &stop), &mut Watcher::new(&stop, 2)).unwrap();
    let resume = |text: &Prepared, changes: &[&str], start: Start| {
        let mut again = trainer(Isa::best(), 1, text, changes);
        run(&mut again, &options(folder.path(), start, &stop), &mut Watcher::new(&stop, 1)).map(|_| ())
    };
    let error = resume(&text, &[], Start::Fresh).unwrap_err();
    assert!(error.to_string().contains("--resume"), "{error}");
    let error = resume(&text, &["training.lr=0.001"], Start::Resume).unwrap_err();
    assert!(error.to_string().contains("training.lr = 0.005, this one has 0.001"), "{error}");
    let error = resume(&text, &["model.dropout=0.2"], Start::Resume).unwrap_err();
    assert!(error.to_string().contains("model.dropout"), "{error}");
    // A teacher is known by its weights: its file may move, but not become another.
    let taught = folder.path().join("taught");
    let mut first = trainer(Isa::best(), 2, &text, &["training.teacher=a"]);
    run(&mut first, &options(&taught, Start::Fresh, &stop), &mut Watcher::new(&stop, 2)).unwrap();
    let mut moved = trainer(Isa::best(), 2, &text, &["training.teacher=b"]);
    run(&mut moved, &options(&taught, Start::Resume, &stop), &mut Watcher::new(&stop, 1)).unwrap();
    let mut without = trainer(Isa::best(), 2, &text, &[]);
    let error = run(&mut without, &options(&taught, Start::Resume, &stop), &mut Watcher::new(&stop, 1)).map(|_| ());
    assert!(error.as_ref().unwrap_err().to_string().contains("a teacher of fingerprint"), "{error:?}");
    let mut shorter = text.clone();
    let drop_last = |c: &mut Corpus| (c.source.pop(), c.target.pop());
    drop_last(&mut shorter.train);
    let error = resume(&shorter, &[], Start::Resume).unwrap_err();
    assert!(error.to_string().contains("text"), "{error}");
    // Nor from other weights than drawn ones.
    let given = |seed: u64| Weights::init(&trainer(Isa::best(), 1, &text, &[]).model().params, seed);
    let resume_from = |out: &Path, weights: Option<Weights>, start: Start| {
        let mut again = trainer_from(weights, Isa::best(), 1, &text, &[]).unwrap();
        run(&mut again, &options(out, start, &stop), &mut Watcher::new(&stop, 1)).map(|_| ())
    };
    let error = resume_from(folder.path(), Some(given(3)), Start::Resume).unwrap_err().to_string();
    assert!(error.contains("--from none") && error.contains("a model whose weights are "), "{error}");
    let other = tempfile::tempdir().unwrap();
    resume_from(other.path(), Some(given(3)), Start::Fresh).unwrap();
    for weights in [None, Some(given(4))] {
        let error = resume_from(other.path(), weights, Start::Resume).unwrap_err().to_string();
        assert!(error.contains("that run had --from a model whose weights are "), "{error}");
    }
    resume_from(other.path(), Some(given(3)), Start::Resume).unwrap();
    // What only says when to end may change.
    resume(&text, &["training.max_epochs=2", "training.patience=5"], Start::Resume).unwrap();
}

#[test]
fn weights_of_another_model_are_refused() {
    let text = tiny::prepared();
    let other = |changes: &[&str]| {
        let weights = Some(Weights::init(&trainer(Isa::best(), 1, &text, changes).model().params, 1));
        trainer_from(weights, Isa::best(), 1, &text, &[]).map(|_| ()).unwrap_err().to_string()
    };
    let error = other(&["model.feed_forward=24"]);
    assert!(error.contains("tensor ") && error.contains("24"), "{error}");
    let error = other(&["model.encoder_layers=2", "model.encoder_kernels=[3, 3]"]);
    assert!(error.contains(" tensors, expected "), "{error}");
    let mut more = text.clone();
    more.source_vocabulary = tiny::cut().source_vocabulary;
    assert_ne!(more.source_vocabulary.len(), text.source_vocabulary.len());
    let weights = Weights::init(&trainer(Isa::best(), 1, &more, &[]).model().params, 1);
    let error = trainer_from(Some(weights), Isa::best(), 1, &text, &[]).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(&format!("expected {} x", text.source_vocabulary.len())), "{error}");
}
