//! Data that all workers of the process share, by key.

use proxy_wasm::hostcalls;

/// How often a compare-and-swap is tried again before giving up until the next tick.
const MAX_SWAPS: usize = 8;

/// A value, with the number by which it can be swapped.
pub fn get(key: &str) -> Option<(Vec<u8>, Option<u32>)> {
    match hostcalls::get_shared_data(key) {
        Ok((Some(value), cas)) => Some((value, cas)),
        _ => None,
    }
}

/// Replaces a value if its number is still `cas`, without one in any case; whether it did.
pub fn set(key: &str, value: &[u8], cas: Option<u32>) -> bool {
    hostcalls::set_shared_data(key, Some(value), cas).is_ok()
}

/// Changes a value. `change` may run several times, each on a fresh copy: it returns what came of
/// it, and the new value if there is one. When the swap is lost every time, nothing came of it.
pub fn update<T: Default>(
    key: &str,
    mut change: impl FnMut(Option<&[u8]>) -> (T, Option<Vec<u8>>),
) -> T {
    for _ in 0..MAX_SWAPS {
        let (value, cas) = get(key).unzip();
        let (result, changed) = change(value.as_deref());
        let swapped = changed.is_none_or(|changed| set(key, &changed, cas.flatten()));
        if swapped {
            return result;
        }
    }
    T::default()
}
