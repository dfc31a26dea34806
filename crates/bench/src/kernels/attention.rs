//! Attention over sequences of one length, as many as make a lane's part of a batch, at two widths of a head; and over the keys of one
//! sentence, as they are laid out for a search.

use super::data::{Values, assert_near, values, zeros};
use crate::{Case, Plan};
use lsra_kernels::attention::{
    AttentionScratch, AttentionShape, KeyPanels, Mask, attention, attention_backward, attention_over_panels,
    key_panels, lay_out_keys, panel_values,
};
use lsra_kernels::gemm::Precision;
use lsra_kernels::reference::attention::{self as oracle, Inputs};
use lsra_kernels::{Isa, Rows, RowsMut, work};

const HEADS: usize = 4;
/// Tokens of all sequences together, at least one sequence.
const TOKENS: usize = 1000;
/// Above so many tokens the oracle, which is plain loops in f64, takes seconds.
const CHECKED: usize = 1000;

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for width in [20, 64] {
        for length in [30, 100, 1000, 4000] {
            for (seen, mask) in [("full", Mask::None), ("causal", Mask::Causal)] {
                let name = |direction: &str| format!("attention/{seen}/{direction}/head{width}/t{length}");
                plans.push(Plan::new(name("forward"), move |isa| Data::new(isa, width, length, mask).forward_case()));
                plans.push(Plan::new(name("backward"), move |isa| Data::new(isa, width, length, mask).backward_case()));
            }
        }
    }
    plans.push(Plan::new("attention/panels/lay-out/head40/t30", |isa| Search::new(isa, 1).laying_out_case()));
    for queries in [1, 4] {
        plans.push(Plan::new(format!("attention/panels/q{queries}/head40/t30"), move |isa| {
            Search::new(isa, queries).step_case()
        }));
    }
    plans
}

/// The multiply-adds of a run.
fn counted(run: impl FnOnce()) -> usize {
    let before = work::multiply_adds();
    run();
    (work::multiply_adds() - before) as usize
}

/// Channels of a head of `iwslt-160`'s attention to the source.
const WIDTH: usize = 40;
/// Tokens of a sentence.
const SOURCE: usize = 30;

/// A sentence's keys and values, and the queries that hypotheses bring in one step.
struct Search {
    isa: Isa,
    shape: AttentionShape,
    queries: usize,
    q: Values,
    k: Values,
    v: Values,
    panels: Values,
    out: Values,
    scratch: AttentionScratch,
}

impl Search {
    fn new(isa: Isa, queries: usize) -> Search {
        let shape = AttentionShape::new(HEADS * WIDTH, HEADS);
        let channels = shape.channels();
        let [k, v] = [2, 3].map(|seed| values(SOURCE * channels, seed));
        let mut search = Search {
            isa,
            shape,
            queries,
            q: values(queries * channels, 1),
            k,
            v,
            panels: zeros(panel_values(key_panels(SOURCE), channels)),
            out: zeros(queries * channels),
            scratch: AttentionScratch::default(),
        };
        search.lay_out();
        search
    }

    fn lay_out(&mut self) {
        let k = Rows::new(&self.k, SOURCE, self.shape.channels());
        lay_out_keys(self.isa, k, &[0, SOURCE], &mut self.panels);
    }

    fn step(&mut self) {
        let (n, channels) = (self.queries, self.shape.channels());
        let [q, v] = [(&self.q, n), (&self.v, SOURCE)].map(|(x, rows)| Rows::new(x, rows, channels));
        let keys = KeyPanels { data: &self.panels, starts: &[0] };
        let (ranges, out, scratch) = ([(0, SOURCE)], RowsMut::new(&mut self.out, n, channels), &mut self.scratch);
        attention_over_panels(self.isa, &self.shape, q, &[0, n], keys, v, &ranges, out, scratch);
    }

    /// Checks panels and outputs, which are made of them.
    fn check(&mut self) {
        self.step();
        let (q_offsets, kv_ranges) = (&[0, self.queries], &[(0, SOURCE)]);
        let (shape, q, k, v) = (self.shape, &self.q[..], &self.k[..], &self.v[..]);
        let inputs = Inputs { shape, mask: Mask::None, q, q_offsets, k, v, kv_ranges, dropped: &[] };
        assert_near("attention over panels", &self.out, &oracle::attention(&inputs));
    }

