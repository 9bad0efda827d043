//! A foreign component's exported functions as tools.
