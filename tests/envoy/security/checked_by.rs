//! Who checks signatures of RS* and ES*: Envoy's BoringSSL, or, where Envoy withholds that, the
//! module.

use std::fmt;

use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;

/// What Envoy lets the module do.
const CAPABILITIES: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config\
    /http_filters/1/typed_config/config/vm_config/capability_restriction_config\
    /allowed_capabilities";

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckedBy {
    Envoy,
    Module,
}

impl CheckedBy {
    /// Starts a gateway in which it does.
    pub fn start(self, gateway: &Gateway) -> Envoy {
        let mut bootstrap = gateway.bootstrap();
        if self == Self::Module {
            let allowed = bootstrap.pointer_mut(CAPABILITIES).unwrap().as_object_mut().unwrap();
            assert!(allowed.remove("proxy_call_foreign_function").is_some());
        }
        let envoy = Envoy::start(&bootstrap, 1).unwrap();
        let named = if self == Self::Module { "wasm" } else { "Envoy" };
        let line = format!("RS* by {named}, ES* by {named}");
        assert!(envoy.log().contains(&line), "{}", envoy.log());
        envoy
    }
}

impl fmt::Display for CheckedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Module { "the module" } else { "Envoy" })
    }
}