    fn laying_out_case(mut self) -> Case {
        self.check();
        Case::bytes(4 * (self.k.len() + self.panels.len()), move || self.lay_out())
    }

    fn step_case(mut self) -> Case {
        self.check();
        let products = counted(|| self.step());
        Case::multiply_adds(Precision::F32, products, move || self.step())
    }
}

struct Data {
    isa: Isa,
    shape: AttentionShape,
    mask: Mask,
    offsets: Vec<usize>,
    ranges: Vec<(usize, usize)>,
    /// q, k, v and the gradient of the output.
    inputs: [Values; 4],
    out: Values,
    log_sum: Values,
    gradients: [Values; 3],
    scratch: AttentionScratch,
}

impl Data {
    fn new(isa: Isa, width: usize, length: usize, mask: Mask) -> Data {
        let shape = AttentionShape::new(HEADS * width, HEADS);
        let n = (TOKENS / length).max(1);
        let (tokens, channels) = (n * length, shape.channels());
        Data {
            isa,
            shape,
            mask,
            offsets: (0..=n).map(|i| i * length).collect(),
            ranges: (0..n).map(|i| (i * length, (i + 1) * length)).collect(),
            inputs: [1, 2, 3, 4].map(|seed| values(tokens * channels, seed)),
            out: zeros(tokens * channels),
            log_sum: zeros(tokens * HEADS),
            gradients: [(); 3].map(|()| zeros(tokens * channels)),
            scratch: AttentionScratch::default(),
        }
    }

    fn tokens(&self) -> usize {
        *self.offsets.last().expect("there is a sequence")
    }

    fn forward(&mut self) {
        let (t, channels) = (self.tokens(), self.shape.channels());
        let [q, k, v, _] = self.inputs.each_ref().map(|x| Rows::new(x, t, channels));
        let (out, log_sum) = (RowsMut::new(&mut self.out, t, channels), Some(&mut self.log_sum[..]));
        let (shape, mask, offsets, ranges) = (&self.shape, self.mask, &self.offsets, &self.ranges);
        attention(self.isa, shape, mask, q, offsets, k, v, ranges, None, out, log_sum, &mut self.scratch);
    }

    fn backward(&mut self) {
        let (t, channels) = (self.tokens(), self.shape.channels());
        let [q, k, v, dout] = self.inputs.each_ref().map(|x| Rows::new(x, t, channels));
        let [dq, dk, dv] = self.gradients.each_mut().map(|g| RowsMut::new(g, t, channels));
        let (out, log_sum, scratch) = (Rows::new(&self.out, t, channels), &self.log_sum, &mut self.scratch);
        let (shape, mask, offsets, ranges) = (&self.shape, self.mask, &self.offsets, &self.ranges);
        attention_backward(
            self.isa, shape, mask, q, offsets, k, v, ranges, None, out, log_sum, dout, dq, dk, dv, scratch,
        );
    }

    fn oracle(&self) -> Inputs<'_, f32> {
        let [q, k, v, _] = &self.inputs;
        let (q_offsets, kv_ranges) = (&self.offsets[..], &self.ranges[..]);
        Inputs { shape: self.shape, mask: self.mask, q, q_offsets, k, v, kv_ranges, dropped: &[] }
    }

    /// Multiply-adds of the forward pass: scores, and the sum of values.
    fn run_forward(&mut self) -> usize {
        counted(|| self.forward())
    }

    fn forward_case(mut self) -> Case {
        let products = self.run_forward();
        if self.tokens() <= CHECKED {
            assert_near("attention", &self.out, &oracle::attention(&self.oracle()));
        }
        Case::multiply_adds(Precision::F32, products, move || self.forward())
    }

    fn backward_case(mut self) -> Case {
        let products = self.run_forward();
        self.backward();
        if self.tokens() <= CHECKED {
            let want = oracle::attention_backward(&self.oracle(), &self.inputs[3]);
            for (got, want) in self.gradients.iter().zip([want.dq, want.dk, want.dv]) {
                assert_near("attention's gradients", got, &want);
            }
        }
        // Scores again, and four products of the same size.
        Case::multiply_adds(Precision::F32, products / 2 * 5, move || self.backward())
    }
}
