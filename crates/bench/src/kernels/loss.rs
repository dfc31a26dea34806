//! The output projection, softmax and loss in one.

use super::data::{Values, assert_near, assert_within, rounded, values, zeros};
use crate::measure::best_of_slice;
use crate::{Bound, Case, Plan, Unit};
use lsra_kernels::agreement::{Agreement, projection_pair_loss_backward};
use lsra_kernels::cross_entropy::{ComparedLosses, LossScratch, projection_loss, projection_loss_backward};
use lsra_kernels::distil::{Distillation, TeacherRows, projection_distil_loss_backward};
use lsra_kernels::gemm::{Epilogue, PackedB, Precision, gemm};
use lsra_kernels::reference::cross_entropy::{
    distilled_losses, distilled_losses_backward, pair_losses, pair_losses_backward, smoothed_losses,
    smoothed_losses_backward,
};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::{Isa, Rows, RowsMut};
use std::time::Duration;

const SMOOTHING: f32 = 0.1;
/// As the paper of R-Drop trains on IWSLT.
const ALPHA: f32 = 5.0;
/// A teacher's, as the interpolation of Kim and Rush.
const SHARE: f32 = 0.5;
/// Rows that are held against the oracle.
const CHECKED: usize = 4;
/// Rows, words, channels.
const SIZES: [[usize; 3]; 2] = [[1024, 6632, 160], [512, 32768, 160]];

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for [rows, words, d] in SIZES {
        for precision in [Precision::F32, Precision::Bf16] {
            let name = |direction: &str| format!("loss/{precision}/{direction}/{rows}x{words}x{d}");
            plans.push(Plan::new(name("forward"), move |isa| Loss::new(isa, precision, rows, words, d).forward_case()));
            plans.push(Plan::new(name("backward"), move |isa| {
                Loss::new(isa, precision, rows, words, d).backward_case()
            }));
            // What compares two distributions is for small data, and of few words. Summed over 32,768, its larger gradients differ from the
            // oracle's by more roundings than a plan allows.
            if words != SIZES[0][1] {
                continue;
            }
            // As many rows, the second half of which are the first's second pass.
            plans.push(Plan::new(name("agreement"), move |isa| {
                Loss::new(isa, precision, rows, words, d).agreement_case()
            }));
            // Half as many rows; the teacher's are the second half.
            plans.push(Plan::new(name("distil"), move |isa| Loss::new(isa, precision, rows, words, d).distil_case()));
        }
    }
    plans
}

struct Loss {
    isa: Isa,
    precision: Precision,
    size: [usize; 3],
    x: Values,
    matrix: Values,
    targets: Vec<u32>,
    w: PackedB,
    w_rows: PackedB,
    loss: Values,
    nll: Values,
    dx: Values,
    dw: Values,
    scratch: LossScratch,
}

impl Loss {
    fn new(isa: Isa, precision: Precision, rows: usize, words: usize, d: usize) -> Loss {
        let matrix = rounded(&values(words * d, 2), d, precision);
        let as_matrix = Rows::new(&matrix, words, d);
        Loss {
            isa,
            precision,
            size: [rows, words, d],
            x: rounded(&values(rows * d, 1), d, precision),
            targets: (0..rows as u32).map(|i| i.wrapping_mul(2_654_435_761) % words as u32).collect(),
            w: PackedB::from_transposed(isa, as_matrix, precision),
            w_rows: PackedB::from_rows(isa, as_matrix, precision),
            loss: zeros(rows),
            nll: zeros(rows),
            dx: zeros(rows * d),
            dw: zeros(words * d),
            scratch: LossScratch::default(),
            matrix,
        }
    }

    fn forward(&mut self) {
        let x = Rows::new(&self.x, self.size[0], self.size[2]);
        let (loss, nll) = (&mut self.loss, &mut self.nll);
        projection_loss(self.isa, x, &self.w, &self.targets, SMOOTHING, loss, nll, &mut self.scratch);
    }

    fn backward(&mut self) {
        let [rows, _, d] = self.size;
        let (x, dx) = (Rows::new(&self.x, rows, d), RowsMut::new(&mut self.dx, rows, d));
        let (loss, nll, dw, scratch) = (&mut self.loss, &mut self.nll, &mut self.dw, &mut self.scratch);
        let (w, w_rows, targets) = (&self.w, &self.w_rows, &self.targets);
        projection_loss_backward(self.isa, x, w, w_rows, targets, SMOOTHING, 1.0, loss, nll, dx, dw, scratch);
    }

    fn agreement(&mut self) {
        let [rows, _, d] = self.size;
        let half = rows / 2;
        let ((a, b), (da, db)) = (self.x.split_at(half * d), self.dx.split_at_mut(half * d));
        let ((loss, divergence), nll) = (self.loss.split_at_mut(half), &mut self.nll[..half]);
        projection_pair_loss_backward(
            self.isa,
            [a, b].map(|x| Rows::new(x, half, d)),
            &self.w,
            &self.w_rows,
            &self.targets[..half],
            Agreement { smoothing: SMOOTHING, alpha: ALPHA, scale: 1.0 },
            ComparedLosses { loss, nll, divergence },
            [da, db].map(|dx| RowsMut::new(dx, half, d)),
            &mut self.dw,
            &mut self.scratch,
        );
    }

