"""The programs that send the load: their command lines, and what they print."""

import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .loads import DATA, GET, KEY, NUMBER, SET, fill_in, text

# Beyond its own duration a client has this long; redis-benchmark would wait for ever on a dead port.
GRACE_SECONDS = 30


@dataclass(frozen=True)
class Run:
    """What a client saw in one run."""

    operations: float
    operations_per_second: float
    p50_ms: float
    p99_ms: float
    client_cpu_seconds: float

    @property
    def seconds(self):
        """How long requests were sent: programs take a while longer to start and to end."""
        return self.operations / self.operations_per_second


class ClientError(Exception):
    pass


def run_together(commands, cores, limit_seconds, cwd=None):
    """Runs commands at the same time on some cores. Returns their outputs and the CPU time they took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    processes = []
    try:
        for command in commands:
            processes.append(
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    cwd=cwd,
                    preexec_fn=lambda: os.sched_setaffinity(0, cores),
                )
            )
        outputs = []
        for process in processes:
            remaining = max(0.1, started + limit_seconds - time.monotonic())
            out, errors = process.communicate(timeout=remaining)
            if process.returncode != 0:
                raise ClientError(f"{process.args[0]} ended with status {process.returncode}: {(errors or out)[-400:]}")
            outputs.append(out)
    except subprocess.TimeoutExpired:
        raise ClientError(f"{commands[0][0]} did not end within {limit_seconds:.0f} s") from None
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return outputs, cpu


class Memtier:
    """memtier_benchmark: runs for a time, and mixes commands."""

    name = "memtier_benchmark"
    # Shorter runs print zeros.
    seconds_min = 3

    @staticmethod
    def first_number(dataset):
        """Numbers are not padded: twelve digits make a key of 16 bytes. The smallest that it takes is 1."""
        return 1 if dataset.prefix is not None else 100_000_000_000

    @staticmethod
    def prefix(dataset):
        return dataset.prefix or "key:"

    def number(self, dataset, index):
        return b"%d" % (self.first_number(dataset) + index)

    def key(self, dataset, index):
        return self.prefix(dataset).encode() + self.number(dataset, index)

    def command(self, load, port, seconds, output):
        first = self.first_number(load.dataset)
        words = [
            *(self.name, "--server", "127.0.0.1", "--port", port, "--protocol", "redis"),
            *("--threads", load.threads, "--clients", load.connections // load.threads),
            *("--pipeline", load.pipeline, "--data-size", load.dataset.value_bytes),
            *("--key-minimum", first, "--key-maximum", first + load.dataset.keys - 1),
            *("--test-time", seconds, "--hide-histogram", "--json-out-file", output),
        ]
        if load.distinct_client_seed:
            words.append("--distinct-client-seed")
        return [str(word) for word in [*words, *self.mix(load)]]

    def mix(self, load):
        prefix = self.prefix(load.dataset)
        weights = {command: weight for weight, command in load.mix}
        if set(weights) <= {SET, GET}:
            return ["--key-prefix", prefix, "--ratio", f"{weights.get(SET, 0)}:{weights.get(GET, 0)}"]
        # Keys without a prefix are numbers.
        values = {KEY: prefix + "__key__", NUMBER: "__key__", DATA: "__data__"}
        words = ["--key-prefix", ""]
        for weight, command in load.mix:
            line = " ".join(fill_in(command, values))
            words += ["--command", line, "--command-ratio", weight, "--command-key-pattern", "R"]
        return words

    def run(self, load, port, seconds, cores):
        seconds = max(self.seconds_min, round(seconds))
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            output = Path(directory) / "result.json"
            command = self.command(load, port, seconds, output)
            _, cpu = run_together([command], cores, seconds + GRACE_SECONDS)
            totals = json.loads(output.read_text())["ALL STATS"]["Totals"]
        if totals.get("Connection Errors"):
            raise ClientError(f"memtier_benchmark saw {totals['Connection Errors']} connection errors")
        percentiles = totals["Percentile Latencies"]
        return Run(
            operations=totals["Count"],
            operations_per_second=totals["Ops/sec"],
            p50_ms=percentiles["p50.00"],
            p99_ms=percentiles["p99.00"],
            client_cpu_seconds=cpu,
        )


class RedisBenchmark:
    """redis-benchmark: sends a number of requests of one kind.

    The number that takes the wanted time comes from a first run. Its own threads look at the clock four times a
    second; processes side by side are exact.
    """

    name = "redis-benchmark"
    calibration_requests = 50_000

    def __init__(self):
        self.rates = {}

    def number(self, _dataset, index):
        return b"%012d" % index

    def key(self, dataset, index):
        return b"key:" + self.number(dataset, index)

    def command(self, load, port, requests, connections):
        _, command = max(load.mix, key=lambda part: part[0])
        data = text(0, load.dataset.value_bytes).decode()
        values = {KEY: "key:__rand_int__", NUMBER: "__rand_int__", DATA: data}
        words = [
            *(self.name, "-h", "127.0.0.1", "-p", port, "-c", connections, "-n", requests, "--csv"),
            *("-P", load.pipeline, "-r", load.dataset.keys),
            *fill_in(command, values),
        ]
        return [str(word) for word in words]

    def run(self, load, port, seconds, cores):
        identity = (load.name, port)
        if identity not in self.rates:
            run = self.run_requests(load, port, self.calibration_requests, cores)
            self.rates[identity] = run.operations_per_second
        run = self.run_requests(load, port, int(self.rates[identity] * seconds), cores)
        self.rates[identity] = run.operations_per_second
        return run

    def run_requests(self, load, port, requests, cores):
        processes = min(load.threads, len(cores))
        each = max(requests // processes, 1000)
        command = self.command(load, port, each, load.connections // processes)
        limit = 10 * GRACE_SECONDS
        outputs, cpu = run_together([command] * processes, cores, limit)
        rows = [self.parse(output) for output in outputs]
        # Processes that start together end together, or nearly: the slowest ends the run.
        elapsed = max(each / float(row["rps"]) for row in rows)
        return Run(
            operations=each * processes,
            operations_per_second=each * processes / elapsed,
            p50_ms=sum(float(row["p50_latency_ms"]) for row in rows) / processes,
            p99_ms=max(float(row["p99_latency_ms"]) for row in rows),
            client_cpu_seconds=cpu,
        )

    def parse(self, output):
        lines = output.splitlines()
        header = next((index for index, line in enumerate(lines) if line.startswith('"test"')), None)
        if header is None or header + 1 >= len(lines):
            raise ClientError(f"redis-benchmark printed no result: {output[-400:]}")
        return next(csv.DictReader(lines[header : header + 2]))


def converse(load, port, seconds, cores):
    """Runs a load that has a client of its own."""
    command = [sys.executable, "-m", "benchlib.conversations", load.conversation, str(port), str(seconds)]
    (output,), cpu = run_together([command], cores, seconds + GRACE_SECONDS, cwd=Path(__file__).resolve().parent.parent)
    seen = json.loads(output)
    return Run(
        operations=seen["operations"],
        operations_per_second=seen["operations"] / seen["seconds"],
        p50_ms=seen["p50_ms"],
        p99_ms=seen["p99_ms"],
        client_cpu_seconds=cpu,
    )


def choose_client(wanted):
    """The client by name, or memtier_benchmark if it is on PATH and else redis-benchmark."""
    kinds = {kind.name: kind for kind in (Memtier, RedisBenchmark)}
    for name in [wanted] if wanted else kinds:
        if shutil.which(name):
            return kinds[name]()
    raise SystemExit(f"bench: not on PATH: {wanted or ' or '.join(kinds)}")
