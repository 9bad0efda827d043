//! The current time in any zone, conversions between zones, differences, and the list of zones.
//!
//! The zones are those of the IANA database as bundled at build time; the clock is the node's.

mod convert;
mod difference;
mod moment;
mod now;
mod zones;

tidegate_sdk::tools! {
    "current_time" => now::current_time {
        title: "Current time",
        read_only: true,
        idempotent: false,
        open_world: false,
    },
    "convert_time" => convert::convert_time {
        title: "Convert time",
        read_only: true,
        idempotent: true,
        open_world: false,
    },
    "time_difference" => difference::time_difference {
        title: "Time difference",
        read_only: true,
        idempotent: true,
        open_world: false,
    },
    "list_time_zones" => zones::list_time_zones {
        title: "List time zones",
        read_only: true,
        idempotent: true,
        open_world: false,
    },
}

#[cfg(test)]
mod tests;
