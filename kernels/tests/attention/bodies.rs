//! Whichever body takes a sequence, the bits are the same.

use crate::case::Case;
use lsra_kernels::attention::{AttentionScratch, AttentionShape, Dropped, Mask, attention};
use lsra_kernels::{Isa, Rows, RowsMut};

/// Dropout of nothing takes the body for dropout.
#[test]
fn every_body_gives_the_same_outputs() {
    for (mask, lengths) in [
        (Mask::None, vec![(1, 9), (4, 70), (9, 16), (16, 17), (17, 33), (30, 130), (36, 64), (50, 65)]),
        (
            Mask::Causal,
            // Three and four that are left over go together, though the first of them do not see the last tile at all.
            vec![
                (1, 9),
                (2, 70),
                (3, 3),
                (4, 66),
                (9, 16),
                (16, 17),
                (17, 33),
                (19, 66),
                (30, 130),
                (36, 66),
                (50, 65),
                (70, 70),
            ],
        ),
    ] {
        for (heads, head_dim) in [(4, 20), (1, 7), (2, 64)] {
            let shape = AttentionShape::new(heads * head_dim, heads);
            let case = Case { shape, mask, lengths: lengths.clone(), dropout: None, seed: 9 };
            let data = case.data();
            let c = shape.channels();
            let (tq, tk) = (data.q.len() / c, data.k.len() / c);
            let (q, k, v) = (Rows::new(&data.q, tq, c), Rows::new(&data.k, tk, c), Rows::new(&data.v, tk, c));
            for isa in Isa::available() {
                let run = |dropout: Option<Dropped<'_>>| {
                    let (mut out, mut log_sum) = (vec![f32::NAN; tq * c], vec![f32::NAN; tq * heads]);
                    let (to, scratch) = (RowsMut::new(&mut out, tq, c), &mut AttentionScratch::default());
                    let (offsets, ranges, sums) = (&data.q_offsets, &data.kv_ranges, Some(&mut log_sum[..]));
                    attention(isa, &shape, mask, q, offsets, k, v, ranges, dropout, to, sums, scratch);
                    (out, log_sum)
                };
                let blocks = run(Some(Dropped { p: 0.0, keys: &data.keys }));
                assert_eq!(run(None), blocks, "{isa:?} {mask:?} {heads} x {head_dim}");
            }
        }
    }
}
