"""Commands about whole databases beside those on keys: DBSIZE, KEYS, FLUSHDB, SWAPDB, MOVE, COPY to another database.

A few clients share two databases with a few keys, half of them in each; what they do in a round is one history.
"""

from __future__ import annotations

from typing import Any

from driver import Exchange, Steps
from history import OK
from resp import Command
from workloads.common import COMMITTED, WorkloadScript
from workloads.small import plain

GROUP_CLIENTS = 4
KEYS_PER_DATABASE = 4
# The search remembers every configuration of a history.
CLIENT_OPERATIONS_MAX = 250
FIRST_DATABASE, GROUPS_MAX = 1, 7
INITIAL = (None,) * (2 * KEYS_PER_DATABASE)
WHOLE = ["DBSIZE", "KEYS"] * 4 + ["MOVE", "COPY"] * 3 + ["SWAPDB", "FLUSHDB"]
ONE_KEY = ["GET", "SET", "DEL", "SETNX"]
SEVERAL_KEYS = ["MGET", "MSET", "EXISTS", "RENAME"]


class DatabaseScript(WorkloadScript):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        number = self.number - self.plan.first_client
        groups = min(GROUPS_MAX, max(1, self.plan.clients // GROUP_CLIENTS))
        self._group = number % groups
        self._half = number // groups % 2
        self._databases = (FIRST_DATABASE + 2 * self._group, FIRST_DATABASE + 2 * self._group + 1)

    def run(self) -> Steps:
        # More clients than there are databases for would make a group too large to decide.
        if self.number - self.plan.first_client < GROUPS_MAX * GROUP_CLIENTS:
            yield from self.expect([(b"SELECT", b"%d" % self._databases[self._half])])
            yield from super().run()

    def operation(self, index: int) -> Steps:
        if index >= CLIENT_OPERATIONS_MAX:
            self.deadline = 0
            return
        if self.plan.transactions and self.random.random() < 0.25:
            body = tuple(self._draw() for _ in range(self.random.randint(2, 3)))
            outcome = yield from self.transaction([self._words(each) for each in body], False, self.random.random(), None)
            if outcome.state == COMMITTED:
                replies = tuple(self._plain(each, reply) for each, reply in zip(body, outcome.results))
                self.record(outcome.call, outcome.ret, OK, "", (self._case(), ("MULTI", body), replies))
            return
        command = self._draw()
        answer = yield Exchange([self._words(command)])
        if answer.complete:
            reply = self._plain(command, answer.replies[0])
            self.record(answer.call, answer.returns[0], OK, "", (self._case(), command, reply))

    def _case(self) -> bytes:
        return b"%b:databases %d and %d" % (self.plan.prefix.encode(), *self._databases)

    def _draw(self) -> tuple:
        """A command of the model; keys of the client's database."""
        draw = self.random.random()
        name = self.random.choice(WHOLE if draw < 0.35 else ONE_KEY if draw < 0.7 else SEVERAL_KEYS)
        first = self._half * KEYS_PER_DATABASE
        count = {"MGET": 3, "MSET": 2, "EXISTS": 4, "RENAME": 2}.get(name, 1)
        keys = self.random.sample(range(first, first + KEYS_PER_DATABASE), count)
        match name:
            case "DBSIZE" | "KEYS" | "FLUSHDB":
                return (name, b"%d" % self._half)
            case "SWAPDB":
                return (name,)
            case "COPY":
                return (name, keys[0], (keys[0] + KEYS_PER_DATABASE) % len(INITIAL))
            case "SET" | "SETNX" | "MSET":
                return (name, *(word for key in keys for word in (key, self.unique_value())))
        return (name, *keys)

    def _words(self, command: tuple) -> Command:
        name = command[0].encode()
        mine, other = self._databases[self._half], self._databases[1 - self._half]
        match command[0]:
            case "DBSIZE" | "FLUSHDB":
                return (name,)
            case "KEYS":
                return (name, b"*")
            case "SWAPDB":
                return (name, b"%d" % mine, b"%d" % other)
            case "MOVE":
                return (name, self._key(command[1]), b"%d" % other)
            case "COPY":
                return (name, self._key(command[1]), self._key(command[2]), b"DB", b"%d" % other)
        return (name, *(self._key(word) if isinstance(word, int) else word for word in command[1:]))

    def _key(self, index: int) -> bytes:
        """Named for the round and the databases: so that the shards of a group's keys are always others."""
        return b"%b:%d:k%d" % (self.plan.prefix.encode(), self._group, index % KEYS_PER_DATABASE)

    @staticmethod
    def _plain(command: tuple, reply: Any) -> Any:
        if command[0] == "KEYS" and isinstance(reply, tuple):
            return tuple(sorted(key.rsplit(b":", 1)[1] for key in reply))
        return plain(reply)
