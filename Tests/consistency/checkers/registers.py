"""Strict serializability of transactions that write unique values to keys and read them.

Elle's rw-register inference (Kingsbury and Alvaro, VLDB 2020), with version orders from real time. A value names its
writer, so wr edges are certain; which version followed which is not, but much of it can be inferred:

- Clusters (Gibbons and Korach, "Testing Shared Memories", SIAM J. Comput. 1997): the write of a value and all reads of it
  stand together in any serial order of the key. If any of cluster A had returned before any of cluster B was called, all
  of A comes before the write of B. These edges go through barriers of the key, so their number is linear.
- Who saw w's value of one key, and on another key that w wrote too the value of w', has w before w'.
- Who read a version and wrote the key made the next version: all other readers come before, and the two versions'
  clusters are one chain that nothing comes between.
- The initial state (nil, on keys that nobody deletes) comes before all writes. A deletion, and a read of nil on a
  key with deletions, are clusters of their own.

What cannot be inferred is not reported: no anomaly here is a false one, but some that happened may stay unseen.

`content` of an operation is a tuple of steps in order: ("w", key, value, None deletes) and ("r", key, value, None if there was none).
"""

from __future__ import annotations

from typing import Any, Sequence

from checkers.graph import KIND_BITS, ONWARD, RW, VERSIONS, WR, WW, Graph, Step, describe_cycle, find_cycles
from history import FAILED, FOREVER, OK, UNKNOWN, Anomaly, Verdict, span, start_of, text

WRITE, READ = "w", "r"
EXAMPLES_PER_NAME = 3
# A history with overlapping clusters is wrong anyhow; the search must not drown in their edges.
DIRECT_EDGES_MAX = 64


class _Cluster:
    """Versions of a key with nothing between them, as a rule one: who wrote and who read them, and when."""

    __slots__ = ("head", "writers", "readers", "first_return", "last_call", "barrier_before", "position", "joined")

    def __init__(self, head: int, record: tuple | None = None) -> None:
        # The operation that must come first of the cluster; -1 for the initial state.
        self.head = head
        self.writers = [] if head < 0 else [head]
        self.readers: list[int] = []
        self.first_return = -1 if head < 0 else record[2]
        self.last_call = -1 if head < 0 else record[1]
        # The cluster that this one continues.
        self.joined: _Cluster | None = None

    def take(self, reader: int, record: tuple) -> None:
        self.readers.append(reader)
        if record[2] < self.first_return:
            self.first_return = record[2]
        if record[1] > self.last_call:
            self.last_call = record[1]

    def whole(self) -> "_Cluster":
        cluster = self
        while cluster.joined:
            cluster = cluster.joined
        return cluster

    def continue_with(self, following: "_Cluster") -> None:
        """`following` comes right after this one."""
        first, second = self.whole(), following.whole()
        if first is second or second is not following:
            return  # Only in a history that is wrong: its cycle is found elsewhere.
        second.joined = first
        first.writers += second.writers
        first.readers += second.readers
        first.first_return = min(first.first_return, second.first_return)
        first.last_call = max(first.last_call, second.last_call)


