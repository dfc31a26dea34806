//! Where the time of a recording went.
//!
//! A span's **own** time is its length less that of the spans right within it. Own times of all spans add up to the time that was recorded, so
//! nothing is counted twice: a kernel that another calls takes its part from the caller. A moment is **inside kernels** where the
//! thread is within a kernel's span. All else is outside: own times of operations, phases and steps, waiting, and time of a step in
//! which a thread that works for it is in no span at all.

use lsra_kernels::trace::{Category, Event, ThreadEvents, Trace};
use std::collections::BTreeMap;

/// Shares of a recording's time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// What was repeated, by name.
    pub steps: Vec<Step>,
    /// Parts of steps, the longest first. One may lie within another.
    pub phases: Vec<Phase>,
    /// Own times of kernels, the longest first.
    pub kernels: Vec<Cost>,
    /// Own times of everything else but waiting, the longest first.
    pub outside: Vec<Cost>,
    /// Nanoseconds of all threads within spans, waiting not counted: the sum of both.
    pub busy: u64,
    /// Events.
    pub spans: usize,
    /// Nanoseconds that recording one takes outside it.
    pub span_cost: f64,
    /// Whether the recording had ended by itself.
    pub is_full: bool,
}

/// All spans of a name and category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// As the spans are named.
    pub name: &'static str,
    /// Likewise.
    pub category: Category,
    /// How many.
    pub calls: usize,
    /// Nanoseconds of their own.
    pub nanoseconds: u64,
    /// Multiply-adds of their own, 0 where nobody counts them.
    pub multiply_adds: u64,
}

/// All phases of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// As the spans are named.
    pub name: &'static str,
    /// How many.
    pub calls: usize,
    /// Nanoseconds, all that is within included.
    pub nanoseconds: u64,
    /// Those inside kernels.
    pub in_kernels: u64,
    /// Those of waiting.
    pub waiting: u64,
    /// Spans within.
    pub spans: usize,
}

/// All steps of a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// As the spans are named.
    pub name: &'static str,
    /// How many.
    pub calls: usize,
    /// Nanoseconds from their starts to their ends.
    pub nanoseconds: u64,
    /// The same, once for each thread that worked for the step: its own or, where that one waits, the others.
    pub of_threads: u64,
    /// Nanoseconds of those threads inside kernels.
    pub in_kernels: u64,
    /// Nanoseconds of those threads in no span, or waiting.
    pub waiting: u64,
    /// Spans of those threads meanwhile.
    pub spans: usize,
    /// Of each step, the share outside kernels and outside recording, waiting included; in ascending order.
    pub shares_outside: Vec<f64>,
}

impl Phase {
    /// Of its time, the share outside kernels, waiting and recording included.
    pub fn share_outside(&self) -> f64 {
        share(self.nanoseconds - self.in_kernels, self.nanoseconds)
    }
}

impl Step {
    /// Of its threads' time, the share outside kernels, waiting and recording included.
    pub fn share_outside(&self) -> f64 {
        share(self.of_threads - self.in_kernels, self.of_threads)
    }
}

/// The share outside kernels of what is left of some time without the recording of its spans: what it would be, were nobody looking.
pub fn unrecorded_share(nanoseconds: u64, in_kernels: u64, spans: usize, span_cost: f64) -> f64 {
    let recording = ((spans as f64 * span_cost) as u64).min(nanoseconds - in_kernels);
    share(nanoseconds - in_kernels - recording, nanoseconds - recording)
}

