//! Where operands may lie.

use crate::case::Case;
use crate::common::values;
use lsra_kernels::attention::{AttentionScratch, AttentionShape, Mask, attention, attention_backward};
use lsra_kernels::{Isa, Rows, RowsMut};

#[test]
fn rows_may_lie_apart() {
    let case = Case {
        shape: AttentionShape::new(60, 3),
        mask: Mask::Causal,
        lengths: vec![(5, 5), (9, 12)],
        dropout: None,
        seed: 4,
    };
    let data = case.data();
    let apart = |x: &[f32]| x.chunks(60).flat_map(|r| r.iter().copied().chain([f32::NAN; 5])).collect::<Vec<_>>();
    let (q, k, v) = (apart(&data.q), apart(&data.k), apart(&data.v));
    let (q, k, v) = (Rows::strided(&q, 14, 60, 65), Rows::strided(&k, 17, 60, 65), Rows::strided(&v, 17, 60, 65));
    for isa in Isa::available() {
        let scratch = &mut AttentionScratch::default();
        let want = case.run(isa, &data, scratch).out;
        let (mut out, mut log_sum) = (vec![9.0; 14 * 70], vec![0.0; 14 * 3]);
        let to = RowsMut::strided(&mut out, 14, 60, 70);
        let (q_offsets, ranges) = (&data.q_offsets, &data.kv_ranges);
        attention(isa, &case.shape, case.mask, q, q_offsets, k, v, ranges, None, to, Some(&mut log_sum), scratch);
        for (t, row) in out.chunks(70).enumerate() {
            assert_eq!(row[..60], want[t * 60..(t + 1) * 60], "{isa:?}");
            assert_eq!(row[60..], [9.0; 10], "{isa:?} writes beside its columns");
        }
    }
}

#[test]
fn gradients_may_lie_apart() {
    for (mask, lengths) in
        [(Mask::Causal, vec![(5, 5), (20, 70), (40, 40)]), (Mask::None, vec![(3, 9), (30, 70), (40, 17)])]
    {
        let case = Case { shape: AttentionShape::new(60, 3), mask, lengths, dropout: None, seed: 4 };
        let data = case.data();
        let apart = |x: &[f32]| x.chunks(60).flat_map(|r| r.iter().copied().chain([f32::NAN; 5])).collect::<Vec<_>>();
        let (tq, tk) = (data.q.len() / 60, data.k.len() / 60);
        for isa in Isa::available() {
            let scratch = &mut AttentionScratch::default();
            let want = case.run(isa, &data, scratch);
            let [q, dout, k, v] = [&data.q, &data.dout, &data.k, &data.v].map(|x| apart(x));
            let queries = |x| Rows::strided(x, tq, 60, 65);
            let keys = |x| Rows::strided(x, tk, 60, 65);
            let mut out = vec![0.0; tq * 65];
            let mut log_sum = vec![0.0; tq * 3];
            let (offsets, ranges) = (&data.q_offsets, &data.kv_ranges);
            let to = RowsMut::strided(&mut out, tq, 60, 65);
            let (q, k, v, dout) = (queries(&q), keys(&k), keys(&v), queries(&dout));
            attention(isa, &case.shape, mask, q, offsets, k, v, ranges, None, to, Some(&mut log_sum), scratch);
            let (mut dq, [mut dk, mut dv]) = (vec![9.0; tq * 70], [(); 2].map(|()| vec![0.5; tk * 70]));
            attention_backward(
                isa,
                &case.shape,
                mask,
                q,
                offsets,
                k,
                v,
                ranges,
                None,
                queries(&out),
                &log_sum,
                dout,
                RowsMut::strided(&mut dq, tq, 60, 70),
                RowsMut::strided(&mut dk, tk, 60, 70),
                RowsMut::strided(&mut dv, tk, 60, 70),
                scratch,
            );
            for (got, want, beside) in [(dq, &want.dq, 9.0), (dk, &want.dk, 0.5), (dv, &want.dv, 0.5)] {
                for (row, want) in got.chunks(70).zip(want.chunks(60)) {
                    assert_eq!(row[..60], *want, "{isa:?} {mask:?}");
                    assert_eq!(row[60..], [beside; 10], "{isa:?} {mask:?} writes beside its columns");
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "ends early")]
fn a_stride_that_wraps_is_refused() {
    let (q, k) = (vec![0.0; 9 * 20], vec![0.0; 64]);
    let (q, k) = (Rows::new(&q, 9, 20), Rows { data: &k, rows: 8, cols: 20, stride: usize::MAX / 7 + 2 });
    let (mut out, scratch) = (vec![0.0; 9 * 20], &mut AttentionScratch::default());
    let to = RowsMut::new(&mut out, 9, 20);
    let shape = AttentionShape::new(20, 1);
    attention(Isa::best(), &shape, Mask::None, q, &[0, 9], k, k, &[(0, 8)], None, to, None, scratch);
}

#[test]
fn sequences_may_share_their_keys() {
    let shape = AttentionShape::new(40, 2);
    let (q, k, v) = (values(3 * 40, 1), values(7 * 40, 2), values(7 * 40, 3));
    for isa in Isa::available() {
        let run = |q_offsets: &[usize], ranges: &[(usize, usize)]| {
            let (mut out, mut log_sum) = (vec![0.0; 3 * 40], vec![0.0; 6]);
            let (q, k, v) = (Rows::new(&q, 3, 40), Rows::new(&k, 7, 40), Rows::new(&v, 7, 40));
            let (to, scratch) = (RowsMut::new(&mut out, 3, 40), &mut AttentionScratch::default());
            attention(isa, &shape, Mask::None, q, q_offsets, k, v, ranges, None, to, Some(&mut log_sum), scratch);
            out
        };
        assert_eq!(run(&[0, 3], &[(0, 7)]), run(&[0, 1, 1, 3], &[(0, 7), (0, 0), (0, 7)]), "{isa:?}");
    }
}
