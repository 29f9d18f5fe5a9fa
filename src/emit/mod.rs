//! The outputs: a compiled Gateway as something that can be deployed.
//!
//! | module | what lives there |
//! |---|---|
//! | [`envoy`] | `--to envoy`: a complete Envoy configuration |
//! | [`envoy::native`] | `--to envoy-native`: the same with Envoy's own filters instead of ours |
//! | [`istio`] | `--to wasm-plugin` and `--to istio-native`: Kubernetes objects for Istio |
//! | `hosts` | what decides for which hostname |
//! | `claim_name` | names of claims as Envoy has them in headers |
//! | `re2` | patterns as regular expressions of Envoy |
//! | `token_fields` | what of a JWT rule no filter of Envoy's own judges |
//! | `findings` | what an output cannot say |
//!
//! `--to plugin-config` needs nothing here: it is [`crate::policy::Policy`] as JSON. An output
//! decides nothing; what a Gateway means was settled in [`crate::compile`].

mod claim_name;
pub mod envoy;
mod findings;
mod hosts;
pub mod istio;
mod re2;
mod token_fields;
