"""Whether all paths of one pattern are among those of others, by z3.

Reads a JSON object a line, {"inner": PATTERN, "outer": [PATTERN...]}, and writes a line for each:
included, missed or unknown. Paths begin with a slash. What patterns mean is in docs/semantics.md.
"""

import json
import sys

import z3

MILLISECONDS = 5_000

STRINGS = z3.ReSort(z3.StringSort())
ANYTHING = z3.Full(STRINGS)
SLASH = z3.Re("/")
IN_SEGMENT = z3.Intersect(z3.AllChar(STRINGS), z3.Complement(SLASH))


def parts(pattern):
    """The regular expressions that a pattern is made of, one after the other."""
    if pattern == "{**}":
        yield ANYTHING
        return
    at = 0
    if pattern.startswith("{**}/"):
        yield z3.Option(z3.Concat(ANYTHING, SLASH))
        at = len("{**}/")
    while at < len(pattern):
        rest = pattern[at:]
        if rest == "/{**}" or rest.startswith("/{**}/"):
            yield z3.Option(z3.Concat(SLASH, ANYTHING))
            at += len("/{**}")
        elif rest == "{*}" or rest.startswith("{*}/"):
            yield z3.Plus(IN_SEGMENT)
            at += len("{*}")
        elif rest[0] == "*":
            yield ANYTHING
            at += 1
        else:
            yield z3.Re(rest[0])
            at += 1


def expression(pattern):
    """What a pattern matches."""
    all_parts = list(parts(pattern))
    if not all_parts:
        return z3.Re("")
    return all_parts[0] if len(all_parts) == 1 else z3.Concat(*all_parts)


def answer(inner, outer):
    """Whether z3 finds a path of the one that none of the others has."""
    path = z3.String("path")
    solver = z3.Solver()
    solver.set("timeout", MILLISECONDS)
    solver.add(z3.InRe(path, z3.Concat(SLASH, ANYTHING)))
    solver.add(z3.InRe(path, expression(inner)))
    for pattern in outer:
        solver.add(z3.Not(z3.InRe(path, expression(pattern))))
    found = solver.check()
    if found == z3.sat:
        return "missed"
    return "included" if found == z3.unsat else "unknown"


for line in sys.stdin:
    question = json.loads(line)
    print(answer(question["inner"], question["outer"]), flush=True)
