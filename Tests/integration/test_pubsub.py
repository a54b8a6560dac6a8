"""Publishing and subscribing over real connections: order, slow subscribers, what a subscriber may do and what it leaves behind."""

from __future__ import annotations

import time

from resp import Connection, ConnectionClosed, encode
from server import ServerTestCase

MESSAGES = 2_000
PATIENCE_SECONDS = 30.0
MESSAGE = b"x" * 10_000


class PubSub(ServerTestCase):
    SHARDS = 1

    def subscriber(self, *channels: str, protocol: int = 2) -> Connection:
        connection = self.connect(protocol)
        for channel in channels:
            self.assertEqual(connection.command("SUBSCRIBE", channel).value[0].value, b"subscribe")
        return connection

    def wait_for(self, condition, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"not within {PATIENCE_SECONDS} s: {what}")
            time.sleep(0.02)

    def test_every_subscriber_gets_each_publishers_messages_in_order(self) -> None:
        subscribers = [self.subscriber("a", "b", protocol=2 + number % 2) for number in range(6)]
        publishers = [self.connect() for _ in range(3)]
        for start in range(0, MESSAGES, 100):
            for number, publisher in enumerate(publishers):
                publisher.send(b"".join(encode("PUBLISH", "ab"[index % 2], f"{number}:{index}") for index in range(start, start + 100)))
        for publisher in publishers:
            self.assertEqual({reply.value for reply in publisher.read_replies(MESSAGES)}, {len(subscribers)})
        for subscriber in subscribers:
            seen: list[list[int]] = [[] for _ in publishers]
            for _ in range(MESSAGES * len(publishers)):
                number, index = subscriber.read_reply().value[2].value.split(b":")
                seen[int(number)].append(int(index))
            self.assertEqual(seen, [list(range(MESSAGES))] * len(publishers))

    def test_redis_py(self) -> None:
        for protocol in (2, 3):
            with self.subTest(protocol=protocol), self.server.redis(protocol=protocol) as client:
                pubsub = client.pubsub()
                pubsub.subscribe("news")
                pubsub.psubscribe("n*")
                self.assertEqual([pubsub.get_message(timeout=5)["type"] for _ in range(2)], ["subscribe", "psubscribe"])
                self.assertEqual(client.publish("news", "hello"), 2)
                messages = [pubsub.get_message(timeout=5) for _ in range(2)]
                self.assertEqual([message["type"] for message in messages], ["message", "pmessage"])
                self.assertEqual({message["data"] for message in messages}, {b"hello"})
                self.assertEqual(client.pubsub_numsub("news"), [(b"news", 1)])
                pubsub.close()

    def test_a_subscriber_that_does_not_read_is_cut_and_slows_nobody(self) -> None:
        for limits in ("pubsub 1000000 0 0", "pubsub 0 100000 1"):
            with self.subTest(limits=limits):
                self.assert_ok(self.c.command("CONFIG", "SET", "client-output-buffer-limit", limits))
                slow, good = self.subscriber("feed"), self.subscriber("feed")
                slowest = 0.0
                deadline = time.monotonic() + PATIENCE_SECONDS
                while self.c.command("PUBSUB", "NUMSUB", "feed").value[1].value == 2:
                    started = time.monotonic()
                    self.assertIn(self.c.command("PUBLISH", "feed", MESSAGE).value, (1, 2))
                    slowest = max(slowest, time.monotonic() - started)
                    self.assertEqual(good.read_reply().value[2].value, MESSAGE)
                    self.assertLess(time.monotonic(), deadline, "nobody was cut")
                self.assertLess(slowest, PATIENCE_SECONDS / 6)
                self.assertEqual(self.c.command("PUBLISH", "feed", "last").value, 1)
                self.assertEqual(good.read_reply().value[2].value, b"last")
                with self.assertRaises((ConnectionClosed, ConnectionResetError)):
                    while True:
                        slow.read_reply()
                good.close()
        self.assert_ok(self.c.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 33554432 8388608 60"))
        if self.server.is_pantala:
            self.assertGreaterEqual(int(self.server.info("stats")["client_output_buffer_limit_disconnections"]), 2)

    def test_idle_subscribers_stay_connected(self) -> None:
        subscriber, idle = self.subscriber("a"), self.connect()
        self.assert_ok(self.c.command("CONFIG", "SET", "timeout", "1"))
        self.addCleanup(lambda: self.connect().command("CONFIG", "SET", "timeout", "0"))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not idle.is_closed(within_seconds=0.2) and time.monotonic() < deadline:
            self.c.command("PING")
        self.assertTrue(idle.is_closed())
        self.assertEqual(self.c.command("PUBLISH", "a", "still there?").value, 1)
        self.assertEqual(subscriber.read_reply().value[2].value, b"still there?")

    def test_client_list_and_kill(self) -> None:
        subscriber = self.connect()
        subscriber.send(encode("SUBSCRIBE", "a", "b") + encode("PSUBSCRIBE", "c*") + encode("SSUBSCRIBE", "d"))
        subscriber.read_replies(4)
        lines = self.c.command("CLIENT", "LIST", "TYPE", "pubsub").text.splitlines()
        self.assertEqual(len(lines), 1)
        for field in ("flags=P", "sub=2", "psub=1", "ssub=1"):
            self.assertIn(f" {field} ", lines[0])
        info = self.server.info("stats")
        names = ("pubsub_channels", "pubsub_patterns", "pubsubshard_channels")
        self.assertEqual([info[name] for name in names], ["2", "1", "1"])
        self.assertEqual(self.c.command("CLIENT", "KILL", "TYPE", "pubsub").value, 1)
        self.assertEqual(subscriber.read_until_closed(), [])
        self.wait_for(lambda: [self.server.info("stats")[name] for name in names] == ["0", "0", "0"], "subscriptions are gone")

    def test_a_message_for_many_is_large(self) -> None:
        subscribers = [self.subscriber("big", protocol=2 + number % 2) for number in range(10)]
        message = bytes(range(256)) * 8_192
        self.assertEqual(self.c.command("PUBLISH", "big", message).value, len(subscribers))
        for subscriber in subscribers:
            self.assertEqual(subscriber.read_reply().value[2].value, message)

    def test_tracking_client_hears_of_expiry(self) -> None:
        reader = self.connect(3)
        self.assert_ok(reader.command("CLIENT", "TRACKING", "ON"))
        self.c.command("SET", "k", "v", "PX", "200")
        self.assertEqual(reader.command("GET", "k").value, b"v")
        self.assertEqual(reader.read_reply().value[1].value[0].value, b"k")

    def test_tracking_keeps_copies_fresh(self) -> None:
        """A client that reads and is told of changes never keeps an old value, whatever others write meanwhile."""
        reader = self.connect(3)
        self.assert_ok(reader.command("CLIENT", "TRACKING", "ON"))
        writer = self.connect()
        copies: dict[bytes, bytes | None] = {}
        for turn in range(300):
            keys = [f"k:{(turn * 7 + number) % 50}" for number in range(10)]
            writer.send(b"".join(encode("SET", key, turn) for key in keys[:5]) + encode("MSET", keys[7], turn, keys[8], turn))
            reader.send(encode("MGET", *keys))
            while (reply := reader.read_reply()).kind == "push":
                copies.pop(reply.value[1].value[0].value, None)
            copies |= {key.encode(): item.value for key, item in zip(keys, reply.value)}
        writer.read_replies(300 * 6)
        # Two rounds: what a shard tells follows the replies.
        for token in (b"first", b"second"):
            reader.send(encode("ECHO", token))
            while (reply := reader.read_reply()).kind == "push":
                copies.pop(reply.value[1].value[0].value, None)
        self.assertTrue(copies)
        for key, copy in copies.items():
            self.assertEqual(self.c.command("GET", key).value, copy, key)


class PubSubOnTwoShards(PubSub):
    SHARDS = 2


class PubSubOnFourShards(PubSub):
    SHARDS = 4
