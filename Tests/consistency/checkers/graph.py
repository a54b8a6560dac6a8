"""Dependency graphs of operations, and the search for cycles in them.

An edge says "comes before in every serial order". A cycle is a proof that there is no such order, and the kinds of its
edges name the anomaly (Adya's classes, as Elle reports them). Components are found with Tarjan's algorithm; the
shortest cycle in one with breadth-first search.

Real time costs a linear number of edges: operations that returned lead to a *barrier*, barriers form a chain in time,
and the barrier before a call leads to the operation that was called. Barriers are nodes after the operations.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Callable, Iterable, Iterator, NamedTuple, Sequence

from history import FOREVER, Anomaly, Operation, span

# Kinds of edges. The first edge of a way through barriers has a kind; those that follow it have none of their own.
WW, WR, RW, TIME, PIPELINE, VERSIONS, ONWARD = range(7)
KIND_NAMES = ("ww", "wr", "rw", "real time", "pipeline", "version order", "")

_ORDER = (TIME, PIPELINE, VERSIONS)


class CycleClass(NamedTuple):
    name: str
    kinds: tuple[int, ...]
    # Of these kinds there must be one, if there are any.
    needed: tuple[int, ...] = ()
    # Just one rw edge comes to them.
    with_one_rw: bool = False


# The strongest first.
CLASSES = (
    CycleClass("G0", (WW,)),
    CycleClass("G1c", (WW, WR), (WR,)),
    CycleClass("G-single", (WW, WR), (), True),
    CycleClass("G2-item", (WW, WR, RW), (RW,)),
    CycleClass("G0-realtime", (WW, *_ORDER), _ORDER),
    CycleClass("G1c-realtime", (WW, WR, *_ORDER), (WR,)),
    CycleClass("G-single-realtime", (WW, WR, *_ORDER), _ORDER, True),
    CycleClass("G2-item-realtime", (WW, WR, RW, *_ORDER), (RW,)),
)
CLASS_MEANINGS = {
    "G0": "write cycle: versions of keys in contradictory orders",
    "G1c": "circular information flow: each saw what the other wrote",
    "G-single": "read skew: one operation saw a part of another's effects",
    "G2-item": "anti-dependency cycle: each missed what the other wrote",
}
KIND_BITS = 3
KIND_MASK = (1 << KIND_BITS) - 1
COMPONENTS_SEARCHED = 20
SEARCH_SECONDS = 5.0
STARTS_TRIED = 400


class Step(NamedTuple):
    """An edge between two operations, barriers left out."""

    source: int
    target: int
    kind: int


class Graph:
    def __init__(self, operation_count: int) -> None:
        self.operation_count = operation_count
        # Of each node, its edges: target << KIND_BITS | kind.
        self.edges: list[list[int]] = [[] for _ in range(operation_count)]

    def add(self, source: int, target: int, kind: int) -> None:
        if source != target:
            self.edges[source].append(target << KIND_BITS | kind)

    def add_barrier(self) -> int:
        self.edges.append([])
        return len(self.edges) - 1

    def add_real_time(self, records: Sequence[tuple], included: Sequence[bool]) -> None:
        """Whoever returned before another was called comes before it."""
        events = []
        for index, record in enumerate(records):
            if included[index]:
                events.append((record[1], 0, index))
                if record[2] < FOREVER:
                    events.append((record[2], 1, index))
        events.sort()
        returned: list[int] = []
        latest = -1
        edges = self.edges
        for _, is_return, index in events:
            if is_return:
                returned.append(index)
                continue
            if returned:
                barrier = self.add_barrier()
                for earlier in returned:
                    edges[earlier].append(barrier << KIND_BITS | TIME)
                returned.clear()
                if latest >= 0:
                    edges[latest].append(barrier << KIND_BITS | ONWARD)
                latest = barrier
            if latest >= 0:
                edges[latest].append(index << KIND_BITS | ONWARD)

    def add_pipelines(self, records: Sequence[tuple], included: Sequence[bool], keys: Callable[[tuple], Iterable]) -> None:
        """Operations of one pipeline are concurrent, but for those on the same key, which take effect in order."""
        group, last_of_key = None, {}
        for index, record in enumerate(records):
            if not record[6] or not included[index]:
                continue
            if group != (record[0], record[6]):
                group, last_of_key = (record[0], record[6]), {}
            for key in keys(record):
                if key in last_of_key:
                    self.add(last_of_key[key], index, PIPELINE)
                last_of_key[key] = index


def components(edges: list[list[int]], nodes: Iterable[int], allowed: int = (1 << KIND_MASK + 1) - 1) -> list[list[int]]:
    """Tarjan's strongly connected components of more than one node, over edges whose kind is allowed."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    finished: set[int] = set()
    inside = nodes if isinstance(nodes, set) else None
    found: list[list[int]] = []
    path: list[int] = []
    counter = 0
    for root in nodes:
        if root in order:
            continue
        order[root] = low[root] = counter
        counter += 1
        path.append(root)
        work = [(root, iter(edges[root]))]
        while work:
            node, rest = work[-1]
            for edge in rest:
                target = edge >> KIND_BITS
                if not allowed >> (edge & KIND_MASK) & 1 or (inside is not None and target not in inside):
                    continue
                if target not in order:
                    order[target] = low[target] = counter
                    counter += 1
                    path.append(target)
                    work.append((target, iter(edges[target])))
                    break
                if target not in finished and order[target] < low[node]:
                    low[node] = order[target]
            else:
                work.pop()
                if work and low[node] < low[work[-1][0]]:
                    low[work[-1][0]] = low[node]
                if low[node] == order[node]:
                    component = []
                    while True:
                        member = path.pop()
                        finished.add(member)
                        component.append(member)
                        if member == node:
                            break
                    if len(component) > 1:
                        found.append(component)
    return found


