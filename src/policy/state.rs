//! The states of a path pattern: what the matcher and the prover both read of it.
//!
//! A pattern is a row of states that only leads forward. A path matches when its bytes lead from
//! the first state to behind the last one.

/// One state: what it takes of a path, and where it may go without taking anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// What it takes.
    pub takes: Takes,
    /// Number of states that may be passed over from here, 0 for none.
    pub skip: usize,
}

/// What a state takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: the next state is active as soon as this one is.
    Nothing,
    /// This byte, once.
    Byte(u8),
    /// Any bytes, any number of times.
    AnyRun,
    /// One byte of a segment.
    SegmentByte,
    /// Bytes of a segment, any number of times.
    SegmentRun,
}

impl State {
    pub(super) fn new(takes: Takes, skip: usize) -> Self {
        Self { takes, skip }
    }

    /// Any bytes, or none.
    pub(super) fn any_run() -> Self {
        Self::new(Takes::AnyRun, 1)
    }
}

impl Takes {
    /// Whether it takes this byte.
    pub fn takes(self, byte: u8) -> bool {
        match self {
            Self::Nothing => false,
            Self::Byte(expected) => byte == expected,
            Self::AnyRun => true,
            Self::SegmentByte | Self::SegmentRun => byte != b'/',
        }
    }

    /// What both take.
    pub fn both(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => Self::Nothing,
            (Self::Byte(byte), takes) | (takes, Self::Byte(byte)) => match takes.takes(byte) {
                true => Self::Byte(byte),
                false => Self::Nothing,
            },
            (Self::AnyRun, Self::AnyRun) => Self::AnyRun,
            (Self::SegmentByte | Self::SegmentRun, _)
            | (_, Self::SegmentByte | Self::SegmentRun) => Self::SegmentByte,
        }
    }

    /// Whether it stays where it is when it has taken a byte.
    pub fn stays(self) -> bool {
        matches!(self, Self::AnyRun | Self::SegmentRun)
    }
}
