//! Convolutions against their oracles, on every tier that this CPU has.

mod common;

use common::{assert_within, differences, dot, magnitudes, offsets, values, wide};
use lsra_kernels::conv::{
    ConvShape, conv_step_gather, depthwise_conv, depthwise_conv_backward, dynamic_conv, dynamic_conv_backward,
    expand_taps, light_conv, light_conv_backward, reduce_taps, softmax_taps, softmax_taps_backward,
};
use lsra_kernels::reference::conv as oracle;
use lsra_kernels::{Isa, Rows, RowsMut, work};
use proptest::prelude::*;

/// A convolution over a ragged batch.
#[derive(Clone, Debug)]
struct Case {
    shape: ConvShape,
    lengths: Vec<usize>,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    // 62 is the width of a head of wmt-496; four vectors of 16 lanes, the most that are taken at once, begin at 49.
    let width = prop_oneof![Just(20usize), Just(1), Just(16), Just(33), Just(49), Just(62), Just(80), 1usize..=40];
    let lengths = prop::collection::vec(prop_oneof![Just(1usize), Just(0), 2usize..45], 1..4);
    (1usize..=5, width, 1usize..=63, any::<prop::sample::Index>(), lengths, any::<u64>()).prop_map(
        |(heads, width, kernel, left, lengths, seed)| {
            let shape = ConvShape { channels: heads * width, heads, kernel, left: left.index(kernel) };
            Case { shape, lengths, seed }
        },
    )
}

/// What one pass forward and backward gives.
struct Results {
    y: Vec<f32>,
    dx: Vec<f32>,
    dtaps: Vec<f32>,
}

impl Case {
    fn offsets(&self) -> Vec<usize> {
        offsets(&self.lengths)
    }

    fn tokens(&self) -> usize {
        self.lengths.iter().sum()
    }

    fn row(&self) -> usize {
        self.shape.heads * self.shape.kernel
    }

    fn x(&self) -> Vec<f32> {
        values(self.tokens() * self.shape.channels, self.seed)
    }

    fn dy(&self) -> Vec<f32> {
        values(self.tokens() * self.shape.channels, self.seed ^ 1)
    }

    fn taps(&self, rows: usize) -> Vec<f32> {
        values(rows * self.row(), self.seed ^ 2)
    }

    fn light(&self, isa: Isa) -> Results {
        let (offsets, x, dy, taps) = (self.offsets(), self.x(), self.dy(), self.taps(1));
        let (t, c) = (self.tokens(), self.shape.channels);
        let (mut y, mut dx, mut dtaps) = (vec![f32::NAN; t * c], vec![f32::NAN; t * c], vec![0.5; taps.len()]);
        light_conv(isa, &self.shape, &offsets, Rows::new(&x, t, c), &taps, RowsMut::new(&mut y, t, c));
        let (rows, dy) = (Rows::new(&x, t, c), Rows::new(&dy, t, c));
        light_conv_backward(isa, &self.shape, &offsets, rows, &taps, dy, RowsMut::new(&mut dx, t, c), &mut dtaps);
        Results { y, dx, dtaps }
    }

    fn dynamic(&self, isa: Isa, taps: &[f32]) -> Results {
        let (offsets, x, dy) = (self.offsets(), self.x(), self.dy());
        let (t, c) = (self.tokens(), self.shape.channels);
        let (mut y, mut dx, mut dtaps) = (vec![f32::NAN; t * c], vec![f32::NAN; t * c], vec![f32::NAN; taps.len()]);
        dynamic_conv(isa, &self.shape, &offsets, Rows::new(&x, t, c), taps, RowsMut::new(&mut y, t, c));
        let (rows, dy) = (Rows::new(&x, t, c), Rows::new(&dy, t, c));
        dynamic_conv_backward(isa, &self.shape, &offsets, rows, taps, dy, RowsMut::new(&mut dx, t, c), &mut dtaps);
        Results { y, dx, dtaps }
    }
}

