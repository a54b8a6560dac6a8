"""Queues between clients: RPUSH alone or to several queues in MULTI, taken by blocking pops, also over several queues.

Elements go through two stages: BLMOVE brings some from the first queues to the second ones, where others wait for them. So a push
wakes clients, a move wakes the next, and clients are cut off while they wait.
"""

from __future__ import annotations

from typing import Any, Sequence

from checkers.queues import EMPTY, PUSH, TAKE
from driver import FOREVER, Exchange, Steps, monotonic_ns
from history import FAILED, OK, UNKNOWN
from resp import Command, Connection
from workloads.common import COMMITTED, UNCERTAIN, Plan, WorkloadScript

FIRST_STAGE, SECOND_STAGE = 4, 2
TIMEOUT = b"0.05"


def queue_names(plan: Plan) -> tuple[list[bytes], list[bytes]]:
    prefix = plan.prefix.encode()
    names = [b"%b:queue:%d" % (prefix, number) for number in range(FIRST_STAGE + SECOND_STAGE)]
    return names[:FIRST_STAGE], names[FIRST_STAGE:]


class QueueScript(WorkloadScript):
    """A quarter of the clients push most of the time, so that the others wait; all of them do some of everything."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._first, self._second = queue_names(self.plan)
        role = (self.number - self.plan.first_client) % 4
        self._push_share = 0.75 if role == 0 else 0.1

    def operation(self, index: int) -> Steps:
        draw, cut = self.random.random(), self.draw_cut()
        if draw < self._push_share:
            yield from self._push(cut)
        elif self.random.random() < 0.4:
            yield from self._move(cut)
        else:
            yield from self._take(cut)

    def _push(self, cut: Exchange | None) -> Steps:
        count = self.random.choice((1, 1, 1, 2, 3))
        queues = [self.random.choice(self._first) for _ in range(count)]
        elements = [self.unique_value() for _ in queues]
        steps = tuple((PUSH, queue, element) for queue, element in zip(queues, elements))
        commands: list[Command] = [(b"RPUSH", queue, element) for queue, element in zip(queues, elements)]
        if count > 1 and self.plan.transactions:
            outcome = yield from self.transaction(commands, False, self.random.random(), cut)
            if outcome.state == COMMITTED:
                self.record(outcome.call, outcome.ret, OK, "MULTI", steps)
            elif outcome.state == UNCERTAIN:
                self.record(outcome.call, FOREVER, UNKNOWN, "MULTI", steps)
            else:
                self.record(outcome.call, outcome.ret, FAILED, "MULTI", steps)
            complete = outcome.answer.complete
        else:
            answer = yield Exchange(commands[:1], *(cut[1:] if cut else ()))
            complete = answer.complete
            if complete:
                self.record(answer.call, answer.returns[0], OK, "RPUSH", steps[:1])
            else:
                self.record_unknown(answer, "RPUSH", steps[:1])
        if not complete:
            self.reconnected()

    def _move(self, cut: Exchange | None) -> Steps:
        source, target = self.random.choice(self._first), self.random.choice(self._second)
        blocking = self.plan.blocking and self.random.random() < 0.7
        words = (source, target, b"LEFT", b"RIGHT")
        answer = yield Exchange([(b"BLMOVE", *words, TIMEOUT) if blocking else (b"LMOVE", *words)], *(cut[1:] if cut else ()))
        kind = "BLMOVE" if blocking else "LMOVE"
        if not answer.complete:
            # Which element it moved, if any, is known from who takes it.
            self.record_unknown(answer, kind, ((TAKE, source, None),))
            self.reconnected()
            return
        element = answer.replies[0]
        steps = ((TAKE, source, element), (PUSH, target, element)) if element is not None else ((EMPTY, source, None),)
        self.record(answer.call, answer.returns[0], OK, kind, steps)

    def _take(self, cut: Exchange | None) -> Steps:
        queues = self.random.sample(self._first + self._second, self.random.choice((1, 2, 3)))
        draw = self.random.random()
        if draw < 0.2:
            queues = queues[:1]
            command: Command = (b"LPOP", queues[0])
        elif draw < 0.4 or not self.plan.blocking:
            command = (b"LMPOP", b"%d" % len(queues), *queues, b"LEFT", b"COUNT", b"%d" % self.random.randint(1, 3))
        elif draw < 0.6:
            command = (b"BLMPOP", TIMEOUT, b"%d" % len(queues), *queues, b"LEFT")
        else:
            command = (b"BLPOP", *queues, TIMEOUT)
        answer = yield Exchange([command], *(cut[1:] if cut else ()))
        kind = command[0].decode()
        if answer.complete:
            self.record(answer.call, answer.returns[0], OK, kind, self._taken(kind, queues, answer.replies[0]))
        else:
            most = int(command[-1]) if kind == "LMPOP" else 1
            self.record_unknown(answer, kind, tuple((TAKE, queue, None) for queue in queues for _ in range(most)))
            self.reconnected()

    @staticmethod
    def _taken(kind: str, queues: list[bytes], reply: Any) -> tuple:
        if reply is None:
            # Several were empty at one time; so each was.
            return tuple((EMPTY, queue, None) for queue in queues)
        if kind == "LPOP":
            return ((TAKE, queues[0], reply),)
        queue, elements = reply
        if kind == "BLPOP":
            return ((TAKE, queue, elements),)
        # Who doesn't wait takes from the first that has something. Who waits may be woken by any.
        before = queues[: queues.index(queue)] if kind == "LMPOP" else []
        return (*((EMPTY, each, None) for each in before), *((TAKE, queue, element) for element in elements))


def drain(connection: Connection, records: Sequence[tuple], client: int, plan: Plan) -> list[tuple]:
    """Takes what is left, in order. (A move that was cut off has pushed what is only known from here.)"""
    taken = []
    for queue in [name for names in queue_names(plan) for name in names]:
        while True:
            call = monotonic_ns()
            element = connection.command(b"LPOP", queue)
            if element is None:
                break
            taken.append((client, call, monotonic_ns(), OK, "LPOP at the end", ((TAKE, queue, element),), 0))
    return taken + _moves_cut_off([*records, *taken])


def _moves_cut_off(records: Sequence[tuple]) -> list[tuple]:
    """The pushes by moves whose reply nobody got: elements of a first queue that were taken from a second one."""
    pushed = {step[1:] for record in records for step in record[5] if step[0] == PUSH}
    first = {element for _, element in pushed}
    cut_off = [record[1] for record in records if record[3] == UNKNOWN and record[4] in ("BLMOVE", "LMOVE")]
    if not cut_off:
        return []
    return [
        (record[0], min(cut_off), FOREVER, UNKNOWN, "move that was cut off", ((PUSH, queue, element),), 0)
        for record in records
        for kind, queue, element in record[5]
        if kind == TAKE and element in first and (queue, element) not in pushed
    ]
