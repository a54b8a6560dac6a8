#!/usr/bin/env python3
"""The differential suite: the same seeded random commands to redis-server and to the server under test.

    differential.py [--binary PATH] [--seed N] [--commands N] [--shards 1,2,4] [--protocols 2,3] [--families strings,...]

Replies are compared in type and bytes (comparison.py names the exceptions). A difference prints the seed, the index,
the last commands before it, and the shortest sequence found that still shows it on an empty server.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Iterator

from generators import FAMILIES
from generators.base import Randoms, Step
from generators.connection import Connection as ConnectionFamily
from generators.introspection import PARAMETERS
from resp import Connection, Reply, encode
from server import Server, seed

DEFAULT_COMMANDS = 20_000
BATCH_MAX = 64
LAST_COMMANDS_SHOWN = 8
DIFFERENCES_MAX = 5
SHRINK_SECONDS = 15.0
SHRINK_TAIL = 3_000
SHOWN_BYTES = 200


class Twins:
    """One connection to the reference and one to the subject, always given the same commands."""

    def __init__(self, reference: Connection, subject: Connection, protocol: int) -> None:
        self.reference = reference
        self.subject = subject
        self.protocol = protocol

    def both(self, *arguments: object) -> tuple[Reply, Reply]:
        return self.reference.command(*arguments), self.subject.command(*arguments)

    def empty(self) -> None:
        self.both("RESET")
        self.both("HELLO", self.protocol)
        self.both("FLUSHALL")
        self.both("CONFIG", "SET", *[word for name, (valid, _) in PARAMETERS.items() for word in (name, valid[0])])

    def send(self, steps: list[Step]) -> list[tuple[Reply, Reply]]:
        """A pipeline to both; each gets it in one piece."""
        data = b"".join(encode(*step.arguments) for step in steps)
        return list(zip(self.reference.exchange(data, len(steps)), self.subject.exchange(data, len(steps))))

    def run(self, steps: list[Step]) -> tuple[int, Reply, Reply] | None:
        """Runs steps in pipelines; returns the index of the first difference with both replies."""
        start = 0
        while start < len(steps):
            end = start
            while end < len(steps) and steps[end].comparison.interactive is None:
                end += 1
                if steps[end - 1].wait_seconds:
                    break
            for offset, (expected, actual) in enumerate(self.send(steps[start:end])):
                if not steps[start + offset].comparison.equal(expected, actual):
                    return start + offset, expected, actual
            if end > start and steps[end - 1].wait_seconds:
                time.sleep(steps[end - 1].wait_seconds)
            elif end < len(steps):
                expected, actual = steps[end].comparison.interactive(self, steps[end].arguments)
                if expected != actual:
                    return end, expected, actual
                end += 1
            start = end
        return None

    def differs(self, steps: list[Step]) -> bool:
        """Whether a sequence, from empty, ends in a difference at its last step."""
        self.empty()
        difference = self.run(steps)
        return difference is not None and difference[0] == len(steps) - 1


def generate(start_seed: int, protocol: int, families: list[str]) -> Iterator[list[Step]]:
    """Endless groups of steps that belong together."""
    randoms = Randoms(start_seed)
    made = [FAMILIES[name][0](randoms) for name in families]
    for family in made:
        if isinstance(family, ConnectionFamily):
            family.protocol = protocol
    weights = [FAMILIES[name][1] for name in families]
    while True:
        yield randoms.random.choices(made, weights)[0].steps()


def shrink(twins: Twins, steps: list[Step]) -> list[Step]:
    """The shortest sequence found that still ends in a difference: drops ever smaller pieces while it does."""
    deadline = time.monotonic() + SHRINK_SECONDS
    for tail in (1, 2, 10, 100, SHRINK_TAIL, len(steps)):
        if twins.differs(steps[-tail:]):
            steps = steps[-tail:]
            break
    else:
        return []
    size = len(steps) // 2
    while size > 0:
        start = 0
        while start + size < len(steps):
            if time.monotonic() > deadline:
                return steps
            candidate = steps[:start] + steps[start + size :]
            if twins.differs(candidate):
                steps = candidate
            else:
                start += size
        size //= 2
    return steps


def shown(argument: bytes) -> str:
    text = argument.decode("latin-1").encode("unicode_escape").decode().replace('"', '\\"')
    if len(text) > SHOWN_BYTES:
        text = f"{text[:SHOWN_BYTES]}...({len(argument)} bytes)"
    return f'"{text}"' if not text or any(letter in text for letter in ' "\\\'') else text


def line(step: Step) -> str:
    wait = f"   (then wait {step.wait_seconds} s)" if step.wait_seconds else ""
    return "    " + " ".join(map(shown, step.arguments)) + wait


def shown_reply(reply: Reply) -> str:
    text = repr(tuple(reply))
    return text if len(text) < 2_000 else f"{text[:2_000]}... ({len(text)} characters)"


@dataclass
class Report:
    """What one configuration came to."""

    title: str
    commands: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rate = self.commands / self.seconds if self.seconds else 0
        return f"{self.title}: {self.commands} commands in {self.seconds:.1f} s ({rate:.0f}/s), {len(self.differences)} differences"


def run_configuration(
    reference: Server, subject: Server, protocol: int, start_seed: int, commands: int, families: list[str]
) -> Report:
    report = Report(f"seed {start_seed}, {subject.shards} shards, RESP{protocol}")
    with reference.connect(timeout=60) as first, subject.connect(timeout=60) as second:
        twins = Twins(first, second, protocol)
        twins.empty()
        history: list[Step] = []
        groups = generate(start_seed, protocol, families)
        sizes = Randoms(start_seed + 1).random
        started = time.monotonic()
        while report.commands < commands and len(report.differences) < DIFFERENCES_MAX:
            batch = [step for group in islice(groups, sizes.randint(1, BATCH_MAX)) for step in group]
            difference = twins.run(batch)
            if difference is None:
                history += batch
                report.commands += len(batch)
                continue
            index, expected, actual = difference
            history += batch[: index + 1]
            report.differences.append(describe(report, twins, history, report.commands + index, expected, actual))
            report.commands += len(batch)
            history.clear()
            twins.empty()
        report.seconds = time.monotonic() - started
    return report


def describe(report: Report, twins: Twins, history: list[Step], index: int, expected: Reply, actual: Reply) -> str:
    lines = [
        f"DIFFERENCE ({report.title}) at command {index}, compared as {history[-1].comparison.name}",
        f"  reference: {shown_reply(expected)}",
        f"  subject:   {shown_reply(actual)}",
        "  the last commands:",
        *map(line, history[-LAST_COMMANDS_SHOWN:]),
    ]
    shortest = shrink(twins, list(history))
    if shortest:
        lines += [f"  on an empty server {len(shortest)} commands show it:", *map(line, shortest[-20:])]
    else:
        lines += ["  it does not come again from an empty server: it depends on time or on earlier configuration"]
    return "\n".join(lines)


def default_commands() -> int:
    return int(os.environ.get("INTEGRATION_COMMANDS", DEFAULT_COMMANDS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary")
    parser.add_argument("--seed", type=int, default=seed())
    parser.add_argument("--commands", type=int, default=default_commands())
    parser.add_argument("--shards", default="1,2,4")
    parser.add_argument("--protocols", default="2,3")
    parser.add_argument("--families", default=",".join(FAMILIES))
    options = parser.parse_args()
    if options.binary:
        # A path is made absolute (servers run in a directory of their own), a bare name is looked up on PATH.
        is_path = os.sep in options.binary
        os.environ["PANTALA_BINARY"] = os.path.abspath(options.binary) if is_path else options.binary
    failed = 0
    with Server.reference() as reference:
        for shards in map(int, options.shards.split(",")):
            with Server(shards=shards) as subject:
                for protocol in map(int, options.protocols.split(",")):
                    report = run_configuration(
                        reference, subject, protocol, options.seed + shards * 10 + protocol, options.commands,
                        options.families.split(","),
                    )  # fmt: skip
                    print("\n".join([*report.differences, str(report)]), flush=True)
                    failed += len(report.differences)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