/// Roundings of a sum of `terms` products, two a term where they are not fused; a few more for sums begun elsewhere.
fn roundings(terms: usize) -> usize {
    2 * terms + 4
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn light_equals_its_oracle(case in cases()) {
        let (shape, offsets) = (&case.shape, case.offsets());
        let (x, dy, taps) = (case.x(), case.dy(), case.taps(1));
        let y = oracle::light_conv(shape, &offsets, &wide(&x), &wide(&taps));
        let y_scale = oracle::light_conv(shape, &offsets, &magnitudes(&x), &magnitudes(&taps));
        let (dx, dtaps) = oracle::light_conv_backward(shape, &offsets, &wide(&x), &wide(&taps), &wide(&dy));
        let (dx_scale, dtaps_scale) =
            oracle::light_conv_backward(shape, &offsets, &magnitudes(&x), &magnitudes(&taps), &magnitudes(&dy));
        for isa in Isa::available() {
            let got = case.light(isa);
            assert_within(&format!("{isa:?} y"), &got.y, &y, &y_scale, roundings(shape.kernel));
            assert_within(&format!("{isa:?} dx"), &got.dx, &dx, &dx_scale, roundings(shape.kernel));
            // The gradient is added to what was there: 0.5.
            let dtaps: Vec<f64> = dtaps.iter().map(|d| d + 0.5).collect();
            let scale: Vec<f64> = dtaps_scale.iter().map(|d| d + 0.5).collect();
            assert_within(&format!("{isa:?} dtaps"), &got.dtaps, &dtaps, &scale, roundings(case.tokens() + shape.head_channels()));
        }
    }

    #[test]
    fn dynamic_equals_its_oracle(case in cases()) {
        let (shape, offsets) = (&case.shape, case.offsets());
        let (x, dy, taps) = (case.x(), case.dy(), case.taps(case.tokens()));
        let y = oracle::dynamic_conv(shape, &offsets, &wide(&x), &wide(&taps));
        let y_scale = oracle::dynamic_conv(shape, &offsets, &magnitudes(&x), &magnitudes(&taps));
        let (dx, dtaps) = oracle::dynamic_conv_backward(shape, &offsets, &wide(&x), &wide(&taps), &wide(&dy));
        let (dx_scale, dtaps_scale) =
            oracle::dynamic_conv_backward(shape, &offsets, &magnitudes(&x), &magnitudes(&taps), &magnitudes(&dy));
        for isa in Isa::available() {
            let got = case.dynamic(isa, &taps);
            assert_within(&format!("{isa:?} y"), &got.y, &y, &y_scale, roundings(shape.kernel));
            assert_within(&format!("{isa:?} dx"), &got.dx, &dx, &dx_scale, roundings(shape.kernel));
            assert_within(&format!("{isa:?} dtaps"), &got.dtaps, &dtaps, &dtaps_scale, roundings(shape.head_channels()));
        }
    }

    #[test]
    fn taps_repeated_for_every_token_give_the_bits_of_shared_ones(case in cases()) {
        let repeated = case.taps(1).repeat(case.tokens());
        for isa in Isa::available() {
            prop_assert_eq!(case.light(isa).y, case.dynamic(isa, &repeated).y, "{:?}", isa);
        }
    }

    #[test]
    fn a_sequence_has_the_same_bits_alone(case in cases()) {
        let (offsets, c, row) = (case.offsets(), case.shape.channels, case.row());
        let (x, dy, taps, shared) = (case.x(), case.dy(), case.taps(case.tokens()), case.taps(1));
        for isa in Isa::available() {
            let (dynamic, light) = (case.dynamic(isa, &taps), case.light(isa));
            for ends in offsets.windows(2) {
                let (t, values, own) = (ends[1] - ends[0], ends[0] * c..ends[1] * c, ends[0] * row..ends[1] * row);
                let [x, dy] = [&x, &dy].map(|x| Rows::new(&x[values.clone()], t, c));
                let (mut y, mut dx, mut dtaps) = (vec![0.0; t * c], vec![0.0; t * c], vec![0.0; t * row]);
                let mut dshared = vec![0.0; row];
                let alone = &[0, t];
                dynamic_conv(isa, &case.shape, alone, x, &taps[own.clone()], RowsMut::new(&mut y, t, c));
                prop_assert_eq!(&y, &dynamic.y[values.clone()], "{:?}", isa);
                let to = RowsMut::new(&mut dx, t, c);
                dynamic_conv_backward(isa, &case.shape, alone, x, &taps[own.clone()], dy, to, &mut dtaps);
                prop_assert_eq!(&dx, &dynamic.dx[values.clone()], "{:?}", isa);
                prop_assert_eq!(&dtaps, &dynamic.dtaps[own], "{:?}", isa);
                light_conv(isa, &case.shape, alone, x, &shared, RowsMut::new(&mut y, t, c));
                prop_assert_eq!(&y, &light.y[values.clone()], "{:?}", isa);
                let to = RowsMut::new(&mut dx, t, c);
                light_conv_backward(isa, &case.shape, alone, x, &shared, dy, to, &mut dshared);
                prop_assert_eq!(&dx, &light.dx[values], "{:?}", isa);
            }
        }
    }

    #[test]
    fn steps_have_the_bits_of_the_whole_pass(
        heads in 1usize..4, width in 1usize..40, kernel in 1usize..40, len in 1usize..50, seed: u64,
    ) {
        let case = Case { shape: ConvShape::causal(heads * width, heads, kernel), lengths: vec![len], seed };
        let (x, c) = (case.x(), case.shape.channels);
        // Rows of the pool lie in reverse: history is by number, not by place.
        let pool: Vec<f32> = x.chunks(c).rev().flatten().copied().collect();
        for isa in Isa::available() {
            let whole = case.light(isa).y;
            for t in 0..len {
                let history: Vec<u32> = ((t + 1).saturating_sub(kernel)..=t).map(|s| (len - 1 - s) as u32).collect();
                let mut y = vec![0.0; c];
                conv_step_gather(isa, &case.shape, Rows::new(&pool, len, c), &history, &case.taps(1), &mut y);
                prop_assert_eq!(&y, &whole[t * c..(t + 1) * c], "{:?} at {}", isa, t);
            }
        }
    }

    #[test]
    fn work_counts_taps_inside_sequences(case in cases()) {
        let taps = vec![1.0; case.row()];
        let ones = vec![1.0; case.tokens() * case.shape.channels];
        // With every factor 1, the outputs sum to the number of products.
        let inside: f64 = oracle::light_conv(&case.shape, &case.offsets(), &wide(&ones), &wide(&taps)).iter().sum();
        let (t, c) = (case.tokens(), case.shape.channels);
        let before = work::multiply_adds();
        let y = &mut vec![0.0; t * c];
        light_conv(Isa::best(), &case.shape, &case.offsets(), Rows::new(&ones, t, c), &taps, RowsMut::new(y, t, c));
        prop_assert_eq!(work::multiply_adds() - before, inside as u64);
    }

    #[test]
    fn softmax_and_its_adjoint_equal_their_oracles(rows in 1usize..9, kernel in 1usize..64, seed: u64) {
        let (w, dy) = (values(rows * kernel, seed), values(rows * kernel, seed ^ 1));
        let y = oracle::softmax_taps(kernel, &wide(&w));
        for isa in Isa::available() {
            let mut got = w.clone();
            softmax_taps(isa, rows, kernel, &mut got);
            // 2 ULP of the exponential, one of w - max (below 2), the sum's and the quotient's own.
            assert_within(&format!("{isa:?} softmax"), &got, &y, &y, kernel + 16);
            let dw = oracle::softmax_taps_backward(kernel, &wide(&got), &wide(&dy));
            // y (|dy| + sum of |y dy|).
            let scale: Vec<f64> = wide(&got).iter().zip(&dy).enumerate().map(|(i, (y, d))| {
                let row = i / kernel * kernel..(i / kernel + 1) * kernel;
                y * (f64::from(d.abs()) + dot(&wide(&got[row.clone()]), &magnitudes(&dy[row])))
            }).collect();
            let mut d = dy.clone();
            softmax_taps_backward(isa, rows, kernel, &got, &mut d);
            assert_within(&format!("{isa:?} adjoint"), &d, &dw, &scale, kernel + 4);
        }
    }
}

