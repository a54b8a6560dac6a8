"""Rounds: run clients for a while, then check what they saw, beside the next round.

Each round has keys of its own, so it can be checked by itself, and memory stays what a round needs. The check runs in a
forked process, one at a time.
"""

from __future__ import annotations

import gc
import os
import pickle
import shlex
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import NamedTuple, Sequence

from driver import monotonic_ns, run_in_processes
from history import STATUS_NAMES, Verdict, span, start_of
from resp import Connection, ErrorReply
from server import Server
from tally import Tally
from workloads.catalogue import WORKLOADS, Workload
from workloads.common import Plan

START_DELAY_SECONDS = 0.05
PROGRESS_SECONDS = 30.0
ANOMALIES_SHOWN = 6
FINAL_READER = 9_000


class Settings(NamedTuple):
    binary: str
    ports: range
    seed: int
    workloads: list[str]
    seconds: float
    round_seconds: float
    clients: int
    processes: int
    keys: int
    cuts: float
    transactions: bool
    pretend: str
    first_round: int
    verbose: bool
    history_directory: Path | None

    def as_options(self) -> str:
        """What makes a run have the same rounds."""
        options = (
            f"--binary {shlex.quote(self.binary)} --seed {self.seed} --workload {','.join(self.workloads)} --clients {self.clients} "
            f"--processes {self.processes} --round-seconds {self.round_seconds} --keys {self.keys} --cuts {self.cuts}"
        )
        if self.pretend:
            options += f" --pretend {self.pretend}"
        return options + ("" if self.transactions else " --without-transactions")


class Failure(Exception):
    """The smallest proofs of what went wrong."""


class Part(NamedTuple):
    """What one workload did in a round."""

    workload: str
    records: list[tuple]
    problems: list[str]


