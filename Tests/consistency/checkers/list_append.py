"""Strict serializability of transactions that append to lists and read them whole.

The algorithm is Elle's (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations",
VLDB 2020). Every appended element is unique, so a read of a list names all versions that the key ever had, in order, and
who made each. From these orders follow the edges between operations: ww from one append to the next, wr from an append
to who read it as the last element, rw from a reader to the append that came next; and real time. A cycle is an anomaly.

`content` of an operation is a tuple of steps: ("a", key, element, length after it or None) and ("r", key, elements).
"""

from __future__ import annotations

from typing import Any, Sequence

from checkers.graph import RW, WR, WW, Graph, Step, describe_cycle, find_cycles
from history import FAILED, OK, UNKNOWN, Anomaly, Verdict, span, start_of, text

APPEND, READ = "a", "r"
EXAMPLES_PER_NAME = 3


class _Checker:
    def __init__(self, records: Sequence[tuple]) -> None:
        self.records = records
        self.start = start_of(records)
        # element -> (operation, key, is it the operation's last append to the key?)
        self.writers: dict[bytes, tuple[int, Any, bool]] = {}
        # key -> its elements in order, from the longest read of it
        self.orders: dict[Any, tuple] = {}
        self.positions: dict[bytes, int] = {}
        self.anomalies: dict[str, list[Anomaly]] = {}
        self.included = [record[3] == OK for record in records]
        self.graph = Graph(len(records))

    def check(self) -> Verdict:
        self._find_writers()
        self._find_orders()
        for index, record in enumerate(self.records):
            if record[3] == OK:
                self._check_operation(index, record)
        self._add_write_edges()
        self.graph.add_real_time(self.records, self.included)
        self.graph.add_pipelines(self.records, self.included, lambda record: {step[1] for step in record[5]})
        found = [anomaly for examples in self.anomalies.values() for anomaly in examples]
        for name, steps in find_cycles(self.graph).items():
            found.append(describe_cycle(name, steps, self.records, show, self._explain, self.start))
        elements = sum(map(len, self.orders.values()))
        return Verdict(found, len(self.records), {"keys": len(self.orders), "elements": elements})

    def _report(self, name: str, *lines: str) -> None:
        examples = self.anomalies.setdefault(name, [])
        if len(examples) < EXAMPLES_PER_NAME:
            examples.append(Anomaly(name, lines))

    def _shown(self, index: int) -> str:
        record = self.records[index]
        return f"client {record[0]} {span(record, self.start)} {record[4]}: {show(record)}"

    def _find_writers(self) -> None:
        for index, record in enumerate(self.records):
            last: dict[Any, bytes] = {}
            for step in record[5]:
                if step[0] == APPEND:
                    key, element = step[1], step[2]
                    if key in last:
                        self.writers[last[key]] = (index, key, False)
                    self.writers[element] = (index, key, True)
                    last[key] = element

    def _find_orders(self) -> None:
        """The longest read of each key is its history; whoever is in there has happened."""
        orders, longest_reader = self.orders, {}
        for index, record in enumerate(self.records):
            for step in record[5]:
                if step[0] == READ and len(step[2]) > len(orders.get(step[1], ())):
                    orders[step[1]] = step[2]
                    longest_reader[step[1]] = index
        for key, order in orders.items():
            reader = longest_reader[key]
            for position, element in enumerate(order):
                if element in self.positions:
                    self._report("duplicate element", f"{text(element)} is twice in {text(key)}, read by", self._shown(reader))
                self.positions[element] = position
                writer = self.writers.get(element)
                if writer is None or writer[1] != key:
                    self._report("garbage read", f"nobody appended {text(element)} to {text(key)}, read by", self._shown(reader))
                elif self.records[writer[0]][3] == UNKNOWN:
                    self.included[writer[0]] = True

    def _check_operation(self, index: int, record: tuple) -> None:
        """What an operation saw, against the order of each key; its reads' edges."""
        known: dict[Any, tuple] = {}  # What a key must hold for this operation, once it has read it.
        appended: dict[Any, tuple] = {}  # What it appended itself, before or after.
        for step in record[5]:
            key = step[1]
            if step[0] == APPEND:
                element = step[2]
                appended[key] = appended.get(key, ()) + (element,)
                if step[3] is not None and self.positions.get(element, step[3] - 1) != step[3] - 1:
                    self._report(
                        "length",
                        f"the append of {text(element)} to {text(key)} answered length {step[3]}, but the element stands at "
                        f"position {self.positions[element] + 1}",
                        self._shown(index),
                    )
                continue
            elements, own = step[2], appended.get(key, ())
            if own and elements[-len(own) :] != own:
                self._report("internal", f"it appended {text(own)} to {text(key)} and read {text(elements)}", self._shown(index))
                continue
            seen = elements[: len(elements) - len(own)]
            if known.setdefault(key, seen) != seen:
                self._report("internal", f"it saw {text(key)} change from {text(known[key])} to {text(seen)}", self._shown(index))
                continue
            self._check_read(index, key, seen)

    def _check_read(self, index: int, key: Any, seen: tuple) -> None:
        order = self.orders.get(key, ())
        if seen != order[: len(seen)]:
            self._report(
                "incompatible order",
                f"{text(key)} was read as {text(seen)} by",
                self._shown(index),
                f"but as {text(order)} by another",
            )
            return
        edges = self.graph.add
        if seen:
            writer = self.writers.get(seen[-1])
            if writer is None or writer[1] != key:
                return
            if self.records[writer[0]][3] == FAILED:
                self._report(
                    "G1a",
                    f"aborted read: {text(seen[-1])} in {text(key)} was never committed by",
                    self._shown(writer[0]),
                    "but was read by",
                    self._shown(index),
                )
                return
            if not writer[2] and writer[0] != index:
                self._report(
                    "G1b",
                    f"intermediate read: {text(key)} was read as of {text(seen[-1])} by",
                    self._shown(index),
                    "in the midst of",
                    self._shown(writer[0]),
                )
            edges(writer[0], index, WR)
        if len(seen) < len(order):
            following = self.writers.get(order[len(seen)])
            if following is not None and self.included[following[0]]:
                edges(index, following[0], RW)

    def _add_write_edges(self) -> None:
        """Append after append; those that nobody read come after all that somebody did."""
        records, writers, graph = self.records, self.writers, self.graph
        for key, order in self.orders.items():
            previous = None
            for element in order:
                writer = writers.get(element)
                if writer is None or not self.included[writer[0]]:
                    previous = None
                    continue
                if previous is not None:
                    graph.add(previous, writer[0], WW)
                previous = writer[0]
        longest_readers: dict[Any, list[int]] = {}
        unread: list[tuple[int, Any]] = []
        for index, record in enumerate(records):
            if record[3] != OK:
                continue
            for step in record[5]:
                if step[0] == APPEND and step[2] not in self.positions:
                    unread.append((index, step[1]))
        if not unread:
            return
        unread_keys = {key for _, key in unread}
        for index, record in enumerate(records):
            for step in record[5]:
                if step[0] == READ and step[1] in unread_keys and len(step[2]) == len(self.orders.get(step[1], ())):
                    longest_readers.setdefault(step[1], []).append(index)
        for index, key in unread:
            order = self.orders.get(key, ())
            last = writers.get(order[-1]) if order else None
            if last is not None and self.included[last[0]]:
                graph.add(last[0], index, WW)
            for reader in longest_readers.get(key, [])[-EXAMPLES_PER_NAME:]:
                graph.add(reader, index, RW)

    def _explain(self, step: Step) -> str:
        """Why a data edge is there: found again from the two operations, since only a few are ever shown."""
        source, target = self.records[step.source], self.records[step.target]
        appended = {each[2]: each[1] for each in target[5] if each[0] == APPEND}
        own = {each[2] for each in source[5] if each[0] == APPEND}
        for each in target[5] if step.kind == WR else source[5]:
            if step.kind == WR and each[0] == READ:
                seen = [element for element in each[2] if element not in appended]
                if seen and seen[-1] in own:
                    return f"the append of {text(seen[-1])} to {text(each[1])} was read"
            elif step.kind == RW and each[0] == READ:
                seen = [element for element in each[2] if element not in own]
                order = self.orders.get(each[1], ())
                following = order[len(seen)] if len(seen) < len(order) else None
                if following in appended:
                    return f"{text(each[1])} was read without {text(following)}"
                unseen = [element for element, key in appended.items() if key == each[1] and element not in each[2]]
                if following is None and unseen:
                    return f"{text(each[1])} was read without {text(unseen[0])}"
            elif step.kind == WW and each[0] == APPEND:
                order = self.orders.get(each[1], ())
                position = self.positions.get(each[2], len(order))
                following = order[position + 1] if position + 1 < len(order) else None
                if following in appended:
                    return f"in {text(each[1])} the element {text(following)} follows {text(each[2])}"
        return "an append that nobody read comes after those that were"


def show(record: tuple) -> str:
    shown = []
    for step in record[5]:
        if step[0] == APPEND:
            shown.append(f"append {text(step[2])} to {text(step[1])}" + (f" (length {step[3]})" if step[3] else ""))
        else:
            shown.append(f"read {text(step[1])} = {text(step[2])}")
    return ", ".join(shown)


def check(records: Sequence[tuple]) -> Verdict:
    return _Checker(records).check()