#[test]
fn depthwise_is_light_with_a_head_a_channel() {
    let shape = ConvShape::centred(21, 3, 7);
    let case = Case { shape: ConvShape { heads: 21, ..shape }, lengths: vec![9, 1, 4], seed: 5 };
    let (x, dy, taps, offsets) = (case.x(), case.dy(), case.taps(1), case.offsets());
    let want = oracle::light_conv(&case.shape, &offsets, &wide(&x), &wide(&taps));
    let scale = oracle::light_conv(&case.shape, &offsets, &magnitudes(&x), &magnitudes(&taps));
    for isa in Isa::available() {
        let (mut y, mut dx, mut dtaps) = (vec![0.0; x.len()], vec![0.0; x.len()], vec![0.5; taps.len()]);
        depthwise_conv(isa, &shape, &offsets, Rows::new(&x, 14, 21), &taps, RowsMut::new(&mut y, 14, 21));
        assert_within(&format!("{isa:?}"), &y, &want, &scale, roundings(7));
        let (x, dy) = (Rows::new(&x, 14, 21), Rows::new(&dy, 14, 21));
        depthwise_conv_backward(isa, &shape, &offsets, x, &taps, dy, RowsMut::new(&mut dx, 14, 21), &mut dtaps);
        let light = case.light(isa);
        assert_eq!((dx, dtaps), (light.dx, light.dtaps), "{isa:?}");
    }
}

