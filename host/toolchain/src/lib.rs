//! Finds or installs the guest toolchain and builds components.
