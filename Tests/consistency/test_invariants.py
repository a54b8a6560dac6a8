"""The rules that hold whatever the order, kept and broken."""

from __future__ import annotations

import unittest
from typing import Any

from checkers.invariants import CHANGE, EACH_ONCE, EQUAL, ONE_OF, TOTAL, broken, check
from history import OK
from test_support import CheckerTestCase


def record(call: int, ret: int, *content: Any) -> tuple:
    return (1, call, ret, OK, "test", content, 0)


class Rules(unittest.TestCase):
    def test_kept(self) -> None:
        for rule, expected, observed in (
            (TOTAL, 300, (b"100", b"150", 50)),
            (TOTAL, 100, (b"100", None)),
            (EQUAL, 2, (b"a", b"a")),
            (EQUAL, 2, (None, None)),
            (EQUAL, 1, (b"a",)),
            (ONE_OF, (0, 2), 2),
            (ONE_OF, (None, b"t"), None),
            (EACH_ONCE, (b"a", b"b"), ((b"b",), (), (b"a",))),
        ):
            self.assertIsNone(broken(rule, expected, observed), (rule, observed))

    def test_broken(self) -> None:
        for rule, expected, observed, told in (
            (TOTAL, 300, (b"100", b"100", b"95"), "the total is 295 instead of 300"),
            (EQUAL, 2, (b"a", b"b"), "2 equal values: [a b]"),
            (EQUAL, 2, (b"a", None), "2 equal values: [a nil]"),
            (EQUAL, 1, (), "1 equal values: []"),
            (ONE_OF, (0, 2), 1, "answered 1 instead of 0 or 2"),
            (EACH_ONCE, (b"a", b"b"), ((b"a",), (b"a", b"b")), "a is in 2 places"),
            (EACH_ONCE, (b"a", b"b"), ((b"a",), ()), "b is in 0 places"),
            (EACH_ONCE, (b"a",), ((b"a", b"x"),), "x is in 1 places"),
        ):
            self.assertIn(told, broken(rule, expected, observed) or "nothing", (rule, observed))


class Histories(CheckerTestCase):
    def test_a_broken_observation_is_shown_with_the_changes_beside_it(self) -> None:
        verdict = check(
            [
                record(0, 10, CHANGE, b"bank", b"long ago"),
                record(20, 40, CHANGE, b"bank", b"DECRBY a 5"),
                record(25, 35, CHANGE, b"other", b"elsewhere"),
                record(30, 50, TOTAL, b"bank", 200, (b"95", b"100")),
                record(60, 70, TOTAL, b"bank", 200, (b"95", b"105")),
            ]
        )
        self.assert_anomaly(verdict, "broken invariant (total)", "the total is 195", "DECRBY a 5")
        self.assertEqual(len(verdict.anomalies), 1)
        self.assertNotIn("long ago", str(verdict.anomalies[0]))
        self.assertNotIn("elsewhere", str(verdict.anomalies[0]))
        self.assertEqual(verdict.notes, {"changes": 3, "observations": 2})

    def test_clean(self) -> None:
        self.assert_clean(check([record(0, 10, ONE_OF, b"pair", (0, 2), 2)]))


if __name__ == "__main__":
    unittest.main()