#[test]
fn rows_may_lie_apart() {
    let apart =
        |x: &[f32]| -> Vec<f32> { x.chunks(24).flat_map(|row| row.iter().copied().chain([f32::NAN; 7])).collect() };
    let check = |what: &str, got: &[f32], want: &[f32]| {
        for (t, row) in got.chunks(30).enumerate() {
            assert_eq!(row[..24], want[t * 24..(t + 1) * 24], "{what}");
            assert_eq!(row[24..], [9.0; 6], "{what} writes beside its columns");
        }
    };
    for kernel in [1, 5, 19] {
        let shape = ConvShape::causal(24, 4, kernel);
        let case = Case { shape, lengths: vec![6, 3, 21], seed: 11 };
        let (t, offsets, taps, shared) = (case.tokens(), case.offsets(), case.taps(case.tokens()), case.taps(1));
        let (wide_x, wide_dy) = (apart(&case.x()), apart(&case.dy()));
        for isa in Isa::available() {
            let [x, dy] = [&wide_x, &wide_dy].map(|x| Rows::strided(x, t, 24, 31));
            let (dynamic, light) = (case.dynamic(isa, &taps), case.light(isa));
            let mut out = vec![9.0; t * 30];
            dynamic_conv(isa, &shape, &offsets, x, &taps, RowsMut::strided(&mut out, t, 24, 30));
            check("dynamic", &out, &dynamic.y);
            light_conv(isa, &shape, &offsets, x, &shared, RowsMut::strided(&mut out, t, 24, 30));
            check("light", &out, &light.y);
            let mut dtaps = vec![0.0; taps.len()];
            let dx = RowsMut::strided(&mut out, t, 24, 30);
            dynamic_conv_backward(isa, &shape, &offsets, x, &taps, dy, dx, &mut dtaps);
            check("dynamic's dx", &out, &dynamic.dx);
            assert_eq!(dtaps, dynamic.dtaps, "{isa:?}");
            let mut dtaps = vec![0.5; shared.len()];
            let dx = RowsMut::strided(&mut out, t, 24, 30);
            light_conv_backward(isa, &shape, &offsets, x, &shared, dy, dx, &mut dtaps);
            check("light's dx", &out, &light.dx);
            assert_eq!(dtaps, light.dtaps, "{isa:?}");
        }
    }
}

