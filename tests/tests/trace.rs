//! Traces of training and translating: every kernel is in them, spans lie within each other, profiles add up.

use lsra::sink::Sink;
use lsra::trace::{Profile, write_chrome};
use lsra::train::Settings;
use lsra_exec::Weights;
use lsra_infer::{GeneratorConfig, Translator};
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_kernels::trace::{self, Category, Event, Trace};
use lsra_model::{Model, ModelConfig};
use lsra_tests::tiny;
use lsra_text::Prepared;
use lsra_train::{Setup, Teacher, Trainer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Recording is one for the process: tests take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn trainer<'d>(threads: usize, text: &'d Prepared, changes: &[&str]) -> Trainer<'d> {
    let changes: Vec<String> = changes.iter().map(|c| (*c).to_owned()).collect();
    let Settings { model, training, .. } = Settings::parse("tiny", tiny::PRESET, &changes).unwrap();
    let (source_vocabulary, target_vocabulary) = (text.source_vocabulary.len(), text.target_vocabulary.len());
    let model = Model::new(&ModelConfig { source_vocabulary, target_vocabulary, ..model }).unwrap();
    let (train, valid) = (&text.train, &text.valid);
    let weights = Weights::init(&model.params, 9);
    let teacher =
        training.teachers_share().map(|_| Teacher::new(Isa::best(), model.clone(), weights, training.precision.into()));
    Trainer::new(Setup {
        isa: Isa::best(),
        threads,
        seed: 1,
        model,
        config: training,
        train,
        valid,
        recut: None,
        weights: None,
        teacher,
    })
    .unwrap()
}

/// Two updates and a validation.
fn training(threads: usize, changes: &[&str]) -> Trace {
    let text = tiny::prepared();
    let mut trainer = trainer(threads, &text, changes);
    trace::start(1_000_000);
    trainer.update().unwrap();
    trainer.update().unwrap();
    trainer.validate();
    trace::stop()
}

/// Three sentences, with beams.
fn translating(precision: Precision) -> Trace {
    let text = tiny::prepared();
    let trainer = trainer(1, &text, &[]);
    trace::start(1_000_000);
    let translator = Translator::new(trainer.isa(), trainer.model(), trainer.weights(), precision);
    let config = GeneratorConfig { beam: 2, max_len_a: 0.0, max_len_b: 6, ..GeneratorConfig::default() };
    translator.translate(&text.test.source[..3], &config, 1);
    translator.log_probs(&text.test.source[..2], &text.test.target[..2], 1);
    trace::stop()
}

fn events(trace: &Trace) -> impl Iterator<Item = &Event> {
    trace.threads.iter().flat_map(|t| &t.events)
}

fn names(trace: &Trace, category: Category) -> BTreeSet<&'static str> {
    events(trace).filter(|e| e.category == category).map(|e| e.name).collect()
}

