"""Two servers that are always given the same commands: the reference and the subject.

A pipeline goes to both at once. Mostly their answers are the same bytes, and nothing is parsed; where they are not, both
are taken apart and compared reply by reply, as each step's comparison says.
"""

from __future__ import annotations

import itertools
import select
import time
from collections import Counter

from generators.base import Step
from generators.introspection import PARAMETERS
from resp import Connection, ConnectionClosed, Parser, ProtocolViolation, Reply, encode, select_sockets
from server import Server

TIMEOUT_SECONDS = 60.0
CLOSED = Reply("closed", b"the server closed the connection, or did not answer")
# What goes out at once without reading: less than the kernel's buffers hold on either side.
UNREAD_BYTES_MAX = 1 << 14
RECEIVE_BYTES = 1 << 18

# The limits of the compact forms, from Redis's defaults to so low that a few elements cross them. (Those of sets as listpacks
# came with Redis 7.2.)
THRESHOLDS = (
    {},
    {
        "hash-max-listpack-entries": 8, "hash-max-listpack-value": 20, "list-max-listpack-size": 4, "set-max-intset-entries": 8,
        "set-max-listpack-entries": 8, "set-max-listpack-value": 20,
        "zset-max-listpack-entries": 8, "zset-max-listpack-value": 20, "stream-node-max-entries": 5, "hll-sparse-max-bytes": 100,
    },
    {
        "hash-max-listpack-entries": 32, "hash-max-listpack-value": 64, "list-max-listpack-size": -1, "set-max-intset-entries": 64,
        "set-max-listpack-entries": 32,
        "zset-max-listpack-entries": 32, "zset-max-listpack-value": 64, "stream-node-max-entries": 20, "stream-node-max-bytes": 300,
        "hll-sparse-max-bytes": 1_000, "list-compress-depth": 1,
    },
    {
        "hash-max-listpack-entries": 0, "list-max-listpack-size": 1, "set-max-intset-entries": 0, "set-max-listpack-entries": 0,
        "zset-max-listpack-entries": 0,
        "stream-node-max-entries": 1, "hll-sparse-max-bytes": 0,
    },
)  # fmt: skip
DEFAULT_THRESHOLDS = {
    "hash-max-listpack-entries": 512, "hash-max-listpack-value": 64, "list-max-listpack-size": -2, "list-compress-depth": 0,
    "set-max-intset-entries": 512, "set-max-listpack-entries": 128, "set-max-listpack-value": 64, "zset-max-listpack-entries": 128,
    "zset-max-listpack-value": 64, "stream-node-max-entries": 100, "stream-node-max-bytes": 4_096, "hll-sparse-max-bytes": 3_000,
}  # fmt: skip


class Twins:
    """A connection to the reference and one to the subject."""

    def __init__(self, reference: Server, subject: Server, protocol: int, coverage: "Coverage | None" = None) -> None:
        self.reference_server = reference
        self.subject_server = subject
        self.reference = reference.connect(timeout=TIMEOUT_SECONDS)
        self.subject = subject.connect(timeout=TIMEOUT_SECONDS)
        self.protocol = protocol
        self.thresholds: dict[str, int] = {}
        self.coverage = coverage
        self._turn = itertools.count()
        self._reference_server = reference
        self._pairs: dict[int, tuple[Connection, Connection]] = {}

    def close(self) -> None:
        self.reference.close()
        self.subject.close()
        self._close_pairs()

    def _close_pairs(self) -> None:
        for connection in itertools.chain.from_iterable(self._pairs.values()):
            connection.close()
        self._pairs.clear()

    def pair(self, number: int) -> tuple[Connection, Connection]:
        """One of further connections to both, in RESP2 (even numbers) or RESP3, for steps that need several."""
        if number not in self._pairs:
            servers = (self._reference_server, self.subject_server)
            first, second = (server.connect(2 + number % 2, timeout=TIMEOUT_SECONDS) for server in servers)
            self._pairs[number] = first, second
        return self._pairs[number]

    def available(self) -> frozenset[str]:
        """The names of the commands that both have, in capital letters."""
        first, second = ({item.text.upper() for item in reply.value} for reply in self.both("COMMAND", "LIST"))
        return frozenset(first & second)

    def both(self, *arguments: object) -> tuple[Reply, Reply]:
        return self.reference.command(*arguments), self.subject.command(*arguments)

    def empty(self) -> None:
        """Both as they were at the start, with the limits of this part of the run."""
        self._close_pairs()
        if self.subject_server.process.poll() is not None:
            self.subject_server.start_again()
        if self.subject.socket.fileno() < 0:
            self.subject = self.subject_server.connect(timeout=TIMEOUT_SECONDS)
        self.both("RESET")
        self.both("HELLO", self.protocol)
        self.both("FLUSHALL")
        self.both("CONFIG", "SET", *[word for name, (valid, _) in PARAMETERS.items() for word in (name, valid[0])])
        for name, limit in (DEFAULT_THRESHOLDS | self.thresholds).items():
            self.both("CONFIG", "SET", name, limit)

    # Steps

    def run(self, steps: list[Step]) -> tuple[int, Reply, Reply] | None:
        """Runs steps in pipelines; returns the index of the first difference with both replies."""
        start = 0
        while start < len(steps):
            end = start
            while end < len(steps) and steps[end].comparison.interactive is None:
                end += 1
                if steps[end - 1].wait_seconds:
                    break
            if end > start and (difference := self._compare(steps[start:end])):
                offset, expected, actual = difference
                return start + offset, expected, actual
            if end > start and steps[end - 1].wait_seconds:
                time.sleep(steps[end - 1].wait_seconds)
            elif end < len(steps):
                if (difference := self._ask(steps[end])) is not None:
                    return end, *difference
                end += 1
            start = end
        return None

    def differs(self, steps: list[Step]) -> bool:
        """Whether a sequence, from empty, ends in a difference at its last step."""
        self.empty()
        difference = self.run(steps)
        return difference is not None and difference[0] == len(steps) - 1

    def _ask(self, step: Step) -> tuple[Reply, Reply] | None:
        try:
            expected, actual = step.comparison.interactive(self, step.arguments)
        except (ConnectionClosed, ConnectionError, TimeoutError):
            self.subject.close()
            return Reply("unknown", None), CLOSED
        if self.coverage:
            self.coverage.add(step, expected)
        return (expected, actual) if expected != actual else None

    def _compare(self, steps: list[Step]) -> tuple[int, Reply, Reply] | None:
        """One pipeline to both. The first difference, if there is one."""
        token = b"end-of-turn-%d" % next(self._turn)
        data = b"".join([encode(*step.arguments) for step in steps] + [encode(b"ECHO", token)])
        end = b"$%d\r\n%b\r\n" % (len(token), token)
        answers = exchange_raw([self.reference, self.subject], data, end)
        if answers[0] == answers[1] and not self.coverage:
            return None
        expected, actual = (parse_all(answer) for answer in answers)
        if self.coverage:
            for step, reply in zip(steps, expected):
                self.coverage.add(step, reply)
        for index, step in enumerate(steps):
            if index >= len(actual):
                # Which command ended it is not known: the answers to those before may never have been sent.
                self.subject.close()
                return len(steps) - 1, expected[-2], CLOSED
            if not step.comparison.equal(expected[index], actual[index]):
                return index, expected[index], actual[index]
        if len(expected) != len(actual):
            return len(steps) - 1, Reply("replies", len(expected)), Reply("replies", len(actual))
        return None

    # The shortest sequence

    def shrink(self, steps: list[Step], seconds_max: float, tails: tuple[int, ...]) -> list[Step]:
        """The shortest sequence found that still ends in a difference: drops ever smaller pieces while it does."""
        deadline = time.monotonic() + seconds_max
        for tail in (*tails, len(steps)):
            if self.differs(steps[-tail:]):
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
                if self.differs(candidate):
                    steps = candidate
                else:
                    start += size
            size //= 2
        return steps