pub(super) fn share(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

/// What lies within a span, or right within it.
#[derive(Clone, Copy, Default)]
struct Within {
    nanoseconds: u64,
    multiply_adds: u64,
    in_kernels: u64,
    waiting: u64,
    spans: usize,
}

impl std::ops::AddAssign for Within {
    fn add_assign(&mut self, w: Within) {
        self.nanoseconds += w.nanoseconds;
        self.multiply_adds += w.multiply_adds;
        self.in_kernels += w.in_kernels;
        self.waiting += w.waiting;
        self.spans += w.spans;
    }
}

/// An outermost span of a thread.
struct Root {
    start: u64,
    within: Within,
}

impl Profile {
    /// Adds everything up.
    pub fn of(trace: &Trace) -> Profile {
        let mut profile = Profile { span_cost: trace.span_cost, is_full: trace.is_full, ..Profile::default() };
        let mut costs = BTreeMap::new();
        let mut phases = BTreeMap::new();
        let mut steps: Vec<(usize, Event, Within)> = Vec::new();
        let mut roots: Vec<Vec<Root>> = Vec::new();
        for (i, thread) in trace.threads.iter().enumerate() {
            roots.push(walk(thread, |event, own, within| {
                cost(&mut costs, event, own);
                match event.category {
                    Category::Phase => phase(&mut phases, event, within),
                    Category::Step => steps.push((i, *event, within)),
                    _ => {}
                }
            }));
            profile.spans += thread.events.len();
        }
        let longest = |costs: &mut Vec<Cost>| costs.sort_by_key(|c| std::cmp::Reverse(c.nanoseconds));
        let all = costs.into_values().filter(|c: &Cost| c.category != Category::Wait);
        (profile.kernels, profile.outside) = all.partition(|c| c.category == Category::Kernel);
        longest(&mut profile.kernels);
        longest(&mut profile.outside);
        profile.busy = profile.kernels.iter().chain(&profile.outside).map(|c| c.nanoseconds).sum();
        profile.phases = phases.into_values().collect();
        profile.phases.sort_by_key(|p: &Phase| std::cmp::Reverse(p.nanoseconds));
        profile.steps = add_steps(&steps, &roots, trace.span_cost);
        profile
    }
}

/// Visits the spans of a thread, inner ones first, with what is their own and with all that is within; returns the outermost.
fn walk(thread: &ThreadEvents, mut visit: impl FnMut(&Event, Within, Within)) -> Vec<Root> {
    // By depth: what has ended and belongs to a span that has not.
    let mut open: Vec<Within> = Vec::new();
    let mut roots = Vec::new();
    for event in &thread.events {
        let depth = event.depth as usize;
        if open.len() < depth + 2 {
            open.resize(depth + 2, Within::default());
        }
        let inner = std::mem::take(&mut open[depth + 1]);
        let length = event.end - event.start;
        let own = Within {
            nanoseconds: length - inner.nanoseconds,
            multiply_adds: event.multiply_adds - inner.multiply_adds,
            ..Within::default()
        };
        let within = Within {
            nanoseconds: length,
            multiply_adds: event.multiply_adds,
            in_kernels: if event.category == Category::Kernel { length } else { inner.in_kernels },
            waiting: inner.waiting + if event.category == Category::Wait { own.nanoseconds } else { 0 },
            spans: inner.spans + 1,
        };
        visit(event, own, within);
        open[depth] += within;
        if depth == 0 {
            roots.push(Root { start: event.start, within });
        }
    }
    roots
}

fn cost(costs: &mut BTreeMap<(&'static str, Category), Cost>, e: &Event, own: Within) {
    let new = Cost { name: e.name, category: e.category, calls: 0, nanoseconds: 0, multiply_adds: 0 };
    let cost = costs.entry((e.name, e.category)).or_insert(new);
    cost.calls += 1;
    cost.nanoseconds += own.nanoseconds;
    cost.multiply_adds += own.multiply_adds;
}

fn phase(phases: &mut BTreeMap<&'static str, Phase>, e: &Event, within: Within) {
    let new = Phase { name: e.name, calls: 0, nanoseconds: 0, in_kernels: 0, waiting: 0, spans: 0 };
    let phase = phases.entry(e.name).or_insert(new);
    phase.calls += 1;
    phase.nanoseconds += within.nanoseconds;
    phase.in_kernels += within.in_kernels;
    phase.waiting += within.waiting;
    phase.spans += within.spans;
}

fn add_steps(steps: &[(usize, Event, Within)], roots: &[Vec<Root>], span_cost: f64) -> Vec<Step> {
    let mut by_name: BTreeMap<&'static str, Step> = BTreeMap::new();
    for (thread, e, own) in steps {
        let length = e.end - e.start;
        let workers: Vec<Within> = if own.waiting == 0 {
            vec![*own]
        } else {
            // Threads that do something only while this one waits: what they began meanwhile.
            let others = roots.iter().enumerate().filter(|(i, _)| i != thread).map(|(_, roots)| during(roots, e));
            others.filter(|w| w.nanoseconds > 0).collect()
        };
        let new = Step {
            name: e.name,
            calls: 0,
            nanoseconds: 0,
            of_threads: 0,
            in_kernels: 0,
            waiting: 0,
            spans: 0,
            shares_outside: Vec::new(),
        };
        let step = by_name.entry(e.name).or_insert(new);
        step.calls += 1;
        step.nanoseconds += length;
        let of_threads = length * workers.len() as u64;
        let spans = workers.iter().map(|w| w.spans).sum();
        let in_kernels: u64 = workers.iter().map(|w| w.in_kernels).sum();
        step.of_threads += of_threads;
        step.in_kernels += in_kernels;
        step.waiting += workers.iter().map(|w| w.waiting + length - w.nanoseconds).sum::<u64>();
        step.spans += spans;
        step.shares_outside.push(unrecorded_share(of_threads, in_kernels, spans, span_cost));
    }
    let mut steps: Vec<Step> = by_name.into_values().collect();
    steps.iter_mut().for_each(|s| s.shares_outside.sort_by(f64::total_cmp));
    steps.sort_by_key(|s| std::cmp::Reverse(s.nanoseconds));
    steps
}

/// The sum of outermost spans that lie within a step.
fn during(roots: &[Root], step: &Event) -> Within {
    let mut sum = Within::default();
    let from = roots.partition_point(|r| r.start < step.start);
    for root in roots[from..].iter().take_while(|r| r.start + r.within.nanoseconds <= step.end) {
        sum += root.within;
    }
    sum
}
