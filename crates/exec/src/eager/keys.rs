//! Attention to source sentences, by many steps of a few queries each or by one of many.

use super::span::attention_shape;
use super::{Eager, Workspace, rows, rows_mut};
use lsra_kernels::attention::{FEW, KeyPanels, attention_over_panels, key_panels, lay_out_keys, panel_values};
use lsra_model::Sequences;
use lsra_model::exec::Mask;
use lsra_model::layers::Attention;
use lsra_tensor::Tensor;
use std::cell::OnceCell;

/// Keys and values of source sentences.
pub struct EagerKeys {
    k: Tensor,
    v: Tensor,
    /// The keys as steps read them, laid out by the first one: one of a few queries is seldom the last.
    panels: OnceCell<Tensor>,
}

impl EagerKeys {
    pub(super) fn new(k: Tensor, v: Tensor) -> EagerKeys {
        EagerKeys { k, v, panels: OnceCell::new() }
    }

    /// Rows of the values that steps make for sources of these lengths.
    pub fn rows_for(lengths: impl Iterator<Item = usize>, channels: usize) -> usize {
        panel_values(lengths.map(key_panels).sum(), channels) / channels
    }

    /// How many.
    pub(super) fn rows(&self) -> usize {
        self.k.rows()
    }
}

impl Eager<'_> {
    pub(super) fn attend_to(
        &mut self,
        q: &Tensor,
        keys: &EagerKeys,
        a: &Attention,
        targets: &Sequences,
        sources: &Sequences,
        owners: &[usize],
    ) -> Tensor {
        // Hypotheses of one sentence stand together and read the same keys: as one sequence of queries they share the work of
        // laying keys and values out, and no mask tells them apart.
        let spans = &mut self.workspace.spans;
        spans.clear();
        let mut lengths = targets.lengths();
        let mut most = 0;
        for group in owners.chunk_by(|a, b| a == b) {
            let queries = lengths.by_ref().take(group.len()).sum();
            spans.push(queries, (sources.offsets()[group[0]], sources.offsets()[group[0] + 1]));
            most = most.max(queries);
        }
        if most > FEW {
            return self.attend([q, &keys.k, &keys.v], a, Mask::None);
        }
        let panels = keys.panels.get_or_init(|| self.laid_out(&keys.k, sources));
        let starts = &mut self.workspace.spans.panels;
        starts.clear();
        let (mut sentence, mut panel) = (0, 0);
        for owner in owners.chunk_by(|a, b| a == b).map(|group| group[0]) {
            // A search has its sentences in order; whoever has not begins again.
            if owner < sentence {
                (sentence, panel) = (0, 0);
            }
            panel += (sentence..owner).map(|s| key_panels(sources.length(s))).sum::<usize>();
            sentence = owner;
            starts.push(panel);
        }
        let mut y = self.unfilled(q.rows(), a.channels);
        let Workspace { spans, attention, .. } = &mut self.workspace;
        attention_over_panels(
            self.isa,
            &attention_shape(a),
            rows(q),
            &spans.offsets,
            KeyPanels { data: panels.data(), starts: &spans.panels },
            rows(&keys.v),
            &spans.keys,
            rows_mut(&mut y),
            attention,
        );
        y
    }

    /// Keys of all sources in panels.
    fn laid_out(&self, k: &Tensor, sources: &Sequences) -> Tensor {
        let mut laid_out = self.unfilled(EagerKeys::rows_for(sources.lengths(), k.columns()), k.columns());
        lay_out_keys(self.isa, rows(k), sources.offsets(), laid_out.data_mut());
        laid_out
    }
}
