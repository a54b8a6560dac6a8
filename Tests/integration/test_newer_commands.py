"""What came to the commands of the data types after Redis 7.0, and so after the reference of the differential suite.

The expectations are those of the public documentation of Redis 7.2 to 8.0 and Valkey 8.1 and 9.
"""

from __future__ import annotations

from typing import Any

from resp import Reply
from server import ServerTestCase

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
INTEGER = "ERR value is not an integer or out of range"


def bulk(text: str) -> Reply:
    return Reply("bulk", text.encode())


class NewerTestCase(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.require_version(7, 2)
        self.c3 = self.connect(3)

    def ask(self, *arguments: Any) -> Any:
        reply = self.c.command(*arguments)
        self.assertFalse(reply.is_error, (arguments, reply))
        return reply.python()


class ConditionalStrings(NewerTestCase):
    """SET IFEQ (Valkey 8.1) and DELIFEQ (Valkey 9)."""

    def test_set_if_equal(self) -> None:
        self.ask("SET", "k", "old")
        self.assertEqual(self.c.command("SET", "k", "new", "IFEQ", "other"), Reply("null-bulk", None))
        self.assertEqual(self.c3.command("SET", "k", "new", "IFEQ", "other"), Reply("null", None))
        self.assertEqual(self.ask("GET", "k"), b"old")
        self.assert_ok(self.c.command("SET", "k", "new", "IFEQ", "old"))
        self.assertEqual(self.ask("GET", "k"), b"new")
        self.assert_ok(self.c.command("SET", "k", "", "ifeq", "new"))
        self.assert_ok(self.c.command("SET", "k", "x", "IFEQ", ""))

    def test_set_if_equal_needs_the_key(self) -> None:
        self.assertEqual(self.c.command("SET", "none", "new", "IFEQ", ""), Reply("null-bulk", None))
        self.assertEqual(self.ask("EXISTS", "none"), 0)

    def test_set_if_equal_compares_every_form_of_a_value(self) -> None:
        for value in ("12345", "-9223372036854775808", "x" * 44, "x" * 45, "y" * 100_000, "a\x00b", "007"):
            with self.subTest(value[:20]):
                self.ask("SET", "k", value)
                self.assertEqual(self.c.command("SET", "k", "new", "IFEQ", value + "x"), Reply("null-bulk", None))
                self.assertEqual(self.c.command("SET", "k", "new", "IFEQ", value[:-1]), Reply("null-bulk", None))
                self.assert_ok(self.c.command("SET", "k", "new", "IFEQ", value))
        self.ask("SET", "k", "1")
        self.ask("APPEND", "k", "23")
        self.assert_ok(self.c.command("SET", "k", "new", "IFEQ", "123"))

    def test_set_if_equal_with_get_and_times(self) -> None:
        self.ask("SET", "k", "old", "EX", 100)
        self.assertEqual(self.ask("SET", "k", "new", "IFEQ", "other", "GET"), b"old")
        self.assertEqual(self.ask("GET", "k"), b"old")
        self.assertEqual(self.ask("SET", "k", "new", "GET", "IFEQ", "old", "KEEPTTL"), b"old")
        self.assertEqual(self.ask("GET", "k"), b"new")
        self.assertGreater(self.ask("TTL", "k"), 95)
        self.assert_ok(self.c.command("SET", "k", "newer", "IFEQ", "new", "EX", 1_000))
        self.assertGreater(self.ask("TTL", "k"), 900)
        self.assert_ok(self.c.command("SET", "k", "newest", "IFEQ", "newer"))
        self.assertEqual(self.ask("TTL", "k"), -1)
        self.assertEqual(self.c.command("SET", "none", "new", "IFEQ", "x", "GET"), Reply("null-bulk", None))

    def test_set_if_equal_errors(self) -> None:
        self.ask("SET", "k", "old")
        for options in (["NX", "IFEQ", "old"], ["IFEQ", "old", "NX"], ["XX", "IFEQ", "old"], ["IFEQ", "old", "XX"], ["IFEQ"],
                        ["IFEQ", "old", "IFEQ", "old"]):  # fmt: skip
            with self.subTest(options):
                self.assert_error(self.c.command("SET", "k", "new", *options), "ERR syntax error")
        self.ask("RPUSH", "list", "a")
        self.assert_error(self.c.command("SET", "list", "new", "IFEQ", "a"), WRONG_TYPE)
        self.assertEqual(self.ask("TYPE", "list"), b"list")
        self.assertEqual(self.ask("GET", "k"), b"old")

    def test_delete_if_equal(self) -> None:
        self.require_commands("DELIFEQ")
        for value in ("abc123", "12345", "", "y" * 100_000, "a\x00b"):
            with self.subTest(value[:20]):
                self.ask("SET", "k", value)
                self.assertEqual(self.ask("DELIFEQ", "k", value + "x"), 0)
                self.assertEqual(self.ask("EXISTS", "k"), 1)
                self.assertEqual(self.ask("DELIFEQ", "k", value), 1)
                self.assertEqual(self.ask("EXISTS", "k"), 0)
                self.assertEqual(self.ask("DELIFEQ", "k", value), 0)
        self.ask("SADD", "set", "a")
        self.assert_error(self.c.command("DELIFEQ", "set", "a"), WRONG_TYPE)
        self.assert_error(self.c.command("DELIFEQ", "k"), "ERR wrong number of arguments for 'delifeq' command")
        self.assert_error(self.c.command("DELIFEQ", "k", "a", "b"), "ERR wrong number of arguments for 'delifeq' command")
        self.assertEqual(self.ask("DBSIZE"), 1)


class RankWithScore(NewerTestCase):
    """ZRANK and ZREVRANK WITHSCORE (Redis 7.2)."""

    def setUp(self) -> None:
        super().setUp()
        self.require_commands("ZADD")

    def test_replies(self) -> None:
        for count in (3, 1_000):
            self.ask("DEL", "z")
            self.ask("ZADD", "z", *[word for index in range(count) for word in (index + 0.5, f"m:{index:04}")])
            for command, rank in (("ZRANK", 1), ("ZREVRANK", count - 2)):
                self.assertEqual(self.c.command(command, "z", "m:0001", "WITHSCORE"), Reply("array", (Reply("integer", rank), bulk("1.5"))))
                self.assertEqual(
                    self.c3.command(command, "z", "m:0001", "withscore"), Reply("array", (Reply("integer", rank), Reply("double", b"1.5")))
                )
                self.assertEqual(self.c.command(command, "z", "m:0001"), Reply("integer", rank))
                for key, member in (("z", "none"), ("none", "a")):
                    # Without the option a missing member is a null, with it a null array.
                    self.assertEqual(self.c.command(command, key, member, "WITHSCORE"), Reply("null-array", None))
                    self.assertEqual(self.c3.command(command, key, member, "WITHSCORE"), Reply("null", None))
                    self.assertEqual(self.c.command(command, key, member), Reply("null-bulk", None))

    def test_errors(self) -> None:
        self.ask("ZADD", "z", 1, "a")
        for command in ("ZRANK", "ZREVRANK"):
            self.assert_error(self.c.command(command, "z", "a", "BOGUS"), "ERR syntax error")
            self.assert_error(self.c.command(command, "z", "a", "WITHSCORE", "x"), f"ERR wrong number of arguments for '{command.lower()}' command")
            self.assert_error(self.c.command(command, "z"), f"ERR wrong number of arguments for '{command.lower()}' command")
        self.ask("SET", "text", "x")
        self.assert_error(self.c.command("ZRANK", "text", "a", "WITHSCORE"), WRONG_TYPE)


class ScanWithoutValues(NewerTestCase):
    """HSCAN NOVALUES (Redis 7.4)."""

    def setUp(self) -> None:
        super().setUp()
        self.require_commands("HSCAN")

    def iterate(self, *options: Any) -> list[bytes]:
        cursor, seen = b"0", []
        while True:
            cursor, page = self.ask("HSCAN", "h", cursor, *options)
            seen += page
            if cursor == b"0":
                return seen

    def test_fields_only(self) -> None:
        for count in (5, 2_000):
            self.ask("DEL", "h")
            self.ask("HSET", "h", *[word for index in range(count) for word in (f"f:{index}", f"v:{index}")])
            fields = {b"f:%d" % index for index in range(count)}
            self.assertEqual(set(self.iterate("NOVALUES")), fields)
            self.assertEqual(set(self.iterate("COUNT", 7, "NOVALUES")), fields)
            self.assertEqual(set(self.iterate("novalues", "MATCH", "f:1*", "COUNT", 100)), {field for field in fields if field.startswith(b"f:1")})
            self.assertEqual(len(self.iterate("COUNT", 100_000)), count * 2)

    def test_errors(self) -> None:
        self.ask("SADD", "s", "a")
        self.require_commands("ZADD")
        self.ask("ZADD", "z", 1, "a")
        self.assert_error(self.c.command("SCAN", 0, "NOVALUES"), "ERR syntax error")
        for command, key in (("SSCAN", "s"), ("ZSCAN", "z")):
            reply = self.c.command(command, key, 0, "NOVALUES")
            self.assertTrue(reply.is_error and reply.text.startswith("ERR"), reply)


class Encodings(NewerTestCase):
    """Names of Redis 7.2: small lists and sets are listpacks, too."""

    def encoding(self, key: str = "k") -> str:
        return self.c.command("OBJECT", "ENCODING", key).text

    def set_limit(self, name: str, value: int) -> None:
        before = self.c.command("CONFIG", "GET", name).value[1].value
        self.assert_ok(self.c.command("CONFIG", "SET", name, value))
        self.addCleanup(lambda: self.connect().command("CONFIG", "SET", name, before))

    def test_strings(self) -> None:
        for value, expected in (("12", "int"), ("x" * 44, "embstr"), ("x" * 45, "raw"), ("1.5", "embstr"), ("9223372036854775807", "int"),
                                ("9223372036854775808", "embstr"), ("007", "embstr"), ("", "embstr")):  # fmt: skip
            self.ask("SET", "k", value)
            self.assertEqual(self.encoding(), expected, value)

    def test_lists(self) -> None:
        self.require_commands("RPUSH")
        self.ask("RPUSH", "k", "a", "b", "3")
        self.assertEqual(self.encoding(), "listpack")
        self.ask("RPUSH", "k", *["x" * 100] * 200)
        self.assertEqual(self.encoding(), "quicklist", "beyond list-max-listpack-size -2: 8 KB")
        self.ask("DEL", "k")
        self.ask("RPUSH", "k", "x" * 10_000)
        self.assertEqual(self.encoding(), "quicklist", "one element beyond the limit")
        self.set_limit("list-max-listpack-size", 4)
        self.ask("DEL", "k")
        self.ask("RPUSH", "k", *"abcd")
        self.assertEqual(self.encoding(), "listpack")
        self.ask("LPUSH", "k", "e")
        self.assertEqual(self.encoding(), "quicklist")

    def test_sets(self) -> None:
        self.require_commands("SADD")
        for members, expected in [
            (range(512), "intset"), (range(513), "hashtable"), (["a", *range(127)], "listpack"), (["a", *range(128)], "hashtable"),
            (["x" * 64], "listpack"), (["x" * 65], "hashtable"), ([""], "listpack"),
        ]:  # fmt: skip
            self.ask("DEL", "k")
            self.ask("SADD", "k", *members)
            self.assertEqual(self.encoding(), expected, (len(members), members[0]))
        self.ask("DEL", "k")
        for index in range(128):
            self.ask("SADD", "k", index)
        self.assertEqual(self.encoding(), "intset")
        self.ask("SADD", "k", "text")
        self.assertEqual(self.encoding(), "hashtable", "129 members, one of which is none of integer")
        self.ask("SREM", "k", *range(100), "text")
        self.assertEqual(self.encoding(), "hashtable", "it does not go back")

    def test_hashes_and_sorted_sets(self) -> None:
        self.require_commands("HSET", "ZADD")
        for command, limits, many in (("HSET", ("hash-max-listpack-entries", "hash-max-listpack-value"), "hashtable"),
                                      ("ZADD", ("zset-max-listpack-entries", "zset-max-listpack-value"), "skiplist")):  # fmt: skip
            for limit, value in zip(limits, (10, 20)):
                self.set_limit(limit, value)
            pairs = [word for index in range(10) for word in ((f"f:{index}", index) if command == "HSET" else (index, f"f:{index}"))]
            self.ask("DEL", "k")
            self.ask(command, "k", *pairs)
            self.assertEqual(self.encoding(), "listpack")
            self.ask(command, "k", "11", "11")
            self.assertEqual(self.encoding(), many)
            self.ask("DEL", "k")
            self.ask(command, "k", "1", "x" * 20)
            self.assertEqual(self.encoding(), "listpack")
            self.ask(command, "k", "2", "x" * 21)
            self.assertEqual(self.encoding(), many)

    def test_streams(self) -> None:
        self.require_commands("XADD")
        self.ask("XADD", "k", "1-1", "a", "1")
        self.assertEqual(self.encoding(), "stream")


class Limits(NewerTestCase):
    """The configuration of the compact forms: names, older names, defaults."""

    def test_defaults_and_older_names(self) -> None:
        for name, older, default in [
            ("hash-max-listpack-entries", "hash-max-ziplist-entries", 512), ("hash-max-listpack-value", "hash-max-ziplist-value", 64),
            ("list-max-listpack-size", "list-max-ziplist-size", -2), ("zset-max-listpack-entries", "zset-max-ziplist-entries", 128),
            ("zset-max-listpack-value", "zset-max-ziplist-value", 64), ("set-max-intset-entries", None, 512),
            ("set-max-listpack-entries", None, 128), ("set-max-listpack-value", None, 64), ("stream-node-max-bytes", None, 4096),
            ("stream-node-max-entries", None, 100), ("hll-sparse-max-bytes", None, 3000),
        ]:  # fmt: skip
            with self.subTest(name):
                self.assertEqual(self.ask("CONFIG", "GET", name), [name.encode(), b"%d" % default])
                if older:
                    self.assertEqual(self.ask("CONFIG", "GET", older), [older.encode(), b"%d" % default])
                    self.assert_ok(self.c.command("CONFIG", "SET", older, 7))
                    self.assertEqual(self.ask("CONFIG", "GET", name), [name.encode(), b"7"])
                    self.assert_ok(self.c.command("CONFIG", "SET", name, default))
                self.assertTrue(self.c.command("CONFIG", "SET", name, "abc").is_error)


class Streams(NewerTestCase):
    """Redis 7.2 and 7.4: when a consumer was active, and the last entry as an ID."""

    def setUp(self) -> None:
        super().setUp()
        self.require_commands("XADD")
        for index in range(1, 4):
            self.ask("XADD", "s", f"{index}-1", "a", index)
        self.ask("XGROUP", "CREATE", "s", "g", "0")
        self.ask("XREADGROUP", "GROUP", "g", "alice", "COUNT", 1, "STREAMS", "s", ">")
        self.ask("XGROUP", "CREATECONSUMER", "s", "g", "idle")

    def test_consumers_tell_how_long_they_are_inactive(self) -> None:
        alice, idle = self.c3.command("XINFO", "CONSUMERS", "s", "g").python()
        self.assertEqual(list(alice), [b"name", b"pending", b"idle", b"inactive"])
        self.assertTrue(0 <= alice[b"inactive"] < 5_000 and 0 <= alice[b"idle"] < 5_000, alice)
        self.assertEqual((idle[b"name"], idle[b"inactive"]), (b"idle", -1))

    def test_full_tells_when_they_were_active(self) -> None:
        (group,) = self.c3.command("XINFO", "STREAM", "s", "FULL").python()[b"groups"]
        alice, idle = group[b"consumers"]
        self.assertEqual([name for name in alice if name.endswith(b"-time")], [b"seen-time", b"active-time"])
        self.assertGreater(alice[b"active-time"], 1_600_000_000_000)
        self.assertEqual(idle[b"active-time"], -1)

    def test_last_entry(self) -> None:
        self.assertEqual(self.ask("XREAD", "STREAMS", "s", "+"), [[b"s", [[b"3-1", [b"a", b"3"]]]]])
        self.assertEqual(self.ask("XREAD", "COUNT", 5, "STREAMS", "s", "s", "+", "2-1"), [[b"s", [[b"3-1", [b"a", b"3"]]]]] * 2)
        self.assertEqual(self.c.command("XREAD", "STREAMS", "none", "+"), Reply("null-array", None))
        reply = self.c.command("XREADGROUP", "GROUP", "g", "alice", "STREAMS", "s", "+")
        self.assertTrue(reply.is_error and reply.text.startswith("ERR"), reply)

