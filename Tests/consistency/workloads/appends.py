"""List-append: RPUSH of unique elements and LRANGE of whole lists, alone, in pipelines, and in transactions.

The keys in use are few, so that clients meet, and are replaced over time, so that lists stay short.
"""

from __future__ import annotations

from typing import Any, Sequence

from driver import FOREVER, Exchange, Steps, monotonic_ns
from checkers.list_append import APPEND, READ
from history import FAILED, OK, UNKNOWN
from resp import Command, Connection
from workloads.common import COMMITTED, UNCERTAIN, Outcome, Plan, WorkloadScript

# The kinds of operations, by how often they come: single, pipeline, transaction, transaction with WATCH.
SHARES = ((0.25, "single"), (0.35, "pipeline"), (0.75, "transaction"), (1.0, "watch"))
SHARES_WITHOUT_TRANSACTIONS = ((0.6, "single"), (1.0, "pipeline"))
VARIADIC_SHARE = 0.2


def read_command(key: bytes) -> Command:
    return (b"LRANGE", key, b"0", b"-1")


class AppendScript(WorkloadScript):
    def operation(self, index: int) -> Steps:
        draw = self.random.random()
        shares = SHARES if self.plan.transactions else SHARES_WITHOUT_TRANSACTIONS
        kind = next(kind for share, kind in shares if draw < share)
        cut = self.draw_cut()
        if kind == "single":
            yield from self._singles(index, 1, cut)
        elif kind == "pipeline":
            yield from self._singles(index, self.random.randint(2, 6), cut)
        elif kind == "transaction":
            yield from self._transaction(index, cut)
        else:
            yield from self._watched(index, cut)

    def _draw(self, index: int) -> tuple[Command, list[list]]:
        """One command and its steps."""
        key = self.key(index)
        if self.random.random() < 0.5:
            return read_command(key), [[READ, key, ()]]
        values = [self.unique_value() for _ in range(2 if self.random.random() < VARIADIC_SHARE else 1)]
        return (b"RPUSH", key, *values), [[APPEND, key, value, None] for value in values]

    @staticmethod
    def _fill(steps: list[list], reply: Any) -> tuple:
        """The steps with what was answered."""
        if steps[0][0] == READ:
            return ((READ, steps[0][1], reply),)
        # RPUSH of several answers the length after the last of them.
        after = len(steps) - 1
        return tuple((APPEND, step[1], step[2], reply - after + place) for place, step in enumerate(steps))

    @staticmethod
    def _appends(drawn: Sequence[tuple[Command, list[list]]]) -> tuple:
        return tuple(tuple(step) for _, steps in drawn for step in steps if step[0] == APPEND)

    def _singles(self, index: int, count: int, cut: Exchange | None) -> Steps:
        drawn = [self._draw(index) for _ in range(count)]
        commands = [command for command, _ in drawn]
        answer = yield Exchange(commands, *(cut[1:] if cut else ()))
        group = self.new_group() if count > 1 else 0
        for place, (command, steps) in enumerate(drawn):
            if place >= len(answer.replies):
                if steps[0][0] == APPEND:
                    self.record(answer.call, FOREVER, UNKNOWN, "RPUSH", tuple(map(tuple, steps)))
                continue
            reply = answer.replies[place]
            if not isinstance(reply, tuple if steps[0][0] == READ else int):
                self.refuse(command, reply)
                continue
            kind = command[0].decode() + (" in a pipeline" if group else "")
            self.record(answer.call, answer.returns[place], OK, kind, self._fill(steps, reply), group)
        if not answer.complete:
            self.reconnected()

    def _transaction(self, index: int, cut: Exchange | None) -> Steps:
        drawn = [self._draw(index) for _ in range(self.random.randint(2, self.plan.length))]
        outcome = yield from self.transaction([command for command, _ in drawn], False, self.random.random(), cut)
        self._conclude(outcome, drawn, "MULTI", ())

    def _watched(self, index: int, cut: Exchange | None) -> Steps:
        """Reads under WATCH, which belong to the transaction if it is committed."""
        watched = self.keys(index, self.random.randint(1, 2))
        drawn = [self._draw(index) for _ in range(self.random.randint(1, 3))]
        style = self.random.random()
        answer = yield Exchange([self.watch(*watched), *map(read_command, watched)])
        if not answer.complete:
            self.reconnected()
            return
        reads = []
        for key, reply, ret in zip(watched, answer.replies[1:], answer.returns[1:]):
            if not isinstance(reply, tuple):
                self.refuse(read_command(key), reply)
                return
            reads.append((READ, key, reply))
            self.record(answer.call, ret, OK, "LRANGE", (reads[-1],))
        outcome = yield from self.transaction([command for command, _ in drawn], True, style, cut)
        self._conclude(outcome, drawn, "WATCH", tuple(reads))

    def _conclude(self, outcome: Outcome, drawn: Sequence[tuple[Command, list[list]]], kind: str, before: tuple) -> None:
        if outcome.state == COMMITTED:
            steps = list(before)
            for (command, wanted), reply in zip(drawn, outcome.results):
                if not isinstance(reply, tuple if wanted[0][0] == READ else int):
                    self.refuse(command, reply)
                    return
                steps += self._fill(wanted, reply)
            self.record(outcome.call, outcome.ret, OK, kind, tuple(steps))
            return
        # Reads of an unknown transaction answered nothing.
        appends = self._appends(drawn)
        if outcome.state == UNCERTAIN:
            self.record(outcome.call, FOREVER, UNKNOWN, kind, appends)
        else:
            self.record(outcome.call, outcome.ret, FAILED, kind, appends)
        if not outcome.answer.complete:
            self.reconnected()


def final_reads(connection: Connection, records: Sequence[tuple], client: int, plan: Plan) -> list[tuple]:
    """Reads all keys once everybody has gone: what was committed must be there."""
    keys = sorted({step[1] for record in records for step in record[5]})
    reads = []
    for first in range(0, len(keys), 100):
        some = keys[first : first + 100]
        call = monotonic_ns()
        replies = connection.pipeline([read_command(key) for key in some])
        ret = monotonic_ns()
        reads += [(client, call, ret, OK, "LRANGE at the end", ((READ, key, reply),), 0) for key, reply in zip(some, replies)]
    return reads