def cyclic_components(graph: Graph) -> list[list[int]]:
    """The same for a whole graph, which as a rule has none: arrays instead of dictionaries."""
    edges = graph.edges
    count = len(edges)
    # Nothing that can be taken away source by source is on a cycle, and that is almost everything.
    incoming = [0] * count
    for targets in edges:
        for edge in targets:
            incoming[edge >> KIND_BITS] += 1
    ready = [node for node in range(count) if not incoming[node]]
    removed = 0
    while ready:
        node = ready.pop()
        removed += 1
        for edge in edges[node]:
            target = edge >> KIND_BITS
            incoming[target] -= 1
            if not incoming[target]:
                ready.append(target)
    if removed == count:
        return []
    return components(edges, {node for node in range(count) if incoming[node]})


def _mask(kinds: Iterable[int]) -> int:
    mask = 1 << ONWARD
    for kind in kinds:
        mask |= 1 << kind
    return mask


def shortest_path(graph: Graph, inside: set[int], start: int, goal: int, allowed: int) -> list[int] | None:
    """The nodes of a way from start to goal with the fewest operations on it: moves along barriers cost nothing."""
    edges, operation_count = graph.edges, graph.operation_count
    came_from: dict[int, int] = {}
    distance = {start: 0}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        reached = distance[node]
        for edge in edges[node]:
            target, kind = edge >> KIND_BITS, edge & KIND_MASK
            if not allowed >> kind & 1 or target not in inside:
                continue
            # At the end of a way through barriers the operation has been paid for already.
            cost = 0 if kind == ONWARD else 1
            if target == goal:
                path = [target, node]
                while node != start:
                    node = came_from[node]
                    path.append(node)
                return path[::-1]
            if target not in distance or reached + cost < distance[target]:
                distance[target] = reached + cost
                came_from[target] = node
                if cost:
                    queue.append(target)
                else:
                    queue.appendleft(target)
    return None


def _steps(graph: Graph, path: list[int], allowed: int) -> list[Step]:
    """The steps of a closed path between operations, without its barriers."""
    steps: list[Step] = []
    source, kind = path[0], None
    for node, following in zip(path, path[1:]):
        if node < graph.operation_count:
            source = node
            wanted = following << KIND_BITS
            kinds = [each & KIND_MASK for each in graph.edges[node] if each >> KIND_BITS << KIND_BITS == wanted]
            kind = min(each for each in kinds if allowed >> each & 1)
        if following < graph.operation_count:
            steps.append(Step(source, following, kind))
    return steps


