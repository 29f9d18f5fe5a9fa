//! What each callback of the host does: the roots, one per configuration of this VM, and the
//! streams, one per request.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use rsa::sha2::{Digest as _, Sha256};

use super::abi;
use super::worker::{Passage, Worker, refuse_broken};
use crate::engine::Engine;

/// What the module exports. It is written down here too so that it is linked anew when the list
/// changes, which says what the linker leaves out.
const _: &str = include_str!("../../../scripts/wasm-interface.txt");

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|id| Box::new(Root { id, worker: None }));
}}

/// A worker, held by its root and by every stream that began under it. No host calls back while
/// it is borrowed; should one do so, the request is refused.
type Shared = Rc<RefCell<Worker>>;

struct Root {
    id: u32,
    /// Absent until a configuration was accepted.
    worker: Option<Shared>,
}

impl Root {
    fn with(&self, act: impl FnOnce(&mut Worker, usize)) {
        if let Some(shared) = &self.worker
            && let Ok(mut worker) = shared.try_borrow_mut()
        {
            act(&mut worker, Rc::strong_count(shared).saturating_sub(1));
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, _: usize, _: usize, _: usize) {
        self.with(|worker, _| worker.on_fetched(call));
    }
}

impl RootContext for Root {
    /// Accepts the configuration, or says what is wrong with it and refuses: then Envoy does not
    /// start, or keeps the configuration that it has.
    fn on_configure(&mut self, _: usize) -> bool {
        let json = self.get_plugin_configuration().unwrap_or_default();
        let engine = match Engine::from_json(&json) {
            Ok(engine) => engine,
            Err(error) => {
                abi::log(LogLevel::Error, &format!("configuration refused: {error}"));
                return false;
            }
        };
        let seed = RandomState::new().hash_one(self.id);
        let Some(worker) = Worker::new(self.id, engine, &hash(&json), seed) else { return false };
        let line = format!("egress-auth {}: {}", env!("CARGO_PKG_VERSION"), worker.describe());
        abi::log(LogLevel::Info, &line);
        if let Some(line) = worker.describe_tried_out() {
            abi::log(LogLevel::Warn, &line);
        }
        self.worker = Some(Rc::new(RefCell::new(worker)));
        true
    }

    fn on_tick(&mut self) {
        self.with(Worker::on_tick);
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { id, worker: self.worker.clone(), passage: Passage::Refused }))
    }
}

/// The host drops a root when nothing uses its configuration any more.
impl Drop for Root {
    fn drop(&mut self) {
        self.with(|worker, _| worker.on_end());
    }
}

/// Stands for a configuration in metrics: the first digits of its SHA-256.
fn hash(json: &[u8]) -> String {
    Sha256::digest(json).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// One request. Nothing of it passes before it was let go.
struct Stream {
    id: u32,
    worker: Option<Shared>,
    passage: Passage,
}

impl Stream {
    fn action(&self) -> Action {
        if self.passage.is_open() { Action::Continue } else { Action::Pause }
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let worker = self.worker.as_ref().and_then(|worker| worker.try_borrow_mut().ok());
        self.passage = match worker {
            Some(mut worker) => worker.on_request(self.id),
            None => refuse_broken(),
        };
        self.action()
    }

    /// Comes while the headers wait where `allow_on_headers_stop_iteration` has it so; the body
    /// waits with them.
    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.action()
    }

    /// Trailers are freed of what clients may not say, whether they have to wait or not.
    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if !matches!(self.passage, Passage::Refused) {
            let worker = self.worker.as_ref().and_then(|worker| worker.try_borrow().ok());
            if !worker.is_some_and(|worker| worker.clean_trailers()) {
                self.passage = refuse_broken();
            }
        }
        self.action()
    }
}
