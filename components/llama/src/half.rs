//! Numbers of 16 bits, one at a time; vectors are in `simd`.

/// A number of 16 bits as one of 32. Exact; infinite and not-a-number stay so.
#[must_use]
pub fn to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let moved = u32::from(half & 0x7fff) << 13;
    if half & 0x7c00 == 0x7c00 {
        return f32::from_bits(sign | moved | 0x7f80_0000);
    }
    f32::from_bits(sign | (f32::from_bits(moved) * f32::from_bits((127 + 112) << 23)).to_bits())
}

/// The nearest number of 16 bits; half-way, the even one; too large ones become infinite.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "the upper bits are shifted out or masked")]
pub fn from_f32(number: f32) -> u16 {
    let bits = number.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let size = bits & 0x7fff_ffff;
    if size >= 0x7f80_0000 {
        return sign | if size > 0x7f80_0000 { 0x7e00 } else { 0x7c00 };
    }
    // Adding a number whose last place is that of the result makes the processor round there.
    if size < (127 - 14) << 23 {
        let rounded = f32::from_bits(size) + 0.5;
        return sign | (rounded.to_bits() - 0.5_f32.to_bits()) as u16;
    }
    let odd = (size >> 13) & 1;
    let rounded = size + 0xfff + odd - ((127 - 15) << 23);
    sign | (rounded >> 13).min(0x7c00) as u16
}

/// Rounds to 16 bits and back.
pub(crate) fn round(number: f32) -> f32 {
    to_f32(from_f32(number))
}

#[cfg(test)]
mod tests {
    use super::{from_f32, to_f32};

    #[test]
    fn every_half_comes_back() {
        for half in 0..=u16::MAX {
            let number = to_f32(half);
            if number.is_nan() {
                assert!(to_f32(from_f32(number)).is_nan());
            } else {
                assert_eq!(from_f32(number), half);
            }
        }
    }

    #[test]
    fn halfway_goes_to_even_and_the_largest_to_infinity() {
        assert_eq!(from_f32(1.0 + 1.0 / 2048.0), 0x3c00);
        assert_eq!(from_f32(1.0 + 3.0 / 2048.0), 0x3c02);
        assert_eq!(from_f32(65_519.0), 0x7bff);
        assert_eq!(from_f32(65_520.0), 0x7c00);
        assert_eq!(from_f32(-1e30), 0xfc00);
        assert_eq!(from_f32(2.0_f32.powi(-25)), 0);
        assert_eq!(from_f32(3.0 * 2.0_f32.powi(-26)), 1);
    }
}
