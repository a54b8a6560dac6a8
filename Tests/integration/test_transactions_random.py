"""Transactions of random commands answer as Redis's do, whatever shards their keys are on."""

from __future__ import annotations

import random
import unittest
from typing import Iterator

from comparison import Comparison
from differential import default_commands, generate, line, shown_reply
from generators.base import Step, step
from resp import Reply
from server import Server, seed
from twins import Twins

FAMILIES = [
    "strings", "generic", "lists", "hashes", "sets", "sorted-sets", "streams", "geo", "bitmaps", "hyperloglogs", "sort", "types",
]  # fmt: skip
COMMANDS_MAX = 12
SHARE = 4
# After so many commands both start again from empty.
PART_COMMANDS = 5_000
DISCARDED_SHARE = 0.05
# The watched keys are changed by the same client before MULTI, which spoils its transaction like anybody's change.
WATCHED_SHARE = 0.2
CHANGED_SHARE = 0.5


def answers_of(steps: list[Step]) -> Comparison:
    """Compares replies of EXEC: each command's as that command's are compared."""

    def equal(expected: Reply, actual: Reply) -> bool:
        if expected.kind != "array" or actual.kind != "array":
            return expected == actual
        if not len(expected.value) == len(actual.value) == len(steps):
            return False
        return all(each.comparison.equal(*replies) for each, *replies in zip(steps, expected.value, actual.value))

    return Comparison("answers of a transaction", equal=equal)


class RandomTransactions(unittest.TestCase):
    SHARDS = 1
    PROTOCOL = 2

    @classmethod
    def setUpClass(cls) -> None:
        cls.reference = Server.reference()
        cls.subject = Server(shards=cls.SHARDS)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.reference.stop()
        cls.subject.stop()

    def transactions(self, start_seed: int, available: frozenset[str]) -> Iterator[list[Step]]:
        choices = random.Random(start_seed)
        pending: list[Step] = []
        for group in generate(start_seed, self.PROTOCOL, FAMILIES, available):
            # What expires soon would do so at different moments.
            if any(each.wait_seconds for each in group):
                continue
            pending += [each for each in group if each.comparison.interactive is None]
            count = choices.randint(1, COMMANDS_MAX)
            if len(pending) < count:
                continue
            queued, pending = pending[:count], pending[count:]
            steps = []
            if choices.random() < WATCHED_SHARE:
                key = choices.choice(queued).arguments[-1]
                steps.append(step("WATCH", key, *[b"watched:%d" % number for number in range(choices.randint(0, 3))]))
                if choices.random() < CHANGED_SHARE:
                    steps.append(step("APPEND", b"watched:%d" % choices.randint(0, 5), b"x"))
            queueing = [Step(each.arguments) for each in queued]
            if choices.random() < DISCARDED_SHARE:
                yield [*steps, step("MULTI"), *queueing, step("DISCARD")]
            else:
                yield [*steps, step("MULTI"), *queueing, step("EXEC", comparison=answers_of(queued))]

    def test_random_transactions(self) -> None:
        start_seed = seed() + self.SHARDS * 10 + self.PROTOCOL
        twins = Twins(self.reference, self.subject, self.PROTOCOL)
        title = f"seed {start_seed}, {self.SHARDS} shards, RESP{self.PROTOCOL}"
        done, part_end, count = 0, 0, 0
        transactions = self.transactions(start_seed, twins.available())
        while done < default_commands() // SHARE:
            if done >= part_end:
                twins.empty()
                part_end = done + PART_COMMANDS
            steps = next(transactions)
            if difference := twins.run(steps):
                index, expected, actual = difference
                commands = "\n".join(map(line, steps[: index + 1]))
                self.fail(f"{title}, command {done + index}:\n{commands}\n{shown_reply(expected)}\n{shown_reply(actual)}")
            done += len(steps)
            count += 1
        twins.close()
        print(f"{title}: {done} commands in {count} transactions")


class RandomTransactionsTwoShards(RandomTransactions):
    SHARDS = 2
    PROTOCOL = 3


class RandomTransactionsFourShards(RandomTransactions):
    SHARDS = 4


if __name__ == "__main__":
    unittest.main()
