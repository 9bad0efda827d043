//! tidegate:host/kv on redb.
