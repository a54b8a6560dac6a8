"""Replies of many kilobytes from every shard: whole, in order, and their memory comes home."""

from __future__ import annotations

import random
import re
import time

from resp import Connection, encode
from server import ServerTestCase, seed

SIZES = (10, 100, 3_000, 5_000, 20_000, 100_000, 1_000_000)
KEYS = 60
GETS_PER_ROUND = 100
KEYS_LISTED = 20_000
OWN_BUFFERS_MAX = 200_000


class LargeReplies(ServerTestCase):
    SHARDS = 2

    def reply_bytes(self) -> int:
        """What clients and messages hold, in steps of what this connection's own buffers may differ by."""
        text = self.c.command("MEMORY", "MALLOC-STATS").value.decode()
        held = sum(int(count) for count in re.findall(r"(?:shard\.messages|clients\.normal)\s+(\d+)", text))
        return held // OWN_BUFFERS_MAX

    def fill(self, random_source: random.Random) -> list[bytes]:
        values = [bytes([65 + number % 26]) * random_source.choice(SIZES) for number in range(KEYS)]
        self.c.pipeline([["SET", f"large:{number}", value] for number, value in enumerate(values)])
        return values

    def test_in_order_and_given_back(self) -> None:
        random_source = random.Random(seed())
        values = self.fill(random_source)
        before = self.reply_bytes()
        for _ in range(10):
            numbers = [random_source.randrange(KEYS) for _ in range(GETS_PER_ROUND)]
            replies = self.c.pipeline([["GET", f"large:{number}"] for number in numbers])
            for number, reply in zip(numbers, replies):
                self.assertEqual(reply.value, values[number], f"large:{number} {seed()}")
        self.assertEqual(self.reply_bytes(), before)

    def test_left_unread(self) -> None:
        random_source = random.Random(seed())
        self.fill(random_source)
        before = self.reply_bytes()
        for _ in range(10):
            other = self.connect(2)
            numbers = [random_source.randrange(KEYS) for _ in range(GETS_PER_ROUND)]
            other.socket.sendall(b"".join(encode(["GET", f"large:{number}"]) for number in numbers))
            other.socket.recv(10)
            other.close()
        deadline = time.monotonic() + 5
        while self.reply_bytes() != before and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.reply_bytes(), before)

    def test_keys_of_all_shards(self) -> None:
        self.c.pipeline([["SET", f"key:{number}", "x"] for number in range(KEYS_LISTED)])
        before = self.reply_bytes()
        names = self.c.command("KEYS", "key:*").value
        self.assertEqual(len({bytes(name.value) for name in names}), KEYS_LISTED)
        self.assertEqual(self.reply_bytes(), before)
