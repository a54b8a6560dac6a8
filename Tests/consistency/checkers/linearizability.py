"""Linearizability of small histories against a model: the search of Wing and Gong, with Lowe's memoisation.

Wing and Gong, "Testing and Verifying Concurrent Objects" (JPDC 1993): take any operation that was called before the first
return, apply it to the model, go on if the reply is what was observed, else go back. Lowe, "Testing for linearizability"
(CCPE 2017): never enter the same pair of (operations applied, state of the model) twice.

An operation of unknown fate may be applied at any time after its call, or never, and any reply will do.
`content` of an operation is (case, command, reply): the operations of a case are a history with keys of its own.
"""

from __future__ import annotations

import time
from typing import Any, Sequence

from checkers.model import step
from history import FAILED, FOREVER, OK, UNKNOWN, Anomaly, Verdict, span, start_of, text

# Beyond this many configurations a history is counted as undecided: a bound of memory and time.
CONFIGURATIONS_MAX = 300_000
SHRINK_CONFIGURATIONS_MAX = 20_000
SHRINK_SECONDS = 3.0
OPERATIONS_SHOWN = 24
KEYS = 6
# In place of a reply that may be anything.
ANY = "any"
READING = {"GET", "MGET", "EXISTS", "TOUCH", "LLEN", "LRANGE", "DBSIZE", "KEYS"}


class Undecided(Exception):
    """The search has become too large."""


class _Entry:
    """A call or a return in the list of events."""

    __slots__ = ("number", "match", "previous", "next")

    def __init__(self, number: int) -> None:
        self.number = number
        self.match: _Entry | None = None  # Of a call, its return; None for a return.
        self.previous: _Entry | None = None
        self.next: _Entry | None = None


def _events(history: Sequence[tuple]) -> _Entry:
    """The events in order of time behind a head; what never returned does so at the end."""
    moments: list[tuple[int, int, int]] = []
    for number, record in enumerate(history):
        moments.append((record[1], 0, number))
        moments.append((record[2] if record[3] == OK else FOREVER, 1, number))
    moments.sort()
    head = last = _Entry(-1)
    calls: dict[int, _Entry] = {}
    for _, is_return, number in moments:
        entry = _Entry(number)
        if is_return:
            calls[number].match = entry
        else:
            calls[number] = entry
        last.next, entry.previous = entry, last
        last = entry
    return head


def is_linearizable(history: Sequence[tuple], initial: tuple, bound: int = CONFIGURATIONS_MAX) -> bool:
    """Whether there is an order of the operations that explains all replies."""
    head = _events(history)
    certain = sum(1 << number for number, record in enumerate(history) if record[3] == OK)
    applied, state = 0, initial
    visited: set[tuple[int, tuple]] = set()
    taken: list[tuple[_Entry, tuple]] = []
    entry = head.next
    while applied & certain != certain:
        if entry.match:
            record = history[entry.number]
            _, command, expected = record[5]
            following, reply = step(state, command)
            if record[3] != OK or reply == expected or expected is ANY:
                configuration = (applied | 1 << entry.number, following)
                if configuration not in visited:
                    if len(visited) >= bound:
                        raise Undecided
                    visited.add(configuration)
                    taken.append((entry, state))
                    applied, state = configuration
                    _remove(entry)
                    entry = head.next
                    continue
            entry = entry.next
        else:
            # Somebody has returned and is not explained: go back.
            if not taken:
                return False
            entry, state = taken.pop()
            applied &= ~(1 << entry.number)
            _restore(entry)
            entry = entry.next
    return True


def _remove(call: _Entry) -> None:
    for entry in (call, call.match):
        entry.previous.next = entry.next
        if entry.next:
            entry.next.previous = entry.previous


def _restore(call: _Entry) -> None:
    for entry in (call.match, call):
        entry.previous.next = entry
        if entry.next:
            entry.next.previous = entry


def minimal(history: list[tuple], initial: tuple) -> list[tuple]:
    """A smaller history that has no order either: the shortest beginning, and in it as few replies as possible.

    Leaving out an operation that only reads, or ignoring what another was answered, makes a history easier to explain. What
    is still in no order is a proof by itself.
    """
    returns = sorted(record[2] for record in history if record[3] == OK)
    low, high = 0, len(returns) - 1
    while low < high:  # Beginnings are the harder to explain the longer they are.
        middle = (low + high) // 2
        if _explained(_until(history, returns[middle]), initial):
            low = middle + 1
        else:
            high = middle
    history = _until(history, returns[low])
    deadline = time.monotonic() + SHRINK_SECONDS
    for place in range(len(history) - 1, -1, -1):
        if _changes(history[place]):
            case, command, _ = history[place][5]
            smaller = history[:place] + [(*history[place][:5], (case, command, ANY))] + history[place + 1 :]
        else:
            smaller = history[:place] + history[place + 1 :]
        if time.monotonic() < deadline and not _explained(smaller, initial):
            history = smaller
    return history


def _until(history: Sequence[tuple], moment: int) -> list[tuple]:
    """What an observer has seen at some moment: who had not returned by then may have had effects."""
    seen = [record for record in history if record[1] <= moment]
    return [record if record[2] <= moment else (*record[:2], FOREVER, UNKNOWN, *record[4:]) for record in seen]


def _changes(record: tuple) -> bool:
    command = record[5][1]
    return command[0] not in READING and (command[0] != "MULTI" or any(each[0] not in READING for each in command[1]))


def _explained(history: list[tuple], initial: tuple) -> bool:
    try:
        return is_linearizable(history, initial, SHRINK_CONFIGURATIONS_MAX)
    except Undecided:
        return True


def check(records: Sequence[tuple], initial: tuple = (None,) * KEYS) -> Verdict:
    cases: dict[Any, list[tuple]] = {}
    for record in records:
        if record[3] != FAILED:
            cases.setdefault(record[5][0], []).append(record)
    anomalies: list[Anomaly] = []
    undecided = 0
    for case, history in cases.items():
        history.sort(key=lambda record: record[1])
        try:
            explained = is_linearizable(history, initial)
        except Undecided:
            undecided += 1
            continue
        if not explained:
            anomalies.append(_describe(case, minimal(history, initial)))
            break
    notes = {"histories": len(cases), "undecided": undecided}
    return Verdict(anomalies, len(records), notes)


def _describe(case: Any, history: list[tuple]) -> Anomaly:
    start = start_of(history)
    lines = [f"case {text(case)}: no order of these operations explains their replies (keys are numbers)"]
    if (more := len(history) - OPERATIONS_SHOWN) > 0:
        lines.append(f"(they come after {more} others, which brought the keys to where they are)")
    for record in history[-OPERATIONS_SHOWN:]:
        _, command, reply = record[5]
        if record[3] != OK:
            outcome = "had not returned: it may have happened since its call, or not"
        else:
            outcome = "-> whatever" if reply is ANY else "-> " + text(reply)
        lines.append(f"client {record[0]} {span(record, start)} {show_command(command)} {outcome}")
    return Anomaly("not linearizable", tuple(lines))


def show_command(command: tuple) -> str:
    if command[0] == "MULTI":
        return "MULTI {" + "; ".join(show_command(each) for each in command[1]) + "}"
    return " ".join([command[0], *(f"k{word}" if isinstance(word, int) else text(word) for word in command[1:])])

