"""Keyspace notifications: the same seeded random commands cause the same events in Redis and in the server under test.

With one shard the events come in the same order. With several, keys of different shards have no common order, so each key's
events are compared. When something expires depends on when it is noticed: such events are left out where order is compared,
and have their place among the events of their key.
"""

from __future__ import annotations

import itertools
import time
import unittest
from collections import Counter, defaultdict
from itertools import islice

from differential import default_commands, generate, line
from generators.base import Step
from resp import Reply
from server import Server, seed
from twins import Twins

CLASSES = "KEAnm"
FAMILY_SHARE = 20
GROUPS_PER_BATCH = 12
# After so many commands both start again from empty, and the events of each key are compared.
PART_COMMANDS = 2_000
# Redis looks for expired keys ten times a second, but not at all of them.
EXPIRY_SECONDS_MAX = 5.0
EXPIRY_STEP_SECONDS = 0.1
END = b"end-of-events"
TIMED = (b"expired", b"hexpired")
# The order in which Redis looks at what the elements of a set stand for is that of its table.
UNORDERED = ("sort",)

Event = tuple[bytes, bytes]


class Listener:
    """Receives the events of a server."""

    def __init__(self, server: Server) -> None:
        self.control = server.connect()
        answer = self.control.command("CONFIG", "SET", "notify-keyspace-events", CLASSES)
        assert answer == Reply("simple", b"OK"), answer
        self.connection = server.connect()
        for index, pattern in enumerate((b"__key*__:*", END)):
            reply = self.connection.command("PSUBSCRIBE", pattern)
            assert reply.value[2].value == index + 1, reply
        self._number = itertools.count()

    def take(self) -> list[Event]:
        """Channel and message of every event since the last call."""
        # Events of one shard and messages through another have no common order. But when the first message has been received, the
        # subscriber's loop has taken or takes next what lay in its mailboxes then, and the second message comes after that.
        self.control.command("PUBLISH", END, b"nearly")
        token = b"%d" % next(self._number)
        self.control.command("PUBLISH", END, token)
        events: list[Event] = []
        while True:
            _, _, channel, message = (item.value for item in self.connection.read_reply().value)
            if channel != END:
                events.append((channel, message))
            elif message == token:
                return events

    def close(self) -> None:
        self.control.close()
        self.connection.close()


def name_and_key(event: Event) -> tuple[bytes, tuple[bytes, bytes]]:
    """The event's name, and the database and the key that it is about."""
    channel, message = event
    prefix, _, rest = channel.partition(b"@")
    database, _, rest = rest.partition(b"__:")
    return (message, (database, rest)) if prefix == b"__keyspace" else (rest, (database, message))


def untimed(events: list[Event]) -> list[Event]:
    return [event for event in events if name_and_key(event)[0] not in TIMED]


def by_key(events: list[Event]) -> dict[tuple[bytes, bytes], list[Event]]:
    groups: dict[tuple[bytes, bytes], list[Event]] = defaultdict(list)
    for event in events:
        groups[name_and_key(event)[1]].append(event)
    return groups


def first_difference(expected: list[Event], actual: list[Event]) -> str:
    for index, (one, other) in enumerate(itertools.zip_longest(expected, actual)):
        if one != other:
            return f"event {index}: {one} in Redis, {other} here, after {expected[max(0, index - 4) : index]}"
    return "none"


def run(twins: Twins, batch: list[Step]) -> None:
    """Gives both the same commands. Their answers are the differential suite's concern."""
    start = 0
    for end, step in enumerate(batch, 1):
        if step.wait_seconds or end == len(batch):
            for connection in (twins.reference, twins.subject):
                connection.pipeline(step.arguments for step in batch[start:end])
            time.sleep(step.wait_seconds)
            start = end


