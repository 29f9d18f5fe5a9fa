//! How a request would be decided, and why, in words: the engine's decision, written out.
//!
//! `explain`, `test` and `diff` answer with it, and so does the page that `report` writes, in a
//! browser. It has no clock and reads no files.
//!
//! | file | what lives there |
//! |---|---|
//! | `query` | a request as a user describes it |
//! | `near` | what the rules ask for that do not admit it |
//! | `shown` | a request as it is printed, without tokens |
//! | `answer` | the decision about it, with every step |

mod answer;
mod near;
mod query;
mod shown;

pub use self::answer::{Explainer, Explanation};
pub use self::query::{Query, QueryError, Values, check_header};
pub use self::shown::without_jwts;
