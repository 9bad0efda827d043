//! tidegate:host/system: the state of the node.
