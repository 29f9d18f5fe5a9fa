//! Every call to the host and every callback from it, and the only unsafe code of the filter.
//!
//! This is the part of the ABI (proxy-wasm 0.2.1) that the filter uses, and no more. Status codes
//! are read as numbers, so that one that is not known is an error and not a trap, values as bytes,
//! which no request can stop the VM with, and everything but success becomes `None` or `false`.
//! What is not exported, Envoy does not call: each callback that it need not make for a stream
//! saves that stream about a microsecond.
#![allow(unsafe_code)]

use super::contexts;
use super::header_map;
use super::metrics::Sink;

/// Log levels of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Info = 2,
    Warn = 3,
    Error = 4,
}

/// Header maps of the ABI.
#[derive(Debug, Clone, Copy)]
pub enum Map {
    RequestHeaders = 0,
    RequestTrailers = 1,
    CallResponseHeaders = 6,
}

/// Buffers of the ABI.
#[derive(Debug, Clone, Copy)]
enum Buffer {
    CallResponseBody = 4,
    PluginConfiguration = 7,
}

/// What becomes of a stream after a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Continue = 0,
    Pause = 1,
}

const OK: u32 = 0;
/// Kinds of metrics of the ABI.
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const REQUEST_STREAM: u32 = 0;
/// Lets Envoy derive the grpc-status from the HTTP status.
const NO_GRPC_STATUS: u32 = u32::MAX;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, len: usize) -> u32;
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        len: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_len: usize) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_len: usize,
        data: *mut *mut u8,
        len: *mut usize,
    ) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_len: usize,
        data: *mut *mut u8,
        len: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_len: usize,
        value: *const u8,
        value_len: usize,
        cas: u32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_len: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_len: usize,
        body: *const u8,
        body_len: usize,
        headers: *const u8,
        headers_len: usize,
        grpc_status: u32,
    ) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_len: usize,
        headers: *const u8,
        headers_len: usize,
        body: *const u8,
        body_len: usize,
        trailers: *const u8,
        trailers_len: usize,
        timeout_ms: u32,
        call: *mut u32,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_len: usize,
        argument: *const u8,
        argument_len: usize,
        data: *mut *mut u8,
        len: *mut usize,
    ) -> u32;
}

/// Runs a call that hands over bytes, and takes them.
fn take(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let mut data = std::ptr::null_mut();
    let mut len = 0;
    if call(&mut data, &mut len) != OK {
        return None;
    }
    if data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: on success the host has called `proxy_on_memory_allocate` for exactly `len` bytes,
    // which makes a boxed slice of that length, has written all of them, and hands them over.
    Some(unsafe { Vec::from_raw_parts(data, len, len) })
}

/// Writes a log line.
pub fn log(level: LogLevel, text: &str) {
    // SAFETY: the pointer and length are those of a live slice, which the host only reads.
    unsafe { proxy_log(level as u32, text.as_ptr(), text.len()) };
}

/// Whether Envoy writes lines of this level at all.
pub fn logs(level: LogLevel) -> bool {
    let mut threshold = 0;
    // SAFETY: the host writes one u32 through the pointer.
    let status = unsafe { proxy_get_log_level(&mut threshold) };
    status != OK || threshold <= level as u32
}

/// Milliseconds since the Unix epoch; absent if the host does not tell: no time that could be
/// taken instead is one at which no token is valid.
pub fn now_ms() -> Option<u64> {
    let mut nanoseconds = 0;
    // SAFETY: the host writes one u64 through the pointer.
    let status = unsafe { proxy_get_current_time_nanoseconds(&mut nanoseconds) };
    (status == OK).then_some(nanoseconds / 1_000_000)
}

/// Asks for a tick after each period.
pub fn set_tick_period(milliseconds: u32) {
    // SAFETY: no memory is involved.
    unsafe { proxy_set_tick_period_milliseconds(milliseconds) };
}

/// The plugin configuration; callable in `on_configure` only.
pub fn plugin_configuration() -> Option<Vec<u8>> {
    buffer(Buffer::PluginConfiguration, usize::MAX)
}

/// The first bytes of the response to an HTTP call; callable in its callback only.
pub fn call_response_body(max: usize) -> Option<Vec<u8>> {
    buffer(Buffer::CallResponseBody, max)
}

fn buffer(buffer: Buffer, max: usize) -> Option<Vec<u8>> {
    // SAFETY: `take` passes pointers to locals, which the host writes.
    take(|data, len| unsafe { proxy_get_buffer_bytes(buffer as u32, 0, max, data, len) })
}

/// All headers of a map, serialized (see [`header_map::parse`]).
pub fn headers(map: Map) -> Option<Vec<u8>> {
    // SAFETY: `take` passes pointers to locals, which the host writes.
    take(|data, len| unsafe { proxy_get_header_map_pairs(map as u32, data, len) })
}

/// Sets a header; of several with that name, only the first.
pub fn set_header(map: Map, name: &str, value: &[u8]) -> bool {
    // SAFETY: pointers and lengths are those of live slices, which the host only reads.
    let status = unsafe {
        proxy_replace_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    };
    status == OK
}

