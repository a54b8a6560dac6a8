"""The register checker, with a history for each anomaly, and beside it the one that is right."""

from __future__ import annotations

import random
import unittest

from checkers.registers import check
from test_support import FAILED, UNKNOWN, CheckerTestCase, operation


def write(key: str, value: str | None) -> tuple:
    return ("w", key, value)


def read(key: str, value: str | None) -> tuple:
    return ("r", key, value)


BOTH = operation(1, 0, 100, write("x", "x1"), write("y", "y1"))


class Good(CheckerTestCase):
    def test_one_after_the_other(self) -> None:
        self.assert_clean(
            check(
                [
                    operation(1, 0, 10, write("x", "1"), write("y", "2")),
                    operation(2, 20, 30, read("x", "1"), read("y", "2")),
                    operation(1, 40, 50, read("x", "1"), write("x", "3")),
                    operation(2, 60, 70, read("x", "3"), write("x", None)),
                    operation(2, 80, 90, read("x", None), read("y", "2")),
                ]
            )
        )

    def test_concurrent_writes_may_be_seen_in_either_order(self) -> None:
        other = operation(2, 0, 100, write("x", "x2"), write("y", "y2"))
        for end in ("1", "2"):
            self.assert_clean(check([BOTH, other, operation(3, 200, 210, read("x", "x" + end), read("y", "y" + end))]))

    def test_an_unknown_write_may_have_happened_or_not(self) -> None:
        unknown = operation(1, 0, 0, write("x", "x1"), write("y", "y1"), status=UNKNOWN)
        self.assert_clean(check([unknown, operation(2, 10, 20, read("x", None), read("y", None))]))
        self.assert_clean(check([unknown, operation(2, 10, 20, read("x", "x1"), read("y", "y1"))]))

    def test_random_serial_histories(self) -> None:
        for seed in range(100):
            self.assert_clean(check(serial_history(random.Random(seed), 200)))


