#!/usr/bin/env python3
"""The differential suite: the same seeded random commands to redis-server and to the server under test.

    differential.py [--binary PATH] [--seed N] [--commands N] [--shards 1,2,4] [--protocols 2,3] [--families lists,sets,...]
                    [--each] [--coverage]

Replies are compared in type and bytes (comparison.py names the exceptions). A difference prints the seed, the index,
the last commands before it, and the shortest sequence found that still shows it on an empty server. Without --families
all of them are mixed; --each gives every family a run of its own, and --coverage counts its calls and errors.
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
from generators.typed import TypedFamily
from resp import Reply
from server import Server, seed
from twins import THRESHOLDS, Coverage, Twins

DEFAULT_COMMANDS = 20_000
BATCH_MAX = 64
# After so many commands both start again from empty, with other limits of the compact forms.
PART_COMMANDS = 20_000
LAST_COMMANDS_SHOWN = 8
DIFFERENCES_MAX = 5
SHRINK_SECONDS = 15.0
SHRINK_TAILS = (1, 2, 10, 100, 3_000)
SHOWN_BYTES = 120
SHOWN_CHARACTERS = 700
SHOWN_WORDS = 60


def generate(start_seed: int, protocol: int, families: list[str], available: frozenset[str]) -> Iterator[list[Step]]:
    """Endless groups of steps that belong together."""
    randoms = Randoms(start_seed, available)
    made = [FAMILIES[name][0](randoms) for name in families]
    for family in made:
        if isinstance(family, ConnectionFamily):
            family.protocol = protocol
        if isinstance(family, TypedFamily):
            yield family.foreign_keys()
    weights = [FAMILIES[name][1] for name in families]
    while True:
        yield randoms.random.choices(made, weights)[0].steps()


def missing(family: str, available: frozenset[str]) -> list[str]:
    """The commands of a family that the servers do not both have."""
    return [name for name in getattr(FAMILIES[family][0], "commands", ()) if name not in available]


def shown(argument: bytes) -> str:
    text = argument.decode("latin-1").encode("unicode_escape").decode().replace('"', '\\"')
    if len(text) > SHOWN_BYTES:
        text = f"{text[:SHOWN_BYTES]}...({len(argument)} bytes)"
    return f'"{text}"' if not text or any(letter in text for letter in ' "\\\'') else text


def line(step: Step) -> str:
    wait = f"   (then wait {step.wait_seconds} s)" if step.wait_seconds else ""
    words = list(map(shown, step.arguments))
    if len(words) > SHOWN_WORDS:
        words[SHOWN_WORDS:] = [f"...({len(words)} words)"]
    return "    " + " ".join(words) + wait


def shown_reply(reply: Reply) -> str:
    text = repr(tuple(reply))
    return text if len(text) < SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}... ({len(text)} characters)"


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
    reference: Server, subject: Server, protocol: int, start_seed: int, commands: int, families: list[str],
    part: int = 0, coverage: Coverage | None = None,
) -> Report:  # fmt: skip
    """Parts of a run begin with the limits of the compact forms that `part` counts up from."""
    title = f"{','.join(families) if len(families) < 4 else f'{len(families)} families'}: " if families else ""
    report = Report(f"{title}seed {start_seed}, {subject.shards} shards, RESP{protocol}")
    twins = Twins(reference, subject, protocol, coverage)
    groups = generate(start_seed, protocol, families, twins.available())
    sizes = Randoms(start_seed + 1).random
    history: list[Step] = []
    started = time.monotonic()
    part_end = 0
    while report.commands < commands and len(report.differences) < DIFFERENCES_MAX:
        if report.commands >= part_end:
            twins.thresholds = THRESHOLDS[part % len(THRESHOLDS)]
            part, part_end = part + 1, report.commands + PART_COMMANDS
            twins.empty()
            history.clear()
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
        part_end = report.commands
        part -= 1
    report.seconds = time.monotonic() - started
    twins.close()
    return report


def describe(report: Report, twins: Twins, history: list[Step], index: int, expected: Reply, actual: Reply) -> str:
    lines = [
        f"DIFFERENCE ({report.title}) at command {index}, compared as {history[-1].comparison.name}",
        f"  reference: {shown_reply(expected)}",
        f"  subject:   {shown_reply(actual)}",
        f"  limits: {twins.thresholds or 'the defaults'}; the last commands:",
        *map(line, history[-LAST_COMMANDS_SHOWN:]),
    ]
    shortest = twins.shrink(list(history), SHRINK_SECONDS, SHRINK_TAILS)
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
    parser.add_argument("--each", action="store_true", help="every family in a run of its own")
    parser.add_argument("--part", type=int, default=0, help="which limits of the compact forms to begin with (0: Redis's)")
    parser.add_argument("--coverage", action="store_true", help="count calls and errors of every command")
    options = parser.parse_args()
    if options.binary:
        # A path is made absolute (servers run in a directory of their own), a bare name is looked up on PATH.
        is_path = os.sep in options.binary
        os.environ["PANTALA_BINARY"] = os.path.abspath(options.binary) if is_path else options.binary
    names = options.families.split(",")
    runs = [[name] for name in names] if options.each else [names]
    failed = 0
    with Server.reference() as reference:
        for shards in map(int, options.shards.split(",")):
            with Server(shards=shards) as subject:
                for protocol in map(int, options.protocols.split(",")):
                    for families in runs:
                        coverage = Coverage() if options.coverage else None
                        report = run_configuration(
                            reference, subject, protocol, options.seed + shards * 10 + protocol, options.commands, families,
                            options.part, coverage,
                        )  # fmt: skip
                        print("\n".join([*report.differences, str(report), *([str(coverage)] if coverage else [])]), flush=True)
                        failed += len(report.differences)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
