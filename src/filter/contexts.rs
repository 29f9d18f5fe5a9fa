//! The root context, one per worker and configuration, and the stream context, one per request.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use sha2::{Digest as _, Sha256};

use super::host::{self, LogLevel};
use super::worker::{Worker, refuse_broken};
use crate::engine::Engine;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|root_id| Box::new(Root { root_id, worker: None }));
}}

struct Root {
    root_id: u32,
    /// Absent until a configuration was accepted.
    worker: Option<Rc<RefCell<Worker>>>,
}

impl Root {
    fn with_worker(&self, act: impl FnOnce(&mut Worker)) {
        if let Some(Ok(mut worker)) = self.worker.as_ref().map(|worker| worker.try_borrow_mut()) {
            act(&mut worker);
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, _: usize, _: usize, _: usize) {
        self.with_worker(|worker| worker.on_fetched(call));
    }
}

impl RootContext for Root {
    /// Accepts the configuration, or says what is wrong with it and refuses: then Envoy does not
    /// start, or keeps the configuration that it has.
    fn on_configure(&mut self, _: usize) -> bool {
        let json = host::plugin_configuration().unwrap_or_default();
        match Engine::from_json(&json) {
            Ok(engine) => {
                let seed = RandomState::new().hash_one(self.root_id);
                let worker = Worker::new(self.root_id, engine, &hash(&json), seed);
                let line =
                    format!("egress-auth {}: {}", env!("CARGO_PKG_VERSION"), worker.describe());
                host::log(LogLevel::Info, &line);
                self.worker = Some(Rc::new(RefCell::new(worker)));
                true
            }
            Err(error) => {
                host::log(LogLevel::Error, &format!("configuration refused: {error}"));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.with_worker(Worker::on_tick);
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        let worker = self.worker.clone();
        Some(Box::new(Stream { context_id, worker, waits: false }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Stands for a configuration in metrics: the first digits of its SHA-256.
fn hash(json: &[u8]) -> String {
    Sha256::digest(json).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

struct Stream {
    context_id: u32,
    worker: Option<Rc<RefCell<Worker>>>,
    /// Whether the worker holds this request, or held it.
    waits: bool,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(worker) = &self.worker else { return refuse_broken() };
        let Ok(mut worker) = worker.try_borrow_mut() else { return refuse_broken() };
        let action = worker.on_request(self.context_id);
        self.waits = action == Action::Pause;
        action
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        match self.worker.as_ref().map(|worker| worker.try_borrow()) {
            Some(Ok(worker)) => worker.on_request_trailers(),
            _ => refuse_broken(),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.waits
            && let Some(worker) = &self.worker
            && let Ok(mut worker) = worker.try_borrow_mut()
        {
            worker.forget(self.context_id);
        }
    }
}
