//! Files and environment to a typed Config.