fn assert_has(trace: &Trace, category: Category, wanted: &[&'static str]) {
    let found = names(trace, category);
    let missing: Vec<_> = wanted.iter().filter(|n| !found.contains(**n)).collect();
    assert!(missing.is_empty(), "{missing:?} of {found:?}");
}

#[test]
fn every_kernel_that_training_reaches_is_in_its_trace() {
    let _turn = turn();
    #[rustfmt::skip]
    let always = [
        "adam", "add", "add_norm", "attention", "attention_backward", "bias_gradient", "dropout", "dropout_mask", "embed",
        "embed_backward", "norm_backward", "projection_loss", "projection_loss_backward", "relu_backward", "softmax",
        "softmax_backward", "sum_squares",
    ];
    let exact = ["gemm/f32", "pack/f32", "weight_gradient/f32"];
    let per_position = ["dynamic_conv", "dynamic_conv_backward", "expand_taps", "light_conv", "reduce_taps"];
    let plain = training(1, &[]);
    assert_has(&plain, Category::Kernel, &[&always[..], &exact, &per_position].concat());

    let changes = ["model.taps_dropout_mode=shared", "model.glu=true", "training.precision=bf16"];
    let other =
        ["gemm/bf16", "glu", "glu_backward", "light_conv", "light_conv_backward", "pack/bf16", "weight_gradient/bf16"];
    assert_has(&training(1, &changes), Category::Kernel, &[&always[..], &other].concat());

    let changes = ["model.convolution=dynamic", "model.norm=pre", "training.optimizer=nesterov"];
    let other = ["add_dropout", "dynamic_conv", "dynamic_conv_backward", "nesterov"];
    assert_has(&training(1, &changes), Category::Kernel, &[&exact[..], &other].concat());

    let changes = ["training.ema=0.9", "training.r_drop=5"];
    assert_has(&training(1, &changes), Category::Kernel, &["move_towards", "projection_pair_loss_backward"]);

    let taught = training(1, &["training.teacher=t"]);
    assert_has(&taught, Category::Kernel, &["projection_distil_loss_backward"]);
    assert_has(&taught, Category::Phase, &["teacher"]);

    let phases = ["backward", "build batch", "clear gradients", "cut batch", "forward", "lanes", "optimiser"];
    assert_has(&plain, Category::Phase, &phases);
    assert_has(&plain, Category::Phase, &["pack weights", "reduce gradients", "validate"]);
    let operations = ["add_norm", "add_norm_backward", "attention_backward", "concat", "cross_attention", "linear"];
    assert_has(&plain, Category::Operation, &operations);
    assert_has(&plain, Category::Operation, &["light_conv", "light_conv_backward", "linear_backward", "loss"]);
}

#[test]
fn every_kernel_that_translating_reaches_is_in_its_trace() {
    let _turn = turn();
    for (precision, names) in Precision::ALL.into_iter().zip([
        ["gemm/f32", "pack/f32"],
        ["gemm/bf16", "pack/bf16"],
        ["gemm/int8", "pack/int8"],
    ]) {
        let trace = translating(precision);
        let kernels =
            ["add_norm", "attention", "attention_gather", "attention_over_panels", "conv_step_gather", "embed"];
        assert_has(&trace, Category::Kernel, &["lay_out_keys", "light_conv"]);
        assert_has(&trace, Category::Kernel, &[&kernels[..], &names, &["log_softmax", "softmax"]].concat());
        assert_has(&trace, Category::Step, &["encode", "score", "token"]);
        assert_has(&trace, Category::Phase, &["decode", "select"]);
    }
}

/// Of spans of one thread in order of their ends: starts, ends, depths.
fn assert_nested(spans: &[(f64, f64, u32)]) {
    for (i, &(start, end, depth)) in spans.iter().enumerate() {
        assert!(start <= end);
        // The next one to end around it is the one that it lies in, and what follows beside it starts after it.
        if let Some(&(next_start, next_end, next_depth)) = spans.get(i + 1) {
            assert!(end <= next_end, "{:?} then {:?}", spans[i], spans[i + 1]);
            if next_depth < depth {
                assert!(next_depth + 1 == depth && next_start <= start, "{:?} in {:?}", spans[i], spans[i + 1]);
            } else {
                assert!(next_start >= end, "{:?} beside {:?}", spans[i], spans[i + 1]);
            }
        }
    }
}

#[test]
fn the_file_is_json_whose_spans_lie_within_each_other() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let trace = training(2, &["training.accumulate=2"]);
    for thread in &trace.threads {
        let spans: Vec<_> = thread.events.iter().map(|e| (e.start as f64, e.end as f64, e.depth)).collect();
        assert_nested(&spans);
    }
    let mut sink = Sink::open(Some(&path)).unwrap();
    write_chrome(&trace, &mut sink).unwrap();
    assert!(!path.exists(), "a file that is not whole has no name");
    sink.finish().unwrap();

    let value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let written = value["traceEvents"].as_array().unwrap();
    let threads = written.iter().filter(|e| e["name"] == "thread_name").map(|e| e["args"]["name"].as_str().unwrap());
    let threads: Vec<&str> = threads.collect();
    assert_eq!(threads, trace.threads.iter().map(|t| t.name.as_str()).collect::<Vec<_>>());
    assert!(threads.iter().any(|name| name.starts_with("lsra-")), "{threads:?}");

    let mut read = BTreeMap::<u64, Vec<&Value>>::new();
    written.iter().filter(|e| e["ph"] == "X").for_each(|e| read.entry(e["tid"].as_u64().unwrap()).or_default().push(e));
    assert_eq!(read.len(), trace.threads.len());
    for thread in &trace.threads {
        let read = &read[&u64::from(thread.id)];
        assert_eq!(read.len(), thread.events.len());
        for (value, event) in read.iter().zip(&thread.events) {
            assert_eq!(
                (value["name"].as_str(), value["cat"].as_str()),
                (Some(event.name), Some(event.category.name()))
            );
            assert_eq!(value["args"]["sizes"], event.sizes.to_string());
            assert_eq!(value["args"]["multiply_adds"].as_u64().unwrap_or(0), event.multiply_adds);
            let [start, length] = [&value["ts"], &value["dur"]].map(|t| (t.as_f64().unwrap() * 1000.0).round() as u64);
            assert_eq!((start, start + length), (event.start, event.end));
        }
    }
}

