//! Tokens that are bound to whoever sends them, over mTLS through a real Envoy.
//!
//! | file | what it shows |
//! |---|---|
//! | `table` | every token with every binding and every certificate, by HTTP/1.1 and HTTP/2 |
//! | `examples` | the Gateways of docs/token-binding.md, with certificates like those in it |
//! | `sending` | a request over mTLS in either protocol |

mod examples;
mod sending;
mod table;
