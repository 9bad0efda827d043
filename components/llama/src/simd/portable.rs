//! The same vectors in plain Rust.

/// Eight numbers of 16 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct I16x8([i16; 8]);

/// Four numbers of 32 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct I32x4([i32; 4]);

/// Four floating-point numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct F32x4([f32; 4]);

fn both<A: Copy, B: Copy, C>(a: [A; 4], b: [B; 4], with: impl Fn(A, B) -> C) -> [C; 4] {
    let ([a, b, c, d], [e, f, g, h]) = (a, b);
    [with(a, e), with(b, f), with(c, g), with(d, h)]
}

/// Signed bytes, widened.
pub(crate) fn widen_i8(bytes: [u8; 8]) -> I16x8 {
    I16x8(bytes.map(|byte| i16::from(byte.cast_signed())))
}

/// Unsigned bytes, widened.
pub(crate) fn widen_u8(bytes: [u8; 8]) -> I16x8 {
    I16x8(bytes.map(i16::from))
}

/// Signed numbers of 16 bits, widened.
pub(crate) fn widen_i16(bytes: [u8; 8]) -> I32x4 {
    let [a, b, c, d, e, f, g, h] = bytes;
    I32x4([[a, b], [c, d], [e, f], [g, h]].map(|pair| i32::from(i16::from_le_bytes(pair))))
}

/// Four signed bytes, widened.
pub(crate) fn widen_4_i8(bytes: [u8; 4]) -> I32x4 {
    I32x4(bytes.map(|byte| i32::from(byte.cast_signed())))
}

/// Sixteen bytes as eight numbers.
pub(crate) fn load_i16(bytes: [u8; 16]) -> I16x8 {
    I16x8(bytemuck::cast::<_, [u16; 8]>(bytes).map(|number| u16::from_le(number).cast_signed()))
}

/// Four floating-point numbers.
pub(crate) fn load(numbers: [f32; 4]) -> F32x4 {
    F32x4(numbers)
}

/// The lanes.
pub(crate) fn store(numbers: F32x4) -> [f32; 4] {
    numbers.0
}

/// The lanes.
pub(crate) fn store_i32(numbers: I32x4) -> [i32; 4] {
    numbers.0
}

/// The same two numbers of 16 bits, the first in the lower half, four times.
pub(crate) fn splat_pair(pair: i32) -> I16x8 {
    let [a, b, c, d] = pair.to_le_bytes();
    let (low, high) = (i16::from_le_bytes([a, b]), i16::from_le_bytes([c, d]));
    I16x8([low, high, low, high, low, high, low, high])
}

/// The lower four bits of each lane, after `BY` bits are shifted out.
pub(crate) fn nibble<const BY: u32>(a: I16x8) -> I16x8 {
    I16x8(a.0.map(|lane| ((lane.cast_unsigned() >> BY) & 15).cast_signed()))
}

/// Products of neighbours, added by twos.
pub(crate) fn dot(a: I16x8, b: I16x8) -> I32x4 {
    let product = |a: i16, b: i16| i32::from(a) * i32::from(b);
    let ([a0, a1, a2, a3, a4, a5, a6, a7], [b0, b1, b2, b3, b4, b5, b6, b7]) = (a.0, b.0);
    I32x4([
        product(a0, b0) + product(a1, b1),
        product(a2, b2) + product(a3, b3),
        product(a4, b4) + product(a5, b5),
        product(a6, b6) + product(a7, b7),
    ])
}

/// The same number four times.
pub(crate) fn splat_i32(a: i32) -> I32x4 {
    I32x4([a; 4])
}

/// Sum.
pub(crate) fn add_i32(a: I32x4, b: I32x4) -> I32x4 {
    I32x4(both(a.0, b.0, i32::wrapping_add))
}

/// Difference.
pub(crate) fn subtract_i32(a: I32x4, b: I32x4) -> I32x4 {
    I32x4(both(a.0, b.0, i32::wrapping_sub))
}

/// Product, its lower half.
pub(crate) fn multiply_i32(a: I32x4, b: I32x4) -> I32x4 {
    I32x4(both(a.0, b.0, i32::wrapping_mul))
}

/// Bits that both have.
pub(crate) fn and(a: I32x4, b: I32x4) -> I32x4 {
    I32x4(both(a.0, b.0, |a, b| a & b))
}

/// Shifted to the left.
pub(crate) fn shift_left<const BY: u32>(a: I32x4) -> I32x4 {
    I32x4(a.0.map(|lane| lane << BY))
}

/// The bits as floating-point numbers.
pub(crate) fn as_f32(a: I32x4) -> F32x4 {
    F32x4(a.0.map(|lane| f32::from_bits(lane.cast_unsigned())))
}

/// The nearest floating-point number.
#[allow(clippy::cast_precision_loss, reason = "rounding is what it does")]
pub(crate) fn convert(a: I32x4) -> F32x4 {
    F32x4(a.0.map(|lane| lane as f32))
}

/// Integers, towards zero.
#[allow(clippy::cast_possible_truncation, reason = "truncating is what it does")]
pub(crate) fn truncate(a: F32x4) -> I32x4 {
    I32x4(a.0.map(|lane| lane as i32))
}

/// The same number four times.
pub(crate) fn splat(a: f32) -> F32x4 {
    F32x4([a; 4])
}

/// Sum.
pub(crate) fn add(a: F32x4, b: F32x4) -> F32x4 {
    F32x4(both(a.0, b.0, |a, b| a + b))
}

/// Difference.
pub(crate) fn subtract(a: F32x4, b: F32x4) -> F32x4 {
    F32x4(both(a.0, b.0, |a, b| a - b))
}

/// Product.
pub(crate) fn multiply(a: F32x4, b: F32x4) -> F32x4 {
    F32x4(both(a.0, b.0, |a, b| a * b))
}

/// Quotient.
pub(crate) fn divide(a: F32x4, b: F32x4) -> F32x4 {
    F32x4(both(a.0, b.0, |a, b| a / b))
}

/// `a * b + c`, rounded once.
pub(crate) fn multiply_add(a: F32x4, b: F32x4, c: F32x4) -> F32x4 {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3]) = (a.0, b.0, c.0);
    F32x4([a0.mul_add(b0, c0), a1.mul_add(b1, c1), a2.mul_add(b2, c2), a3.mul_add(b3, c3)])
}

/// The lesser of each two.
pub(crate) fn minimum(a: F32x4, b: F32x4) -> F32x4 {
    F32x4(both(a.0, b.0, |a, b| if b < a { b } else { a }))
}

/// The greater of each two.
pub(crate) fn maximum(a: F32x4, b: F32x4) -> F32x4 {
    F32x4(both(a.0, b.0, |a, b| if a < b { b } else { a }))
}

/// Without sign.
pub(crate) fn absolute(a: F32x4) -> F32x4 {
    F32x4(a.0.map(f32::abs))
}

/// The nearest whole number; half-way, the even one.
pub(crate) fn nearest(a: F32x4) -> F32x4 {
    F32x4(a.0.map(f32::round_ties_even))
}
