//! The table of `make security`.

/// One row: something that was tried.
#[derive(Debug, Clone)]
pub struct Tried {
    /// What.
    pub what: String,
    /// How often.
    pub tried: usize,
    /// How often that got through, or did harm.
    pub allowed: usize,
    /// How often something good did not get through.
    pub denied: usize,
    /// How often there was no answer at all.
    pub lost: usize,
    /// What is left to say.
    pub remark: String,
}

impl Tried {
    /// Prints it, for `scripts/security.sh` to find.
    pub fn print(&self) {
        let Self { what, tried, allowed, denied, lost, remark } = self;
        println!("| {what} | {tried} | {allowed} | {denied} | {lost} | {remark} |");
    }

    /// A row of which there is no more to say.
    pub fn new(what: impl Into<String>, tried: usize, allowed: usize) -> Self {
        Self { what: what.into(), tried, allowed, denied: 0, lost: 0, remark: String::new() }
    }
}
