"""Registers: strings with unique values, written and read by commands of one key and of several, and in transactions.

Every third key may be deleted; on the others nil is the state before the first write, which says more.
"""

from __future__ import annotations

from typing import Any, Sequence

from checkers.registers import READ, WRITE
from driver import FOREVER, Exchange, Steps, monotonic_ns
from history import FAILED, OK, UNKNOWN
from resp import Command, Connection
from workloads.common import COMMITTED, UNCERTAIN, Outcome, Plan, WorkloadScript

SHARES = ((0.45, "single"), (0.6, "pipeline"), (0.85, "transaction"), (1.0, "watch"))
SHARES_WITHOUT_TRANSACTIONS = ((0.75, "single"), (1.0, "pipeline"))
COMMAND_SHARES = (
    (0.26, "MGET"), (0.50, "MSET"), (0.62, "GET"), (0.76, "SET"), (0.82, "GETSET"), (0.86, "SET NX GET"),
    (0.90, "MSETNX"), (0.93, "SETNX"), (0.97, "DEL"), (1.0, "GETDEL"),
)  # fmt: skip
CONDITIONAL = ("SET NX GET", "MSETNX", "SETNX")
DELETABLE_EVERY = 3

# What a command would do; `reply` says what it did.
Drawn = tuple[str, Command, list[bytes], list[bytes]]


