//! Sizes for people.

/// `64 MiB`, `1.5 GiB`, `200 bytes`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (name, unit) in UNITS {
        if count >= unit {
            // Rounded up, so that what is beyond a limit also reads so.
            let tenths = (count % unit * 10).div_ceil(unit);
            let (whole, tenths) = (count / unit + tenths / 10, tenths % 10);
            return if tenths == 0 { format!("{whole} {name}") } else { format!("{whole}.{tenths} {name}") };
        }
    }
    format!("{count} bytes")
}

/// Lower-case hexadecimal.
#[cfg(feature = "compile")]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
