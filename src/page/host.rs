//! The functions that the page's script calls, and the only unsafe code of the module.
//!
//! The script asks for room with `question`, writes JSON there, calls `answer` and reads the JSON
//! between the returned address and the end that `answer_end` returns. Both are good until the
//! next call.
#![allow(unsafe_code)]

use std::cell::RefCell;

use super::protocol::Policies;

#[derive(Default)]
struct State {
    policies: Policies,
    question: Vec<u8>,
    answer: Vec<u8>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Runs first and once.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the linker makes this function, which wants to be called before all else and once.
    unsafe { __wasm_call_ctors() };
}

/// Makes room for a question of so many bytes, and returns its address.
#[unsafe(no_mangle)]
extern "C" fn question(length: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        state.question.clear();
        state.question.resize(length, 0);
        state.question.as_mut_ptr()
    })
}

/// Answers the question, and returns the address of the answer.
#[unsafe(no_mangle)]
extern "C" fn answer() -> *const u8 {
    STATE.with_borrow_mut(|state| {
        let question = std::mem::take(&mut state.question);
        state.answer = state.policies.answer(&question);
        state.answer.as_ptr()
    })
}

/// Returns the address after the last byte of the answer.
#[unsafe(no_mangle)]
extern "C" fn answer_end() -> *const u8 {
    STATE.with_borrow(|state| state.answer.as_ptr_range().end)
}
