//! The calls to the host that are made on behalf of a request, where the form that the crate
//! `proxy-wasm` gives them can panic or loses something. The only unsafe code of the filter.
//!
//! The crate panics on a status that it does not expect and on bytes that are not UTF-8, which
//! would let a request stop the VM; it copies each header into strings of its own, and has no place
//! for response code details. Here status codes are numbers, values are bytes, and all but success
//! becomes `None` or `false` (proxy-wasm ABI 0.2.1).
#![allow(unsafe_code)]

use proxy_wasm::types::{BufferType, LogLevel, MapType, StreamType};

use crate::filter::header_map;

const OK: u32 = 0;
/// Lets Envoy derive the grpc-status from the HTTP status.
const NO_GRPC_STATUS: u32 = u32::MAX;

#[rustfmt::skip]
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, len: usize) -> u32;
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_replace_header_map_value(map: u32, name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_len: usize) -> u32;
    fn proxy_set_property(path: *const u8, path_len: usize, value: *const u8, value_len: usize) -> u32;
    fn proxy_send_local_response(status: u32, details: *const u8, details_len: usize, body: *const u8, body_len: usize, headers: *const u8, headers_len: usize, grpc_status: u32) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
}

/// Runs a call that hands over bytes, and takes them.
fn take(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let (mut data, mut len) = (std::ptr::null_mut(), 0);
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

/// Whether Envoy writes lines of this level at all. Its own levels go beyond those of the ABI.
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

/// All headers of a map, serialized (see [`header_map::parse`]).
pub fn header_pairs(map: MapType) -> Option<Vec<u8>> {
    // SAFETY: `take` passes pointers to locals, which the host writes.
    take(|data, len| unsafe { proxy_get_header_map_pairs(map as u32, data, len) })
}

/// The first bytes of the response to an HTTP call; callable in its callback only.
pub fn call_response_body(max: usize) -> Option<Vec<u8>> {
    let body = BufferType::HttpCallResponseBody as u32;
    // SAFETY: `take` passes pointers to locals, which the host writes.
    take(|data, len| unsafe { proxy_get_buffer_bytes(body, 0, max, data, len) })
}

/// Sets a request header; of several with that name, only the first.
pub fn set_header(name: &str, value: &[u8]) -> bool {
    let map = MapType::HttpRequestHeaders as u32;
    let ((name, name_len), (value, len)) =
        ((name.as_ptr(), name.len()), (value.as_ptr(), value.len()));
    // SAFETY: pointers and lengths are those of live slices, which the host only reads.
    (unsafe { proxy_replace_header_map_value(map, name, name_len, value, len) }) == OK
}

/// Removes every header of that name.
pub fn remove_header(map: MapType, name: &[u8]) -> bool {
    // SAFETY: the pointer and length are those of a live slice, which the host only reads.
    (unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) }) == OK
}

/// Sets a property of the stream: Envoy keeps it as filter state `wasm.<path>`.
pub fn set_property(path: &str, value: &str) -> bool {
    let ((path, path_len), (value, len)) =
        ((path.as_ptr(), path.len()), (value.as_ptr(), value.len()));
    // SAFETY: pointers and lengths are those of live slices, which the host only reads.
    (unsafe { proxy_set_property(path, path_len, value, len) }) == OK
}

/// Answers the current stream. It ends: nothing of it may be touched afterwards.
pub fn send_local_reply(
    status: u16,
    details: &str,
    headers: &[(&[u8], &[u8])],
    body: &str,
) -> bool {
    let headers = header_map::serialize(headers);
    let (status, grpc) = (u32::from(status), NO_GRPC_STATUS);
    let ((details, details_len), (body, body_len)) =
        ((details.as_ptr(), details.len()), (body.as_ptr(), body.len()));
    let (headers, len) = (headers.as_ptr(), headers.len());
    // SAFETY: pointers and lengths are those of live slices, which the host only reads.
    (unsafe {
        proxy_send_local_response(status, details, details_len, body, body_len, headers, len, grpc)
    }) == OK
}

/// Lets the current stream's request go on.
pub fn resume_request() -> bool {
    // SAFETY: no memory is involved.
    (unsafe { proxy_continue_stream(StreamType::HttpRequest as u32) }) == OK
}
