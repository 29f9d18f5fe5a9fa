//! What the module may do: Envoy gives it the calls that it makes, runs the callbacks that it has,
//! and nothing else (`CapabilityRestrictionConfig` of Envoy's `VmConfig`).
//!
//! A call that is not allowed fails, and a callback that is not allowed is not made. The names are
//! those that the module imports and exports, which the build compares with the same list. Some
//! exports are no capabilities (proxy-wasm-cpp-host, `WasmBase::getFunctions`): Envoy uses what
//! allocates, starts the module and tells its version whatever is allowed.

use serde_json::{Map, Value, json};

/// What the module imports and exports, one a line: `import MODULE NAME` or `export NAME`. What is
/// imported with a library and never called is marked `uncalled`.
const INTERFACE: &str = include_str!("../../../scripts/wasm-interface.txt");
/// A callback by its name, but one that no restriction reaches.
const ALLOCATE: &str = "proxy_on_memory_allocate";

/// The names of all that the module needs, sorted.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    INTERFACE.lines().filter_map(|line| match *line.split(' ').collect::<Vec<_>>() {
        ["import", _, name] => Some(name),
        ["export", name] if name.starts_with("proxy_on_") && name != ALLOCATE => Some(name),
        _ => None,
    })
}

/// The restriction to them.
pub(super) fn restriction() -> Value {
    // Envoy knows no settings of a capability yet.
    let allowed: Map<String, Value> = names().map(|name| (name.to_owned(), json!({}))).collect();
    json!({ "allowed_capabilities": allowed })
}
