//! Convolutions over a lane's part of a batch, 4 heads: 80 channels as in `iwslt-160`, and taps of each token's own over 248, as in `wmt-496`
//! and `cnndm-496`, which use them.

use super::data::{Values, assert_near, sentences, values, zeros};
use crate::{Bound, Case, Plan};
use lsra_kernels::conv::{ConvShape, dynamic_conv, dynamic_conv_backward, light_conv, light_conv_backward};
use lsra_kernels::gemm::Precision;
use lsra_kernels::reference::conv as oracle;
use lsra_kernels::{Isa, Rows, RowsMut, work};

const CHANNELS: usize = 80;
const WIDE: usize = 248;
const HEADS: usize = 4;
/// Sentences of a lane's part of a batch, and of the peer's batch.
const SENTENCES: [usize; 2] = [34, 136];

/// Whose taps they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taps {
    /// All tokens'.
    Light,
    /// Each token's own.
    Dynamic,
}

pub(super) fn plans() -> Vec<Plan> {
    let [lane, batch] = SENTENCES.map(|n| *sentences(n).last().expect("there are sentences") as f64);
    let share = batch / lane;
    let mut plans = Vec::new();
    for kernel in [3, 7, 15, 31, 63] {
        for (taps, channels) in [(Taps::Light, CHANNELS), (Taps::Dynamic, CHANNELS), (Taps::Dynamic, WIDE)] {
            type Build = fn(Isa, usize, usize, Taps) -> Case;
            for (direction, build) in [("forward", forward as Build), ("backward", backward)] {
                let wide = if channels == WIDE { format!("/c{WIDE}") } else { String::new() };
                let of = if taps == Taps::Light { "light" } else { "dynamic" };
                let name = format!("conv/{of}/{direction}/k{kernel}{wide}");
                let peer = name.clone();
                plans.push(Plan::new(name, move |isa| build(isa, kernel, channels, taps).peer(peer, share)));
            }
        }
    }
    plans
}

/// Inputs of a convolution, and what it works out.
struct Data {
    shape: ConvShape,
    offsets: Vec<usize>,
    tokens: usize,
    x: Values,
    dy: Values,
    taps: Values,
    y: Values,
    dtaps: Values,
}

impl Data {
    fn new(kernel: usize, channels: usize, of: Taps) -> Data {
        let offsets = sentences(SENTENCES[0]);
        let tokens = *offsets.last().expect("there are sentences");
        let taps = values(HEADS * kernel * if of == Taps::Light { 1 } else { tokens }, 3);
        let (x, dy) = (values(tokens * channels, 1), values(tokens * channels, 2));
        let shape = ConvShape::centred(channels, HEADS, kernel);
        Data { shape, offsets, tokens, x, dy, y: zeros(tokens * channels), dtaps: zeros(taps.len()), taps }
    }

    fn forward(&mut self, isa: Isa, of: Taps) {
        let x = Rows::new(&self.x, self.tokens, self.shape.channels);
        let y = RowsMut::new(&mut self.y, self.tokens, self.shape.channels);
        let run = if of == Taps::Light { light_conv } else { dynamic_conv };
        run(isa, &self.shape, &self.offsets, x, &self.taps, y);
    }

    fn backward(&mut self, isa: Isa, of: Taps) {
        let [x, dy] = [&self.x, &self.dy].map(|x| Rows::new(x, self.tokens, self.shape.channels));
        let dx = RowsMut::new(&mut self.y, self.tokens, self.shape.channels);
        let run = if of == Taps::Light { light_conv_backward } else { dynamic_conv_backward };
        run(isa, &self.shape, &self.offsets, x, &self.taps, dy, dx, &mut self.dtaps);
    }

    /// Bytes of so many arrays like x and so many like the taps.
    fn bytes(&self, like_x: usize, like_taps: usize) -> Bound {
        let bytes = 4 * (like_x * self.x.len() + like_taps * self.taps.len());
        Bound::Bytes { within: bytes, moved: bytes as f64 }
    }
}

fn forward(isa: Isa, kernel: usize, channels: usize, of: Taps) -> Case {
    let mut d = Data::new(kernel, channels, of);
    let before = work::multiply_adds();
    d.forward(isa, of);
    let products = (work::multiply_adds() - before) as usize;
    let want = if of == Taps::Light { oracle::light_conv } else { oracle::dynamic_conv };
    assert_near("convolution", &d.y, &want(&d.shape, &d.offsets, &d.x, &d.taps));
    let bytes = d.bytes(2, 1);
    Case::multiply_adds(Precision::F32, products, move || d.forward(isa, of)).bound(bytes)
}

fn backward(isa: Isa, kernel: usize, channels: usize, of: Taps) -> Case {
    let mut d = Data::new(kernel, channels, of);
    let before = work::multiply_adds();
    d.forward(isa, of);
    let products = (work::multiply_adds() - before) as usize;
    d.backward(isa, of);
    let oracle = if of == Taps::Light { oracle::light_conv_backward } else { oracle::dynamic_conv_backward };
    let (dx, dtaps) = oracle(&d.shape, &d.offsets, &d.x, &d.taps, &d.dy);
    assert_near("the convolution's dx", &d.y, &dx);
    if of == Taps::Dynamic {
        assert_near("the convolution's dtaps", &d.dtaps, &dtaps);
    }
    let bytes = d.bytes(3, 2);
    Case::multiply_adds(Precision::F32, 2 * products, move || d.backward(isa, of)).bound(bytes)
}
