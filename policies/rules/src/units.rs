//! Sizes and durations as people write them.

use std::time::Duration;

/// Why a text is no size or duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// No size.
    #[error("`{0}` is not a size: write bytes, or a whole number with `KiB`, `MiB` or `GiB`, such as `64MiB`")]
    Size(String),
    /// No duration.
    #[error("`{0}` is not a duration: write a whole number with `ms`, `s`, `m` or `h`, such as `30s`")]
    Duration(String),
}

/// Bytes from `65536`, `64KiB`, `16MiB` or `1GiB`.
///
/// # Errors
/// [`UnitError::Size`] for anything else, `MB` and fractions among it, and for more than a `u64` holds.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError::Size(text.to_owned());
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let factor: u64 = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

/// A duration from `500ms`, `30s`, `5m` or `24h`.
///
/// # Errors
/// [`UnitError::Duration`] for anything else: a bare number has no unit, and nobody knows which was meant.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration(text.to_owned());
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let factor: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).map(Duration::from_millis).ok_or_else(wrong)
}

/// Number and unit.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [("0", 0), ("1", 1), ("64KiB", 65_536), ("16MiB", 16 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes));
        }
        for text in
            ["", "MiB", "1.5MiB", "64MB", "64mib", "64 MiB", "-1", "+1", "18446744073709551616", "99999999999GiB"]
        {
            assert_eq!(parse_size(text), Err(UnitError::Size(text.to_owned())));
        }
    }

    #[test]
    fn durations() {
        for (text, millis) in [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("24h", 86_400_000), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
        }
        for text in ["", "30", "30 s", "1.5s", "1d", "-1s", "99999999999999999h"] {
            assert_eq!(parse_duration(text), Err(UnitError::Duration(text.to_owned())));
        }
    }

    #[test]
    fn what_we_write_we_read() {
        for bytes in [0, 1, 1023, 1024, 1 << 20, 3 << 30, (1 << 20) + 1] {
            assert_eq!(parse_size(&tidegate_grant::format_bytes(bytes)), Ok(bytes));
        }
        for millis in [0, 1, 1000, 1500, 60_000, 3_600_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&tidegate_grant::format_duration(duration)), Ok(duration));
        }
    }
}