#[test]
fn a_profile_is_the_sum_of_its_events() {
    let _turn = turn();
    for trace in [training(1, &[]), training(2, &[]), translating(Precision::Int8)] {
        let profile = Profile::of(&trace);
        let length = |e: &Event| e.end - e.start;
        let outermost: u64 = events(&trace).filter(|e| e.depth == 0).map(length).sum();
        let waiting: u64 = events(&trace).filter(|e| e.category == Category::Wait).map(length).sum();
        let costs: Vec<_> = profile.kernels.iter().chain(&profile.outside).collect();
        assert_eq!(profile.busy, outermost - waiting);
        assert_eq!(profile.busy, costs.iter().map(|c| c.nanoseconds).sum::<u64>());
        assert_eq!(profile.spans, events(&trace).count());
        let waits = events(&trace).filter(|e| e.category == Category::Wait).count();
        assert_eq!(profile.spans - waits, costs.iter().map(|c| c.calls).sum::<usize>());
        // Of the lanes and of single threads alike, work is counted where it was done.
        let done: u64 = events(&trace).filter(|e| e.depth == 0).map(|e| e.multiply_adds).sum();
        assert_eq!(done, costs.iter().map(|c| c.multiply_adds).sum::<u64>());
        assert_eq!(profile.outside.iter().map(|c| c.multiply_adds).sum::<u64>(), 0, "kernels do the work");
        assert!(done > 0);
        for phase in &profile.phases {
            let own = events(&trace).filter(|e| e.category == Category::Phase && e.name == phase.name);
            assert_eq!(phase.nanoseconds, own.map(length).sum::<u64>(), "{}", phase.name);
            assert!(phase.in_kernels <= phase.nanoseconds);
        }
        for step in &profile.steps {
            let own = events(&trace).filter(|e| e.category == Category::Step && e.name == step.name);
            let lengths: Vec<u64> = own.map(length).collect();
            assert_eq!(step.nanoseconds, lengths.iter().sum::<u64>(), "{}", step.name);
            assert_eq!([step.calls, step.shares_outside.len()], [lengths.len(); 2]);
            assert!(step.in_kernels > 0 && step.in_kernels + step.waiting <= step.of_threads, "{step:?}");
        }
    }
}

#[test]
fn nested_kernels_count_once_and_other_threads_work_for_a_step_that_waits() {
    let event = |name, category, start, end, depth, multiply_adds| {
        let sizes = trace::Sizes::default();
        Event { name, category, sizes, start, end, depth, multiply_adds }
    };
    use Category::{Kernel, Operation, Phase, Step, Wait};
    let thread = |id, events| trace::ThreadEvents { id, name: String::new(), events };
    let main =
        vec![event("wait", Wait, 10, 90, 1, 0), event("own", Phase, 92, 96, 1, 0), event("update", Step, 0, 100, 0, 0)];
    let worker = vec![
        event("inner", Kernel, 30, 40, 3, 7),
        event("outer", Kernel, 20, 60, 2, 10),
        event("linear", Operation, 18, 62, 1, 10),
        event("forward", Phase, 15, 75, 0, 10),
        // After the step: not part of it.
        event("inner", Kernel, 110, 120, 0, 1),
    ];
    let threads = vec![thread(1, main), thread(2, worker)];
    let profile = Profile::of(&Trace { threads, is_full: false, span_cost: 1.0 });
    let kernels: Vec<_> = profile.kernels.iter().map(|c| (c.name, c.calls, c.nanoseconds, c.multiply_adds)).collect();
    assert_eq!(kernels, [("outer", 1, 30, 3), ("inner", 2, 20, 8)]);
    let outside: Vec<_> = profile.outside.iter().map(|c| (c.name, c.nanoseconds)).collect();
    assert_eq!(outside, [("forward", 16), ("update", 16), ("linear", 4), ("own", 4)]);
    let forward = &profile.phases[0];
    assert_eq!((forward.name, forward.nanoseconds, forward.in_kernels, forward.spans), ("forward", 60, 40, 4));
    let update = &profile.steps[0];
    assert_eq!((update.nanoseconds, update.of_threads, update.in_kernels, update.waiting), (100, 100, 40, 40));
    assert_eq!(update.shares_outside, [56.0 / 96.0]);
    assert_eq!(update.share_outside(), 0.6);
}

fn train(folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_train"));
    let (data, preset, out) = (folder, folder.join("tiny.toml"), folder.join("out"));
    command.arg("iwslt14").arg("--data").arg(data).arg("--preset").arg(preset).arg("--out").arg(out);
    command.args(["--threads", "2", "--max-updates", "6"]).args(arguments).output().unwrap()
}

#[test]
fn the_command_records_a_window_of_updates() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let path = folder.path().join("trace.json");
    let path = path.to_str().unwrap();
    let output = train(folder.path(), &["--trace", path, "--trace-skip", "2", "--trace-updates", "3"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for part in ["GFLOP/s", "update", "forward", "backward", "gemm/f32", "trace.json"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let updates = |e: &&Value| e["cat"] == "step" && e["name"] == "update";
    assert_eq!(value["traceEvents"].as_array().unwrap().iter().filter(updates).count(), 3);
}

#[test]
fn bad_places_and_windows_are_told_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path());
    let missing = folder.path().join("none/trace.json");
    for (arguments, parts) in [
        (&["--trace", missing.to_str().unwrap()][..], &["none/trace.json", "cannot be written", "folder"][..]),
        (&["--trace", folder.path().to_str().unwrap()], &["cannot be written"]),
        (&["--trace-updates", "3"], &["--trace"]),
        (&["--trace", "x.json", "--trace-updates", "0"], &["--trace-updates"]),
    ] {
        let output = train(folder.path(), arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(parts.iter().all(|p| said.contains(p)), "{said}");
        assert!(!folder.path().join("out").exists(), "{said}");
    }
}
