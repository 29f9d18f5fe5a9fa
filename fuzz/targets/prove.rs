#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| egress_auth_fuzz::prove::check(input));