class Runner:
    """One server with some number of shards, and rounds until the time is over."""

    def __init__(self, settings: Settings, shards: int) -> None:
        self.settings, self.shards = settings, shards
        self.tally = Tally()
        self._checking: Checking | None = None

    def run(self) -> str:
        settings = self.settings
        server = Server(settings.binary, self.shards, settings.ports)
        started = reported = time.monotonic()
        index = settings.first_round
        try:
            self._look_at_commands(server)
            # Each workload has a round at least, however slow the machine is.
            turns = settings.first_round + len(settings.workloads) + (len(settings.workloads) > 1)
            while index < turns or time.monotonic() - started < settings.seconds:
                parts = self._run_round(server, index)
                self._conclude()
                self._checking = Checking(index, parts)
                server.check_alive()
                index += 1
                if time.monotonic() - reported > PROGRESS_SECONDS:
                    reported = time.monotonic()
                    print(f"  {self.shards} shards, {reported - started:.0f} s: {self.tally.headline()}", flush=True)
            self._conclude()
            server.stop()
        finally:
            if self._checking:
                self._checking.discard()
            server.discard()
        if weakness := self.tally.weakness():
            raise Failure(f"this run proves nothing: {weakness}")
        return f"{self.tally.headline()}\n{self.tally.details()}"

    def _look_at_commands(self, server: Server) -> None:
        with Connection(server.port) as connection:
            infos = connection.command(b"COMMAND", b"INFO", b"BLPOP", b"BRPOP", b"BLMOVE", b"BLMPOP")
            self._blocking = None not in infos
            if not self._blocking:
                print("  the server has no blocking commands: they are left out", flush=True)
            if self.settings.transactions and isinstance(connection.command(b"MULTI"), ErrorReply):
                raise Failure("the server has no MULTI (--without-transactions tests what else there is)")

    def _run_round(self, server: Server, index: int) -> list[Part]:
        """Every workload by itself, then all of them at once, and so on."""
        settings = self.settings
        names = settings.workloads
        turn = index % (len(names) + (len(names) > 1))
        chosen = names if turn == len(names) else [names[turn]]
        source = Random(f"{settings.seed}/{index}")
        plans = []
        for name in chosen:
            clients = max(4, source.choice((settings.clients // 2, settings.clients, settings.clients * 2)) // len(chosen))
            plan = Plan(
                prefix=f"{name[0]}{index}",
                length=source.choice((3, 4, 4, 10)),
                width=settings.keys,
                advance=1,
                clients=clients,
                first_client=0,
                transactions=settings.transactions,
                blocking=self._blocking,
                cuts=settings.cuts,
                pretend=settings.pretend,
            )
            plans.append((WORKLOADS[name], WORKLOADS[name].draw_plan(source, plan)))
        with Connection(server.port) as connection:
            connection.command(b"FLUSHALL")
            for workload, plan in plans:
                workload.prepare(connection, plan)
            parts = self._run_clients(server, index, plans)
            server.check_alive()
            try:
                return [
                    part._replace(records=part.records + workload.finish(connection, part.records, FINAL_READER, plan))
                    for part, (workload, plan) in zip(parts, plans)
                ]
            except OSError as error:
                server.check_alive()
                problems = [problem for part in parts for problem in part.problems]
                lines = [f"round {index}: the server does not answer any more ({error})", self._again(index)]
                raise Failure("\n".join(lines + problems[:ANOMALIES_SHOWN])) from None

    def _run_clients(self, server: Server, index: int, plans: Sequence[tuple[Workload, Plan]]) -> list[Part]:
        settings = self.settings
        start = monotonic_ns() + int(START_DELAY_SECONDS * 1e9)
        deadline = start + int(settings.round_seconds * 1e9)
        scripts, owners = [], []
        for owner, (workload, plan) in enumerate(plans):
            plan = plan._replace(first_client=len(scripts))
            for _ in range(plan.clients):
                scripts.append(workload.script(len(scripts), f"{settings.seed}/{index}", deadline, plan))
                owners.append(owner)
        results = run_in_processes(scripts, settings.processes, server.port, start)
        parts = [Part(workload.name, [], []) for workload, _ in plans]
        for owner, result in zip(owners, results):
            parts[owner].records.extend(result.records)
            parts[owner].problems.extend(result.problems)
        return parts

    def _conclude(self) -> None:
        """Waits for the check of the round before."""
        checking, self._checking = self._checking, None
        if not checking:
            return
        verdicts, seconds = checking.result()
        self.tally.rounds += 1
        self.tally.check_seconds += seconds
        for part, verdict in zip(checking.parts, verdicts):
            self.tally.add(part.workload, part.records, verdict)
            if self.settings.verbose:
                print(f"  round {checking.index}, {part.workload}: {verdict.operations} operations, checked in {seconds:.2f} s", flush=True)
        for part, verdict in zip(checking.parts, verdicts):
            if part.problems or verdict.anomalies:
                raise Failure(self._report(checking.index, part, verdict))

    def _report(self, index: int, part: Part, verdict: Verdict) -> str:
        settings = self.settings
        lines = [
            f"workload {part.workload}, round {index}, {verdict.operations} operations; again with:",
            self._again(index),
        ]
        if settings.history_directory:
            lines.append(f"all of its operations: {self._keep_history(index, part)}")
        lines += [f"unexpected: {problem}" for problem in part.problems[:ANOMALIES_SHOWN]]
        # One of each kind first, the strongest before the others.
        firsts = {anomaly.name: anomaly for anomaly in reversed(verdict.anomalies)}
        anomalies = [each for each in verdict.anomalies if firsts[each.name] is each]
        anomalies += [each for each in verdict.anomalies if firsts[each.name] is not each]
        lines += [str(anomaly) for anomaly in anomalies[:ANOMALIES_SHOWN]]
        if (more := len(verdict.anomalies) - ANOMALIES_SHOWN) > 0:
            lines.append(f"and {more} more")
        return "\n".join(lines)

    def _again(self, index: int) -> str:
        return f"    Tests/consistency/run {self.settings.as_options()} --shards {self.shards} --first-round {index}"

    def _keep_history(self, index: int, part: Part) -> Path:
        """Writes the operations of a round in order of their calls, a line each."""
        directory = self.settings.history_directory
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{part.workload}-seed{self.settings.seed}-shards{self.shards}-round{index}.txt"
        start = start_of(part.records)
        with open(path, "w") as file:
            for record in sorted(part.records, key=lambda record: record[1]):
                status = STATUS_NAMES[record[3]]
                file.write(f"{span(record, start)} client {record[0]} {status} {record[4]} {record[5]!r}\n")
        return path


class Checking:
    """The check of one round, in a process of its own."""

    def __init__(self, index: int, parts: list[Part]) -> None:
        self.index, self.parts = index, parts
        gc.collect()
        self._reading, writing = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            os.close(self._reading)
            _be_checker(parts, writing)
        os.close(writing)

    def result(self) -> tuple[list[Verdict], float]:
        with os.fdopen(self._reading, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(self._process, 0)
        if status or not data:
            raise RuntimeError(f"the check of round {self.index} failed; its error stands above")
        return pickle.loads(data)

    def discard(self) -> None:
        os.close(self._reading)
        os.waitpid(self._process, 0)


def _be_checker(parts: list[Part], writing: int) -> None:
    try:
        gc.disable()
        started = time.monotonic()
        verdicts = [WORKLOADS[part.workload].check(part.records) for part in parts]
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump((verdicts, time.monotonic() - started), pipe)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
