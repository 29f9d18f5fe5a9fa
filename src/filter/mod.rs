#![allow(dead_code)]
//! wasm32 only: proxy-wasm contexts and host calls (under construction).
