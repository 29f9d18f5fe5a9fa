//! The filter as a proxy-wasm module: everything that talks to Envoy.
//!
//! Each file uses those below it and none above.
//!
//! | file | what lives there |
//! |---|---|
//! | `contexts` | what each callback does: for roots, and for streams |
//! | `worker` | one worker's state: requests that wait, decisions carried out |
//! | `keys` | JWKS documents: fetched by one worker, shared by all |
//! | `standing` | whether the worker's policy is in force |
//! | `verifier` | signatures checked by Envoy's BoringSSL, or here |
//! | `peer` | the client's certificate |
//! | `shared` | data that all workers share |
//! | `stats` | Envoy's statistics |
//! | `abi` | calls on behalf of a request; the only unsafe code |

mod abi;
mod contexts;
mod keys;
mod peer;
mod shared;
mod standing;
mod stats;
mod verifier;
mod worker;
