//! Whether every path that one pattern matches is matched by one of several others.
//!
//! All paths are looked at at once, shortest first: a pair of a state of the one pattern and the
//! set of states that the others are in stands for every path that leads there. A pair is left
//! out where a smaller set is known for the same state, since whatever that set misses the larger
//! one can only miss later ("antichains": De Wulf, Doyen, Henzinger, Raskin, Antichains: a new
//! algorithm for checking universality of finite automata, CAV 2006). A path that the one pattern
//! matches and no other does ends the search; it is a shortest one. Without any, the pairs that
//! were found are closed under every byte, which is the proof ([`super::certificate`]).
//!
//! Of the bytes that no state expects one stands for all.

use std::collections::HashMap;
use std::rc::Rc;

use super::automaton::Automaton;
use crate::policy::state::Takes;

/// What searches may cost together, in states that are looked at.
#[derive(Debug, Clone)]
pub struct Budget(usize);

impl Budget {
    /// So many states.
    pub fn new(states: usize) -> Self {
        Self(states)
    }

    /// Takes what a step costs. Whether there was enough.
    pub fn take(&mut self, states: usize) -> bool {
        let left = self.0.checked_sub(states);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }

    /// Sets apart at most so many states, for one question.
    pub fn share(&mut self, states: usize) -> Self {
        Self(self.0.min(states))
    }

    /// Gives back what is left of a share of which `had` states were set apart.
    pub fn settle(&mut self, had: &Self, left: &Self) {
        self.0 = self.0.saturating_sub(had.0.saturating_sub(left.0));
    }
}

/// Which paths are looked at. All begin with `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that every server reads the same way.
    Plain,
    /// Those of them that do not end in `/`.
    Named,
    /// Every row of bytes.
    All,
}

/// What was found.
#[derive(Debug)]
pub enum Inclusion {
    /// All paths of the one pattern are among those of the others: the pairs that prove it.
    Included(Vec<Pair>),
    /// This one is not; no shorter one is not.
    Missed(Vec<u8>),
    /// The budget ran out.
    OutOfBudget,
}

/// A state of the one pattern, and the states that the others are in when it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The state.
    pub state: u16,
    /// The places, in order.
    pub set: Rc<[Place]>,
}

/// A state of one of several patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which pattern.
    pub pattern: u16,
    /// Its state.
    pub state: u16,
}

/// What a path looks like so far, as far as its being plain depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Shape {
    /// Nothing of it is there.
    Start,
    /// A segment begins.
    Slash,
    /// The segment is `.`.
    Dot,
    /// The segment is `..`.
    Dots,
    /// The segment is anything else.
    Other,
}

impl Scope {
    /// What a path of this shape looks like with one more byte; nothing where no path of the
    /// scope goes on so.
    fn after(self, shape: Shape, byte: u8) -> Option<Shape> {
        match (self, shape, byte) {
            (_, Shape::Start, b'/') => {
                Some(if self == Self::All { Shape::Other } else { Shape::Slash })
            }
            (_, Shape::Start, _) => None,
            (Self::All, ..) => Some(Shape::Other),
            (_, _, b'%' | b'\\' | b';' | b'#' | b'?' | 0..0x20 | 0x7f..) => None,
            (_, Shape::Other, b'/') => Some(Shape::Slash),
            (_, _, b'/') => None,
            (_, Shape::Slash, b'.') => Some(Shape::Dot),
            (_, Shape::Dot, b'.') => Some(Shape::Dots),
            _ => Some(Shape::Other),
        }
    }
}

impl Shape {
    /// Whether a path of the scope can end so.
    fn is_end(self, scope: Scope) -> bool {
        match self {
            Self::Start | Self::Dot | Self::Dots => false,
            Self::Slash => scope != Scope::Named,
            Self::Other => true,
        }
    }
}

/// A pair on the way, and how it was reached.
struct Step {
    pair: Pair,
    shape: Shape,
    /// The step before.
    from: Option<usize>,
    byte: u8,
    /// Whether a smaller set came up later.
    dominated: bool,
}