class Coverage:
    """How many calls of each command there were, and how many of them the reference refused or answered with nothing."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.empty: Counter[str] = Counter()

    def add(self, step: Step, reply: Reply) -> None:
        words = [word.decode("latin-1").upper() for word in step.arguments[:2]]
        name = " ".join(words) if words[0] in ("OBJECT", "XGROUP", "XINFO", "CONFIG", "PFDEBUG", "COMMAND", "CLIENT") else words[0]
        self.calls[name] += 1
        self.errors[name] += reply.is_error
        self.empty[name] += reply.is_null or reply.value in ((), 0, b"")

    def __str__(self) -> str:
        total = sum(self.calls.values())
        lines = [f"{total} calls, {sum(self.errors.values()) / max(1, total):.0%} errors"]
        for name, calls in sorted(self.calls.items()):
            if calls > 2:
                lines.append(f"  {name:<24} {calls:>7}  {self.errors[name] / calls:>4.0%} errors  {self.empty[name] / calls:>4.0%} empty")
        return "\n".join(lines)


def exchange_raw(connections: list[Connection], data: bytes, end: bytes) -> list[bytes]:
    """Sends the same bytes to all and collects what each answers up to `end`; less where one closes or falls silent."""
    answers = [bytearray() for _ in connections]
    waiting = set(range(len(connections)))
    if len(data) < UNREAD_BYTES_MAX:
        for index in list(waiting):
            try:
                connections[index].send(data)
            except OSError:
                waiting.discard(index)
        for index in waiting:
            _receive_until(connections[index], answers[index], end)
        return [bytes(answer) for answer in answers]
    sent = [0] * len(connections)
    view = memoryview(data)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    for connection in connections:
        connection.socket.setblocking(False)
    while waiting and time.monotonic() < deadline:
        readable, writable, _ = select_sockets(
            [connections[index].socket for index in waiting],
            [connections[index].socket for index in waiting if sent[index] < len(data)],
            deadline - time.monotonic(),
        )
        for index in list(waiting):
            sock = connections[index].socket
            try:
                if sock in writable:
                    sent[index] += sock.send(view[sent[index] : sent[index] + RECEIVE_BYTES])
                if sock in readable:
                    piece = sock.recv(RECEIVE_BYTES)
                    answers[index] += piece
                    if not piece or answers[index].endswith(end):
                        waiting.discard(index)
            except BlockingIOError:
                continue
            except OSError:
                waiting.discard(index)
    for connection in connections:
        connection.socket.settimeout(connection.timeout)
    return [bytes(answer) for answer in answers]


def _receive_until(connection: Connection, answer: bytearray, end: bytes) -> None:
    try:
        while not answer.endswith(end):
            piece = connection.socket.recv(RECEIVE_BYTES)
            if not piece:
                return
            answer += piece
    except OSError:
        return


def parse_all(data: bytes) -> list[Reply]:
    """The complete replies in an answer."""
    parser = Parser()
    parser.feed(data)
    replies = []
    try:
        while (reply := parser.next()) is not None:
            replies.append(reply)
    except ProtocolViolation as violation:
        replies.append(Reply("violation", str(violation)))
    return replies
