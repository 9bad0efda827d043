#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::{CodeLayout, CodeTarget};

#[test]
fn targets_and_layouts_read_as_they_are_written() {
    for target in CodeTarget::ALL {
        assert_eq!(target.name().parse::<CodeTarget>().unwrap(), target);
        let layout = target.layout();
        assert_eq!(layout.to_string().parse::<CodeLayout>().unwrap(), layout);
        assert_eq!(layout == CodeLayout::Generous, !target.is_pulley());
    }
    let odd = CodeLayout::Compact { max_memory: 3 << 16 };
    assert_eq!(odd.to_string(), "compact:192KiB");
    assert_eq!(odd.to_string().parse::<CodeLayout>().unwrap(), odd);
    assert_eq!("compact:67108864".parse::<CodeLayout>().unwrap(), "compact".parse().unwrap());
}

#[test]
fn others_are_refused_with_what_there_is() {
    let error = "x86_64-pc-windows-msvc".parse::<CodeTarget>().unwrap_err().to_string();
    assert!(error.contains("aarch64-unknown-linux-gnu") && error.contains("pulley32"), "{error}");
    for wrong in
        ["", "Generous", "compact:", "compact:0", "compact:1KiB", "compact:100000", "compact:5GiB", "compact:1TiB"]
    {
        let error = wrong.parse::<CodeLayout>().unwrap_err().to_string();
        assert!(error.contains("compact:64MiB"), "{wrong}: {error}");
    }
    assert!("compact:99999999999999999999GiB".parse::<CodeLayout>().is_err());
}

#[test]
fn this_program_has_a_target() {
    let pulley = CodeTarget::pulley();
    assert!(pulley.is_pulley());
    assert_eq!(CodeTarget::here().is_pulley(), !cfg!(all(target_os = "linux", target_pointer_width = "64")));
    assert_eq!(pulley.suffix(), format!(".{pulley}.cwasm"));
}
