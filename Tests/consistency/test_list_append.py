"""The list-append checker, with a history for each anomaly, and beside it the one that is right."""

from __future__ import annotations

import random
import unittest

from checkers.list_append import check
from test_support import FAILED, UNKNOWN, CheckerTestCase, append, operation, read


class Good(CheckerTestCase):
    def test_nothing(self) -> None:
        self.assert_clean(check([]))

    def test_one_after_the_other(self) -> None:
        self.assert_clean(
            check(
                [
                    operation(1, 0, 10, append("x", "1", 1)),
                    operation(2, 20, 30, read("x", "1"), append("y", "2", 1)),
                    operation(1, 40, 50, append("x", "3", 2), read("x", "1", "3"), read("y", "2")),
                ]
            )
        )

    def test_concurrent_operations_may_come_in_either_order(self) -> None:
        late_reader = operation(3, 0, 100, read("x", "1"), read("y"))
        self.assert_clean(check([operation(1, 0, 100, append("x", "1")), operation(2, 0, 100, append("y", "2")), late_reader]))

    def test_an_unknown_append_may_have_happened_or_not(self) -> None:
        unknown = operation(1, 0, 0, append("x", "1"), append("y", "2"), status=UNKNOWN)
        self.assert_clean(check([unknown, operation(2, 10, 20, read("x"), read("y"))]))
        self.assert_clean(check([unknown, operation(2, 10, 20, read("x")), operation(2, 30, 40, read("x", "1"), read("y", "2"))]))

    def test_a_failed_append_that_nobody_saw(self) -> None:
        self.assert_clean(check([operation(1, 0, 10, append("x", "1"), status=FAILED), operation(2, 20, 30, read("x"))]))

    def test_random_serial_histories(self) -> None:
        """Whatever one thread does, with calls spread around the moment it is done, is serializable."""
        for seed in range(50):
            self.assert_clean(check(serial_history(random.Random(seed), 300)))


