//! How numbers of a tensor are stored.

/// How the numbers of a tensor are stored: ggml's types, by their numbers in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    number: u32,
    name: &'static str,
    block: u64,
    bytes: u64,
}

macro_rules! kinds {
    ($($(#[doc = $text:literal])* $name:ident = $number:literal, $block:literal in $bytes:literal;)*) => {
        impl Kind {
            $(
                $(#[doc = $text])*
                pub const $name: Self =
                    Self { number: $number, name: stringify!($name), block: $block, bytes: $bytes };
            )*
            const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

// All that files have, so that one that is not computed is named.
kinds! {
    /// 32 bits.
    F32 = 0, 1 in 4;
    /// 16 bits.
    F16 = 1, 1 in 2;
    /// 4 bits and a scale for 32.
    Q4_0 = 2, 32 in 18;
    /// 4 bits, a scale and a minimum for 32.
    Q4_1 = 3, 32 in 20;
    /// 5 bits and a scale for 32.
    Q5_0 = 6, 32 in 22;
    /// 5 bits, a scale and a minimum for 32.
    Q5_1 = 7, 32 in 24;
    /// 8 bits and a scale for 32.
    Q8_0 = 8, 32 in 34;
    /// 8 bits, a scale and a sum for 32.
    Q8_1 = 9, 32 in 36;
    /// 2 bits, in blocks of 256.
    Q2_K = 10, 256 in 84;
    /// 3 bits, in blocks of 256.
    Q3_K = 11, 256 in 110;
    /// 4 bits, in blocks of 256 with scales and minima of 6 bits for 32.
    Q4_K = 12, 256 in 144;
    /// 5 bits, in blocks of 256.
    Q5_K = 13, 256 in 176;
    /// 6 bits, in blocks of 256 with scales of 8 bits for 16.
    Q6_K = 14, 256 in 210;
    /// 8 bits, in blocks of 256.
    Q8_K = 15, 256 in 292;
    /// About 2.06 bits.
    IQ2_XXS = 16, 256 in 66;
    /// About 2.31 bits.
    IQ2_XS = 17, 256 in 74;
    /// About 3.06 bits.
    IQ3_XXS = 18, 256 in 98;
    /// About 1.56 bits.
    IQ1_S = 19, 256 in 50;
    /// 4 bits, not linear.
    IQ4_NL = 20, 32 in 18;
    /// About 3.44 bits.
    IQ3_S = 21, 256 in 110;
    /// About 2.56 bits.
    IQ2_S = 22, 256 in 82;
    /// 4.25 bits, not linear.
    IQ4_XS = 23, 256 in 136;
    /// Whole numbers of 8 bits.
    I8 = 24, 1 in 1;
    /// Whole numbers of 16 bits.
    I16 = 25, 1 in 2;
    /// Whole numbers of 32 bits.
    I32 = 26, 1 in 4;
    /// Whole numbers of 64 bits.
    I64 = 27, 1 in 8;
    /// 64 bits.
    F64 = 28, 1 in 8;
    /// About 1.75 bits.
    IQ1_M = 29, 256 in 56;
    /// The upper half of 32 bits.
    BF16 = 30, 1 in 2;
    /// 1.69 bits, three values.
    TQ1_0 = 34, 256 in 54;
    /// 2.06 bits, three values.
    TQ2_0 = 35, 256 in 66;
    /// 4 bits with shared exponents for 32.
    MXFP4 = 39, 32 in 17;
}

impl Kind {
    /// The kind of that number, if there is one.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.number == number)
    }

    /// Its name as ggml writes it: `Q4_0`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Elements of a block.
    #[must_use]
    pub fn block(self) -> u64 {
        self.block
    }

    /// Bytes of a block.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.bytes
    }
}
