//! What is computed element by element.

use crate::simd::{add, divide, exp, load, multiply, splat, store, subtract, vectorised};

/// Divides each row by the root of its mean square, and multiplies with `weight`.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as the architecture computes")]
pub(crate) fn normalise(rows: &[f32], weight: &[f32], epsilon: f32, into: &mut Vec<f32>) {
    into.clear();
    for row in rows.chunks_exact(weight.len().max(1)) {
        // In 64 bits: thousands of squares.
        let squares: f64 = row
            .as_chunks::<4>()
            .0
            .iter()
            .fold([0.0; 4], |[a, b, c, d]: [f64; 4], [e, f, g, h]| {
                [a + square(*e), b + square(*f), c + square(*g), d + square(*h)]
            })
            .into_iter()
            .sum();
        let rest: f64 = row.as_chunks::<4>().1.iter().map(|number| square(*number)).sum();
        let mean = ((squares + rest) / row.len() as f64) as f32;
        let scale = 1.0 / (mean + epsilon).sqrt();
        into.extend(row.iter().zip(weight).map(|(number, weight)| number * scale * weight));
    }
}

fn square(number: f32) -> f64 {
    f64::from(number) * f64::from(number)
}

/// Adds `more` to `numbers`.
pub(crate) fn accumulate(numbers: &mut [f32], more: &[f32]) {
    for (number, more) in numbers.iter_mut().zip(more) {
        *number += more;
    }
}

vectorised! {
    /// `gate` becomes `gate / (1 + e^-gate) * up`.
    pub(crate) fn swiglu(gate: &mut [f32], up: &[f32]) {
        let (fours, rest) = gate.as_chunks_mut::<4>();
        let (up, last) = up.as_chunks::<4>();
        for (gate, up) in fours.iter_mut().zip(up) {
            let x = load(*gate);
            let below = add(splat(1.0), exp(subtract(splat(0.0), x)));
            *gate = store(multiply(divide(x, below), load(*up)));
        }
        for (gate, up) in rest.iter_mut().zip(last) {
            *gate = *gate / (1.0 + (-*gate).exp()) * up;
        }
    }

    /// Numbers become `e^((number - most) * scale)`, their sum is given. Their count is a multiple of four.
    pub(crate) fn exponentials(numbers: &mut [f32], most: f32, scale: f32) -> f32 {
        let mut sum = splat(0.0);
        for four in numbers.as_chunks_mut::<4>().0 {
            let power = exp(multiply(subtract(load(*four), splat(most)), splat(scale)));
            sum = add(sum, power);
            *four = store(power);
        }
        store(sum).into_iter().sum()
    }
}
