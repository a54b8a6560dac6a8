"""The search for linearizations, its model, and what it says about histories that have none."""

from __future__ import annotations

import itertools
import random
import unittest
from unittest import mock

from checkers import linearizability
from checkers.linearizability import check, is_linearizable
from checkers.model import step
from history import FOREVER, UNKNOWN
from test_support import CheckerTestCase

EMPTY = (None,) * linearizability.KEYS


def operation(client: int, call: int, ret: int, command: tuple, reply: object, status: int = 0) -> tuple:
    return (client, call, FOREVER if status == UNKNOWN else ret, status, "", (b"case", command, reply), 0)


class Model(unittest.TestCase):
    """Replies as Redis gives them; the runs against redis-server hold the model to that."""

    def assert_steps(self, *steps: tuple) -> None:
        state = EMPTY
        for command, expected in steps:
            state, reply = step(state, command)
            self.assertEqual(reply, expected, command)

    def test_strings(self) -> None:
        self.assert_steps(
            (("SET", 0, b"a"), b"OK"), (("GET", 0), b"a"), (("SETNX", 0, b"b"), 0), (("GETSET", 0, b"c"), b"a"),
            (("APPEND", 0, b"d"), 2), (("INCR", 0), b"-ERR"), (("INCR", 3), 1), (("INCR", 3), 2), (("GETDEL", 0), b"cd"),
            (("MSETNX", 0, b"x", 3, b"y"), 0), (("MSETNX", 0, b"x", 1, b"y"), 1), (("MGET", 0, 1, 2), (b"x", b"y", None)),
            (("EXISTS", 0, 0, 2), 2), (("DEL", 0, 0, 1, 2), 2), (("MGET", 0, 1), (None, None)),
        )  # fmt: skip

    def test_moving_keys(self) -> None:
        self.assert_steps(
            (("RENAME", 0, 1), b"-ERR"), (("SET", 0, b"a"), b"OK"), (("COPY", 0, 1), 1), (("COPY", 0, 1), 0), (("SET", 0, b"b"), b"OK"),
            (("COPY", 0, 1, b"REPLACE"), 1), (("GET", 1), b"b"), (("RENAMENX", 0, 1), 0), (("RENAME", 0, 1), b"OK"), (("EXISTS", 0, 1), 1),
        )  # fmt: skip

    def test_lists(self) -> None:
        self.assert_steps(
            (("RPUSH", 4, b"a", b"b"), 2), (("LMOVE", 4, 5, b"LEFT", b"LEFT"), b"a"), (("LRANGE", 5), (b"a",)), (("RPOP", 4), b"b"),
            (("EXISTS", 4), 0), (("LMOVE", 4, 5, b"LEFT", b"LEFT"), None), (("GET", 5), b"-WRONGTYPE"), (("LLEN", 5), 1), (("LPOP", 5), b"a"),
        )  # fmt: skip

    def test_databases(self) -> None:
        """Keys 0 to 2 are of the first, 3 to 5 of the second."""
        self.assert_steps(
            (("SET", 0, b"a"), b"OK"), (("MOVE", 0), 1), (("MOVE", 0), 0), (("GET", 3), b"a"), (("SET", 1, b"b"), b"OK"),
            (("DBSIZE", b"0"), 1), (("SET", 0, b"c"), b"OK"), (("MOVE", 3), 0), (("KEYS", b"0"), (b"k0", b"k1")), (("SWAPDB",), b"OK"),
            (("KEYS", b"1"), (b"k0", b"k1")), (("GET", 3), b"c"), (("FLUSHDB", b"1"), b"OK"), (("MGET", 0, 3, 4), (b"a", None, None)),
        )  # fmt: skip

    def test_blocking_commands(self) -> None:
        self.assert_steps(
            (("BLPOP", 4, b"1"), None), (("RPUSH", 4, b"a", b"b", b"c"), 3), (("BLPOP", 4, b"1"), (b"k4", b"a")), (("BRPOP", 4, b"1"), (b"k4", b"c")),
            (("BLMOVE", 4, 5, b"LEFT", b"LEFT", b"1"), b"b"), (("LRANGE", 5), (b"b",)),
        )  # fmt: skip

    def test_transactions(self) -> None:
        self.assert_steps((("MULTI", (("SET", 0, b"a"), ("MGET", 0, 1))), (b"OK", (b"a", None))))


