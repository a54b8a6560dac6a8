"""The queue checker: each way in which a queue can go wrong, and beside it what is right."""

from __future__ import annotations

import random
import unittest
from collections import deque

from checkers.queues import EMPTY, PUSH, TAKE, check
from test_support import FAILED, UNKNOWN, CheckerTestCase, operation


def push(client: int, call: int, ret: int, element: str, queue: str = "q", **options: int) -> tuple:
    return operation(client, call, ret, (PUSH, queue, element), **options)


def take(client: int, call: int, ret: int, element: str, queue: str = "q") -> tuple:
    return operation(client, call, ret, (TAKE, queue, element))


def empty(client: int, call: int, ret: int, queue: str = "q") -> tuple:
    return operation(client, call, ret, (EMPTY, queue, None))


class Good(CheckerTestCase):
    def test_in_order(self) -> None:
        self.assert_clean(check([push(1, 0, 10, "a"), push(1, 20, 30, "b"), take(2, 0, 40, "a"), take(2, 50, 60, "b"), empty(2, 70, 80)]))

    def test_concurrent_pushes_in_either_order(self) -> None:
        history = [push(1, 0, 10, "a"), push(2, 5, 15, "b")]
        self.assert_clean(check([*history, take(3, 20, 30, "a"), take(3, 40, 50, "b")]))
        self.assert_clean(check([*history, take(3, 20, 30, "b"), take(3, 40, 50, "a")]))

    def test_empty_while_a_push_or_a_take_is_under_way(self) -> None:
        self.assert_clean(check([push(1, 0, 10, "a"), empty(2, 5, 15), take(3, 20, 30, "a")]))
        self.assert_clean(check([push(1, 0, 10, "a"), empty(2, 25, 35), take(3, 20, 30, "a")]))

    def test_a_taker_that_was_cut_off_may_have_taken_one(self) -> None:
        cut = operation(2, 20, 30, (TAKE, "q", None), status=UNKNOWN)
        self.assert_clean(check([push(1, 0, 10, "a"), cut]))
        self.assert_anomaly(check([push(1, 0, 10, "a"), push(1, 20, 30, "b"), cut]), "lost")

    def test_random_queues(self) -> None:
        for seed in range(100):
            self.assert_clean(check(serial_history(random.Random(seed), 200)))


class Bad(CheckerTestCase):
    def test_lost(self) -> None:
        self.assert_anomaly(check([push(1, 0, 10, "a")]), "lost", "1 elements of q are lost")

    def test_taken_twice(self) -> None:
        self.assert_anomaly(check([push(1, 0, 10, "a"), take(2, 0, 20, "a"), take(3, 0, 20, "a")]), "taken twice")

    def test_from_nowhere_too_early_and_never_committed(self) -> None:
        self.assert_anomaly(check([take(2, 0, 10, "a")]), "from nowhere")
        self.assert_anomaly(check([take(2, 0, 10, "a"), push(1, 20, 30, "a")]), "taken too early")
        self.assert_anomaly(check([push(1, 0, 10, "a", status=FAILED), take(2, 20, 30, "a")]), "G1a")

    def test_out_of_order(self) -> None:
        history = [push(1, 0, 10, "a"), push(1, 20, 30, "b"), take(2, 40, 50, "b"), take(2, 60, 70, "a")]
        self.assert_anomaly(check(history), "out of order", "b was taken from q before the older a")

    def test_found_empty_though_it_was_not(self) -> None:
        self.assert_anomaly(check([push(1, 0, 10, "a"), empty(2, 20, 30), take(3, 40, 50, "a")]), "not empty")

    def test_elements_swapped_in_random_queues_are_found(self) -> None:
        found = 0
        for seed in range(40):
            history = serial_history(random.Random(seed), 300)
            takes = [place for place, record in enumerate(history) if record[5][0][0] == TAKE and record[5][0][1] == "q"]
            one, other = takes[5], takes[15]
            first, second = history[one], history[other]
            history[one] = (*first[:5], second[5], 0)
            history[other] = (*second[:5], first[5], 0)
            found += bool(check(history).anomalies)
        self.assertEqual(found, 40)


def serial_history(source: random.Random, count: int) -> list[tuple]:
    """Pushes, takes and moves between two queues, one after the other, and what is left taken at the end."""
    queues: dict[str, deque] = {"q": deque(), "r": deque()}
    history = []
    for index in range(count + 500):
        name, draw = source.choice("qr"), source.random()
        moment = index * 10
        if draw < 0.5 and index < count:
            step: tuple = ((PUSH, name, str(index)),)
            queues[name].append(str(index))
        elif not queues[name]:
            step = ((EMPTY, name, None),)
        elif draw < 0.6 and name == "q":
            element = queues["q"].popleft()
            queues["r"].append(element)
            step = ((TAKE, "q", element), (PUSH, "r", element))
        else:
            step = ((TAKE, name, queues[name].popleft()),)
        history.append((index, moment - source.randint(0, 25), moment + source.randint(1, 25), 0, "test", step, 0))
    return history


if __name__ == "__main__":
    unittest.main()
