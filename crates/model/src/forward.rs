//! The one forward pass.

use crate::config::NormOrder;
use crate::exec::{Exec, Mask};
use crate::layers::{Attention, Branch, DecoderLayer, EncoderLayer, FeedForward, Lsra, Model, Residual, Taps};
use crate::past::{DecoderPast, History, Past};
use crate::sequences::{Sequences, Tokens};

/// Keys and values of every decoder layer's attention to the source: computed once per sentence, shared by its hypotheses.
pub struct Memory<K> {
    /// Of each decoder layer, [`Exec::Keys`].
    pub layers: Vec<K>,
    /// The source sentences.
    pub sources: Sequences,
}

/// The encoder. Returns `[source tokens, channels]`.
pub fn encode<E: Exec>(e: &mut E, m: &Model, source: &Tokens) -> E::T {
    let sequences = &source.sequences;
    let positions: Vec<u32> = sequences.lengths().flat_map(|n| 0..n as u32).collect();
    e.enter("encoder");
    let mut x = e.embed(&m.encoder.embedding, &source.ids, &positions, sequences);
    for layer in &m.encoder.layers {
        x = encoder_layer(e, layer, m.config.norm, x, sequences);
    }
    if let Some(n) = &m.encoder.final_norm {
        x = e.norm(&x, n);
    }
    e.leave();
    x
}

/// The keys and values of all decoder layers, from the encoder's output.
pub fn remember<E: Exec>(e: &mut E, m: &Model, encoded: &E::T, sources: &Sequences) -> Memory<E::Keys> {
    e.enter("decoder");
    let mut layers = Vec::with_capacity(m.decoder.layers.len());
    for layer in &m.decoder.layers {
        e.enter(&layer.path);
        e.enter("encoder_attn");
        let (k, v) = (e.linear(encoded, &layer.cross.key), e.linear(encoded, &layer.cross.value));
        layers.push(e.keys(k, v, sources));
        e.leave();
        e.leave();
    }
    e.leave();
    Memory { layers, sources: sources.clone() }
}

/// An empty past for `hypotheses` target sequences.
pub fn begin<E: Exec>(e: &mut E, m: &Model, hypotheses: usize) -> DecoderPast<E::State> {
    let mut layers = Vec::with_capacity(m.decoder.layers.len());
    for layer in &m.decoder.layers {
        layers.push(layer.lsra.branches.iter().map(|_| e.new_state()).collect());
    }
    DecoderPast { history: History::new(hypotheses), layers, positions: Vec::new() }
}

/// The decoder over a span of each target sequence: all of it, or what follows its past.
///
/// Target sequence i attends to source sequence `owners[i]`. Returns `[target tokens, channels]`, to which [`Exec::loss`] or
/// the output projection applies.
pub fn decode<E: Exec>(
    e: &mut E,
    m: &Model,
    target: &Tokens,
    memory: &Memory<E::Keys>,
    owners: &[usize],
    mut past: Option<&mut DecoderPast<E::State>>,
) -> E::T {
    let sequences = &target.sequences;
    assert_eq!(owners.len(), sequences.len(), "one source sentence a target sequence");
    if let Some(p) = past.as_deref_mut() {
        p.history.append(sequences);
    }
    let mut positions = past.as_deref_mut().map_or_else(Vec::new, |p| std::mem::take(&mut p.positions));
    let first = |i: usize| match past.as_deref() {
        Some(p) => p.history.rows(i).len() - sequences.length(i),
        None => 0,
    };
    positions.clear();
    positions.extend((0..sequences.len()).flat_map(|i| (first(i)..first(i) + sequences.length(i)).map(|p| p as u32)));
    e.enter("decoder");
    let mut x = e.embed(&m.decoder.embedding, &target.ids, &positions, sequences);
    if let Some(p) = past.as_deref_mut() {
        p.positions = positions;
    }
    for (i, layer) in m.decoder.layers.iter().enumerate() {
        let past = past.as_deref_mut().map(|p| (&p.history, p.layers[i].as_mut_slice()));
        x = decoder_layer(e, layer, m.config.norm, x, sequences, (&memory.layers[i], &memory.sources, owners), past);
    }
    if let Some(n) = &m.decoder.final_norm {
        x = e.norm(&x, n);
    }
    e.leave();
    x
}

fn encoder_layer<E: Exec>(e: &mut E, layer: &EncoderLayer, order: NormOrder, x: E::T, sequences: &Sequences) -> E::T {
    e.enter(&layer.path);
    let x = sublayer(e, &layer.lsra.residual, order, x, sequences, |e, x| {
        lsra(e, &layer.lsra, x, Mask::None, sequences, None)
    });
    let x = feed_forward(e, &layer.feed_forward, order, x, sequences);
    e.leave();
    x
}