class Good(CheckerTestCase):
    def test_concurrent_operations_in_the_one_order_that_fits(self) -> None:
        self.assert_clean(
            check(
                [
                    operation(1, 0, 100, ("SET", 0, b"a"), b"OK"),
                    operation(2, 0, 100, ("GET", 0), None),
                    operation(3, 0, 100, ("GETSET", 0, b"b"), b"a"),
                    operation(4, 50, 100, ("GET", 0), b"b"),
                ]
            )
        )

    def test_an_unknown_operation_may_have_happened_late_or_not_at_all(self) -> None:
        unknown = operation(1, 0, 0, ("SET", 0, b"a"), None, UNKNOWN)
        self.assert_clean(check([unknown, operation(2, 10, 20, ("GET", 0), None)]))
        self.assert_clean(check([unknown, operation(2, 10, 20, ("GET", 0), None), operation(2, 30, 40, ("GET", 0), b"a")]))

    def test_against_all_orders(self) -> None:
        """Small random histories, right and wrong, decided as trying all permutations does."""
        source = random.Random(1)
        verdicts = set()
        for _ in range(400):
            history = random_history(source)
            expected = any(explains(order) for order in itertools.permutations(history))
            self.assertEqual(is_linearizable(history, EMPTY), expected, history)
            verdicts.add(expected)
        self.assertEqual(verdicts, {True, False})


class Bad(CheckerTestCase):
    def test_half_an_mset(self) -> None:
        self.assert_anomaly(
            check([operation(1, 0, 100, ("MSET", 0, b"a", 1, b"b"), b"OK"), operation(2, 0, 100, ("MGET", 0, 1), (b"a", None))]),
            "not linearizable",
            "MGET k0 k1 -> [a nil]",
        )

    def test_half_a_transaction(self) -> None:
        transaction = ("MULTI", (("INCR", 0), ("INCR", 1)))
        history = [operation(1, 0, 100, transaction, (1, 1)), operation(2, 0, 100, ("MGET", 0, 1), (None, b"1"))]
        self.assert_anomaly(check(history), "not linearizable", "MULTI {INCR k0; INCR k1} -> whatever")

    def test_an_increment_lost(self) -> None:
        self.assert_anomaly(check([operation(client, 0, 100, ("INCR", 0), 1) for client in (1, 2)]), "not linearizable")

    def test_a_stale_read(self) -> None:
        stale = operation(2, 20, 30, ("GET", 0), None)
        self.assert_anomaly(check([operation(1, 0, 10, ("SET", 0, b"a"), b"OK"), stale]), "not linearizable")
        self.assert_clean(check([operation(1, 0, 25, ("SET", 0, b"a"), b"OK"), stale]))

    def test_two_winners(self) -> None:
        self.assert_anomaly(check([operation(client, 0, 100, ("SETNX", 0, b"x"), 1) for client in (1, 2)]), "not linearizable")

    def test_an_element_in_two_places(self) -> None:
        history = [
            operation(1, 0, 10, ("RPUSH", 4, b"a"), 1),
            operation(2, 20, 100, ("LMOVE", 4, 5, b"LEFT", b"LEFT"), b"a"),
            operation(3, 20, 100, ("MULTI", (("LRANGE", 4), ("LRANGE", 5))), ((b"a",), (b"a",))),
        ]
        self.assert_anomaly(check(history), "not linearizable")

    def test_what_is_shown_is_little(self) -> None:
        """Operations before and after, and those of other keys, are left out."""
        noise = [operation(9, place * 10, place * 10 + 5, ("GET", 2), None) for place in range(30)]
        wrong = [operation(client, 100, 150, ("INCR", 0), 1) for client in (1, 2)]
        (anomaly,) = check(noise + wrong).anomalies
        self.assertEqual(len(anomaly.lines), 3, anomaly)

    def test_a_search_that_is_too_large_is_undecided(self) -> None:
        with mock.patch.object(linearizability.is_linearizable, "__defaults__", (10,)):
            verdict = check([operation(client, 0, 100, ("SETNX", 0, b"x"), int(client == 9)) for client in range(12)])
        self.assertEqual(verdict.notes["undecided"], 1)


def random_history(source: random.Random) -> list[tuple]:
    commands = [("INCR", 0), ("MGET", 0, 1), ("MSET", 0, b"1", 1, b"1"), ("INCR", 1), ("DEL", 0, 1)]
    history, state = [], EMPTY
    for number in range(5):
        command = source.choice(commands)
        state, reply = step(state, command)
        if source.random() < 0.15 and isinstance(reply, int):
            reply += 1
        history.append(operation(number, number * 10 - source.randint(0, 30), number * 10 + source.randint(1, 30), command, reply))
    return history


def explains(order: tuple) -> bool:
    for place, record in enumerate(order):
        if any(later[2] < record[1] for later in order[place + 1 :]):
            return False
    state = EMPTY
    for record in order:
        state, reply = step(state, record[5][1])
        if reply != record[5][2]:
            return False
    return True


if __name__ == "__main__":
    unittest.main()