/// Looks for a path of the scope that `inner` matches and none of `outer` does.
pub fn inclusion(
    inner: &Automaton,
    outer: &[&Automaton],
    scope: Scope,
    budget: &mut Budget,
) -> Inclusion {
    let mut steps: Vec<Step> = Vec::new();
    let mut known: HashMap<(u16, Shape), Vec<usize>> = HashMap::new();
    let Some(set) = start(outer) else { return Inclusion::Included(Vec::new()) };
    for state in inner.start().iter().filter(|state| **state != inner.end()) {
        let pair = Pair { state: *state, set: Rc::clone(&set) };
        steps.push(Step { pair, shape: Shape::Start, from: None, byte: 0, dominated: false });
    }
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        let from = at;
        at = at.saturating_add(1);
        if step.dominated {
            continue;
        }
        let (pair, shape) = (step.pair.clone(), step.shape);
        for byte in bytes(inner.takes(pair.state), &pair.set, outer, shape) {
            let Some(shape) = scope.after(shape, byte) else { continue };
            if !budget.take(pair.set.len().saturating_add(1)) {
                return Inclusion::OutOfBudget;
            }
            // Where the others match whatever follows there is nothing to look for.
            let Some(set) = advance(&pair.set, outer, byte) else { continue };
            for state in inner.targets(pair.state) {
                let pair = Pair { state: *state, set: Rc::clone(&set) };
                let step = Step { pair, shape, from: Some(from), byte, dominated: false };
                if *state == inner.end() {
                    if shape.is_end(scope) && !matched(&set, outer) {
                        return Inclusion::Missed(spell(&steps, &step));
                    }
                    continue;
                }
                insert(step, &mut steps, &mut known);
            }
        }
    }
    // From where a path begins only `/` leads on.
    let closed = steps.into_iter().filter(|step| !step.dominated && step.shape != Shape::Start);
    let closed = closed.map(|step| step.pair);
    Inclusion::Included(closed.collect())
}

/// Paths that `inner` matches and none of `outer` does, shortest first and of every kind: up to
/// `most`, as far as the budget goes.
pub fn missed(
    inner: &Automaton,
    outer: &[&Automaton],
    most: usize,
    budget: &mut Budget,
) -> Vec<Vec<u8>> {
    let Some(set) = start(outer) else { return Vec::new() };
    let mut steps: Vec<Step> = Vec::new();
    for state in inner.start().iter().filter(|state| **state != inner.end()) {
        let pair = Pair { state: *state, set: Rc::clone(&set) };
        steps.push(Step { pair, shape: Shape::Start, from: None, byte: 0, dominated: false });
    }
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        let from = at;
        at = at.saturating_add(1);
        let (pair, shape) = (step.pair.clone(), step.shape);
        for byte in bytes(inner.takes(pair.state), &pair.set, outer, shape) {
            let Some(shape) = Scope::All.after(shape, byte) else { continue };
            if found.len() >= most || !budget.take(pair.set.len().saturating_add(1)) {
                return found;
            }
            let Some(set) = advance(&pair.set, outer, byte) else { continue };
            for state in inner.targets(pair.state) {
                let pair = Pair { state: *state, set: Rc::clone(&set) };
                let step = Step { pair, shape, from: Some(from), byte, dominated: false };
                if *state != inner.end() {
                    steps.push(step);
                } else if !matched(&set, outer) {
                    let path = spell(&steps, &step);
                    if !found.contains(&path) {
                        found.push(path);
                    }
                }
            }
        }
    }
    found
}

/// Where the others begin; nothing where one of them matches everything.
fn start(outer: &[&Automaton]) -> Option<Rc<[Place]>> {
    let mut set = Vec::new();
    for (pattern, automaton) in outer.iter().enumerate() {
        // More than that many patterns are never asked about at once.
        let pattern = u16::try_from(pattern).ok()?;
        for state in automaton.start() {
            if automaton.matches_all(*state) {
                return None;
            }
            set.push(Place { pattern, state: *state });
        }
    }
    Some(set.into())
}

