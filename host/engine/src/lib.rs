//! The runtime: compile in a limited child, cache, pool, limits, epochs.