class RegisterScript(WorkloadScript):
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

    def _deletable(self, index: int) -> list[bytes]:
        return [key for key in self.keys(index, 4) if int(key.rsplit(b":", 1)[1]) % DELETABLE_EVERY == 0][:2]

    def _draw(self, index: int, cut: Exchange | None) -> Drawn:
        draw = self.random.random()
        name = next(name for share, name in COMMAND_SHARES if draw < share)
        if cut and name in CONDITIONAL:
            name = "MSET"  # What a transaction of unknown fate leaves behind must be known if it is committed.
        if name in ("DEL", "GETDEL"):
            keys = self._deletable(index)
            if not keys:
                name = "MGET"
            elif name == "GETDEL":
                return name, (b"GETDEL", keys[0]), keys[:1], []
            else:
                return name, (self.random.choice((b"DEL", b"UNLINK")), *keys), keys, []
        count = self.random.randint(2, self.plan.length) if name in ("MGET", "MSET", "MSETNX") else 1
        keys = self.keys(index, count)
        if name in ("MGET", "GET"):
            return name, (name.encode(), *keys), keys, []
        values = [self.unique_value() for _ in keys]
        pairs = [word for pair in zip(keys, values) for word in pair]
        words = (b"SET", *pairs, b"NX", b"GET") if name == "SET NX GET" else (name.encode(), *pairs)
        return name, words, keys, values

    def _steps(self, drawn: Drawn, reply: Any) -> tuple | None:
        """What a command did, from its reply; None if the reply makes no sense."""
        name, _, keys, values = drawn
        writes = tuple((WRITE, key, value) for key, value in zip(keys, values))
        match name:
            case "MGET" if isinstance(reply, tuple) and len(reply) == len(keys):
                return tuple((READ, key, value) for key, value in zip(keys, reply))
            case "GET" if reply is None or type(reply) is bytes:
                return ((READ, keys[0], reply),)
            case "MSET" | "SET" if reply == b"OK" and type(reply) is bytes:
                return writes
            case "GETSET" if reply is None or type(reply) is bytes:
                return ((READ, keys[0], reply), *writes)
            case "SET NX GET" if reply is None or type(reply) is bytes:
                return ((READ, keys[0], reply), *(writes if reply is None else ()))
            case "MSETNX" | "SETNX" if reply in (0, 1):
                return (*((READ, key, None) for key in keys), *writes) if reply else ()
            case "DEL" if isinstance(reply, int):
                # What it didn't find it has seen to be missing; with some found, which ones is not said.
                return tuple((WRITE, key, None) for key in keys) if reply else tuple((READ, key, None) for key in keys)
            case "GETDEL" if reply is None:
                return ((READ, keys[0], None),)
            case "GETDEL" if type(reply) is bytes:
                return ((READ, keys[0], reply), (WRITE, keys[0], None))
        return None

    @staticmethod
    def _wishes(drawn: Drawn) -> tuple:
        """What a command whose fate is unknown may have done."""
        name, _, keys, values = drawn
        if name in ("DEL", "GETDEL"):
            return tuple((WRITE, key, None) for key in keys)
        return tuple((WRITE, key, value) for key, value in zip(keys, values))

    def _singles(self, index: int, count: int, cut: Exchange | None) -> Steps:
        drawn = [self._draw(index, cut) for _ in range(count)]
        answer = yield Exchange([each[1] for each in drawn], *(cut[1:] if cut else ()))
        group = self.new_group() if count > 1 else 0
        for place, each in enumerate(drawn):
            kind = each[0] + (" in a pipeline" if group else "")
            if place >= len(answer.replies):
                if wishes := self._wishes(each):
                    self.record(answer.call, FOREVER, UNKNOWN, each[0], wishes)
                continue
            steps = self._steps(each, answer.replies[place])
            if steps is None:
                self.refuse(each[1], answer.replies[place])
            elif steps:
                self.record(answer.call, answer.returns[place], OK, kind, steps, group)
            else:
                # MSETNX and SETNX that did nothing: their values must never be seen.
                self.record(answer.call, answer.returns[place], FAILED, kind, self._wishes(each))
        if not answer.complete:
            self.reconnected()

    def _transaction(self, index: int, cut: Exchange | None) -> Steps:
        drawn = [self._draw(index, cut) for _ in range(self.random.randint(2, self.plan.length))]
        outcome = yield from self.transaction([each[1] for each in drawn], False, self.random.random(), cut)
        self._conclude(outcome, drawn, "MULTI", ())

    def _watched(self, index: int, cut: Exchange | None) -> Steps:
        """Reads under WATCH belong to the transaction if it is committed: compare and set."""
        keys = self.keys(index, self.random.randint(1, 3))
        drawn: list[Drawn] = []
        for key in keys:
            value = self.unique_value()
            drawn.append(("SET", (b"SET", key, value), [key], [value]))
        if self.random.random() < 0.5:
            drawn.append(self._draw(index, cut))
        style = self.random.random()
        answer = yield Exchange([self.watch(*keys), (b"MGET", *keys)])
        if not answer.complete:
            self.reconnected()
            return
        if not isinstance(answer.replies[1], tuple):
            self.refuse((b"MGET", *keys), answer.replies[1])
            return
        reads = tuple((READ, key, value) for key, value in zip(keys, answer.replies[1]))
        self.record(answer.call, answer.returns[1], OK, "MGET", reads)
        outcome = yield from self.transaction([each[1] for each in drawn], True, style, cut)
        self._conclude(outcome, drawn, "WATCH", reads)

    def _conclude(self, outcome: Outcome, drawn: list[Drawn], kind: str, before: tuple) -> None:
        if outcome.state == COMMITTED:
            steps, failed = list(before), []
            for each, reply in zip(drawn, outcome.results):
                done = self._steps(each, reply)
                if done is None:
                    self.refuse(each[1], reply)
                    return
                steps += done
                if not done:
                    failed += self._wishes(each)
            self.record(outcome.call, outcome.ret, OK, kind, tuple(steps))
            if failed:
                self.record(outcome.call, outcome.ret, FAILED, kind, tuple(failed))
        else:
            wishes = tuple(step for each in drawn for step in self._wishes(each))
            if outcome.state == UNCERTAIN:
                self.record(outcome.call, FOREVER, UNKNOWN, kind, wishes)
            else:
                self.record(outcome.call, outcome.ret, FAILED, kind, wishes)
            if not outcome.answer.complete:
                self.reconnected()


def final_reads(connection: Connection, records: Sequence[tuple], client: int, plan: Plan) -> list[tuple]:
    """Reads all keys at once when everybody has gone."""
    keys = sorted({step[1] for record in records for step in record[5]})
    reads = []
    for first in range(0, len(keys), 10):
        some = keys[first : first + 10]
        call = monotonic_ns()
        reply = connection.command(b"MGET", *some)
        steps = tuple((READ, key, value) for key, value in zip(some, reply))
        reads.append((client, call, monotonic_ns(), OK, "MGET at the end", steps, 0))
    return reads
