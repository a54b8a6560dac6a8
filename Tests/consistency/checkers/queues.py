"""Queues: each element that was pushed is taken once, by one taker, and in order.

Necessary conditions of a first-in-first-out queue that hold for each history on its own, in the manner of Henzinger, Sezgin and
Vafeiadis ("Aspect-Oriented Linearizability Proofs", CONCUR 2013), who show that violations of queues have just these shapes: an
element from nowhere, an element taken twice, one taken before an older one, and "empty" while something was there throughout.

`content` of an operation is a tuple of steps: ("push", queue, element), ("take", queue, element) and ("empty", queue, None).
A move from one queue to another is a take and a push.
"""

from __future__ import annotations

from typing import Any, Sequence

from history import FAILED, FOREVER, OK, UNKNOWN, Anomaly, Verdict, span, start_of, text

PUSH, TAKE, EMPTY = "push", "take", "empty"
EXAMPLES_PER_NAME = 2


class _Checker:
    def __init__(self, records: Sequence[tuple]) -> None:
        self.records = records
        self.start = start_of(records)
        # (queue, element) -> who pushed it and who took it
        self.pushes: dict[tuple[Any, bytes], int] = {}
        self.takes: dict[tuple[Any, bytes], int] = {}
        self.empties: dict[Any, list[int]] = {}
        self.lost_takers: dict[Any, int] = {}
        self.anomalies: dict[str, list[Anomaly]] = {}

    def check(self) -> Verdict:
        self._gather()
        for place in self.takes:
            self._check_take(place)
        queues: dict[Any, list[bytes]] = {}
        for queue, element in self.pushes:
            queues.setdefault(queue, []).append(element)
        for queue, elements in queues.items():
            self._check_losses(queue, elements)
            self._check_order(queue, elements)
            self._check_empties(queue, elements)
        found = [anomaly for examples in self.anomalies.values() for anomaly in examples]
        notes = {"pushed": len(self.pushes), "taken": len(self.takes), "found empty": sum(map(len, self.empties.values()))}
        return Verdict(found, len(self.records), notes)

    def _report(self, name: str, reason: str, *indices: int) -> None:
        examples = self.anomalies.setdefault(name, [])
        if len(examples) < EXAMPLES_PER_NAME:
            examples.append(Anomaly(name, (reason, *map(self._shown, indices))))

    def _shown(self, index: int) -> str:
        record = self.records[index]
        return f"client {record[0]} {span(record, self.start)} {record[4]}: {show(record)}"

    def _gather(self) -> None:
        for index, record in enumerate(self.records):
            for kind, queue, element in record[5]:
                place = (queue, element)
                if kind == EMPTY:
                    if record[3] == OK:
                        self.empties.setdefault(queue, []).append(index)
                elif kind == PUSH:
                    self.pushes[place] = index
                elif record[3] == UNKNOWN:
                    self.lost_takers[queue] = self.lost_takers.get(queue, 0) + 1
                elif record[3] == OK:
                    if place in self.takes:
                        self._report("taken twice", f"{text(element)} was taken twice from {text(queue)}", self.takes[place], index)
                    self.takes[place] = index

    def _check_take(self, place: tuple[Any, bytes]) -> None:
        queue, element = place
        taker = self.takes[place]
        pusher = self.pushes.get(place)
        if pusher is None:
            self._report("from nowhere", f"nobody pushed {text(element)} to {text(queue)}, taken by", taker)
        elif self.records[pusher][3] == FAILED:
            self._report("G1a", f"{text(element)} was never committed to {text(queue)}, but taken", pusher, taker)
        elif self.records[taker][2] < self.records[pusher][1]:
            self._report("taken too early", f"{text(element)} was taken from {text(queue)} before it was pushed", taker, pusher)

    def _check_losses(self, queue: Any, elements: list[bytes]) -> None:
        """The history ends when the queues are drained, so only those whose connection was cut may have taken what is missing."""
        untaken = [element for element in elements if (queue, element) not in self.takes]
        missing = [element for element in untaken if self.records[self.pushes[queue, element]][3] == OK]
        allowed = self.lost_takers.get(queue, 0)
        if len(missing) > allowed:
            reason = f"{len(missing)} elements of {text(queue)} are lost, and only {allowed} takes were cut off; the first"
            self._report("lost", f"{reason} is {text(missing[0])}", self.pushes[queue, missing[0]])

    def _check_order(self, queue: Any, elements: list[bytes]) -> None:
        """Nobody takes an element when an older one is still there.

        Older: its push had returned before the other was called. Still there: its take was called after the other's had
        returned. Sorted by the returns of their takes, each element needs a look at the largest call of a push so far.
        """
        spans = []
        for element in elements:
            taker, pusher = self.takes.get((queue, element)), self.pushes[queue, element]
            if taker is not None and self.records[pusher][3] != FAILED:
                spans.append((element, pusher, taker))
        by_return = sorted(spans, key=lambda each: self.records[each[2]][2])
        latest: tuple[bytes, int, int] | None = None
        position = 0
        for old in sorted(spans, key=lambda each: self.records[each[2]][1]):
            # All that had been taken before the take of `old` was called: was one of them pushed after `old`?
            while position < len(by_return) and self.records[by_return[position][2]][2] < self.records[old[2]][1]:
                candidate = by_return[position]
                if latest is None or self.records[candidate[1]][1] > self.records[latest[1]][1]:
                    latest = candidate
                position += 1
            if latest and self.records[old[1]][2] < self.records[latest[1]][1]:
                reason = f"{text(latest[0])} was taken from {text(queue)} before the older {text(old[0])}"
                self._report("out of order", reason, old[1], latest[1], latest[2], old[2])

    def _check_empties(self, queue: Any, elements: list[bytes]) -> None:
        """Whoever found nothing: was some element there from its call to its return?

        There: its push had returned before the call, and its take (if any) was called after the return.
        """
        there = []
        for element in elements:
            pusher, taker = self.pushes[queue, element], self.takes.get((queue, element))
            if self.records[pusher][3] == OK and (taker is not None or not self.lost_takers.get(queue)):
                there.append((self.records[pusher][2], self.records[taker][1] if taker is not None else FOREVER, element))
        there.sort()
        longest: tuple[int, int, bytes] | None = None
        position = 0
        for index in sorted(self.empties.get(queue, ()), key=lambda each: self.records[each][1]):
            record = self.records[index]
            while position < len(there) and there[position][0] < record[1]:
                if longest is None or there[position][1] > longest[1]:
                    longest = there[position]
                position += 1
            if longest and longest[1] > record[2]:
                reason = f"{text(queue)} was found empty, but {text(longest[2])} was in it all the time"
                takers = [self.takes[queue, longest[2]]] if (queue, longest[2]) in self.takes else []
                self._report("not empty", reason, self.pushes[queue, longest[2]], index, *takers)


def show(record: tuple) -> str:
    names = {PUSH: "push {1} to {0}", TAKE: "take {1} from {0}", EMPTY: "nothing in {0}"}
    return ", ".join(names[kind].format(text(queue), text(element)) for kind, queue, element in record[5])


def check(records: Sequence[tuple]) -> Verdict:
    return _Checker(records).check()
