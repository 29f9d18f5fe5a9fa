//! The outputs: a compiled Gateway as something that can be deployed.
//!
//! | module | what lives there |
//! |---|---|
//! | [`envoy`] | `--to envoy`: a complete Envoy configuration |
//! | [`istio`] | `--to wasm-plugin` and `--to istio-native`: Kubernetes objects for Istio |
//!
//! `--to plugin-config` needs nothing here: it is [`crate::policy::Policy`] as JSON. An output
//! decides nothing; what a Gateway means was settled in [`crate::compile`].

pub mod envoy;
pub mod istio;
