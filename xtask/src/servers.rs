//! Servers that benchmarks and the soak start, and what they ask them.

pub(crate) mod login;
pub(crate) mod process;
pub(crate) mod simulator;
pub(crate) mod tls;
pub(crate) mod usage;