class Notifications(unittest.TestCase):
    SHARDS = 1

    @classmethod
    def setUpClass(cls) -> None:
        cls.reference = Server.reference()
        cls.subject = Server(shards=cls.SHARDS)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.reference.stop()
        cls.subject.stop()

    def compare(self, families: list[str], commands: int) -> None:
        protocol = 2
        start_seed = seed() + self.SHARDS
        twins = Twins(self.reference, self.subject, protocol)
        listeners = (Listener(self.reference), Listener(self.subject))
        groups = generate(start_seed, protocol, families, twins.available())
        done, part_end = 0, 0
        seen: tuple[list[Event], list[Event]] = ([], [])
        names: Counter[bytes] = Counter()
        title = f"{','.join(families)}, seed {start_seed}, {self.SHARDS} shards"
        while done < commands:
            if done >= part_end:
                self.compare_keys(title, listeners, seen)
                twins.empty()
                part_end = done + PART_COMMANDS
                for listener in listeners:
                    listener.take()
            batch = [step for group in islice(groups, GROUPS_PER_BATCH) for step in group]
            # (What asks the two servers different things causes different events.)
            batch = [step for step in batch if step.comparison.interactive is None]
            run(twins, batch)
            done += len(batch)
            events = [self.wanted(listener.take()) for listener in listeners]
            for all_events, new in zip(seen, events):
                all_events += new
            names.update(name_and_key(event)[0] for event in events[0])
            is_ordered = self.SHARDS == 1 and not any(family in UNORDERED for family in families)
            self.compare_batch(title, batch, untimed(events[0]), untimed(events[1]), is_ordered)
        self.compare_keys(title, listeners, seen)
        for listener in listeners:
            listener.close()
        twins.close()
        print(f"{title}: {done} commands, events: {', '.join(f'{name.decode()} {count // 2}' for name, count in sorted(names.items()))}")

    def wanted(self, events: list[Event]) -> list[Event]:
        """All events, or all but misses: over several shards a command looks for all its keys, even if one is of a wrong type."""
        if self.SHARDS == 1:
            return events
        return [event for event in events if name_and_key(event)[0] != b"keymiss"]

    def compare_batch(self, title: str, batch: list[Step], expected: list[Event], actual: list[Event], is_ordered: bool) -> None:
        if is_ordered:
            if expected != actual:
                self.fail(f"{title}: {first_difference(expected, actual)}; the commands:\n" + "\n".join(map(line, batch)))
            return
        expected_keys, actual_keys = by_key(expected), by_key(actual)
        for key in expected_keys.keys() | actual_keys.keys():
            if expected_keys[key] != actual_keys[key]:
                difference = first_difference(expected_keys[key], actual_keys[key])
                self.fail(f"{title}: key {key}: {difference}; the commands:\n" + "\n".join(map(line, batch)))

    def compare_keys(self, title: str, listeners: tuple[Listener, Listener], seen: tuple[list[Event], list[Event]]) -> None:
        """Compares each key's events, those that tell of expiry included, as soon as everything has expired."""
        deadline = time.monotonic() + EXPIRY_SECONDS_MAX
        while (keys := [by_key(events) for events in seen])[0] != keys[1] and time.monotonic() < deadline:
            time.sleep(EXPIRY_STEP_SECONDS)
            for all_events, listener in zip(seen, listeners):
                all_events += self.wanted(listener.take())
        for key in keys[0].keys() | keys[1].keys():
            self.assertEqual(keys[0][key], keys[1][key], f"{title}: key {key}: {first_difference(keys[0][key], keys[1][key])}")
        for all_events in seen:
            all_events.clear()

    def test_shared_keys(self) -> None:
        self.compare(["strings", "generic", "expiry"], default_commands() // 4)


class NotificationsTwoShards(Notifications):
    SHARDS = 2


class NotificationsFourShards(Notifications):
    SHARDS = 4


def family_test(family: str):
    return lambda self: self.compare([family], default_commands() // FAMILY_SHARE)


for name in ("lists", "hashes", "sets", "sorted-sets", "streams", "bitmaps", "hyperloglogs", "geo", "sort", "dump", "types"):
    setattr(Notifications, f"test_{name.replace('-', '_')}", family_test(name))


if __name__ == "__main__":
    unittest.main()
