//! Policy text to rules, and the decision over them.