/// What a decoder layer reads of the source: its keys and values, the sentences' rows, and whose sentence each target is.
type Source<'a, K> = (&'a K, &'a Sequences, &'a [usize]);

fn decoder_layer<E: Exec>(
    e: &mut E,
    layer: &DecoderLayer,
    order: NormOrder,
    x: E::T,
    sequences: &Sequences,
    source: Source<'_, E::Keys>,
    past: Option<(&History, &mut [E::State])>,
) -> E::T {
    e.enter(&layer.path);
    let x = sublayer(e, &layer.lsra.residual, order, x, sequences, |e, x| {
        lsra(e, &layer.lsra, x, Mask::Causal, sequences, past)
    });
    let x = sublayer(e, &layer.cross_residual, order, x, sequences, |e, x| {
        cross_attention(e, &layer.cross, x, sequences, source)
    });
    let x = feed_forward(e, &layer.feed_forward, order, x, sequences);
    e.leave();
    x
}

/// Post-norm: norm(x + f(x)). Pre-norm: x + f(norm(x)).
fn sublayer<E: Exec>(
    e: &mut E,
    r: &Residual,
    order: NormOrder,
    x: E::T,
    sequences: &Sequences,
    f: impl FnOnce(&mut E, &E::T) -> E::T,
) -> E::T {
    match order {
        NormOrder::Post => {
            let y = f(e, &x);
            e.add_norm(y, &x, &r.norm, &r.dropout, sequences)
        }
        NormOrder::Pre => {
            let normed = e.norm(&x, &r.norm);
            let y = f(e, &normed);
            e.add(y, &x, &r.dropout, sequences)
        }
    }
}

/// Long-Short Range Attention. Wu et al. 2020, section 4: each branch transforms its own channels.
pub fn lsra<E: Exec>(
    e: &mut E,
    l: &Lsra,
    x: &E::T,
    mask: Mask,
    sequences: &Sequences,
    mut past: Option<(&History, &mut [E::State])>,
) -> E::T {
    e.enter("self_attn");
    let y = match l.branches.as_slice() {
        [only] => branch(e, only, x, mask, sequences, past_of(&mut past, 0)),
        [long, short] => {
            let own = e.channels(x, 0..long.channels());
            let first = branch(e, long, &own, mask, sequences, past_of(&mut past, 0));
            let own = e.channels(x, long.channels()..long.channels() + short.channels());
            let second = branch(e, short, &own, mask, sequences, past_of(&mut past, 1));
            e.concat(&[first, second])
        }
        more => panic!("{} branches of LSRA, which has one for each range", more.len()),
    };
    e.leave();
    y
}

/// The past of one branch.
fn past_of<'p, S>(past: &'p mut Option<(&History, &mut [S])>, branch: usize) -> Option<Past<'p, S>> {
    past.as_mut().map(|(history, states)| Past { history, state: &mut states[branch] })
}

fn branch<E: Exec>(
    e: &mut E,
    b: &Branch,
    x: &E::T,
    mask: Mask,
    sequences: &Sequences,
    past: Option<Past<'_, E::State>>,
) -> E::T {
    match b {
        Branch::Attention(a) => {
            let [q, k, v] = [&a.query, &a.key, &a.value].map(|l| e.linear(x, l));
            let y = e.self_attention([&q, &k, &v], a, mask, sequences, past);
            e.linear(&y, &a.output)
        }
        Branch::Convolution { input, glu, convolution, output } => {
            let mut x = e.linear(x, input);
            if *glu {
                x = e.glu(x);
            }
            let y = match &convolution.taps {
                Taps::Fixed(_) => e.light_conv(&x, convolution, sequences, past),
                Taps::Predicted(predict) => {
                    let taps = e.linear(&x, predict);
                    e.dynamic_conv(&x, &taps, convolution, sequences, past)
                }
            };
            e.linear(&y, output)
        }
    }
}

fn cross_attention<E: Exec>(
    e: &mut E,
    a: &Attention,
    x: &E::T,
    targets: &Sequences,
    (keys, sources, owners): Source<'_, E::Keys>,
) -> E::T {
    e.enter("encoder_attn");
    let q = e.linear(x, &a.query);
    let y = e.cross_attention(&q, keys, a, targets, sources, owners);
    let y = e.linear(&y, &a.output);
    e.leave();
    y
}

fn feed_forward<E: Exec>(e: &mut E, f: &FeedForward, order: NormOrder, x: E::T, sequences: &Sequences) -> E::T {
    e.enter("ffn");
    let y = sublayer(e, &f.residual, order, x, sequences, |e, x| {
        let inner = e.linear(x, &f.first);
        e.linear(&inner, &f.second)
    });
    e.leave();
    y
}
