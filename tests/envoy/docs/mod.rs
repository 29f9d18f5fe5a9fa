//! What the documentation says is true: commands and what they print, reasons, links, flags.
//!
//! | file | what it holds the documentation to |
//! |---|---|
//! | `markdown` | reads it |
//! | `reasons` | the table of reasons says what the engine answers |
//! | `sessions` | every command is run, and prints what is shown |
//! | `reference` | docs/reference/ is what the program says of itself |
//! | `links` | links inside the project lead somewhere |
//! | `figures` | ratios of the benchmark are those of its last run |
//! | `workflows` | continuous integration can be read, and every target of `make` that is named exists |
//! | `flags` | every command is explained; flags and defaults are those that there are |

mod figures;
mod flags;
mod links;
mod markdown;
mod reasons;
mod reference;
mod sessions;
mod workflows;