class _Checker:
    def __init__(self, records: Sequence[tuple]) -> None:
        self.records = records
        self.start = start_of(records)
        # value -> (operation, key, is it the operation's last write to the key?)
        self.writers: dict[bytes, tuple[int, Any, bool]] = {}
        # key -> value -> cluster
        self.versions: dict[Any, dict[bytes, _Cluster]] = {}
        # key -> operation -> its deletion, or its read of nil on a key that has deletions
        self.singles: dict[Any, dict[int, _Cluster]] = {}
        # key -> the state before its first write, on keys without deletions
        self.initial: dict[Any, _Cluster] = {}
        self.deleted_keys: set[Any] = set()
        # What each operation saw from outside and left behind.
        self.reads: list[dict[Any, Any]] = []
        self.writes: list[dict[Any, Any]] = []
        self.anomalies: dict[str, list[Anomaly]] = {}
        self.included = [record[3] == OK for record in records]
        self.graph = Graph(len(records))
        self.inferred_from: dict[tuple[int, int], int] = {}

    def check(self) -> Verdict:
        self._find_writers()
        for index, record in enumerate(self.records):
            self._split(index, record)
        self._gather_versions()
        for index in range(len(self.records)):
            if self.included[index]:
                self._check_reads_together(index)
        self._add_next_writers()
        for key in self.versions.keys() | self.singles.keys():
            self._add_cluster_order(key)
        self.graph.add_real_time(self.records, self.included)
        self.graph.add_pipelines(self.records, self.included, lambda record: {step[1] for step in record[5]})
        found = [anomaly for examples in self.anomalies.values() for anomaly in examples]
        for name, steps in find_cycles(self.graph).items():
            found.append(describe_cycle(name, steps, self.records, show, self._explain, self.start))
        return Verdict(found, len(self.records), {"keys": len(self.versions), "versions": len(self.writers)})

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
            for kind, key, value in record[5]:
                if kind != WRITE:
                    continue
                if last.get(key) is not None:
                    self.writers[last[key]] = (index, key, False)
                if value is not None:
                    self.writers[value] = (index, key, True)
                elif record[3] != FAILED:
                    self.deleted_keys.add(key)
                last[key] = value

    def _split(self, index: int, record: tuple) -> None:
        """Reads from outside, and last writes; a transaction's own writes must be what it reads afterwards."""
        reads: dict[Any, Any] = {}
        writes: dict[Any, Any] = {}
        for kind, key, value in record[5]:
            if kind == WRITE:
                writes[key] = value
                continue
            known = writes[key] if key in writes else reads.setdefault(key, value)
            if known != value:
                self._report(
                    "internal",
                    f"{text(key)} was {text(known)} for it, and then it read {text(value)}",
                    self._shown(index),
                )
        self.reads.append(reads)
        self.writes.append(writes)
        if record[3] != OK:
            return
        for key, value in reads.items():
            self._check_read(index, key, value)

    def _check_read(self, index: int, key: Any, value: bytes | None) -> None:
        if value is None:
            return
        writer = self.writers.get(value)
        if writer is None or writer[1] != key:
            self._report("garbage read", f"nobody wrote {text(value)} to {text(key)}, read by", self._shown(index))
            return
        status = self.records[writer[0]][3]
        if status == FAILED:
            self._report(
                "G1a",
                f"aborted read: {text(value)} in {text(key)} was never committed by",
                self._shown(writer[0]),
                "but was read by",
                self._shown(index),
            )
        elif not writer[2] and writer[0] != index:
            self._report(
                "G1b",
                f"intermediate read: {text(key)} = {text(value)} was read by",
                self._shown(index),
                "in the midst of",
                self._shown(writer[0]),
            )
        elif status == UNKNOWN:
            self.included[writer[0]] = True

    def _gather_versions(self) -> None:
        records = self.records
        for index, record in enumerate(records):
            if not self.included[index]:
                continue
            for key, value in self.writes[index].items():
                cluster = _Cluster(index, record)
                if value is None:
                    self.singles.setdefault(key, {})[index] = cluster
                else:
                    self.versions.setdefault(key, {})[value] = cluster
        for index, record in enumerate(records):
            if record[3] != OK:
                continue
            for key, value in self.reads[index].items():
                if value is None:
                    self._take_nil_read(index, key)
                elif cluster := self.versions.get(key, {}).get(value):
                    cluster.take(index, record)
                    self.graph.add(cluster.head, index, WR)

    def _take_nil_read(self, index: int, key: Any) -> None:
        if key not in self.deleted_keys:
            cluster = self.initial.get(key) or self.initial.setdefault(key, _Cluster(-1))
            cluster.take(index, self.records[index])
        elif key not in self.writes[index]:  # Else the write is a cluster already, and all that follows comes after it.
            self.singles.setdefault(key, {})[index] = _Cluster(index, self.records[index])

    def _check_reads_together(self, index: int) -> None:
        """Whoever saw w on one key and w' on another, which w wrote too, has w before w'."""
        reads = self.reads[index]
        if len(reads) < 2:
            return
        seen: dict[Any, int] = {}
        for key, value in reads.items():
            cluster = self.versions.get(key, {}).get(value) if value is not None else None
            seen[key] = cluster.head if cluster else -1
        for writer in set(seen.values()) - {-1, index}:
            for key in self.writes[writer].keys() & seen.keys():
                other = seen[key]
                if other in (writer, index):
                    continue
                if other == -1:
                    if reads[key] is None and key not in self.deleted_keys:
                        self._report_fractured(index, key, writer)
                    continue
                self.graph.add(writer, other, WW)
                self.inferred_from[(writer, other)] = index
                if self.inferred_from.get((other, writer)) == index:
                    self._report_fractured(index, key, writer)

    def _report_fractured(self, index: int, key: Any, writer: int) -> None:
        value = self.reads[index][key]
        self._report(
            "fractured read",
            self._shown(index),
            f"saw one part of what this wrote, but {text(key)} = {text(value)}:",
            self._shown(writer),
            *([self._shown(self.writers[value][0])] if value is not None else []),
        )

    def _add_cluster_order(self, key: Any) -> None:
        """Edges from every member of a cluster to the head of each that comes later by the clock."""
        every = [*self.versions.get(key, {}).values(), *self.singles.get(key, {}).values()]
        clusters = [cluster for cluster in every if not cluster.joined]
        graph, edges = self.graph, self.graph.edges
        events: list[tuple[int, int, int]] = []
        for number, cluster in enumerate(clusters):
            events.append((cluster.last_call, 0, number))
            if cluster.first_return < FOREVER:
                events.append((cluster.first_return, 1, number))
        events.sort()
        latest = -1
        pending: list[_Cluster] = []
        passed: list[_Cluster] = []
        if key in self.initial:
            pending.append(self.initial[key])

        def flushed() -> int:
            nonlocal latest
            if pending:
                barrier = graph.add_barrier()
                for cluster in pending:
                    self._add_members(cluster, barrier)
                pending.clear()
                if latest >= 0:
                    edges[latest].append(barrier << KIND_BITS | ONWARD)
                latest = barrier
            return latest

        for _, is_return, number in events:
            cluster = clusters[number]
            is_forward = cluster.first_return < cluster.last_call
            if is_return:
                if is_forward:
                    # Its own members must not lead to its own head: remember where the others stood.
                    cluster.barrier_before = flushed()
                    cluster.position = len(passed) + 1
                pending.append(cluster)
                passed.append(cluster)
            elif is_forward:
                if cluster.barrier_before >= 0:
                    edges[cluster.barrier_before].append(cluster.head << KIND_BITS | ONWARD)
                for other in passed[cluster.position :][:DIRECT_EDGES_MAX]:
                    self._add_members(other, cluster.head)
            elif (barrier := flushed()) >= 0:
                edges[barrier].append(cluster.head << KIND_BITS | ONWARD)

    def _add_members(self, cluster: _Cluster, target: int) -> None:
        for writer in cluster.writers:
            self.graph.add(writer, target, VERSIONS)
        for reader in cluster.readers:
            self.graph.add(reader, target, RW)

    def _add_next_writers(self) -> None:
        """Readers of a version come before whoever read it and then wrote the key; the two versions are neighbours."""
        neighbours: list[tuple[_Cluster, _Cluster]] = []
        for index, reads in enumerate(self.reads):
            writes = self.writes[index]
            if not writes or not reads or self.records[index][3] != OK:
                continue
            for key in reads.keys() & writes.keys():
                value = reads[key]
                before = self.initial.get(key) if value is None else self.versions.get(key, {}).get(value)
                after = self.singles[key][index] if writes[key] is None else self.versions[key][writes[key]]
                if not before or after is before:
                    continue
                for reader in before.readers:
                    self.graph.add(reader, index, RW)
                neighbours.append((before, after))
        for before, after in neighbours:
            before.continue_with(after)

    def _explain(self, step: Step) -> str:
        source, target = step.source, step.target
        if step.kind == WR:
            for key, value in self.reads[target].items():
                if value is not None and self.writes[source].get(key) == value:
                    return f"{text(key)} = {text(value)} was read"
        for key, value in self.writes[target].items():
            if step.kind == RW and key in self.reads[source]:
                return f"{text(key)} was read as {text(self.reads[source][key])}, before {text(value)} was written"
        if (reader := self.inferred_from.get((source, target))) is not None:
            return f"one was seen on one key, the other on a key that both wrote, by {self._shown(reader)}"
        for key in self.writes[source].keys() & (self.writes[target].keys() | self.reads[target].keys()):
            before, after = self._cluster_of(source, key), self._cluster_of(target, key)
            if before and after and before.whole().first_return < after.whole().last_call:
                value = self.writes[target].get(key, self.reads[target].get(key))
                return f"{text(key)} was {text(self.writes[source][key])} before it was {text(value)}, by the clock of those who saw them"
        return "an earlier version of the key"

    def _cluster_of(self, index: int, key: Any) -> _Cluster | None:
        """The cluster that an operation is the head of."""
        value = self.writes[index].get(key)
        if value is None:
            return self.singles.get(key, {}).get(index)
        return self.versions.get(key, {}).get(value)


def show(record: tuple) -> str:
    shown = []
    for kind, key, value in record[5]:
        if kind == READ:
            shown.append(f"read {text(key)} = {text(value)}")
        elif value is None:
            shown.append(f"delete {text(key)}")
        else:
            shown.append(f"write {text(key)} = {text(value)}")
    return ", ".join(shown)


def check(records: Sequence[tuple]) -> Verdict:
    return _Checker(records).check()