class Bad(CheckerTestCase):
    def test_g0(self) -> None:
        """Two transactions append to x and y in contradictory orders."""
        verdict = check(
            [
                operation(1, 0, 100, append("x", "1"), append("y", "1y")),
                operation(2, 0, 100, append("x", "2"), append("y", "2y")),
                operation(3, 200, 210, read("x", "1", "2")),
                operation(3, 220, 230, read("y", "2y", "1y")),
            ]
        )
        self.assert_anomaly(verdict, "G0", "in x the element 2 follows 1", "in y the element 1y follows 2y")

    def test_g1a(self) -> None:
        verdict = check([operation(1, 0, 10, append("x", "1"), status=FAILED), operation(2, 20, 30, read("x", "1"))])
        self.assert_anomaly(verdict, "G1a", "1 in x was never committed")

    def test_g1b(self) -> None:
        verdict = check(
            [
                operation(1, 0, 100, append("x", "1"), append("x", "2")),
                operation(2, 0, 100, read("x", "1")),
                operation(2, 200, 210, read("x", "1", "2")),
            ]
        )
        self.assert_anomaly(verdict, "G1b", "x was read as of 1")

    def test_g1c(self) -> None:
        """Each saw the other's append."""
        verdict = check(
            [
                operation(1, 0, 100, append("x", "1"), read("y", "2")),
                operation(2, 0, 100, append("y", "2"), read("x", "1")),
            ]
        )
        self.assert_anomaly(verdict, "G1c", "the append of 1 to x was read", "the append of 2 to y was read")

    def test_g_single(self) -> None:
        """A reader that saw half of a transaction."""
        verdict = check(
            [
                operation(1, 0, 100, append("x", "1"), append("y", "2")),
                operation(2, 0, 100, read("x", "1"), read("y")),
                operation(3, 200, 210, read("y", "2")),
            ]
        )
        self.assert_anomaly(verdict, "G-single", "y was read without 2")

    def test_g2(self) -> None:
        """Write skew: each misses what the other wrote."""
        verdict = check(
            [
                operation(1, 0, 100, read("x"), append("y", "1")),
                operation(2, 0, 100, read("y"), append("x", "2")),
                operation(3, 200, 210, read("x", "2"), read("y", "1")),
            ]
        )
        self.assert_anomaly(verdict, "G2-item", "x was read without 2", "y was read without 1")

    def test_a_stale_read_breaks_real_time(self) -> None:
        history = [operation(1, 0, 10, append("x", "1")), operation(2, 20, 30, read("x")), operation(3, 40, 50, read("x", "1"))]
        self.assert_anomaly(check(history), "G-single-realtime", "had returned 0.0 us before the call")
        history[1] = operation(2, 5, 30, read("x"))
        self.assert_clean(check(history))

    def test_appends_against_real_time(self) -> None:
        verdict = check(
            [operation(1, 0, 10, append("x", "1")), operation(2, 20, 30, append("x", "2")), operation(3, 40, 50, read("x", "2", "1"))]
        )
        self.assert_anomaly(verdict, "G0-realtime")

    def test_writes_seen_against_real_time_over_two_keys(self) -> None:
        """A reads y's append, and ends; then B appends to x what y's writer had read. No data edge closes the cycle."""
        verdict = check(
            [
                operation(1, 0, 100, read("x", "9"), append("y", "1")),
                operation(2, 10, 20, read("y", "1")),
                operation(3, 30, 40, append("x", "9")),
            ]
        )
        self.assert_anomaly(verdict, "G1c-realtime")

    def test_two_anti_dependencies_and_real_time(self) -> None:
        """Two readers disagree on which append came first ("long fork"), closed by the clock."""
        verdict = check(
            [
                operation(1, 0, 100, append("x", "1")),
                operation(2, 0, 100, append("y", "2")),
                operation(3, 0, 100, read("x", "1"), read("y")),
                operation(4, 0, 100, read("x"), read("y", "2")),
                operation(5, 200, 210, read("x", "1"), read("y", "2")),
            ]
        )
        self.assert_anomaly(verdict, "G2-item")

    def test_a_committed_append_that_is_lost(self) -> None:
        verdict = check([operation(1, 0, 10, append("x", "1")), operation(2, 0, 10, append("x", "2")), operation(3, 20, 30, read("x", "2"))])
        self.assert_anomaly(verdict, "G-single-realtime", "x was read without 1")

    def test_incompatible_orders(self) -> None:
        verdict = check(
            [
                operation(1, 0, 100, append("x", "1")),
                operation(2, 0, 100, append("x", "2")),
                operation(3, 0, 100, read("x", "1", "2")),
                operation(4, 0, 100, read("x", "2", "1")),
            ]
        )
        self.assert_anomaly(verdict, "incompatible order")

    def test_elements_from_nowhere_and_twice(self) -> None:
        self.assert_anomaly(check([operation(1, 0, 10, read("x", "1"))]), "garbage read", "nobody appended 1 to x")
        wrong_key = [operation(1, 0, 10, append("y", "1")), operation(1, 20, 30, read("x", "1"))]
        self.assert_anomaly(check(wrong_key), "garbage read")
        twice = [operation(1, 0, 10, append("x", "1")), operation(1, 20, 30, read("x", "1", "1"))]
        self.assert_anomaly(check(twice), "duplicate element")

    def test_a_transaction_that_contradicts_itself(self) -> None:
        own = [operation(1, 0, 10, append("x", "1"), read("x"))]
        self.assert_anomaly(check(own), "internal", "it appended [1] to x and read []")
        changing = [operation(1, 0, 100, append("x", "1")), operation(2, 0, 100, read("x"), read("x", "1"))]
        self.assert_anomaly(check(changing), "internal", "it saw x change")

    def test_a_length_that_the_order_denies(self) -> None:
        history = [operation(1, 0, 10, append("x", "1", 1)), operation(2, 0, 10, append("x", "2", 1)), operation(3, 20, 30, read("x", "1", "2"))]
        self.assert_anomaly(check(history), "length", "answered length 1, but the element stands at position 2")

    def test_a_pipeline_out_of_order_on_one_key(self) -> None:
        history = [operation(1, 0, 10, append("x", "1"), group=1), operation(1, 0, 10, append("x", "2"), group=1)]
        self.assert_anomaly(check([*history, operation(2, 20, 30, read("x", "2", "1"))]), "G0-realtime", "same pipeline")
        self.assert_clean(check([*history, operation(2, 20, 30, read("x", "1", "2"))]))

    def test_an_unknown_transaction_seen_by_half(self) -> None:
        history = [
            operation(1, 0, 0, append("x", "1"), append("y", "2"), status=UNKNOWN),
            operation(2, 10, 20, read("x", "1"), read("y")),
            operation(2, 30, 40, read("y", "2")),
        ]
        self.assert_anomaly(check(history), "G-single")

    def test_a_fault_planted_into_random_histories_is_found(self) -> None:
        """One read in a long right history that misses the last elements it should have seen."""
        for seed in range(30):
            history = serial_history(random.Random(seed), 300)
            place = next(
                place
                for place in range(250, len(history))
                if len(history[place][5]) == 1 and history[place][5][0][0] == "r" and len(history[place][5][0][2]) > 8
            )
            record = history[place]
            _, key, seen = record[5][0]
            history[place] = (*record[:5], (("r", key, seen[:-8]),), 0)
            self.assertNotEqual(check(history).anomalies, [], f"seed {seed}")


def serial_history(source: random.Random, count: int) -> list[tuple]:
    """Operations on three lists, one after the other, each with a call before and a return after its moment."""
    lists: dict[str, tuple] = {"x": (), "y": (), "z": ()}
    history = []
    for index in range(count):
        steps = []
        for _ in range(source.choice((1, 1, 2, 3))):
            key = source.choice("xyz")
            if source.random() < 0.5:
                steps.append(("r", key, lists[key]))
            else:
                element = f"{index}.{len(steps)}"
                lists[key] += (element,)
                steps.append(("a", key, element, len(lists[key])))
        moment = index * 10
        call, ret = moment - source.randint(0, 25), moment + source.randint(1, 25)
        # Each client has one operation at a time, so there are as many clients as operations here.
        history.append((index, call, ret, 0, "test", tuple(steps), 0))
    return history


if __name__ == "__main__":
    unittest.main()
