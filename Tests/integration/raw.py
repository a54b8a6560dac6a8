"""Comparing bytes: what two servers send back to the same input, and whether they close the connection."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

from resp import Connection, select_sockets
from server import Server

# A server that has said nothing for so long has nothing to say. On a busy machine it may only be late: answers that
# differ are asked for again with more patience.
QUIET_SECONDS = 0.25
PATIENT_SECONDS = 2.0
ANSWER_SECONDS_MAX = 20.0


class Answer(NamedTuple):
    data: bytes
    closed: bool


@dataclass
class _Exchange:
    connection: Connection
    data: bytes = b""
    closed: bool = False

    def receive(self) -> None:
        try:
            data = self.connection.socket.recv(1 << 16)
            self.data += data
            self.closed = not data
        except (ConnectionResetError, BrokenPipeError):
            self.closed = True


def answers(server: Server, inputs: list[bytes], quiet_seconds: float = QUIET_SECONDS) -> list[Answer]:
    """What the server sends to each input, each on a connection of its own, all at the same time."""
    exchanges = [_Exchange(server.connect()) for _ in inputs]
    for exchange, data in zip(exchanges, inputs):
        try:
            exchange.connection.send(data)
        except (ConnectionResetError, BrokenPipeError):
            pass  # It may close while we still send; what it said is read below.
    deadline = time.monotonic() + ANSWER_SECONDS_MAX
    while time.monotonic() < deadline:
        open_ones = {exchange.connection.socket: exchange for exchange in exchanges if not exchange.closed}
        readable, _, _ = select_sockets(list(open_ones), [], quiet_seconds)
        if not readable:
            break
        for sock in readable:
            open_ones[sock].receive()
    for exchange in exchanges:
        exchange.connection.close()
    return [Answer(exchange.data, exchange.closed) for exchange in exchanges]


def compare_raw(reference: Server, subject: Server, inputs: dict[str, bytes]) -> list[str]:
    """The inputs that the two answer differently, with both answers."""
    for quiet_seconds in (QUIET_SECONDS, PATIENT_SECONDS):
        expected = answers(reference, list(inputs.values()), quiet_seconds)
        actual = answers(subject, list(inputs.values()), quiet_seconds)
        differing = [
            (name, data, one, other) for (name, data), one, other in zip(inputs.items(), expected, actual) if one != other
        ]
        inputs = {name: data for name, data, _, _ in differing}
        if not inputs:
            break
    return [f"{name}: {data[:80]!r}\n    reference {one}\n    subject   {other}" for name, data, one, other in differing]
