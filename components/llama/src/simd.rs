//! Vectors of 128 bits: WebAssembly's, and the same in plain Rust for tests on other processors.
//!
//! Both give the same bits: integers are exact, and `multiply_add` rounds once in both, as the engine's deterministic
//! relaxed SIMD does.

#[cfg(not(target_arch = "wasm32"))]
mod portable;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use portable::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::*;

/// Functions that use vectors. They must all be compiled for them, or nothing is inlined; the flags of the whole build are
/// not ours to set.
macro_rules! vectorised {
    ($($item:item)*) => {
        $(
            #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128,relaxed-simd"))]
            #[inline]
            $item
        )*
    };
}
pub(crate) use vectorised;

vectorised! {
    /// Four numbers of 16 bits as numbers of 32: exact for every finite one. What is not finite was refused at load.
    pub(crate) fn halves(bytes: [u8; 8]) -> F32x4 {
        // Exponent and fraction move to where 32 bits have them; the product corrects the exponent's bias, 127 - 15, and
        // makes subnormal numbers normal.
        let moved = and(shift_left::<13>(widen_i16(bytes)), splat_i32(0x8fff_e000_u32.cast_signed()));
        multiply(as_f32(moved), splat(f32::from_bits((127 + 112) << 23)))
    }

    /// e to the power of each lane, within 2 units in the last place; 0 below -87, infinite nowhere: at most e^88.
    pub(crate) fn exp(x: F32x4) -> F32x4 {
        let x = minimum(maximum(x, splat(-87.0)), splat(88.0));
        let whole = nearest(multiply(x, splat(std::f32::consts::LOG2_E)));
        // ln 2 in two parts, so that the rest is exact: the first has 9 bits.
        let rest = multiply_add(whole, splat(-0.693_359_4), x);
        let rest = multiply_add(whole, splat(2.121_944_4e-4), rest);
        // Taylor's series: |rest| <= ln 2 / 2, the first term left out is below 2^-27.
        let mut sum = splat(1.0 / 5040.0);
        for part in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            sum = multiply_add(sum, rest, splat(part));
        }
        multiply(sum, as_f32(shift_left::<23>(add_i32(truncate(whole), splat_i32(127)))))
    }
}
