//! Matrix products of training and of decoding.

use super::data::{assert_near, bytes_of, rounded, values, zeros};
use crate::{Bound, Case, Plan};
use lsra_kernels::gemm::{Epilogue, GemmScratch, PackedB, Precision, gemm, gemm_weight_gradient};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::{Isa, Rows, RowsMut};

/// Rows, outputs, inputs of training.
const LARGE: [[usize; 3]; 4] = [[1024, 1024, 1024], [4096, 480, 160], [4096, 160, 160], [850, 80, 80]];
/// Rows of a step of decoding.
const FEW: [usize; 4] = [1, 2, 4, 8];
/// Outputs and inputs of its products.
const WEIGHTS: [[usize; 2]; 3] = [[160, 160], [480, 160], [6632, 160]];

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for precision in Precision::ALL {
        let few = WEIGHTS.iter().flat_map(|&[n, k]| FEW.map(|m| [m, n, k]));
        for [m, n, k] in LARGE.into_iter().chain([[128, 6632, 160]]).chain(few) {
            let name = format!("gemm/{precision}/{m}x{n}x{k}");
            plans.push(Plan::new(name, move |isa| product(isa, precision, [m, n, k])));
        }
        if precision != Precision::Int8 {
            // The target's size, and those of a lane's part of a batch.
            for (tokens, width) in [(4096, 160), (850, 160), (850, 80)] {
                let name = format!("gemm/{precision}/weight-gradient/{width}x{width}x{tokens}");
                plans.push(Plan::new(name, move |isa| weight_gradient(isa, precision, tokens, width)));
            }
        }
    }
    plans
}

fn product(isa: Isa, precision: Precision, [m, n, k]: [usize; 3]) -> Case {
    let (a, w) = (values(m * k, 1), values(n * k, 2));
    let b = PackedB::from_transposed(isa, Rows::new(&w, n, k), precision);
    let mut out = zeros(m * n);
    gemm(isa, Rows::new(&a, m, k), &b, RowsMut::new(&mut out, m, n), Epilogue::None);
    // The first and the last rows; the oracle is slow.
    for rows in [0..m.min(8), m.saturating_sub(8)..m] {
        let want =
            linear(&rounded(&a[rows.start * k..rows.end * k], k, precision), &rounded(&w, k, precision), None, k);
        assert_near("gemm", &out[rows.start * n..rows.end * n], &want);
    }
    // All weights are read for each group of rows: with few rows that is the bound.
    let weights = n * k * bytes_of(precision);
    let case = Case::multiply_adds(precision, m * n * k, move || {
        gemm(isa, Rows::new(&a, m, k), &b, RowsMut::new(&mut out, m, n), Epilogue::None);
    });
    let case = case.bound(Bound::Bytes { within: weights, moved: weights as f64 });
    if precision == Precision::Int8 { case } else { case.peer(format!("linear/{precision}/{m}x{n}x{k}"), 1.0) }
}

fn weight_gradient(isa: Isa, precision: Precision, tokens: usize, width: usize) -> Case {
    let (x, dy) = (values(tokens * width, 1), values(tokens * width, 2));
    let mut scratch = GemmScratch::default();
    let mut dw = zeros(width * width);
    let mut run = move |dw: &mut [f32]| {
        let (x, dy) = (Rows::new(&x, tokens, width), Rows::new(&dy, tokens, width));
        gemm_weight_gradient(isa, dy, x, dw, precision, &mut scratch);
    };
    run(&mut dw);
    let as_f64 = |seed| -> Vec<f64> {
        rounded(&values(tokens * width, seed), width, precision).iter().map(|&x| x.into()).collect()
    };
    let (_, want, _) = linear_backward(&as_f64(1), &vec![0.0; width * width], &as_f64(2), width);
    let want: Vec<f32> = want.iter().map(|&x| x as f32).collect();
    assert_near("weight gradient", &dw, &want);
    Case::multiply_adds(precision, tokens * width * width, move || run(&mut dw))
}
