//! Spans: recorded whole and well nested while somebody asks for it, and not at all otherwise; every kernel has one.

use lsra_kernels::elementwise::add_rows;
use lsra_kernels::gemm::{Epilogue, PackedB, Precision, gemm};
use lsra_kernels::trace::{self, Category, Event, Trace};
use lsra_kernels::{Isa, Rows, RowsMut};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

/// Recording is one for the process: tests that record take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn product(rows: usize) {
    let (a, w) = (vec![1.0; rows * 3], [1.0; 15]);
    let isa = Isa::best();
    let packed = PackedB::from_transposed(isa, Rows::new(&w, 5, 3), Precision::F32);
    let mut c = vec![0.0; rows * 5];
    gemm(isa, Rows::new(&a, rows, 3), &packed, RowsMut::new(&mut c, rows, 5), Epilogue::None);
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|e| e.name).collect()
}

fn mine(trace: &Trace) -> &[Event] {
    assert_eq!(trace.threads.len(), 1);
    &trace.threads[0].events
}

#[test]
fn nothing_is_recorded_before_and_after() {
    let _turn = turn();
    // A recording tells of what ran between its start and its end, of nothing else.
    product(2);
    trace::start(100);
    product(3);
    let recorded = trace::stop();
    product(4);
    assert_eq!(names(mine(&recorded)).iter().filter(|name| **name == "gemm/f32").count(), 1);
    trace::start(100);
    assert_eq!(trace::stop().threads, [], "what ran while nobody recorded was kept nowhere");
}

#[test]
fn a_span_holds_its_sizes_its_work_and_what_is_within() {
    let _turn = turn();
    trace::start(100);
    {
        let _step = trace::step("step", []);
        let _operation = trace::operation("linear", [2, 3, 5]).multiply_adds(|| 7);
        product(2);
    }
    let trace = trace::stop();
    let events = mine(&trace);
    assert_eq!(names(events), ["pack/f32", "gemm/f32", "linear", "step"]);
    assert_eq!(events.iter().map(|e| e.depth).collect::<Vec<_>>(), [2, 2, 1, 0]);
    assert_eq!(events.iter().map(|e| e.multiply_adds).collect::<Vec<_>>(), [0, 30, 37, 37]);
    assert_eq!(events[1].category, Category::Kernel);
    assert_eq!(events[1].sizes.to_string(), "2x3x5");
    assert_eq!(events[1].sizes.values(), [2, 3, 5]);
    assert_eq!(events[3].sizes.to_string(), "");
    assert!(events[0].end <= events[1].start);
    assert!(events[2].start <= events[0].start && events[1].end <= events[2].end);
    assert!(events[3].start <= events[2].start && events[2].end <= events[3].end);
    assert!(!trace.is_full && trace.span_cost > 0.0 && trace.span_cost < 10_000.0, "{}", trace.span_cost);
}

#[test]
fn time_passes_as_it_does_elsewhere() {
    let _turn = turn();
    trace::start(100);
    let clock = std::time::Instant::now();
    {
        let _phase = trace::phase("sleep", []);
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
    let outside = clock.elapsed().as_nanos() as f64;
    let trace = trace::stop();
    let event = mine(&trace)[0];
    let inside = (event.end - event.start) as f64;
    // Both clocks are read within some microseconds, unless the thread is put aside in between.
    assert!((0.03e9..outside * 1.001).contains(&inside), "{inside} ns of {outside}");
}

#[test]
fn what_is_under_way_at_either_end_is_left_out() {
    let _turn = turn();
    let before = trace::phase("before", []);
    trace::start(100);
    product(1);
    drop(before);
    let open = trace::phase("open", []);
    product(1);
    let trace = trace::stop();
    product(1);
    drop(open);
    assert_eq!(names(mine(&trace)), ["pack/f32", "gemm/f32"]);
    // What was under way then is not of the next recording either.
    let open = {
        trace::start(100);
        let open = trace::phase("of the first", []);
        trace::start(100);
        product(1);
        open
    };
    drop(open);
    product(1);
    assert_eq!(names(mine(&trace::stop())), ["pack/f32", "gemm/f32"]);
}

#[test]
fn recording_ends_when_it_is_full_with_whole_spans_only() {
    let _turn = turn();
    trace::start(7);
    for _ in 0..5 {
        let _step = trace::step("step", []);
        product(1);
    }
    let trace = trace::stop();
    assert!(trace.is_full);
    assert_eq!(names(mine(&trace)), ["pack/f32", "gemm/f32", "step"].repeat(2));
}

#[test]
fn threads_are_told_apart_by_their_names() {
    let _turn = turn();
    trace::start(100);
    let (done, ready) = (mpsc::channel(), mpsc::channel());
    let thread = std::thread::Builder::new().name("worker".to_owned()).spawn(move || {
        product(1);
        done.0.send(()).unwrap();
        // Still there when the recording ends.
        ready.1.recv().unwrap();
    });
    done.1.recv().unwrap();
    product(2);
    let trace = trace::stop();
    ready.0.send(()).unwrap();
    thread.unwrap().join().unwrap();
    assert_eq!(trace.threads.len(), 2);
    assert!(trace.threads[0].id < trace.threads[1].id);
    let worker = trace.threads.iter().find(|t| t.name == "worker").expect("the thread's name");
    assert_eq!(worker.events[1].sizes.to_string(), "1x3x5");
}

#[test]
fn a_panic_within_a_span_leaves_a_trace() {
    let _turn = turn();
    trace::start(100);
    let caught = std::panic::catch_unwind(|| {
        let (mut y, x) = ([0.0; 2], [0.0; 3]);
        add_rows(Isa::SCALAR, RowsMut::new(&mut y, 1, 2), Rows::new(&x, 1, 3));
    });
    assert!(caught.is_err());
    product(1);
    assert_eq!(names(mine(&trace::stop())), ["add", "pack/f32", "gemm/f32"]);
}

/// Kernels that only call another one.
const WRAPPERS: [&str; 6] =
    ["add_assign", "depthwise_conv", "depthwise_conv_backward", "gemm", "softmax_taps", "softmax_taps_backward"];

#[test]
fn every_kernel_has_a_span() {
    let mut kernels = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut kernels);
    assert!(kernels.len() > 30, "{kernels:?}");
    for (name, body) in kernels {
        let wraps = WRAPPERS.contains(&name.as_str());
        assert!(
            body.contains("trace::kernel(") != wraps,
            "{name} has a span at its entry, or is a wrapper without one"
        );
    }
}

/// Public functions that take an `Isa` and belong to no type, and their bodies.
fn collect(folder: &Path, kernels: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // What is measured in `peak` is the machine; `int8` is entered through `gemm`.
        if path.ends_with("peak") || path.ends_with("int8") {
            continue;
        }
        if path.is_dir() {
            collect(&path, kernels);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for function in text.split("\npub fn ").skip(1) {
            let function = function.split("\n}").next().unwrap();
            let (head, body) = function.split_once(" {\n").unwrap_or_else(|| panic!("{function}"));
            if head.contains("isa: Isa") {
                let name = head.split(['(', '<']).next().unwrap();
                kernels.push((name.to_owned(), body.to_owned()));
            }
        }
    }
}