def _cycles_in(graph: Graph, inside: set[int], deadline: float) -> Iterable[tuple[str, list[Step]]]:
    """For each class that occurs in a component, its shortest cycle among those looked at."""
    operations = sorted(node for node in inside if node < graph.operation_count)
    for name, kinds, needed, with_one_rw in CLASSES:
        allowed = _mask(kinds)
        best: list[Step] | None = None
        for members, start, goal in _starts(graph, inside, operations, allowed, with_one_rw):
            path = shortest_path(graph, members, goal, start, allowed)
            if path and (best is None or len(path) <= len(best)):
                # A start that leads back to itself is a cycle, a path from the end of an rw edge gets one by the edge.
                steps = _steps(graph, [start, *path] if with_one_rw else path, allowed | with_one_rw << RW)
                kinds_found = {step.kind for step in steps}
                if not needed or kinds_found.intersection(needed):
                    best = _shorter(best, steps)
            if time.monotonic() > deadline or (best and len(best) == 2):
                break
        if best:
            yield name, best


def _starts(
    graph: Graph, inside: set[int], operations: list[int], allowed: int, with_one_rw: bool
) -> Iterator[tuple[set[int], int, int]]:
    """Where to look for cycles: the nodes to stay among, where a path shall end, and where it begins."""
    if with_one_rw:
        edges = [
            (node, edge >> KIND_BITS)
            for node in operations
            for edge in graph.edges[node]
            if edge & KIND_MASK == RW and edge >> KIND_BITS in inside
        ]
        yield from ((inside, source, target) for source, target in _spread(edges))
    else:
        for component in components(graph.edges, inside, allowed):
            members = set(component)
            for node in _spread(sorted(node for node in component if node < graph.operation_count)):
                yield members, node, node


def _spread(starts: list) -> list:
    """At most STARTS_TRIED of them, from all over."""
    return starts[:: max(1, -(-len(starts) // STARTS_TRIED))]


def _shorter(one: list[Step] | None, other: list[Step]) -> list[Step]:
    return other if one is None or len(other) < len(one) else one


def find_cycles(graph: Graph) -> dict[str, list[Step]]:
    """The shortest cycle of each class that occurs."""
    found: dict[str, list[Step]] = {}
    deadline = time.monotonic() + SEARCH_SECONDS
    for component in sorted(cyclic_components(graph), key=len)[:COMPONENTS_SEARCHED]:
        for name, steps in _cycles_in(graph, set(component), deadline):
            found[name] = _shorter(found.get(name), steps)
    return {each.name: found[each.name] for each in CLASSES if each.name in found}


def describe_cycle(
    name: str,
    steps: list[Step],
    records: Sequence[tuple],
    show: Callable[[tuple], str],
    explain: Callable[[Step], str],
    start: int,
) -> Anomaly:
    """The operations of a cycle and why each comes before the next."""
    base = name.removesuffix("-realtime")
    lines = [CLASS_MEANINGS[base] + (", by the clock" if base != name else "")]
    names = {step.source: f"T{index + 1}" for index, step in enumerate(steps)}
    for step in steps:
        operation = Operation(*records[step.source])
        client = f"client {operation.client}"
        lines.append(f"{names[step.source]} = {client} {span(operation, start)} {operation.kind}: {show(operation)}")
    for step in steps:
        if step.kind == TIME:
            gap = (records[step.target][1] - records[step.source][2]) / 1000
            reason = f"had returned {gap:.1f} us before the call"
        elif step.kind == PIPELINE:
            reason = "sent before it in the same pipeline, and on the same key"
        else:
            reason = explain(step)
        lines.append(f"{names[step.source]} < {names[step.target]}: {KIND_NAMES[step.kind]}: {reason}")
    return Anomaly(name, tuple(lines))
