"""Suppressions: addresses that a Domain must not write to any more, and why.

An address that was just learnt of is one small object: put by whoever learns of it, at once,
without a look at anything else. From time to time these are folded into sorted segments, so that a
million cost a few requests to read and 8 bytes each to remember (docs/adr/0012).

entry       one suppressed address: what it says, its digest, its bytes
known       all of a Domain's, as a process remembers them: is this one among them?
index       which segments there are; changed by compare-and-swap alone
segments    a segment's objects: written and read as a stream
lately      what this process has just changed itself
reading     what `submit`, `validate` and `dispatch` ask
editing     add, take away, make nameless; one address at a time
listing     all of them in order: pages, exports
compact     folds what is fresh, merges segments, clears away what nobody needs
csv_lines   one line of CSV in and out
importing   many at once
"""

from shared.suppressions.editing import add, add_once
from shared.suppressions.entry import REASONS, Suppression, digest, is_suppressed
from shared.suppressions.reading import Suppressions

__all__ = [
    "REASONS",
    "Suppression",
    "Suppressions",
    "add",
    "add_once",
    "digest",
    "is_suppressed",
]
