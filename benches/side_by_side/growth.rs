//! A million requests of every kind, and what is larger after them.

use std::time::Duration;

use anyhow::Context as _;

use super::gateway::Shape;
use super::load::{Load, Until};
use super::requests::{self, Traffic};
use super::results::Growth;
use super::rounds::Setup;
use super::variant::Variant;

/// Sends until there were so many responses, once and again, and looks both times.
pub fn measure(setup: &mut Setup, responses: [u64; 2]) -> anyhow::Result<Growth> {
    let shape = Shape::PLAIN;
    let requests = requests::build(Traffic::Mixed, shape, 0, &mut setup.tokens, "")?;
    let envoy = setup.start(Variant::Filter, shape)?;
    let core = setup.load_core;
    let load = Load { to: envoy.gateway(), requests: &requests, tls: None, core };
    let mut next = 0;
    let [some, many] = responses;
    let mut after = |count| {
        load.run(&mut next, Duration::ZERO, Until::Answered(count), || Ok(()))
            .with_context(|| format!("many requests; Envoy said:\n{}", envoy.log()))?;
        envoy.memory()
    };
    let memory = [after(some)?, after(many.saturating_sub(some))?];
    Ok(Growth { responses, memory })
}
