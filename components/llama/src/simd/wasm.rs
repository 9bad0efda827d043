//! Vectors of WebAssembly.

use std::arch::wasm32 as w;

use super::vectorised;

/// Eight numbers of 16 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct I16x8(w::v128);

/// Four numbers of 32 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct I32x4(w::v128);

/// Four floating-point numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct F32x4(w::v128);

vectorised! {
    /// Signed bytes, widened.
    pub(crate) fn widen_i8(bytes: [u8; 8]) -> I16x8 {
        I16x8(w::i16x8_extend_low_i8x16(w::u64x2(u64::from_le_bytes(bytes), 0)))
    }

    /// Unsigned bytes, widened.
    pub(crate) fn widen_u8(bytes: [u8; 8]) -> I16x8 {
        I16x8(w::u16x8_extend_low_u8x16(w::u64x2(u64::from_le_bytes(bytes), 0)))
    }

    /// Signed numbers of 16 bits, widened.
    pub(crate) fn widen_i16(bytes: [u8; 8]) -> I32x4 {
        I32x4(w::i32x4_extend_low_i16x8(w::u64x2(u64::from_le_bytes(bytes), 0)))
    }

    /// Four signed bytes, widened.
    pub(crate) fn widen_4_i8(bytes: [u8; 4]) -> I32x4 {
        let bytes = w::u32x4(u32::from_le_bytes(bytes), 0, 0, 0);
        I32x4(w::i32x4_extend_low_i16x8(w::i16x8_extend_low_i8x16(bytes)))
    }

    /// Sixteen bytes as eight numbers.
    pub(crate) fn load_i16(bytes: [u8; 16]) -> I16x8 {
        I16x8(bytemuck::cast(bytes))
    }

    /// Four floating-point numbers.
    pub(crate) fn load(numbers: [f32; 4]) -> F32x4 {
        F32x4(bytemuck::cast(numbers))
    }

    /// The lanes.
    pub(crate) fn store(numbers: F32x4) -> [f32; 4] {
        bytemuck::cast(numbers.0)
    }

    /// The lanes.
    pub(crate) fn store_i32(numbers: I32x4) -> [i32; 4] {
        bytemuck::cast(numbers.0)
    }

    /// The same two numbers of 16 bits, the first in the lower half, four times.
    pub(crate) fn splat_pair(pair: i32) -> I16x8 {
        I16x8(w::i32x4_splat(pair))
    }

    /// The lower four bits of each lane, after `BY` bits are shifted out.
    pub(crate) fn nibble<const BY: u32>(a: I16x8) -> I16x8 {
        let shifted = if BY == 0 { a.0 } else { w::u16x8_shr(a.0, BY) };
        I16x8(if BY == 12 { shifted } else { w::v128_and(shifted, w::u16x8_splat(15)) })
    }

    /// Products of neighbours, added by twos.
    pub(crate) fn dot(a: I16x8, b: I16x8) -> I32x4 {
        I32x4(w::i32x4_dot_i16x8(a.0, b.0))
    }

    /// The same number four times.
    pub(crate) fn splat_i32(a: i32) -> I32x4 {
        I32x4(w::i32x4_splat(a))
    }

    /// Sum.
    pub(crate) fn add_i32(a: I32x4, b: I32x4) -> I32x4 {
        I32x4(w::i32x4_add(a.0, b.0))
    }

    /// Difference.
    pub(crate) fn subtract_i32(a: I32x4, b: I32x4) -> I32x4 {
        I32x4(w::i32x4_sub(a.0, b.0))
    }

    /// Product, its lower half.
    pub(crate) fn multiply_i32(a: I32x4, b: I32x4) -> I32x4 {
        I32x4(w::i32x4_mul(a.0, b.0))
    }

    /// Bits that both have.
    pub(crate) fn and(a: I32x4, b: I32x4) -> I32x4 {
        I32x4(w::v128_and(a.0, b.0))
    }

    /// Shifted to the left.
    pub(crate) fn shift_left<const BY: u32>(a: I32x4) -> I32x4 {
        I32x4(w::i32x4_shl(a.0, BY))
    }

    /// The bits as floating-point numbers.
    pub(crate) fn as_f32(a: I32x4) -> F32x4 {
        F32x4(a.0)
    }

    /// The nearest floating-point number.
    pub(crate) fn convert(a: I32x4) -> F32x4 {
        F32x4(w::f32x4_convert_i32x4(a.0))
    }

    /// Integers, towards zero.
    pub(crate) fn truncate(a: F32x4) -> I32x4 {
        I32x4(w::i32x4_trunc_sat_f32x4(a.0))
    }

    /// The same number four times.
    pub(crate) fn splat(a: f32) -> F32x4 {
        F32x4(w::f32x4_splat(a))
    }

    /// Sum.
    pub(crate) fn add(a: F32x4, b: F32x4) -> F32x4 {
        F32x4(w::f32x4_add(a.0, b.0))
    }

    /// Difference.
    pub(crate) fn subtract(a: F32x4, b: F32x4) -> F32x4 {
        F32x4(w::f32x4_sub(a.0, b.0))
    }

    /// Product.
    pub(crate) fn multiply(a: F32x4, b: F32x4) -> F32x4 {
        F32x4(w::f32x4_mul(a.0, b.0))
    }

    /// Quotient.
    pub(crate) fn divide(a: F32x4, b: F32x4) -> F32x4 {
        F32x4(w::f32x4_div(a.0, b.0))
    }

    /// `a * b + c`, rounded once.
    pub(crate) fn multiply_add(a: F32x4, b: F32x4, c: F32x4) -> F32x4 {
        F32x4(w::f32x4_relaxed_madd(a.0, b.0, c.0))
    }

    /// The lesser of each two.
    pub(crate) fn minimum(a: F32x4, b: F32x4) -> F32x4 {
        F32x4(w::f32x4_pmin(a.0, b.0))
    }

    /// The greater of each two.
    pub(crate) fn maximum(a: F32x4, b: F32x4) -> F32x4 {
        F32x4(w::f32x4_pmax(a.0, b.0))
    }

    /// Without sign.
    pub(crate) fn absolute(a: F32x4) -> F32x4 {
        F32x4(w::f32x4_abs(a.0))
    }

    /// The nearest whole number; half-way, the even one.
    pub(crate) fn nearest(a: F32x4) -> F32x4 {
        F32x4(w::f32x4_nearest(a.0))
    }
}
