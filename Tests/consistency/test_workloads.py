"""Clients do the same under the same seed, whatever they are answered; and connections die in the midst of things."""

from __future__ import annotations

import random
import time
import unittest
from typing import Any
from unittest import mock

import driver
from driver import Answer
from history import FAILED, OK, UNKNOWN
from workloads.catalogue import WORKLOADS
from workloads.common import Plan

OPERATIONS = 300
PLAN = Plan("p", 4, 4, 2, 8, 0, True, True, 0.1)


class AnyServer:
    """Answers what a server could, at random: enough to keep a script going."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._queued: list[tuple] | None = None
        self._watching = False

    def answer(self, command: tuple) -> Any:
        name = command[0]
        if name == b"MULTI":
            self._queued = []
            return b"OK"
        if name == b"DISCARD":
            self._queued = None
            return b"OK"
        if name == b"EXEC":
            queued, self._queued = self._queued, None
            aborted, self._watching = self._watching and self._random.random() < 0.3, False
            return None if aborted else tuple(map(self._reply, queued))
        if self._queued is not None:
            self._queued.append(command)
            return b"QUEUED"
        self._watching |= name == b"WATCH"
        return self._reply(command)

    def _reply(self, command: tuple) -> Any:
        number, text = self._random.randint(0, 1), b"%d" % self._random.randint(100, 999)
        match command[0]:
            case b"LRANGE" | b"SMEMBERS" | b"SUNION" | b"KEYS":
                return (b"p:k1",) * number
            case b"MGET":
                return tuple(text for _ in command[1:])
            case b"GET" | b"GETSET" | b"GETDEL" | b"LMOVE" | b"BLMOVE" | b"LPOP" | b"RPOP" | b"ZSCORE" | b"ZINCRBY":
                return text
            case b"LMPOP" | b"BLMPOP":
                return (command[-4 if command[0] == b"LMPOP" else -2], (text,)) if number else None
            case b"BLPOP" | b"BRPOP":
                return (command[1], text) if number else None
            case b"SET":
                return b"OK" if b"GET" not in command else None
            case b"MSET" | b"SELECT" | b"WATCH" | b"PING" | b"RENAME" | b"SWAPDB" | b"FLUSHDB":
                return b"OK"
        return number


def run(workload: str, replies: int) -> tuple[list[list[tuple]], list[tuple]]:
    """What the client sent, exchange by exchange, and what it recorded."""
    script = WORKLOADS[workload].script(3, "seed", time.monotonic_ns() + 10**12, PLAN)
    server, sent = AnyServer(replies), []
    steps = script.run()
    exchange = next(steps)
    for moment in range(OPERATIONS):
        sent.append(list(exchange.commands))
        if exchange.cut_after is None:
            answers = [server.answer(command) for command in exchange.commands]
            answer = Answer(10 * moment, answers, [10 * moment + 5] * len(answers), True)
        else:
            server = AnyServer(replies)
            answer = Answer(10 * moment, [], [], False, exchange.cut_after == 1.0)
        exchange = steps.send(answer)
    return sent, script.records


class SameSeed(unittest.TestCase):
    def test_the_same_operations_whatever_the_replies(self) -> None:
        for workload in WORKLOADS:
            # The clock chooses the keys of small histories.
            with mock.patch.object(driver, "monotonic_ns", return_value=0), mock.patch("workloads.small.monotonic_ns", return_value=0):
                first, second = run(workload, 1)[0], run(workload, 2)[0]
            if workload == "bank":
                # Under WATCH it writes balances that it has read.
                first, second = ([[command[:2] for command in commands] for commands in sent] for sent in (first, second))
            self.assertEqual(first, second, workload)

    def test_all_fates_are_recorded(self) -> None:
        for workload in ("append", "register", "bank", "queue", "small"):
            fates = {record[3] for record in run(workload, 1)[1]}
            self.assertEqual(fates, {OK, FAILED, UNKNOWN}, workload)

    def test_a_cut_connection_goes_on_as_another_client(self) -> None:
        for workload in ("append", "register", "bank", "queue", "small"):
            records = run(workload, 1)[1]
            cut = [place for place, record in enumerate(records) if record[3] == UNKNOWN]
            last = max(place for place, record in enumerate(records) if record[3] == OK)
            self.assertTrue(cut)
            for place in cut:
                if place < last:
                    self.assertNotEqual(records[place][0], records[last][0], workload)


if __name__ == "__main__":
    unittest.main()
