"""Small histories over a few keys, with all kinds of commands, for a checker that tries all orders.

A case is a set of keys that a group of clients works on for some milliseconds by the clock; then they move on to fresh
ones. Lists are popped by blocking commands, too, where the server has them. The commands a client sends follow from the
seed; which case they fall into is the clock's.
"""

from __future__ import annotations

from typing import Any

from driver import FOREVER, Exchange, Steps, monotonic_ns
from history import FAILED, OK, UNKNOWN
from resp import Command, ErrorReply
from workloads.common import COMMITTED, UNCERTAIN, WorkloadScript

GROUP_CLIENTS = 6
CASE_NANOSECONDS = 4_000_000
# A client that is quicker goes on in a further case of the same time, so that histories stay small.
CLIENT_OPERATIONS_PER_CASE = 6
STRINGS, NUMBER, LISTS = (0, 1, 2), 3, (4, 5)
TIMEOUT = b"0.01"
TRANSACTION_SHARE, WATCH_SHARE = 0.2, 0.1


class SmallScript(WorkloadScript):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._group = self.number % max(1, self.plan.clients // GROUP_CLIENTS)
        self._slot, self._done_in_slot = -1, 0

    def operation(self, index: int) -> Steps:
        draw = self.random.random()
        cut = self.draw_cut()
        case = self._next_case()
        if not self.plan.transactions or draw > TRANSACTION_SHARE + WATCH_SHARE:
            yield from self._single(case, self._draw(), cut)
        elif draw > WATCH_SHARE:
            body = tuple(self._draw(True) for _ in range(self.random.randint(2, 3)))
            yield from self._transaction(case, (), (), body, False, cut)
        else:
            yield from self._watched(case, cut)

    def _next_case(self) -> bytes:
        slot = monotonic_ns() // CASE_NANOSECONDS
        if slot != self._slot:
            self._slot, self._done_in_slot = slot, 0
        part = self._done_in_slot // CLIENT_OPERATIONS_PER_CASE
        self._done_in_slot += 1
        return b"%b:%d:%d:%d" % (self.plan.prefix.encode(), self._group, slot, part)

    def _words(self, case: bytes, command: tuple) -> Command:
        return (command[0].encode(), *(b"%b:%d" % (case, word) if isinstance(word, int) else word for word in command[1:]))

    def _draw(self, in_transaction: bool = False) -> tuple:
        """A command of the model."""
        choose, sample = self.random.choice, self.random.sample
        name = choose(_NAMES)
        if self.plan.blocking and not in_transaction and name in _BLOCKING and self.random.random() < 0.7:
            name = _BLOCKING[name]
        match name:
            case "SET" | "SETNX" | "GETSET" | "APPEND":
                return (name, choose(STRINGS), self.unique_value())
            case "GET" | "GETDEL":
                return (name, choose((*STRINGS, NUMBER)))
            case "INCR":
                return (name, NUMBER)
            case "MSET" | "MSETNX":
                keys = sample(STRINGS, self.random.randint(2, 3))
                return (name, *(word for key in keys for word in (key, self.unique_value())))
            case "MGET":
                return (name, *sample((*STRINGS, NUMBER), self.random.randint(2, 4)))
            case "DEL" | "UNLINK" | "EXISTS" | "TOUCH":
                return (name, *sample((*STRINGS, NUMBER, *LISTS), self.random.randint(1, 4)))
            case "RENAME" | "RENAMENX" | "COPY":
                keys = sample(STRINGS if self.random.random() < 0.8 else (*STRINGS, *LISTS), 2)
                return (name, *keys, *((b"REPLACE",) if name == "COPY" and self.random.random() < 0.5 else ()))
            case "RPUSH":
                return (name, choose(LISTS), *(self.unique_value() for _ in range(self.random.randint(1, 2))))
            case "LRANGE":
                return (name, choose(LISTS), b"0", b"-1")
            case "LMOVE" | "BLMOVE":
                sides = (b"LEFT", b"RIGHT")
                return (name, *sample(LISTS, 2), choose(sides), choose(sides), *((TIMEOUT,) if name == "BLMOVE" else ()))
            case "BLPOP" | "BRPOP":
                return (name, choose(LISTS), TIMEOUT)
        return (name, choose(LISTS))

    def _single(self, case: bytes, command: tuple, cut: Exchange | None) -> Steps:
        words = self._words(case, command)
        answer = yield Exchange([words], *(cut[1:] if cut else ()))
        if answer.complete:
            reply = plain(answer.replies[0])
            if command[0] in ("BLPOP", "BRPOP") and isinstance(reply, tuple):
                reply = (b"k" + reply[0].rsplit(b":", 1)[1], reply[1])
            self.record(answer.call, answer.returns[0], OK, "", (case, command, reply))
        else:
            if answer.all_sent:
                self.record(answer.call, FOREVER, UNKNOWN, "", (case, command, None))
            self.reconnected()

    def _watched(self, case: bytes, cut: Exchange | None) -> Steps:
        keys = self.random.sample((*STRINGS, NUMBER), 2)
        reads = tuple(("GET", key) for key in keys)
        body = tuple(self._draw(True) for _ in range(2))
        answer = yield Exchange([self.watch(*self._words(case, ("WATCH", *keys))[1:]), *(self._words(case, read) for read in reads)])
        if not answer.complete:
            self.reconnected()
            return
        seen = tuple(plain(reply) for reply in answer.replies[1:])
        for read, reply, ret in zip(reads, seen, answer.returns[1:]):
            self.record(answer.call, ret, OK, "", (case, read, reply))
        yield from self._transaction(case, reads, seen, body, True, cut)

    def _transaction(self, case: bytes, reads: tuple, seen: tuple, body: tuple, watched: bool, cut: Exchange | None) -> Steps:
        outcome = yield from self.transaction([self._words(case, each) for each in body], watched, self.random.random(), cut)
        command = ("MULTI", (*reads, *body))
        if outcome.state == COMMITTED:
            replies = (*seen, *(plain(reply) for reply in outcome.results))
            self.record(outcome.call, outcome.ret, OK, "", (case, command, replies))
        elif outcome.state == UNCERTAIN:
            self.record(outcome.call, FOREVER, UNKNOWN, "", (case, ("MULTI", body), None))
        else:
            self.record(outcome.call, outcome.ret, FAILED, "", (case, ("MULTI", body), None))
        if not outcome.answer.complete:
            self.reconnected()


_BLOCKING = {"LPOP": "BLPOP", "RPOP": "BRPOP", "LMOVE": "BLMOVE"}
_NAMES = (
    *["GET", "MGET", "SET", "MSET"] * 3,
    *["SETNX", "GETSET", "GETDEL", "APPEND", "INCR", "MSETNX", "DEL", "UNLINK", "EXISTS", "TOUCH", "RENAME", "RENAMENX", "COPY"],
    *["RPUSH", "LRANGE", "LMOVE"] * 2,
    *["LPOP", "RPOP", "LLEN"],
)  # fmt: skip


def plain(reply: Any) -> Any:
    """As the model writes it: of errors, the code."""
    if isinstance(reply, ErrorReply):
        return b"-" + reply.code
    return tuple(map(plain, reply)) if isinstance(reply, tuple) else reply
