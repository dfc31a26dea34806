//! What helps where data is small: means of weights, merges left out, a teacher, passes that agree.

use lsra::train::Settings;
use lsra_exec::{Directions, Eager, Packed, Weights};
use lsra_kernels::Isa;
use lsra_model::{Model, ModelConfig};
use lsra_tests::runs::{Watcher, bits, options, teacher, trainer, trainer_from};
use lsra_tests::tiny;
use lsra_text::{Bpe, Recut};
use lsra_train::{
    FinalWeights, LossSums, Setup, Start, Trainer, best_final_weights, final_weights, lanes, pair_losses, run,
};
use std::sync::atomic::AtomicBool;

/// Training itself is as without it; what is validated and kept is the mean, which a model file is made of.
#[test]
fn a_mean_over_updates_is_what_is_validated_and_kept() {
    let text = tiny::prepared();
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let changes = ["training.ema=0.9", "training.max_epochs=2"];
    let mut plain = trainer(Isa::best(), 2, &text, &changes[1..]);
    let mut averaged = trainer(Isa::best(), 2, &text, &changes);
    let run = run(&mut averaged, &options(folder.path(), Start::Fresh, &stop), &mut Watcher::new(&stop, usize::MAX));
    while plain.progress().epoch <= 2 {
        plain.update().unwrap();
        if plain.at_epoch_end() {
            plain.next_epoch();
        }
    }
    let data = |weights: &Weights| weights.iter().flat_map(|t| t.to_vec()).collect::<Vec<f32>>();
    assert!(data(plain.weights()) == data(averaged.weights()), "the mean changes no update");
    assert!(data(averaged.weights()) != data(averaged.validated_weights()));

    let (params, progress) = (&averaged.model().params, averaged.progress());
    let kept = |count| {
        final_weights(&run.as_ref().unwrap().checkpoints, params, progress, averaged.updates_per_epoch(), count)
    };
    assert_eq!(progress.best().unwrap().updates, progress.updates, "the last is the best so early");
    assert!(data(&kept(1).unwrap().unwrap().1) == data(averaged.validated_weights()));
    let isa = averaged.isa();
    let packed = Packed::new(isa, averaged.model(), averaged.validated_weights(), Directions::Forward);
    let mut eager = Eager::new(isa, averaged.model(), averaged.validated_weights(), &packed);
    let all: Vec<u32> = (0..text.valid.len() as u32).collect();
    let losses =
        pair_losses(&mut eager, averaged.model(), &lanes::pairs(&text.valid, &all), averaged.config().label_smoothing);
    let (found, want) = (progress.validations.last().unwrap().valid.loss(), LossSums::of(&losses).loss());
    // The same losses, added up in another order.
    assert!((found - want).abs() <= 1e-12 * want, "{found}, not {want}");
}

/// The least loss on valid decides between the best checkpoint and means; where the newest is far ahead of those before it, no mean is taken.
#[test]
fn weights_that_are_best_on_valid_are_chosen() {
    let text = tiny::prepared();
    let folder = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let changes = ["training.max_epochs=4", "training.average_checkpoints=3", "training.lr=0.02"];
    let mut trainer = trainer(Isa::best(), 2, &text, &changes);
    let run = run(&mut trainer, &options(folder.path(), Start::Fresh, &stop), &mut Watcher::new(&stop, usize::MAX));
    let (checkpoints, params) = (&run.unwrap().checkpoints, &trainer.model().params);
    let (progress, per_epoch) = (trainer.progress(), trainer.updates_per_epoch());
    let one = |count| final_weights(checkpoints, params, progress, per_epoch, count).unwrap().unwrap();
    let best = |most, loss: &mut dyn FnMut(&FinalWeights, &Weights) -> f64| {
        best_final_weights(checkpoints, params, progress, per_epoch, most, loss).unwrap().unwrap().0
    };
    let mut losses = Vec::new();
    let chosen = best(3, &mut |weights, values| {
        losses.push((trainer.losses_on_valid(values).loss(), weights.clone()));
        losses.last().unwrap().0
    });
    assert_eq!(losses.iter().map(|(_, w)| w.clone()).collect::<Vec<_>>(), [1, 2, 3].map(|count| one(count).0));
    assert_eq!(losses[0].0, progress.best().unwrap().valid.loss(), "as it was validated then");
    // Each epoch of these learns much.
    assert!(losses[0].0 < losses[1].0 && losses[1].0 < losses[2].0, "{losses:?}");
    assert_eq!(chosen, one(1).0);
    // Of equals the first; and no mean comes twice where there are fewer checkpoints than are asked for.
    let mut asked = 0;
    let chosen = best(9, &mut |weights, _| {
        asked += 1;
        f64::from(u8::from(matches!(weights, FinalWeights::Best(_))))
    });
    assert_eq!((chosen, asked), (one(2).0, 3));
}

