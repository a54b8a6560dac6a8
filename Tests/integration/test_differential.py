"""Redis and the server under test answer the same seeded random commands alike (see differential.py)."""

from __future__ import annotations

import unittest

from differential import default_commands, missing, run_configuration
from generators import FAMILIES, SHARED, TYPED
from server import Server, seed
from twins import Twins

# A family of one type meets itself often enough with a part of the commands.
FAMILY_SHARE = 20


class Differential(unittest.TestCase):
    SHARDS = 1

    @classmethod
    def setUpClass(cls) -> None:
        cls.reference = Server.reference()
        cls.subject = Server(shards=cls.SHARDS)
        twins = Twins(cls.reference, cls.subject, 2)
        cls.available = twins.available()
        twins.close()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.reference.stop()
        cls.subject.stop()

    def compare(self, protocol: int, families: list[str], commands: int) -> None:
        start_seed = seed() + self.SHARDS * 10 + protocol
        # Another set of limits for the compact forms with each number of shards and protocol.
        report = run_configuration(self.reference, self.subject, protocol, start_seed, commands, families, part=self.SHARDS + protocol)
        print(report)
        self.assertFalse(report.differences, "\n" + "\n\n".join(report.differences))

    def compare_family(self, family: str) -> None:
        if lacking := missing(family, self.available):
            self.skipTest(f"not there yet: {' '.join(lacking)}")
        for protocol in (2, 3):
            self.compare(protocol, [family], default_commands() // FAMILY_SHARE // FAMILIES[family][0].step_cost)

    def test_shared_keys_resp2(self) -> None:
        self.compare(2, list(SHARED), default_commands())

    def test_shared_keys_resp3(self) -> None:
        self.compare(3, list(SHARED), default_commands())


class DifferentialTwoShards(Differential):
    SHARDS = 2


class DifferentialFourShards(Differential):
    SHARDS = 4


def family_test(family: str):
    return lambda self: self.compare_family(family)


for name in TYPED:
    setattr(Differential, f"test_{name.replace('-', '_')}", family_test(name))
