//! What must hold for any input, one file a target. Each has a `check` that panics where it does
//! not hold. The fuzzer calls it with new inputs, and `tests/security` of the main package
//! with those of the committed corpora.
//!
//! | target | input | what must hold |
//! |---|---|---|
//! | `token` | a token | what is taken apart is what stood there; nothing verifies that was not signed |
//! | `jwks` | a JWKS document | bounds; keys fit what they are tried for; no secrets from afar |
//! | `policy_json` | a plugin configuration | what is read is read again from what is written |
//! | `gateway_yaml` | documents | an error, or a policy that the filter takes |
//! | `path_pattern` | a pattern and paths, by lines | a naive matcher agrees |
//! | `host_table` | hostnames and a host, by lines | a search from end to end agrees |
//! | `decide` | choices, by bytes | a second, plain implementation of the contract agrees |
//! | `prove` | choices, by bytes | what is proved holds for every request of a small world |
//! | `source` | a SAN and header values, by lines | nobody is believed who is not trusted |

pub mod choices;
pub mod decide;
pub mod gateway_yaml;
pub mod host_table;
pub mod jwks;
pub mod path_pattern;
pub mod plain;
pub mod policy_json;
pub mod prove;
pub mod source;
pub mod token;

/// Checks one input, and panics where something does not hold.
pub type Check = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Check); 9] = [
    ("token", token::check),
    ("jwks", jwks::check),
    ("policy_json", policy_json::check),
    ("gateway_yaml", gateway_yaml::check),
    ("path_pattern", path_pattern::check),
    ("host_table", host_table::check),
    ("decide", decide::check),
    ("prove", prove::check),
    ("source", source::check),
];
