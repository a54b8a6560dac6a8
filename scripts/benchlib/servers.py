"""The servers, as data (another peer is another entry in PEERS), and their processes."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .resp import Connection


@dataclass(frozen=True)
class ServerKind:
    """A program and how it is told to listen on a port, to keep nothing on disk and to use some threads."""

    name: str
    program: str
    arguments: Callable[[int, int], list]


def redis_arguments(port, _threads):
    return ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]


PANTALA = ServerKind("pantala", "pantala", lambda port, threads: ["--port", port, "--shards", threads])
REFERENCE = ServerKind("redis", "redis-server", redis_arguments)
PEERS = [
    ServerKind("valkey", "valkey-server", redis_arguments),
    ServerKind(
        "dragonfly",
        "dragonfly",
        lambda port, threads: [
            *("--port", port, "--bind", "127.0.0.1", "--proactor_threads", threads),
            *("--dbfilename", "", "--version_check=false", "--logtostderr"),
        ],
    ),
]


def available_kinds(pantala_binary):
    """Pantala, the reference, and the peers that are on PATH."""
    if not shutil.which(REFERENCE.program):
        raise SystemExit("bench: no redis-server on PATH: it is what the ratios refer to")
    kinds = [ServerKind(PANTALA.name, str(pantala_binary), PANTALA.arguments), REFERENCE]
    return kinds + [kind for kind in PEERS if shutil.which(kind.program)]


def version_of(kind):
    lines = subprocess.run([kind.program, "--version"], capture_output=True, text=True).stdout.splitlines()
    return lines[0].strip() if lines else "?"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server on a free port, confined to some cores."""

    def __init__(self, kind, cores, threads):
        self.kind = kind
        self.port = free_port()
        # What the last preload left there.
        self.holds = None
        self.directory = tempfile.TemporaryDirectory(prefix="bench-")
        self.log = Path(self.directory.name) / "log"
        command = [kind.program, *map(str, kind.arguments(self.port, threads))]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.directory.name,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: os.sched_setaffinity(0, cores),
            )
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def name(self):
        return self.kind.name

    def connect(self):
        return Connection(self.port)

    def wait_until_ready(self, limit_seconds=20):
        deadline = time.monotonic() + limit_seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with self.connect() as connection:
                    connection.call("PING")
                    return
            except (OSError, RuntimeError):
                time.sleep(0.02)
        raise SystemExit(f"bench: {self.name} does not answer; its log ends:\n{self.log_tail()}")

    def log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def assert_alive(self):
        if self.process.poll() is not None:
            raise SystemExit(
                f"bench: {self.name} ended with status {self.process.returncode}; its log ends:\n{self.log_tail()}"
            )

    def cpu_seconds(self):
        """CPU time that the process has used so far, in user space and in the kernel.

        The sum over its threads in nanoseconds; the clock ticks of `stat` where the kernel keeps no such sum.
        """
        tasks = Path(f"/proc/{self.process.pid}/task")
        try:
            return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
        except (OSError, IndexError):
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.directory.cleanup()
