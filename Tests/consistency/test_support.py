"""Hand-made histories: an operation in a line."""

from __future__ import annotations

import unittest
from typing import Any

from history import FAILED, FOREVER, OK, UNKNOWN, Verdict


def operation(client: int, call: int, ret: int, *content: Any, status: int = OK, group: int = 0) -> tuple:
    """With steps as content: ("a", key, element), ("r", key, seen), ("w", key, value)."""
    steps = tuple((*each, None) if each[0] == "a" and len(each) == 3 else each for each in content)
    return (client, call, ret if status != UNKNOWN else FOREVER, status, "test", steps, group)


def append(key: str, element: str, length: int | None = None) -> tuple:
    return ("a", key, element, length)


def read(key: str, *seen: str) -> tuple:
    return ("r", key, tuple(seen))


class CheckerTestCase(unittest.TestCase):
    def assert_anomaly(self, verdict: Verdict, name: str, *mentioned: str) -> None:
        self.assertIn(name, verdict.names, verdict.anomalies)
        told = "\n".join(map(str, verdict.anomalies))
        for words in mentioned:
            self.assertIn(words, told)

    def assert_clean(self, verdict: Verdict) -> None:
        self.assertEqual(verdict.anomalies, [])


__all__ = ["CheckerTestCase", "FAILED", "FOREVER", "OK", "UNKNOWN", "append", "operation", "read"]
