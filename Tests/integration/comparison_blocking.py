"""Comparing what clients are told that wait, and what becomes of the command that ends their waiting."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from comparison import Comparison
from resp import Connection, Reply, encode, select_sockets
from server import Server

if TYPE_CHECKING:
    from twins import Twins

# Between the calls of a step: those that may wait, each on a connection of its own, and the last, which may end that.
SEPARATOR = b"---"
POLL_SECONDS = 0.002
# How long a chain of moves takes at the most, of which each link is served when the one before is.
SERVING_SECONDS = 0.03
BLOCKING_SECONDS_MAX = 10.0


def joined(*calls: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The arguments of one step: several calls."""
    arguments: list[bytes] = []
    for call in calls:
        arguments += [SEPARATOR, *call] if arguments else call
    return tuple(arguments)


def _split(arguments: tuple[bytes, ...]) -> list[list[bytes]]:
    calls: list[list[bytes]] = [[]]
    for argument in arguments:
        if argument == SEPARATOR:
            calls.append([])
        else:
            calls[-1].append(argument)
    return calls


def _field(connection: Connection, name: str, *command: str) -> str:
    text = connection.command(*command).text.replace("\r\n", " ").replace(":", "=")
    return next(word.split("=", 1)[1] for word in text.split() if word.startswith(name + "="))


def _can_read(connections: list[Connection], seconds: float) -> bool:
    return bool(select_sockets([connection.socket for connection in connections], [], seconds)[0])


def _play(server: Server, main: Connection, protocol: int, calls: list[list[bytes]]) -> Reply:
    database = _field(main, "db", "CLIENT", "INFO")
    waiting: dict[int, Connection] = {}
    replies: dict[int, Reply] = {}
    identifiers: dict[int, Reply] = {}
    everybody: list[Connection] = []
    for number, call in enumerate(calls[:-1]):
        connection = server.connect(protocol)
        everybody.append(connection)
        connection.command("SELECT", database)
        identifiers[number] = connection.command("CLIENT", "ID")
        connection.send(encode(*call))
        waiting[number] = connection
        deadline = time.monotonic() + BLOCKING_SECONDS_MAX
        while not _can_read([connection], POLL_SECONDS):
            if int(_field(main, "blocked_clients", "INFO", "clients")) == len(waiting) or time.monotonic() > deadline:
                break
        if _can_read([connection], 0):
            replies[number] = waiting.pop(number).read_reply()
    last = main.command(*calls[-1])
    while waiting and _can_read(list(waiting.values()), SERVING_SECONDS):
        for number in [number for number, connection in waiting.items() if _can_read([connection], 0)]:
            replies[number] = waiting.pop(number).read_reply()
    for number, connection in waiting.items():
        main.command("CLIENT", "UNBLOCK", identifiers[number].value, "ERROR")
        replies[number] = connection.read_reply()
    for connection in everybody:
        connection.close()
    deadline = time.monotonic() + BLOCKING_SECONDS_MAX
    while int(_field(main, "blocked_clients", "INFO", "clients")) > 0 and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return Reply("array", tuple(replies[number] for number in sorted(replies)) + (last,))


def _ask_waiting(twins: "Twins", arguments: tuple[bytes, ...]) -> tuple[Reply, Reply]:
    calls = _split(arguments)
    return (
        _play(twins.reference_server, twins.reference, twins.protocol, calls),
        _play(twins.subject_server, twins.subject, twins.protocol, calls),
    )


WAITING = Comparison("waiting", interactive=_ask_waiting)
