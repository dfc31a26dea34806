//! Attention to source sentences, by many steps of a few queries each or by one of many.

use super::span::attention_shape;
use super::workspace::Spans;
use super::{Eager, Workspace, rows, rows_mut};
use lsra_kernels::attention::{KeyPanels, PANEL, attention_over_panels, key_panels, lay_out_keys, panel_values};
use lsra_model::Sequences;
use lsra_model::exec::Mask;
use lsra_model::layers::Attention;
use lsra_tensor::Tensor;

/// Keys and values of source sentences, which are the same in every call.
pub struct EagerKeys {
    keys: Keys,
    v: Tensor,
}

enum Keys {
    /// `[source tokens, channels]`.
    Rows(Tensor),
    /// In panels, for steps of a few queries.
    Panels(Tensor),
}

impl EagerKeys {
    /// How many.
    pub(super) fn rows(&self) -> usize {
        self.v.rows()
    }
}

impl Eager<'_> {
    /// Lays keys out where many steps will read them, and lets their rows go.
    pub(super) fn keys_of(&mut self, k: Tensor, v: Tensor, sources: &Sequences) -> EagerKeys {
        let keys = if self.few { Keys::Panels(self.laid_out(&k, sources)) } else { Keys::Rows(k) };
        EagerKeys { keys, v }
    }

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
        for group in owners.chunk_by(|a, b| a == b) {
            let queries = lengths.by_ref().take(group.len()).sum();
            spans.push(queries, (sources.offsets()[group[0]], sources.offsets()[group[0] + 1]));
        }
        let panels = match &keys.keys {
            Keys::Rows(k) => return self.attend([q, k, &keys.v], a, Mask::None),
            Keys::Panels(panels) => panels,
        };
        let Spans { panels: starts, first_panels, .. } = &mut self.workspace.spans;
        first_panels.clear();
        first_panels.extend(sources.lengths().scan(0, |next, keys| {
            let first = *next;
            *next += key_panels(keys);
            Some(first)
        }));
        starts.extend(owners.chunk_by(|a, b| a == b).map(|group| first_panels[group[0]]));
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

    /// Keys of all sources in panels, with room for those of any sources of as many tokens.
    fn laid_out(&self, k: &Tensor, sources: &Sequences) -> Tensor {
        let (panels, most) = (sources.lengths().map(key_panels).sum(), most_panels(k.rows(), sources.len()));
        let mut laid_out = Tensor::unfilled_in(&self.workspace.panels, panel_values(most, 1), k.columns());
        lay_out_keys(
            self.isa,
            rows(k),
            sources.offsets(),
            &mut laid_out.data_mut()[..panel_values(panels, k.columns())],
        );
        laid_out
    }
}

/// The most panels that so many sentences of so many tokens together fill: each but one token a sentence fills its share of a panel.
fn most_panels(tokens: usize, sentences: usize) -> usize {
    sentences + tokens.saturating_sub(sentences) / PANEL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sentences_fill_more_panels_than_the_most() {
        for (a, b) in (1..70).flat_map(|a| (1..70).map(move |b| (a, b))) {
            assert!(key_panels(a) + key_panels(b) <= most_panels(a + b, 2), "{a} and {b}");
        }
        assert_eq!([1, 16, 17, 31, 33].map(|n| most_panels(n, 1)), [1, 16, 17, 31, 33].map(key_panels));
    }
}
