//! Products of quantised operands, in whole numbers.

/// What a unit of the row is worth, and the row in units: the largest magnitude is 127.
pub fn quantize(row: &[f32]) -> (f32, Vec<i64>) {
    let most = row.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    if most < 256.0 * f32::MIN_POSITIVE {
        return (0.0, vec![0; row.len()]);
    }
    let inverse = 127.0 / most;
    (most / 127.0, row.iter().map(|x| (x * inverse).round_ties_even() as i64).collect())
}

/// x w' of rows x: `[t, k]` and w: `[n, k]`, both quantised by rows. Finite values only.
pub fn linear_int8(x: &[f32], w: &[f32], k: usize) -> Vec<f32> {
    let w: Vec<_> = w.chunks(k).map(quantize).collect();
    x.chunks(k)
        .map(quantize)
        .flat_map(|(unit, x)| {
            let output = |(column, w): &(f32, Vec<i64>)| {
                let sum: i64 = x.iter().zip(w).map(|(x, w)| x * w).sum();
                sum as f32 * (unit * column)
            };
            w.iter().map(output).collect::<Vec<f32>>()
        })
        .collect()
}
