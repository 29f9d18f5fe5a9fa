//! What each callback of the host does: the roots, one per configuration of this VM, and the
//! streams, one per request.
//!
//! Streams keep nothing here. Envoy announces a stream to the VM just before its headers
//! (proxy-wasm-cpp-host, `Context::decodeHeaders`), so the one announced last is all there is to
//! remember: a stream costs no allocation, no look-up and no callback at its end. Where that order
//! is not kept, the request is refused.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use rsa::sha2::{Digest as _, Sha256};

use super::host::{self, Action, LogLevel};
use super::worker::{Worker, refuse_broken};
use crate::engine::Engine;

thread_local! {
    static VM: RefCell<Vm> = const { RefCell::new(Vm { roots: Vec::new(), announced: (0, 0) }) };
}

/// Everything that lives in this VM.
struct Vm {
    /// One, or a few while a configuration replaces another.
    roots: Vec<Root>,
    /// The stream that was announced last, and its root.
    announced: (u32, u32),
}

struct Root {
    id: u32,
    /// Absent until a configuration was accepted.
    worker: Option<Worker>,
}

impl Vm {
    fn worker(&mut self, root_id: u32) -> Option<&mut Worker> {
        self.roots.iter_mut().find(|root| root.id == root_id)?.worker.as_mut()
    }

    /// Drops the roots that the host has dropped, and hands over what they still had counted: it
    /// was not asked to tell, as it would then tell of every stream too.
    fn forget_the_gone(&mut self, current: u32) {
        if self.roots.len() > 1 {
            let is_gone =
                |root: &mut Root| root.id != current && !host::set_effective_context(root.id);
            let gone: Vec<Root> = self.roots.extract_if(.., is_gone).collect();
            host::set_effective_context(current);
            gone.into_iter().filter_map(|root| root.worker).for_each(Worker::end);
        }
    }
}

/// Gives access to the VM's state; `None` if it is in use, which no host can bring about.
fn with_vm<T>(act: impl FnOnce(&mut Vm) -> T) -> Option<T> {
    VM.with(|vm| vm.try_borrow_mut().ok().map(|mut vm| act(&mut vm)))
}

/// A root context (without a parent), or a stream that belongs to one.
pub fn on_context_create(id: u32, parent: u32) {
    with_vm(|vm| match parent {
        0 => vm.roots.push(Root { id, worker: None }),
        root => vm.announced = (id, root),
    });
}

/// Accepts the configuration, or says what is wrong with it and refuses: then Envoy does not
/// start, or keeps the configuration that it has.
pub fn on_configure(root_id: u32) -> bool {
    let json = host::plugin_configuration().unwrap_or_default();
    match Engine::from_json(&json) {
        Ok(engine) => {
            let seed = RandomState::new().hash_one(root_id);
            let worker = Worker::new(root_id, engine, &hash(&json), seed);
            let line = format!("egress-auth {}: {}", env!("CARGO_PKG_VERSION"), worker.describe());
            host::log(LogLevel::Info, &line);
            if let Some(line) = worker.describe_tried_out() {
                host::log(LogLevel::Warn, &line);
            }
            let installed = with_vm(|vm| {
                vm.forget_the_gone(root_id);
                let root = vm.roots.iter_mut().find(|root| root.id == root_id);
                root.map(|root| root.worker = Some(worker))
            });
            installed.flatten().is_some()
        }
        Err(error) => {
            host::log(LogLevel::Error, &format!("configuration refused: {error}"));
            false
        }
    }
}

/// Stands for a configuration in metrics: the first digits of its SHA-256.
fn hash(json: &[u8]) -> String {
    Sha256::digest(json).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The period of a root has passed.
pub fn on_tick(root_id: u32) {
    with_vm(|vm| {
        vm.forget_the_gone(root_id);
        vm.worker(root_id).map(Worker::on_tick)
    });
}

/// A call that a root made has ended.
pub fn on_http_call_response(root_id: u32, call: u32) {
    with_vm(|vm| vm.worker(root_id).map(|worker| worker.on_fetched(call)));
}

/// The headers of a request have arrived.
pub fn on_request_headers(id: u32) -> Action {
    let action = with_vm(|vm| {
        let (announced, root_id) = vm.announced;
        let worker = vm.worker(root_id).filter(|_| announced == id)?;
        Some(worker.on_request(id))
    });
    action.flatten().unwrap_or_else(refuse_broken)
}

/// The trailers of a request have arrived. Whose they are is not known any more; what any root of
/// this VM sets, no client may.
pub fn on_request_trailers() -> Action {
    let action = with_vm(|vm| {
        let workers = vm.roots.iter().filter_map(|root| root.worker.as_ref());
        workers.map(Worker::on_request_trailers).find(|action| *action != Action::Continue)
    });
    match action {
        Some(stopped) => stopped.unwrap_or(Action::Continue),
        None => refuse_broken(),
    }
}
