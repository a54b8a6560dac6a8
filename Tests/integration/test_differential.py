"""Redis and the server under test answer the same seeded random commands alike (see differential.py)."""

from __future__ import annotations

import unittest

from differential import default_commands, run_configuration
from generators import FAMILIES
from server import Server, seed


class Differential(unittest.TestCase):
    SHARDS = 1

    @classmethod
    def setUpClass(cls) -> None:
        cls.reference = Server.reference()
        cls.subject = Server(shards=cls.SHARDS)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.reference.stop()
        cls.subject.stop()

    def compare(self, protocol: int) -> None:
        start_seed = seed() + self.SHARDS * 10 + protocol
        report = run_configuration(self.reference, self.subject, protocol, start_seed, default_commands(), list(FAMILIES))
        print(report)
        self.assertFalse(report.differences, "\n" + "\n\n".join(report.differences))

    def test_resp2(self) -> None:
        self.compare(2)

    def test_resp3(self) -> None:
        self.compare(3)


class DifferentialTwoShards(Differential):
    SHARDS = 2


class DifferentialFourShards(Differential):
    SHARDS = 4