/// Where the others are after one more byte; nothing where one of them matches all that follows.
fn advance(set: &[Place], outer: &[&Automaton], byte: u8) -> Option<Rc<[Place]>> {
    let mut after = Vec::with_capacity(set.len());
    for place in set {
        let Some(automaton) = outer.get(usize::from(place.pattern)) else { continue };
        if !automaton.takes(place.state).takes(byte) {
            continue;
        }
        for state in automaton.targets(place.state) {
            if automaton.matches_all(*state) {
                return None;
            }
            after.push(Place { pattern: place.pattern, state: *state });
        }
    }
    after.sort_unstable();
    after.dedup();
    Some(after.into())
}

/// Whether one of the others matches what was taken so far.
fn matched(set: &[Place], outer: &[&Automaton]) -> bool {
    set.iter().any(|place| {
        let automaton = outer.get(usize::from(place.pattern));
        automaton.is_some_and(|automaton| automaton.end() == place.state)
    })
}

/// The bytes that make a difference here: those that the one pattern takes and one of the others
/// expects, and one that stands for all the rest.
fn bytes(takes: Takes, set: &[Place], outer: &[&Automaton], shape: Shape) -> Vec<u8> {
    /// What stands for bytes that nobody expects, the most readable first: all of these are plain.
    const PLAIN: &[u8] = b"xyzabcdefghijklmnopqrstuvwABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~!$&'()*+,=:@\"<>[]^`{|} .";
    if shape == Shape::Start {
        return if takes.takes(b'/') { vec![b'/'] } else { Vec::new() };
    }
    let segment = match takes {
        Takes::Nothing => return Vec::new(),
        Takes::Byte(byte) => return vec![byte],
        Takes::SegmentByte | Takes::SegmentRun => true,
        Takes::AnyRun => false,
    };
    let mut expected = [false; 256];
    for place in set {
        let automaton = outer.get(usize::from(place.pattern));
        let takes = automaton.map(|automaton| automaton.takes(place.state));
        if let Some(Takes::Byte(byte)) = takes
            && let Some(slot) = expected.get_mut(usize::from(byte))
        {
            *slot = true;
        }
    }
    let is_expected = |byte: u8| expected.get(usize::from(byte)) == Some(&true);
    let all = PLAIN.iter().copied().chain(0..=u8::MAX);
    let mut fresh = all.filter(|byte| *byte != b'/');
    let mut bytes = Vec::new();
    bytes.extend(fresh.find(|byte| !is_expected(*byte)));
    if !segment {
        bytes.push(b'/');
    }
    bytes.extend((0..=u8::MAX).filter(|byte| *byte != b'/' && is_expected(*byte)));
    bytes
}

/// Adds a pair unless a smaller one is known, and marks larger ones.
fn insert(step: Step, steps: &mut Vec<Step>, known: &mut HashMap<(u16, Shape), Vec<usize>>) {
    let same = known.entry((step.pair.state, step.shape)).or_default();
    let set = |steps: &Vec<Step>, at: usize| steps.get(at).map(|step| Rc::clone(&step.pair.set));
    let covered =
        same.iter().any(|at| set(steps, *at).is_some_and(|it| is_subset(&it, &step.pair.set)));
    if covered {
        return;
    }
    same.retain(|at| {
        let larger = set(steps, *at).is_some_and(|it| is_subset(&step.pair.set, &it));
        if larger && let Some(step) = steps.get_mut(*at) {
            step.dominated = true;
        }
        !larger
    });
    same.push(steps.len());
    steps.push(step);
}

/// Whether all of `small` are among `large`; both are in order.
fn is_subset(small: &[Place], large: &[Place]) -> bool {
    let mut large = large.iter();
    small.len() <= large.len() && small.iter().all(|place| large.any(|it| it == place))
}

/// The path that leads to a step.
fn spell(steps: &[Step], last: &Step) -> Vec<u8> {
    let mut path = vec![last.byte];
    let mut from = last.from;
    while let Some(step) = from.and_then(|at| steps.get(at)) {
        // The first step has taken nothing.
        if step.from.is_some() {
            path.push(step.byte);
        }
        from = step.from;
    }
    path.reverse();
    path
}