/// Removes every header of that name.
pub fn remove_header(map: Map, name: &[u8]) -> bool {
    // SAFETY: the pointer and length are those of a live slice, which the host only reads.
    let status = unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) };
    status == OK
}

/// Sets a property of the stream: Envoy keeps it as filter state `wasm.<path>`.
pub fn set_property(path: &str, value: &str) -> bool {
    // SAFETY: pointers and lengths are those of live slices, which the host only reads.
    let status =
        unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) };
    status == OK
}

/// Reads a property of the stream by its path, such as `connection`, `id`.
pub fn property(path: &[&str]) -> Option<Vec<u8>> {
    let path = path.join("\0");
    // SAFETY: the path is a live slice that the host reads; the others are pointers to locals.
    take(|data, len| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, len) })
}

/// Reads a value shared by all workers of the process, with its compare-and-swap number.
pub fn shared(key: &str) -> Option<(Vec<u8>, u32)> {
    let mut cas = 0;
    // SAFETY: the key is a live slice that the host reads; the others are pointers to locals.
    let value = take(|data, len| unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), data, len, &mut cas)
    });
    value.map(|value| (value, cas))
}

/// Replaces a shared value if its number is still `cas`; 0 replaces it in any case.
pub fn set_shared(key: &str, value: &[u8], cas: u32) -> bool {
    // SAFETY: pointers and lengths are those of live slices, which the host only reads.
    let status =
        unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) };
    status == OK
}

/// Envoy's statistics.
#[derive(Debug, Clone, Copy)]
pub struct Stats;

impl Sink for Stats {
    fn counter(&self, name: &str) -> Option<u32> {
        define_metric(COUNTER, name)
    }

    fn gauge(&self, name: &str) -> Option<u32> {
        define_metric(GAUGE, name)
    }

    fn add(&self, id: u32, count: u64) {
        let offset = i64::try_from(count).unwrap_or(i64::MAX);
        // SAFETY: no memory is involved.
        unsafe { proxy_increment_metric(id, offset) };
    }

    fn record(&self, id: u32, value: u64) {
        // SAFETY: no memory is involved.
        unsafe { proxy_record_metric(id, value) };
    }
}

fn define_metric(kind: u32, name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the name is a live slice that the host reads; it writes one u32 through the pointer.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &mut id) };
    (status == OK).then_some(id)
}

/// Answers the current stream. It ends: nothing of it may be touched afterwards.
pub fn send_local_reply(
    status: u16,
    details: &str,
    headers: &[(&[u8], &[u8])],
    body: &str,
) -> bool {
    let headers = header_map::serialize(headers);
    // SAFETY: pointers and lengths are those of live slices, which the host only reads.
    let status = unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    };
    status == OK
}

/// Lets the current stream's request go on.
pub fn resume_request() -> bool {
    // SAFETY: no memory is involved.
    (unsafe { proxy_continue_stream(REQUEST_STREAM) }) == OK
}

/// Makes a context the current one; false if it is gone.
pub fn set_effective_context(context_id: u32) -> bool {
    // SAFETY: no memory is involved.
    (unsafe { proxy_set_effective_context(context_id) }) == OK
}

/// Calls a function that the host registers by name.
pub fn foreign_function(name: &str, argument: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: name and argument are live slices that the host reads; the others point to locals.
    take(|data, len| unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            argument.as_ptr(),
            argument.len(),
            data,
            len,
        )
    })
}

/// Starts a GET through a cluster, and returns the call's number. The response arrives in
/// [`contexts::on_http_call_response`].
pub fn http_call(cluster: &str, headers: &[(&[u8], &[u8])], timeout_ms: u32) -> Option<u32> {
    let headers = header_map::serialize(headers);
    let trailers = header_map::serialize(&[]);
    let mut call = 0;
    // SAFETY: pointers and lengths are those of live slices, which the host only reads; an empty
    // body is never read. It writes one u32 through the last pointer.
    let status = unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            std::ptr::null(),
            0,
            trailers.as_ptr(),
            trailers.len(),
            timeout_ms,
            &mut call,
        )
    };
    (status == OK).then_some(call)
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Runs first and once.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the linker makes this function, which wants to be called before all else and once.
    unsafe { __wasm_call_ctors() };
}

/// Makes room for what the host hands over; [`take`] becomes its owner.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(len: usize) -> *mut u8 {
    Box::into_raw(Box::<[u8]>::new_uninit_slice(len)).cast()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, parent: u32) {
    contexts::on_context_create(id, parent);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, _len: usize) -> u32 {
    u32::from(contexts::on_configure(root))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    contexts::on_tick(root);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    root: u32,
    call: u32,
    _headers: usize,
    _body_len: usize,
    _trailers: usize,
) {
    contexts::on_http_call_response(root, call);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(id: u32, _headers: usize, _end_of_stream: u32) -> u32 {
    contexts::on_request_headers(id) as u32
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(_id: u32, _trailers: usize) -> u32 {
    contexts::on_request_trailers() as u32
}