class Bad(CheckerTestCase):
    def test_half_of_a_write_before_any_other(self) -> None:
        self.assert_anomaly(check([BOTH, operation(2, 0, 100, read("x", "x1"), read("y", None))]), "fractured read", "y = nil")

    def test_half_of_each_of_two_writes(self) -> None:
        other = operation(2, 0, 100, write("x", "x2"), write("y", "y2"))
        verdict = check([BOTH, other, operation(3, 0, 100, read("x", "x1"), read("y", "y2"))])
        self.assert_anomaly(verdict, "fractured read")
        self.assert_anomaly(verdict, "G0")

    def test_half_of_a_write_over_an_older_one(self) -> None:
        old = operation(1, 0, 10, write("y", "y0"))
        new = operation(2, 20, 100, write("x", "x1"), write("y", "y1"))
        self.assert_anomaly(check([old, new, operation(3, 20, 100, read("x", "x1"), read("y", "y0"))]), "G-single")
        self.assert_clean(check([old, new, operation(3, 20, 100, read("x", "x1"), read("y", "y1"))]))

    def test_two_msets_left_half_each(self) -> None:
        """What remains says that each MSET was the last."""
        other = operation(2, 0, 100, write("x", "x2"), write("y", "y2"))
        verdict = check([BOTH, other, operation(3, 200, 210, read("x", "x1")), operation(3, 220, 230, read("y", "y2"))])
        self.assertNotEqual(verdict.anomalies, [])

    def test_a_stale_read(self) -> None:
        history = [operation(1, 0, 10, write("x", "1")), operation(1, 20, 30, write("x", "2")), operation(2, 40, 50, read("x", "1"))]
        self.assert_anomaly(check(history), "G-single-realtime", "x was read as 1, before 2 was written")
        history[2] = operation(2, 25, 50, read("x", "1"))
        self.assert_clean(check(history))

    def test_a_value_that_comes_back(self) -> None:
        """1, then 2, then 1 again, though the writes were concurrent."""
        history = [operation(1, 0, 100, write("x", "1")), operation(2, 0, 100, write("x", "2"))]
        reads = [operation(3, 110 + 20 * place, 120 + 20 * place, read("x", value)) for place, value in enumerate("121")]
        self.assertNotEqual(check([*history, *reads]).anomalies, [])
        self.assert_clean(check([*history, reads[0], reads[2]]))

    def test_a_read_before_its_write(self) -> None:
        self.assert_anomaly(check([operation(1, 0, 10, read("x", "1")), operation(2, 20, 30, write("x", "1"))]), "G1c-realtime")

    def test_nil_after_a_write_that_nobody_deleted(self) -> None:
        self.assertNotEqual(check([operation(1, 0, 10, write("x", "1")), operation(2, 20, 30, read("x", None))]).anomalies, [])

    def test_a_lost_update(self) -> None:
        """Two that read 1 and wrote what they made of it, as WATCH forbids."""
        verdict = check(
            [
                operation(1, 0, 10, write("x", "1")),
                operation(2, 20, 100, read("x", "1"), write("x", "2")),
                operation(3, 20, 100, read("x", "1"), write("x", "3")),
            ]
        )
        self.assert_anomaly(verdict, "G2-item")

    def test_two_winners_of_setnx(self) -> None:
        winners = [operation(client, 0, 100, read("x", None), write("x", str(client)), read("x", str(client))) for client in (1, 2)]
        self.assert_anomaly(check(winners), "G2-item")

    def test_a_deletion_that_is_not_seen(self) -> None:
        history = [operation(1, 0, 10, write("x", "1")), operation(2, 20, 30, write("x", None)), operation(3, 40, 50, read("x", "1"))]
        self.assertNotEqual(check(history).anomalies, [])

    def test_nil_between_two_reads_of_one_value(self) -> None:
        history = [
            operation(1, 0, 10, write("x", "1")),
            operation(2, 20, 200, write("x", None)),
            operation(3, 40, 50, read("x", None)),
            operation(3, 60, 70, read("x", "1")),
        ]
        self.assertNotEqual(check(history).anomalies, [])
        self.assert_clean(check(history[:3]))

    def test_g1a_g1b_and_garbage(self) -> None:
        failed = operation(1, 0, 10, write("x", "1"), status=FAILED)
        self.assert_anomaly(check([failed, operation(2, 20, 30, read("x", "1"))]), "G1a")
        twice = operation(1, 0, 100, write("x", "1"), write("x", "2"))
        self.assert_anomaly(check([twice, operation(2, 0, 100, read("x", "1"))]), "G1b")
        self.assert_anomaly(check([operation(2, 0, 100, read("x", "1"))]), "garbage read")

    def test_a_transaction_that_contradicts_itself(self) -> None:
        self.assert_anomaly(check([operation(1, 0, 10, write("x", "1"), read("x", None))]), "internal")

    def test_write_skew(self) -> None:
        verdict = check(
            [
                operation(1, 0, 100, read("x", None), write("y", "1")),
                operation(2, 0, 100, read("y", None), write("x", "2")),
            ]
        )
        self.assert_anomaly(verdict, "G2-item")

    def test_planted_faults_are_found(self) -> None:
        """A read of several keys that missed the last write to one of them, some time ago."""
        found = 0
        for seed in range(40):
            history = serial_history(random.Random(seed), 200, planted_at=150)
            found += bool(check(history).anomalies)
        self.assertEqual(found, 40)


def serial_history(source: random.Random, count: int, planted_at: int | None = None) -> list[tuple]:
    """Operations on four registers, one after the other; from `planted_at` on, the first MGET reads y as it was long ago."""
    state: dict[str, str | None] = dict.fromkeys("wxyz")
    old: list[str | None] = []
    history = []
    for index in range(count):
        old.append(state["y"])
        keys = source.sample("wxyz", source.randint(1, 3))
        steps: list[tuple] = []
        kind = source.random()
        for place, key in enumerate(keys):
            if kind < 0.45 or kind > 0.8:
                steps.append(read(key, state[key]))
            if kind > 0.45:
                state[key] = None if key == "z" and source.random() < 0.3 else f"{index}.{place}"
                steps.append(write(key, state[key]))
        moment = index * 10
        if planted_at is not None and index >= planted_at and kind < 0.45 and "y" in keys:
            stale = next((value for value in reversed(old[:-12]) if value not in (None, state["y"])), None)
            if stale is not None:
                steps = [read(key, stale if key == "y" else value) for _, key, value in steps]
                planted_at = None
        history.append((index, moment - source.randint(0, 25), moment + source.randint(1, 25), 0, "test", tuple(steps), 0))
    return history


if __name__ == "__main__":
    unittest.main()