#[test]
#[should_panic(expected = "rows of x")]
fn rows_that_are_not_there_are_not_read() {
    let shape = ConvShape::causal(24, 4, 5);
    let (taps, mut y) = (vec![0.0; 100 * 20], vec![0.0; 100 * 24]);
    let x = Rows { data: &[0.0; 24], rows: 100, cols: 24, stride: 24 };
    dynamic_conv(Isa::best(), &shape, &[0, 100], x, &taps, RowsMut::new(&mut y, 100, 24));
}

/// Three times this stride is 1, where no address wraps.
#[test]
#[should_panic(expected = "rows of x")]
fn nor_are_rows_further_apart_than_memory_is_long() {
    let shape = ConvShape::causal(16, 4, 5);
    let (taps, mut y) = (vec![0.0; 20], vec![0.0; 4 * 16]);
    let x = Rows { data: &[0.0; 17], rows: 4, cols: 16, stride: usize::MAX / 3 * 2 + 1 };
    light_conv(Isa::best(), &shape, &[0, 4], x, &taps, RowsMut::new(&mut y, 4, 16));
}

#[test]
fn reducing_taps_is_the_adjoint_of_expanding_them() {
    let (tokens, row) = (11, 4 * 7);
    let (taps, mask, dout) = (values(row, 1), values(tokens * row, 2), values(tokens * row, 3));
    for isa in Isa::available() {
        let mut out = vec![0.0; tokens * row];
        expand_taps(isa, &taps, &mask, &mut out);
        for (i, out) in out.iter().enumerate() {
            assert_eq!(*out, taps[i % row] * mask[i], "{isa:?}");
        }
        let mut dtaps = vec![0.5; row];
        reduce_taps(isa, &dout, &mask, &mut dtaps);
        let sums = |a: &[f64], b: &[f64]| -> Vec<f64> {
            (0..row).map(|i| 0.5 + (0..tokens).map(|t| a[t * row + i] * b[t * row + i]).sum::<f64>()).collect()
        };
        let scale = sums(&magnitudes(&dout), &magnitudes(&mask));
        assert_within(&format!("{isa:?}"), &dtaps, &sums(&wide(&dout), &wide(&mask)), &scale, 2 * roundings(tokens));
    }
}

#[test]
fn the_oracles_adjoints_are_the_slopes_of_their_outputs() {
    for shape in [ConvShape::centred(6, 2, 4), ConvShape::causal(6, 3, 9)] {
        let case = Case { shape, lengths: vec![5, 1, 3], seed: 3 };
        let (offsets, x, dy) = (case.offsets(), wide(&case.x()), wide(&case.dy()));
        let (each, shared) = (wide(&case.taps(9)), wide(&case.taps(1)));
        let check = |what: &str, got: &[f64], want: Vec<f64>| {
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                assert!((got - want).abs() < 1e-8, "{what}[{i}] of {shape:?}: {got}, by differences {want}");
            }
        };
        let (dx, dtaps) = oracle::dynamic_conv_backward(&shape, &offsets, &x, &each, &dy);
        check("dynamic dx", &dx, differences(&x, |x| dot(&oracle::dynamic_conv(&shape, &offsets, x, &each), &dy)));
        check(
            "dynamic dtaps",
            &dtaps,
            differences(&each, |w| dot(&oracle::dynamic_conv(&shape, &offsets, &x, w), &dy)),
        );
        let (dx, dtaps) = oracle::light_conv_backward(&shape, &offsets, &x, &shared, &dy);
        check("light dx", &dx, differences(&x, |x| dot(&oracle::light_conv(&shape, &offsets, x, &shared), &dy)));
        check("light dtaps", &dtaps, differences(&shared, |w| dot(&oracle::light_conv(&shape, &offsets, &x, w), &dy)));
        let d = &dy[..shared.len()];
        let dw = oracle::softmax_taps_backward(shape.kernel, &oracle::softmax_taps(shape.kernel, &shared), d);
        check("softmax", &dw, differences(&shared, |w| dot(&oracle::softmax_taps(shape.kernel, w), d)));
    }
}
