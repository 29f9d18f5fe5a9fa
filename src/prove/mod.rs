//! The prover: what policies allow, over all requests.
//!
//! It answers by looking at everything that can make a difference instead of at examples, and every
//! "no" comes with a request that the engine itself decided. Nothing here decides a request: how
//! tokens, sources and paths are matched is the engine's word ([`crate::engine`]), and the patterns
//! that are searched are those that it matches with.
//!
//! | file | what lives there |
//! |---|---|
//! | `side` | what a policy says about one host, as combinations of who and what ("atoms") |
//! | `tables` | what policies refer to, each thing once |
//! | `hosts` | the hosts that policies tell apart |
//! | `compare` | two policies, host by host |
//! | `group` | two policies at one host |
//! | `guarantee` | whether a policy never, or always, lets the requests of a region pass |
//! | `question`, `never`, `always` | a guarantee at one host |
//! | `redundant` | rules that admit nothing which others do not admit, principals that no token matches |
//! | `parts` | rules taken apart, so that the same can be asked of their parts |
//! | `reach` | what one caller may do at one host, with every method and path |
//! | `region` | parts of all requests, as guarantees name them |
//! | `grants` | what a policy grants one caller at one host |
//! | `callers`, `tokens`, `senders` | callers that stand for all callers of an atom |
//! | `bounds` | what a JWT rule accepts that another may not |
//! | `layout` | which claim of a token stands where |
//! | `holders` | who must send a token that is bound to a workload |
//! | `least`, `vocabulary` | least values of patterns over claims |
//! | `inclusion`, `automaton` | whether the paths of one pattern are among those of others |
//! | `paths` | whether all paths of a pattern are admitted, and if not, which to try |
//! | `certificate` | a proof about paths, and the check of it |
//! | `literal` | paths that a policy admits and nobody can make use of |
//! | `candidates` | paths to try that can be read in several ways |
//! | `example` | requests, and what an engine says to them |
//! | `excerpt` | a few hosts of a policy as a policy |
//! | `examples` | values that patterns match, for whoever shows some |
//!
//! Everything here is pure, and built for the page of `report`, too.

mod always;
mod automaton;
mod bounds;
mod callers;
mod candidates;
pub mod certificate;
pub mod compare;
pub mod example;
pub mod examples;
mod excerpt;
mod grants;
pub mod group;
pub mod guarantee;
#[cfg(test)]
mod guarantee_tests;
mod holders;
#[cfg(test)]
mod holders_tests;
pub mod hosts;
pub mod inclusion;
mod layout;
mod least;
mod literal;
mod never;
#[cfg(not(target_arch = "wasm32"))]
pub mod parts;
pub mod paths;
mod question;
pub mod reach;
#[cfg(not(target_arch = "wasm32"))]
pub mod redundant;
pub mod region;
mod senders;
pub mod side;
pub mod tables;
#[cfg(test)]
mod tests;
pub mod tokens;
mod vocabulary;
