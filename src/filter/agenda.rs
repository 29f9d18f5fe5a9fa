//! When a worker looks at which document next.
//!
//! A look costs calls to the host, so each document is looked at when something is due of it and at
//! no other time, however many there are.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Documents by the time at which each is looked at next, in milliseconds since the Unix epoch.
#[derive(Debug)]
pub struct Agenda {
    /// By document.
    times: Vec<u64>,
    /// The earliest first. What is not the document's time any more is passed over.
    queue: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Agenda {
    /// An agenda on which each of so many documents is due at once.
    pub fn new(documents: usize) -> Self {
        let queue = (0..documents).map(|document| Reverse((0, document))).collect();
        Self { times: vec![0; documents], queue }
    }

    /// Puts off a document, or brings it forward.
    pub fn set(&mut self, document: usize, at: u64) {
        if let Some(time) = self.times.get_mut(document).filter(|time| **time != at) {
            *time = at;
            self.queue.push(Reverse((at, document)));
        }
    }

    /// When the next document is due, and which it is; absent where there is none.
    pub fn earliest(&mut self) -> Option<(u64, usize)> {
        while let Some(Reverse((at, document))) = self.queue.peek().copied() {
            if self.times.get(document) == Some(&at) {
                return Some((at, document));
            }
            self.queue.pop();
        }
        None
    }

    /// A document that is due. It stays due until it is put off.
    pub fn due(&mut self, now: u64) -> Option<usize> {
        self.earliest().filter(|(at, _)| *at <= now).map(|(_, document)| document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_is_due_at_its_own_time() {
        let mut agenda = Agenda::new(3);
        for (document, at) in [(0, 50), (1, 20), (2, 30)] {
            assert_eq!(agenda.earliest(), Some((0, document)));
            assert_eq!(agenda.due(0), Some(document));
            agenda.set(document, at);
        }
        assert_eq!((agenda.due(19), agenda.earliest()), (None, Some((20, 1))));
        // Put off, brought forward, and left where it is.
        agenda.set(1, 90);
        agenda.set(0, 25);
        agenda.set(2, 30);
        assert_eq!((agenda.due(24), agenda.due(25)), (None, Some(0)));
        assert_eq!(agenda.due(25), Some(0), "until it is put off");
        agenda.set(0, 100);
        assert_eq!(agenda.due(200), Some(2));
        agenda.set(2, 300);
        assert_eq!(agenda.due(200), Some(1));
        agenda.set(1, 300);
        assert_eq!(agenda.due(200), Some(0));
        agenda.set(0, 300);
        assert_eq!((agenda.due(200), agenda.earliest()), (None, Some((300, 0))));
    }

    #[test]
    fn what_is_put_off_again_and_again_is_not_kept() {
        let mut agenda = Agenda::new(1);
        for now in 0..1_000 {
            assert_eq!(agenda.due(now), Some(0));
            agenda.set(0, now + 1);
        }
        assert!(agenda.queue.len() <= 2);
    }

    #[test]
    fn what_is_not_there_is_never_due() {
        let mut agenda = Agenda::new(0);
        agenda.set(7, 1);
        assert_eq!(agenda.due(u64::MAX), None);
    }
}
