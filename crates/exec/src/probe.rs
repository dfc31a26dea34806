//! Looks inside any executor: what each operation computed, and how many multiply-adds the kernels did for it.

use lsra_kernels::work;
use lsra_model::exec::Mask;
use lsra_model::layers::{Attention, Convolution, Dropout, Embedding, Linear, Norm};
use lsra_model::{Exec, Losses, Past, Sequences};
use std::ops::Range;

/// The operations of [`Exec`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named as its method")]
pub enum Operation {
    Embed,
    Linear,
    Channels,
    Concat,
    Glu,
    LightConv,
    DynamicConv,
    SelfAttention,
    CrossAttention,
    AddNorm,
    Add,
    Norm,
    Loss,
}

/// One operation that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The part of the model, as in `encoder.layers.0.self_attn`; empty for the loss.
    pub path: String,
    /// What it was.
    pub operation: Operation,
    /// Multiply-adds that this thread's kernels counted meanwhile.
    pub multiply_adds: u64,
}

/// What is shown every record, with the value that came out; a loss has none.
pub type Observer<'a, T> = Box<dyn FnMut(&Record, Option<&T>) + 'a>;

/// An executor that runs another one and watches.
pub struct Probe<'a, E: Exec> {
    inner: E,
    path: Vec<String>,
    observer: Observer<'a, E::T>,
}

impl<'a, E: Exec> Probe<'a, E> {
    /// Runs `inner`, showing `observer` each operation after it ran.
    pub fn new(inner: E, observer: impl FnMut(&Record, Option<&E::T>) + 'a) -> Probe<'a, E> {
        Probe { inner, path: Vec::new(), observer: Box::new(observer) }
    }

    /// The executor within.
    pub fn into_inner(self) -> E {
        self.inner
    }

    fn watch(&mut self, operation: Operation, run: impl FnOnce(&mut E) -> E::T) -> E::T {
        let before = work::multiply_adds();
        let value = run(&mut self.inner);
        let record = self.record(operation, before);
        (self.observer)(&record, Some(&value));
        value
    }

    fn record(&self, operation: Operation, before: u64) -> Record {
        let path = self.path.last().cloned().unwrap_or_default();
        Record { path, operation, multiply_adds: work::multiply_adds() - before }
    }
}

impl<E: Exec> Exec for Probe<'_, E> {
    type T = E::T;
    type State = E::State;
    type Keys = E::Keys;

    fn embed(&mut self, e: &Embedding, ids: &[u32], positions: &[u32], sequences: &Sequences) -> E::T {
        self.watch(Operation::Embed, |inner| inner.embed(e, ids, positions, sequences))
    }

    fn linear(&mut self, x: &E::T, l: &Linear) -> E::T {
        self.watch(Operation::Linear, |inner| inner.linear(x, l))
    }

    fn channels(&mut self, x: &E::T, range: Range<usize>) -> E::T {
        self.watch(Operation::Channels, |inner| inner.channels(x, range))
    }

    fn concat(&mut self, parts: &[E::T]) -> E::T {
        self.watch(Operation::Concat, |inner| inner.concat(parts))
    }

    fn glu(&mut self, x: E::T) -> E::T {
        self.watch(Operation::Glu, |inner| inner.glu(x))
    }

    fn light_conv(
        &mut self,
        x: &E::T,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, E::State>>,
    ) -> E::T {
        self.watch(Operation::LightConv, |inner| inner.light_conv(x, c, sequences, past))
    }

    fn dynamic_conv(
        &mut self,
        x: &E::T,
        taps: &E::T,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, E::State>>,
    ) -> E::T {
        self.watch(Operation::DynamicConv, |inner| inner.dynamic_conv(x, taps, c, sequences, past))
    }

    fn self_attention(
        &mut self,
        qkv: [&E::T; 3],
        a: &Attention,
        mask: Mask,
        sequences: &Sequences,
        past: Option<Past<'_, E::State>>,
    ) -> E::T {
        self.watch(Operation::SelfAttention, |inner| inner.self_attention(qkv, a, mask, sequences, past))
    }

    fn keys(&mut self, k: E::T, v: E::T, sources: &Sequences) -> E::Keys {
        self.inner.keys(k, v, sources)
    }

    fn cross_attention(
        &mut self,
        q: &E::T,
        keys: &E::Keys,
        a: &Attention,
        targets: &Sequences,
        sources: &Sequences,
        owners: &[usize],
    ) -> E::T {
        self.watch(Operation::CrossAttention, |inner| inner.cross_attention(q, keys, a, targets, sources, owners))
    }

    fn add_norm(&mut self, x: E::T, residual: &E::T, n: &Norm, d: &Dropout, sequences: &Sequences) -> E::T {
        self.watch(Operation::AddNorm, |inner| inner.add_norm(x, residual, n, d, sequences))
    }

    fn add(&mut self, x: E::T, residual: &E::T, d: &Dropout, sequences: &Sequences) -> E::T {
        self.watch(Operation::Add, |inner| inner.add(x, residual, d, sequences))
    }

    fn norm(&mut self, x: &E::T, n: &Norm) -> E::T {
        self.watch(Operation::Norm, |inner| inner.norm(x, n))
    }

    fn loss(&mut self, x: &E::T, output: &Linear, targets: &[u32], smoothing: f32) -> Losses {
        let before = work::multiply_adds();
        let losses = self.inner.loss(x, output, targets, smoothing);
        let record = self.record(Operation::Loss, before);
        (self.observer)(&record, None);
        losses
    }

    fn new_state(&mut self) -> E::State {
        self.inner.new_state()
    }

    fn enter(&mut self, part: &str) {
        self.inner.enter(part);
        // A layer's name holds its side's; what is inside a layer has a name of its own.
        let path = match self.path.last() {
            Some(outer) if !part.starts_with(&format!("{outer}.")) => format!("{outer}.{part}"),
            _ => part.to_owned(),
        };
        self.path.push(path);
    }

    fn leave(&mut self) {
        self.inner.leave();
        self.path.pop();
    }
}