    fn distil(&mut self) {
        let [rows, _, d] = self.size;
        let half = rows / 2;
        let (a, b) = self.x.split_at(half * d);
        let ((loss, divergence), nll) = (self.loss.split_at_mut(half), &mut self.nll[..half]);
        projection_distil_loss_backward(
            self.isa,
            Rows::new(a, half, d),
            &self.w,
            &self.w_rows,
            TeacherRows { x: Rows::new(b, half, d), w: &self.w },
            &self.targets[..half],
            Distillation { smoothing: SMOOTHING, share: SHARE, temperature: 1.0, scale: 1.0 },
            ComparedLosses { loss, nll, divergence },
            RowsMut::new(&mut self.dx[..half * d], half, d),
            &mut self.dw,
            &mut self.scratch,
        );
    }

    fn distil_case(mut self) -> Case {
        self.distil();
        let [rows, words, d] = self.size;
        let half = rows / 2;
        let x = [&self.x[..CHECKED * d], &self.x[half * d..][..CHECKED * d]];
        let logits = x.map(|x| linear(x, &self.matrix, None, d));
        let (both, targets) = ([&logits[0][..], &logits[1]], &self.targets[..CHECKED]);
        let want = distilled_losses(both, words, targets, SMOOTHING, 1.0);
        assert_near("loss", &self.loss[..CHECKED], &want.smoothed);
        assert_near("nll", &self.nll[..CHECKED], &want.nll);
        assert_near("divergence", &self.loss[half..][..CHECKED], &want.divergence);
        let dlogits = distilled_losses_backward(both, words, targets, SMOOTHING, SHARE, 1.0);
        let slack = if self.precision == Precision::Bf16 { 1.0 / 256.0 } else { 0.0 };
        let (want, ..) = linear_backward(x[0], &self.matrix, &rounded(&dlogits, d, self.precision), d);
        assert_within("dx", slack, &self.dx[..CHECKED * d], &want);
        // Two products forward and two back, of half the rows each.
        self.case(2, Loss::distil)
    }

    fn agreement_case(mut self) -> Case {
        self.agreement();
        let [rows, words, d] = self.size;
        let half = rows / 2;
        let x = [&self.x[..CHECKED * d], &self.x[half * d..][..CHECKED * d]];
        let logits = x.map(|x| linear(x, &self.matrix, None, d));
        let (both, targets) = ([&logits[0][..], &logits[1]], &self.targets[..CHECKED]);
        let want = pair_losses(both, words, targets, SMOOTHING);
        assert_near("loss", &self.loss[..CHECKED], &want.smoothed);
        assert_near("nll", &self.nll[..CHECKED], &want.nll);
        assert_near("divergence", &self.loss[half..][..CHECKED], &want.divergence);
        let dlogits = pair_losses_backward(both, words, targets, SMOOTHING, ALPHA);
        let slack = if self.precision == Precision::Bf16 { 1.0 / 256.0 } else { 0.0 };
        for (i, dlogits) in dlogits.iter().enumerate() {
            let (want, ..) = linear_backward(x[i], &self.matrix, &rounded(dlogits, d, self.precision), d);
            assert_within("dx", slack, &self.dx[i * half * d..][..CHECKED * d], &want);
        }
        self.case(3, Loss::agreement)
    }

    fn forward_case(mut self) -> Case {
        self.forward();
        let [_, words, d] = self.size;
        let logits = linear(&self.x[..CHECKED * d], &self.matrix, None, d);
        let want = smoothed_losses(&logits, words, &self.targets[..CHECKED], SMOOTHING);
        assert_near("loss", &self.loss[..CHECKED], &want.smoothed);
        assert_near("nll", &self.nll[..CHECKED], &want.nll);
        self.case(1, Loss::forward)
    }

    fn backward_case(mut self) -> Case {
        self.backward();
        let [_, words, d] = self.size;
        let logits = linear(&self.x[..CHECKED * d], &self.matrix, None, d);
        let dlogits = smoothed_losses_backward(&logits, words, &self.targets[..CHECKED], SMOOTHING);
        let (want, ..) =
            linear_backward(&self.x[..CHECKED * d], &self.matrix, &rounded(&dlogits, d, self.precision), d);
        // A gradient of a logit, below 1, that lies between two values of bf16 may become either: logits differ in their last bits.
        let slack = if self.precision == Precision::Bf16 { 1.0 / 256.0 } else { 0.0 };
        assert_within("dx", slack, &self.dx[..CHECKED * d], &want);
        // Logits, dx and dw: three products of the same size.
        self.case(3, Loss::backward)
    }

    /// Bound by as many plain products of this size.
    fn case(mut self, products: usize, run: fn(&mut Loss)) -> Case {
        let [rows, words, d] = self.size;
        let (isa, x) = (self.isa, self.x.clone());
        let b = PackedB::from_transposed(isa, Rows::new(&self.matrix, words, d), self.precision);
        let mut out = zeros(rows * words);
        let plain = move || {
            let mut product =
                || gemm(isa, Rows::new(&x, rows, d), &b, RowsMut::new(&mut out, rows, words), Epilogue::None);
            products as f64 * best_of_slice(&mut product, Duration::from_millis(40))
        };
        let unit = Unit::Rate { amount: 2.0 * (products * rows * words * d) as f64, name: "GFLOP/s" };
        Case::new(unit, vec![Bound::Own(Box::new(plain))], move || run(&mut self))
    }
}