/// Each epoch sees other pieces of the same text; a rate of 0 trains on the plain ones, to the bit.
#[test]
fn dropped_merges_change_pieces_each_epoch_and_none_change_nothing() {
    let (text, cut) = (tiny::prepared(), tiny::cut());
    let tokens = |changes: &[&str]| {
        let mut trainer = trainer(Isa::best(), 2, &cut, changes);
        let mut epoch = || {
            let mut tokens = 0;
            while !trainer.at_epoch_end() {
                tokens += trainer.update().unwrap().losses.tokens;
            }
            trainer.next_epoch();
            tokens
        };
        ([epoch(), epoch()], bits(&trainer))
    };
    let plain = cut.train.tokens().1;
    let ([first, second], weights) = tokens(&["training.bpe_dropout=0"]);
    assert_eq!([first, second], [plain; 2]);
    assert!(weights == tokens(&[]).1);
    let ([first, second], _) = tokens(&["training.bpe_dropout=0.1"]);
    assert!(plain < first && first < 2 * plain && first != second, "{plain}, {first}, {second}");

    let recut = Recut::new(&cut).unwrap();
    for sentence in 0..cut.train.len() {
        let plain = [&cut.train.source[sentence], &cut.train.target[sentence]].map(Clone::clone);
        assert_eq!(recut.pair(0.0, 1, 1, sentence as u32), plain);
        // Of that sentence, each side by its own pieces, whatever is left out.
        let [source, target] = recut.pair(0.5, 1, 1, sentence as u32);
        let texts = &cut.texts.train;
        assert_eq!(Bpe::join(&cut.source_vocabulary.decode(&source)), texts.source[sentence]);
        assert_eq!(Bpe::join(&cut.target_vocabulary.decode(&target)), texts.target[sentence]);
    }
    // Text that came cut cannot be cut anew.
    assert!(Recut::new(&text).is_none());
    let changes = vec!["training.bpe_dropout=0.1".to_owned()];
    let Settings { model, training, .. } = Settings::parse("tiny", tiny::PRESET, &changes).unwrap();
    let (model, train, valid) = (Model::new(&model).unwrap(), &text.train, &text.valid);
    let isa = Isa::best();
    let (recut, weights, teacher) = (None, None, None);
    let setup = Setup { isa, threads: 1, seed: 1, model, config: training, train, valid, recut, weights, teacher };
    let error = Trainer::new(setup).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("training.bpe_dropout = 0.1"), "{error}");
}

/// A teacher without a share changes no bit; with the whole loss the student comes nearer to it.
#[test]
fn a_teacher_is_followed_as_far_as_it_is_given_a_share() {
    let text = tiny::prepared();
    let updates = |changes: &[&str]| {
        let mut trainer = trainer(Isa::best(), 2, &text, changes);
        let mut update = |_| {
            if trainer.at_epoch_end() {
                trainer.next_epoch();
            }
            trainer.update().unwrap().losses.divergence_bits()
        };
        let divergences: Vec<f64> = (0..20).map(&mut update).collect();
        (divergences, bits(&trainer))
    };
    let plain = updates(&[]);
    assert!(plain.0.iter().all(|d| *d == 0.0));
    assert!(plain == updates(&["training.teacher=t", "training.distil=0"]));
    let (divergences, weights) = updates(&["training.teacher=t", "training.distil=1", "training.warmup_updates=5"]);
    assert!(divergences[19] < 0.8 * divergences[0] && divergences[19] > 0.0, "{divergences:?}");
    assert!(weights != plain.1);

    let changes = ["training.teacher=t".to_owned()];
    let Settings { model, training, .. } = Settings::parse("tiny", tiny::PRESET, &changes).unwrap();
    let (source_vocabulary, target_vocabulary) = (text.source_vocabulary.len(), text.target_vocabulary.len());
    let config = ModelConfig { source_vocabulary, target_vocabulary, ..model };
    let refused = |other: Option<ModelConfig>| {
        let model = |config: &ModelConfig| Model::new(config).unwrap();
        let setup = Setup {
            isa: Isa::best(),
            threads: 1,
            seed: 1,
            model: model(&config),
            config: training.clone(),
            train: &text.train,
            valid: &text.valid,
            recut: None,
            weights: None,
            teacher: other.map(|t| teacher(Isa::best(), &model(&t), &training, 9)),
        };
        Trainer::new(setup).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(None).contains("training.teacher"));
    for (other, part) in [
        (ModelConfig { target_vocabulary: target_vocabulary + 8, ..config.clone() }, "target vocabulary"),
        (ModelConfig { max_positions: 32, ..config.clone() }, "at least 64"),
    ] {
        let error = refused(Some(other));
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn passes_that_drop_nothing_cannot_agree() {
    let text = tiny::prepared();
    let still = ["model.dropout=0", "model.attention_dropout=0", "model.taps_dropout=0", "training.r_drop=5"];
    let changes = still.map(str::to_owned);
    let error = Settings::parse("tiny", tiny::PRESET, &changes).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("training.r_drop = 5") && error.contains("model.dropout"), "{error}");
    // One kind is enough.
    for kept in 0..3 {
        let mut changes = still.to_vec();
        changes.remove(kept);
        assert!(trainer_from(None, Isa::best(), 1, &text, &changes).is_ok());
    }
}
