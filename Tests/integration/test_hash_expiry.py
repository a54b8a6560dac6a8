"""Times to live of single hash fields (Redis 7.4), and HGETDEL, HGETEX, HSETEX (Redis 8): what redis-server 7.0 cannot tell.

The expectations are those of the public documentation of these commands.
"""

from __future__ import annotations

import time
from typing import Any, Callable

from resp import Reply
from server import ServerTestCase

NO_FIELD, NOT_MET, SET, DELETED = -2, 0, 1, 2
NO_EXPIRY, PERSISTED = -1, 1
FAR_SECONDS = 3_000_000_000
ONLY_ONE_TIME = "Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments"
NO_FIELDS = "argument FIELDS is missing"
NOT_A_NUMBER = "value is not an integer or out of range"
# Enough fields that no hash stays compact.
MANY = 1_000
SHORT_MILLISECONDS = 15
WAIT_SECONDS = 0.03
TRIES = 20
EXPIRE_COMMANDS = ("HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT")


class HashExpiryTestCase(ServerTestCase):
    """Every test runs on a compact hash and on a large one (`hash`), which holds many other fields."""

    COMMANDS = (*EXPIRE_COMMANDS, "HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME", "HPERSIST")

    def setUp(self) -> None:
        super().setUp()
        self.require_commands(*self.COMMANDS)

    def hash(self, *pairs: str, others: int = 0) -> None:
        """The hash `h` with these fields and values, and as many others, none of which expires."""
        self.c.command("DEL", "h")
        if others:
            self.c.command("HSET", "h", *[word for index in range(others) for word in (f"other:{index}", "x")])
        self.c.command("HSET", "h", *pairs)

    def ask(self, *arguments: Any) -> Any:
        reply = self.c.command(*arguments)
        self.assertFalse(reply.is_error, (arguments, reply))
        return reply.python()

    def both_forms(self) -> tuple[int, int]:
        return 0, MANY

    def check_errors(self, command: str, table: list[tuple[str, str]]) -> None:
        """Calls on `h`, each with a part of the error that it must bring."""
        for words, part in table:
            with self.subTest(words):
                reply = self.c.command(command, "h", *words.split())
                self.assertTrue(reply.is_error and reply.text.startswith("ERR") and part in reply.text, reply)

    def sleep_past_expiry(self) -> None:
        time.sleep(WAIT_SECONDS)

    def in_time(self, milliseconds: int, prepare: Callable[[], None], work: Callable[[], None]) -> None:
        """Prepares and does some work again until it took less than a time to live that begins with it: a busy machine
        may be late."""
        for _ in range(TRIES):
            prepare()
            started = time.monotonic()
            work()
            if (time.monotonic() - started) * 1_000 < milliseconds:
                return
        self.fail(f"this machine was not ready once in {TRIES} times {milliseconds} ms")


class Setting(HashExpiryTestCase):
    def test_missing_key_and_field(self) -> None:
        for command in EXPIRE_COMMANDS:
            self.assertEqual(self.ask(command, "none", FAR_SECONDS, "FIELDS", 2, "a", "b"), [NO_FIELD] * 2)
        for command in ("HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME", "HPERSIST"):
            self.assertEqual(self.ask(command, "none", "FIELDS", 2, "a", "b"), [NO_FIELD] * 2)
        self.assertEqual(self.ask("EXISTS", "none"), 0, "asking makes no key")
        for others in self.both_forms():
            self.hash("a", "1", others=others)
            self.assertEqual(self.ask("HEXPIRE", "h", 100, "FIELDS", 3, "a", "none", "a"), [SET, NO_FIELD, SET])
            self.assertEqual(self.ask("HTTL", "h", "FIELDS", 1, "none"), [NO_FIELD])

    def test_times_are_read_back(self) -> None:
        for others in self.both_forms():
            self.hash("a", "1", "b", "2", "c", "3", others=others)
            self.assertEqual(self.ask("HEXPIRE", "h", 1_000, "FIELDS", 1, "a"), [SET])
            self.assertEqual(self.ask("HPEXPIREAT", "h", FAR_SECONDS * 1_000 + 789, "FIELDS", 1, "b"), [SET])
            seconds = self.ask("HTTL", "h", "FIELDS", 3, "a", "b", "c")
            self.assertTrue(995 <= seconds[0] <= 1_000 and seconds[1] > 10**8 and seconds[2] == NO_EXPIRY, seconds)
            milliseconds = self.ask("HPTTL", "h", "FIELDS", 3, "a", "b", "c")
            self.assertTrue(995_000 <= milliseconds[0] <= 1_000_000 and milliseconds[2] == NO_EXPIRY, milliseconds)
            now = time.time()
            at = self.ask("HEXPIRETIME", "h", "FIELDS", 3, "a", "b", "c")
            self.assertTrue(abs(at[0] - now - 1_000) < 5, at)
            # Milliseconds are rounded up to seconds, as TTLs of keys are.
            self.assertIn(at[1], (FAR_SECONDS, FAR_SECONDS + 1))
            self.assertEqual(at[2], NO_EXPIRY)
            self.assertEqual(self.ask("HPEXPIRETIME", "h", "FIELDS", 2, "b", "c"), [FAR_SECONDS * 1_000 + 789, NO_EXPIRY])
            self.assertEqual(self.ask("HEXPIREAT", "h", FAR_SECONDS, "FIELDS", 1, "c"), [SET])
            self.assertEqual(self.ask("HPEXPIRETIME", "h", "FIELDS", 1, "c"), [FAR_SECONDS * 1_000])
            self.assertEqual(self.ask("TTL", "h"), -1, "the key itself does not expire")

    def test_conditions(self) -> None:
        # A field without a time to live counts as one that lives for ever.
        table = [
            # condition, time before, new time, result
            ("NX", None, 200, SET), ("NX", 100, 200, NOT_MET), ("XX", None, 200, NOT_MET), ("XX", 100, 200, SET), ("XX", 100, 50, SET),
            ("GT", None, 200, NOT_MET), ("GT", 100, 200, SET), ("GT", 200, 100, NOT_MET), ("LT", None, 200, SET), ("LT", 100, 200, NOT_MET),
            ("LT", 200, 100, SET), ("nx", None, 200, SET), ("gt", 100, 200, SET),
        ]  # fmt: skip
        for others in self.both_forms():
            for condition, before, after, expected in table:
                with self.subTest(condition=condition, before=before, after=after):
                    self.hash("a", "1", others=others)
                    if before:
                        self.ask("HEXPIREAT", "h", FAR_SECONDS + before, "FIELDS", 1, "a")
                    self.assertEqual(self.ask("HEXPIREAT", "h", FAR_SECONDS + after, condition, "FIELDS", 1, "a"), [expected])
                    now = after if expected == SET else before
                    at = self.ask("HEXPIRETIME", "h", "FIELDS", 1, "a")
                    self.assertEqual(at, [FAR_SECONDS + now if now else NO_EXPIRY])

    def test_equal_time_is_neither_greater_nor_less(self) -> None:
        self.hash("a", "1")
        self.ask("HEXPIREAT", "h", FAR_SECONDS, "FIELDS", 1, "a")
        for condition in ("GT", "LT"):
            self.assertEqual(self.ask("HEXPIREAT", "h", FAR_SECONDS, condition, "FIELDS", 1, "a"), [NOT_MET])

    def test_past_times_delete_at_once(self) -> None:
        for others in self.both_forms():
            self.hash("a", "1", "b", "2", "c", "3", "d", "4", others=others)
            self.assertEqual(self.ask("HEXPIRE", "h", 0, "FIELDS", 2, "a", "none"), [DELETED, NO_FIELD])
            self.assertEqual(self.ask("HPEXPIRE", "h", 0, "FIELDS", 1, "b"), [DELETED])
            self.assertEqual(self.ask("HEXPIREAT", "h", 1, "FIELDS", 1, "c"), [DELETED])
            self.assertEqual(self.ask("HLEN", "h"), others + 1)
            self.assertEqual(self.ask("HMGET", "h", "a", "b", "c", "d"), [None, None, None, b"4"])
            self.assertEqual(self.ask("HPEXPIREAT", "h", 1, "NX", "FIELDS", 1, "d"), [DELETED])
            self.assertEqual(self.ask("EXISTS", "h"), 1 if others else 0)
        self.assertEqual(self.ask("DBSIZE"), 1)

    def test_condition_comes_before_deletion(self) -> None:
        self.hash("a", "1", "b", "2")
        self.ask("HEXPIRE", "h", 100, "FIELDS", 1, "a")
        self.assertEqual(self.ask("HEXPIREAT", "h", 1, "NX", "FIELDS", 2, "a", "b"), [NOT_MET, DELETED])
        self.assertEqual(self.ask("HEXPIREAT", "h", 1, "GT", "FIELDS", 1, "a"), [NOT_MET])
        self.assertEqual(self.ask("HGETALL", "h"), [b"a", b"1"])

    def test_persist(self) -> None:
        for others in self.both_forms():
            persisted: list[int] = []

            def persist() -> None:
                self.ask("HPEXPIRE", "h", SHORT_MILLISECONDS, "FIELDS", 1, "a")
                persisted[:] = self.ask("HPERSIST", "h", "FIELDS", 3, "a", "b", "none")

            self.in_time(SHORT_MILLISECONDS, lambda: self.hash("a", "1", "b", "2", others=others), persist)
            self.assertEqual(persisted, [PERSISTED, NO_EXPIRY, NO_FIELD])
            self.assertEqual(self.ask("HTTL", "h", "FIELDS", 2, "a", "b"), [NO_EXPIRY] * 2)
            self.sleep_past_expiry()
            self.assertEqual(self.ask("HGET", "h", "a"), b"1")

    def test_replies_are_arrays_of_integers_in_both_protocols(self) -> None:
        self.hash("a", "1")
        for protocol in (2, 3):
            c = self.connect(protocol)
            self.assertEqual(c.command("HEXPIRE", "h", 100, "FIELDS", 1, "a"), Reply("array", (Reply("integer", 1),)))
            self.assertEqual(c.command("HPERSIST", "h", "FIELDS", 1, "a"), Reply("array", (Reply("integer", 1),)))
            self.assertEqual(c.command("HTTL", "h", "FIELDS", 1, "a"), Reply("array", (Reply("integer", -1),)))

    def test_errors(self) -> None:
        self.hash("a", "1")
        self.c.command("SET", "text", "x")
        maximum = 2**63 - 1
        for arguments, part in [
            (["HEXPIRE", "h"], "wrong number of arguments for 'hexpire' command"),
            (["HEXPIRE", "h", 10, "FIELDS", 1], "wrong number of arguments for 'hexpire' command"),
            (["HTTL", "h", "FIELDS", 1], "wrong number of arguments for 'httl' command"),
            (["HPERSIST", "h"], "wrong number of arguments for 'hpersist' command"),
            (["HEXPIRE", "h", -1, "FIELDS", 1, "a"], "ERR invalid expire time, must be >= 0"),
            (["HPEXPIREAT", "h", -5, "FIELDS", 1, "a"], "ERR invalid expire time, must be >= 0"),
            (["HEXPIRE", "h", "abc", "FIELDS", 1, "a"], "ERR value is not an integer or out of range"),
            (["HEXPIRE", "h", maximum, "FIELDS", 1, "a"], "ERR invalid expire time in 'hexpire' command"),
            (["HPEXPIRE", "h", maximum, "FIELDS", 1, "a"], "ERR invalid expire time in 'hpexpire' command"),
            (["HEXPIREAT", "h", maximum, "FIELDS", 1, "a"], "ERR invalid expire time in 'hexpireat' command"),
            (["HEXPIRE", "h", 10, "FIELDS", 0, "a"], "greater than 0"),
            (["HEXPIRE", "h", 10, "FIELDS", -1, "a"], "greater than 0"),
            (["HEXPIRE", "h", 10, "FIELDS", 2, "a"], "parameter must match the number of arguments"),
            (["HEXPIRE", "h", 10, "FIELDS", 1, "a", "b"], "parameter must match the number of arguments"),
            (["HEXPIRE", "h", 10, "NX", "FIELDS", 3, "a", "b"], "parameter must match the number of arguments"),
            (["HTTL", "h", "FIELDS", 2, "a"], "parameter must match the number of arguments"),
            (["HPERSIST", "h", "FIELDS", 4, "a", "b"], "parameter must match the number of arguments"),
            (["HEXPIRE", "h", 10, "FIELD", 1, "a"], "FIELDS"),
            (["HTTL", "h", "BOGUS", 1, "a"], "FIELDS"),
            (["HEXPIRE", "text", 10, "FIELDS", 1, "a"], "WRONGTYPE"),
            (["HTTL", "text", "FIELDS", 1, "a"], "WRONGTYPE"),
            (["HPERSIST", "text", "FIELDS", 1, "a"], "WRONGTYPE"),
        ]:  # fmt: skip
            with self.subTest(arguments):
                reply = self.c.command(*arguments)
                self.assertTrue(reply.is_error, reply)
                self.assertIn(part, reply.text)
        self.assertEqual(self.ask("HTTL", "h", "FIELDS", 1, "a"), [NO_EXPIRY], "no failed call changed a field")
        self.assertEqual(self.ask("HGETALL", "h"), [b"a", b"1"])


class Expiring(HashExpiryTestCase):
    SHARDS = 1

    def test_no_command_sees_an_expired_field(self) -> None:
        for others in self.both_forms():
            for command, expected in [
                (["HGET", "h", "a"], None), (["HMGET", "h", "a", "b"], [None, b"2"]), (["HEXISTS", "h", "a"], 0),
                (["HSTRLEN", "h", "a"], 0), (["HSETNX", "h", "a", "new"], 1), (["HINCRBY", "h", "a", "5"], 5),
                (["HINCRBYFLOAT", "h", "a", "2.5"], b"2.5"), (["HSET", "h", "a", "new"], 1),
                (["HTTL", "h", "FIELDS", 1, "a"], [NO_FIELD]), (["HPERSIST", "h", "FIELDS", 1, "a"], [NO_FIELD]),
                (["HEXPIRE", "h", 10, "FIELDS", 1, "a"], [NO_FIELD]), (["HEXPIRETIME", "h", "FIELDS", 1, "a"], [NO_FIELD]),
            ]:  # fmt: skip
                with self.subTest(command):
                    self.hash("a", "1", "b", "2", others=others)
                    self.ask("HPEXPIRE", "h", SHORT_MILLISECONDS, "FIELDS", 1, "a")
                    self.sleep_past_expiry()
                    self.assertEqual(self.ask(*command), expected)

    def test_no_listing_shows_an_expired_field(self) -> None:
        for others in self.both_forms():
            self.hash("a", "1", "b", "2", others=others)
            self.ask("HPEXPIRE", "h", SHORT_MILLISECONDS, "FIELDS", 1, "a")
            self.sleep_past_expiry()
            pairs = self.ask("HGETALL", "h")
            self.assertEqual((len(pairs), b"a" in pairs[::2], b"b" in pairs[::2]), ((others + 1) * 2, False, True))
            self.assertNotIn(b"a", self.ask("HKEYS", "h"))
            self.assertEqual(len(self.ask("HVALS", "h")), others + 1)
            self.assertNotIn(b"a", self.ask("HRANDFIELD", "h", others + 5))
            cursor, seen = b"0", []
            while True:
                cursor, page = self.ask("HSCAN", "h", cursor, "COUNT", 100)
                seen += page[::2]
                if cursor == b"0":
                    break
            self.assertEqual((len(set(seen)), b"a" in seen), (others + 1, False))

    def test_last_field_takes_the_key_along(self) -> None:
        """Without anybody asking, within the time that the server takes for its own keys."""
        for others in self.both_forms():
            self.c.command("DEL", "h")
            fields = [f"f:{index}" for index in range(others or 5)]
            self.c.command("HSET", "h", *[word for field in fields for word in (field, "x")])
            self.ask("HPEXPIRE", "h", SHORT_MILLISECONDS, "FIELDS", len(fields), *fields)
            self.eventually(lambda: self.c.command("DBSIZE").value == 0, 20, "fields that expired hold their key")
            self.assertEqual(self.ask("EXISTS", "h"), 0)

    def test_many_keys_with_fields_that_expire(self) -> None:
        commands = []
        for index in range(2_000):
            commands.append(["HSET", f"h:{index}", "stays", "1", "goes", "2", "goes too", "3"])
            commands.append(["HPEXPIRE", f"h:{index}", 1 + index % 50, "FIELDS", 2, "goes", "goes too"])
        self.c.pipeline(commands)
        time.sleep(0.06)
        self.eventually(
            lambda: all(reply.value == 1 for reply in self.c.pipeline(["HLEN", f"h:{index}"] for index in range(2_000))), 20,
            "fields are not removed unless somebody asks for them",
        )  # fmt: skip
        self.assertEqual(self.ask("DBSIZE"), 2_000)

    def test_memory_comes_back(self) -> None:
        self.require_pantala("exact figures")
        self.hash("a", "1", "b", "2")
        before = self.ask("MEMORY", "USAGE", "h")
        fields = [f"field:{index}" for index in range(100)]
        self.c.command("HSET", "h", *[word for field in fields for word in (field, "v" * 30)])
        grown = self.ask("MEMORY", "USAGE", "h")
        self.ask("HEXPIRE", "h", 1_000, "FIELDS", len(fields), *fields)
        with_times = self.ask("MEMORY", "USAGE", "h")
        self.assertGreaterEqual(with_times, grown + 100, "times to live are counted")
        self.ask("HPEXPIRE", "h", 1, "FIELDS", len(fields), *fields)
        self.eventually(lambda: self.ask("HLEN", "h") == 2, 20)
        self.assertLess(self.ask("MEMORY", "USAGE", "h"), before + 200)

    def test_a_key_can_be_written_again_after_its_fields_expired(self) -> None:
        self.hash("a", "1")
        self.ask("HPEXPIRE", "h", SHORT_MILLISECONDS, "FIELDS", 1, "a")
        self.sleep_past_expiry()
        self.assertEqual(self.ask("HSET", "h", "b", "2"), 1)
        self.assertEqual(self.ask("HGETALL", "h"), [b"b", b"2"])
        self.assertEqual(self.ask("HTTL", "h", "FIELDS", 1, "b"), [NO_EXPIRY])


class Keeping(HashExpiryTestCase):
    """What becomes of times to live as fields and keys change."""

    def times(self, key: str = "h") -> list[int]:
        return self.ask("HPEXPIRETIME", key, "FIELDS", 2, "a", "b")

    def prepare(self, others: int) -> list[int]:
        self.hash("a", "1", "b", "2", others=others)
        self.ask("HPEXPIREAT", "h", FAR_SECONDS * 1_000, "FIELDS", 1, "a")
        return [FAR_SECONDS * 1_000, NO_EXPIRY]

    def test_hset_takes_it_away(self) -> None:
        for others in self.both_forms():
            for command in (["HSET", "h", "a", "new"], ["HMSET", "h", "a", "new"], ["HSET", "h", "a", "1"]):
                self.prepare(others)
                self.ask(*command)
                self.assertEqual(self.times(), [NO_EXPIRY, NO_EXPIRY], command)

    def test_other_changes_keep_it(self) -> None:
        for others in self.both_forms():
            for command in (["HINCRBY", "h", "a", "1"], ["HINCRBYFLOAT", "h", "a", "0.5"], ["HSETNX", "h", "a", "x"], ["HSET", "h", "b", "x"],
                            ["HDEL", "h", "b"], ["HSET", "h", "c", "x" * 200]):  # fmt: skip
                times = self.prepare(others)
                self.ask(*command)
                self.assertEqual(self.times()[0], times[0], command)

    def test_deleted_and_set_again_it_has_none(self) -> None:
        for others in self.both_forms():
            self.prepare(others)
            self.ask("HDEL", "h", "a")
            self.ask("HSET", "h", "a", "1")
            self.assertEqual(self.times(), [NO_EXPIRY, NO_EXPIRY])

    def test_conversion_keeps_it(self) -> None:
        times = self.prepare(0)
        self.ask("HSET", "h", *[word for index in range(MANY) for word in (f"more:{index}", "x")])
        self.assertEqual(self.ask("OBJECT", "ENCODING", "h"), b"hashtable")
        self.assertEqual(self.times(), times)
        times = self.prepare(0)
        self.ask("HSET", "h", "long", "x" * 1_000)
        self.assertEqual(self.times(), times)

    def test_rename_copy_move_keep_it(self) -> None:
        for others in self.both_forms():
            times = self.prepare(others)
            for index in range(4):
                self.ask("COPY", "h", f"copy:{index}", "REPLACE")
                self.assertEqual(self.times(f"copy:{index}"), times)
                self.ask("RENAME", f"copy:{index}", f"renamed:{index}")
                self.assertEqual(self.times(f"renamed:{index}"), times)
            self.assertEqual(self.times(), times)
            self.ask("MOVE", "h", 1)
            self.ask("SELECT", 1)
            self.assertEqual(self.times(), times)
            self.ask("DEL", "h")
            self.ask("SELECT", 0)

    def test_moved_fields_still_expire(self) -> None:
        for others in self.both_forms():

            def move() -> None:
                self.ask("HPEXPIRE", "h", 40, "FIELDS", 1, "a")
                for index in range(4):
                    self.ask("COPY", "h", f"copy:{index}", "REPLACE")
                self.ask("RENAME", "h", "renamed")

            # The other field keeps the key, should the one that expires be gone too early.
            self.in_time(40, lambda: self.hash("a", "1", "b", "2", others=others), move)
            time.sleep(0.06)
            for key in ("renamed", "copy:0", "copy:1", "copy:2", "copy:3"):
                self.assertEqual(self.ask("HGET", key, "a"), None)

    def test_overwritten_and_deleted_keys_leave_nothing_behind(self) -> None:
        for others in self.both_forms():
            self.prepare(others)
            self.ask("SET", "h", "text")
            self.hash("a", "1", "b", "2")
            self.assertEqual(self.times(), [NO_EXPIRY, NO_EXPIRY])
            self.ask("HPEXPIRE", "h", SHORT_MILLISECONDS, "FIELDS", 1, "a")
            self.ask("DEL", "h")
            self.hash("a", "1", "b", "2")
            self.sleep_past_expiry()
            self.assertEqual(self.ask("HLEN", "h"), 2)

    def test_dump_and_restore_keep_it(self) -> None:
        self.require_commands("DUMP", "RESTORE")
        for others in self.both_forms():
            times = self.prepare(others)
            payload = self.c.command("DUMP", "h").value
            self.ask("RESTORE", "restored", 0, payload, "REPLACE")
            self.assertEqual(self.times("restored"), times)
            self.assertEqual(sorted(self.ask("HGETALL", "restored")), sorted(self.ask("HGETALL", "h")))

    def test_restored_fields_expire(self) -> None:
        self.require_commands("DUMP", "RESTORE")
        payloads: list[bytes] = []

        def dump() -> None:
            self.ask("HPEXPIRE", "h", SHORT_MILLISECONDS, "FIELDS", 1, "a")
            payloads.append(self.c.command("DUMP", "h").value)
            self.ask("RESTORE", "before", 0, payloads[-1], "REPLACE")

        self.in_time(SHORT_MILLISECONDS, lambda: self.hash("a", "1", "b", "2"), dump)
        self.sleep_past_expiry()
        self.ask("RESTORE", "after", 0, payloads[-1])
        self.assertEqual(self.ask("HGETALL", "before"), [b"b", b"2"])
        self.assertEqual(self.ask("HGET", "after", "a"), None)
        self.assertEqual(self.ask("HGET", "after", "b"), b"2")

    def test_encoding(self) -> None:
        self.prepare(0)
        self.assertEqual(self.ask("OBJECT", "ENCODING", "h"), b"listpackex")
        self.prepare(MANY)
        self.assertEqual(self.ask("OBJECT", "ENCODING", "h"), b"hashtable")


class GetAndDelete(HashExpiryTestCase):
    COMMANDS = ("HGETDEL",)

    def test_values_and_what_stays(self) -> None:
        for others in self.both_forms():
            self.hash("a", "1", "b", "2", "c", "3", others=others)
            self.assertEqual(self.ask("HGETDEL", "h", "FIELDS", 3, "a", "none", "a"), [b"1", None, None])
            self.assertEqual(self.ask("HLEN", "h"), others + 2)
            self.assertEqual(self.ask("HGETDEL", "h", "fields", 2, "b", "c"), [b"2", b"3"])
            self.assertEqual(self.ask("EXISTS", "h"), 1 if others else 0)

    def test_missing_key(self) -> None:
        self.assertEqual(self.ask("HGETDEL", "none", "FIELDS", 2, "a", "b"), [None, None])

    def test_errors(self) -> None:
        self.hash("a", "1")
        self.c.command("SET", "text", "x")
        self.check_errors("HGETDEL", [
            ("", "wrong number of arguments"), ("FIELDS 1", "wrong number of arguments"), ("BOGUS 1 a", NO_FIELDS),
            ("FIELDS 2 a", "must match the number of arguments"), ("FIELDS 1 a b", "must match the number of arguments"),
            ("FIELDS 0 a", "must be a positive integer"), ("FIELDS x a", "must be a positive integer"),
        ])  # fmt: skip
        self.assertTrue(self.c.command("HGETDEL", "text", "FIELDS", 1, "a").text.startswith("WRONGTYPE"))
        self.assertEqual(self.ask("HGETALL", "h"), [b"a", b"1"])


class GetAndExpire(HashExpiryTestCase):
    COMMANDS = ("HGETEX",)

    def test_options(self) -> None:
        for others in self.both_forms():
            for options, low, high in [
                ([], -1, -1), (["EX", 100], 99, 100), (["PX", 100_000], 99, 100), (["EXAT", FAR_SECONDS], 10**8, FAR_SECONDS),
                (["PXAT", FAR_SECONDS * 1_000], 10**8, FAR_SECONDS), (["PERSIST"], -1, -1), (["ex", 100], 99, 100),
            ]:  # fmt: skip
                with self.subTest(options):
                    self.hash("a", "1", "b", "2", others=others)
                    self.assertEqual(self.ask("HGETEX", "h", *options, "FIELDS", 2, "a", "none"), [b"1", None])
                    (seconds,) = self.ask("HTTL", "h", "FIELDS", 1, "a")
                    self.assertTrue(low <= seconds <= high, seconds)
                    self.assertEqual(self.ask("HTTL", "h", "FIELDS", 1, "b"), [NO_EXPIRY])

    def test_without_options_it_keeps_and_persist_removes(self) -> None:
        self.hash("a", "1")
        self.ask("HGETEX", "h", "EX", 100, "FIELDS", 1, "a")
        self.ask("HGETEX", "h", "FIELDS", 1, "a")
        self.assertGreater(self.ask("HTTL", "h", "FIELDS", 1, "a")[0], 90)
        self.assertEqual(self.ask("HGETEX", "h", "PERSIST", "FIELDS", 1, "a"), [b"1"])
        self.assertEqual(self.ask("HTTL", "h", "FIELDS", 1, "a"), [NO_EXPIRY])

    def test_past_time_returns_the_value_and_deletes(self) -> None:
        for others in self.both_forms():
            for option in (["EXAT", 1], ["PXAT", 1], ["EX", 0]):
                self.hash("a", "1", others=others)
                self.assertEqual(self.ask("HGETEX", "h", *option, "FIELDS", 1, "a"), [b"1"])
                self.assertEqual(self.ask("EXISTS", "h"), 1 if others else 0)
                self.assertEqual(self.ask("HGET", "h", "a"), None)

    def test_missing_key(self) -> None:
        self.assertEqual(self.ask("HGETEX", "none", "EX", 10, "FIELDS", 2, "a", "b"), [None, None])
        self.assertEqual(self.ask("EXISTS", "none"), 0)

    def test_errors(self) -> None:
        self.hash("a", "1")
        self.c.command("SET", "text", "x")
        self.check_errors("HGETEX", [
            ("", "wrong number of arguments"), ("FIELDS", "wrong number of arguments"), ("FIELDS 1", "wrong number of arguments"),
            ("BOGUS 1 a", NO_FIELDS), ("KEEPTTL FIELDS 1 a", NO_FIELDS), ("FNX FIELDS 1 a", NO_FIELDS),
            ("EX 10 PX 10 FIELDS 1 a", NO_FIELDS), ("EX 10 PERSIST FIELDS 1 a", NO_FIELDS), ("PERSIST 1 FIELDS 1 a", NO_FIELDS),
            ("FIELDS 2 a", "must match the number of arguments"), ("FIELDS 1 a b", "must match the number of arguments"),
            ("FIELDS 0 a", "must be a positive integer"), ("FIELDS -1 a", "must be a positive integer"),
            ("FIELDS x a", "must be a positive integer"), ("EX abc FIELDS 1 a", NOT_A_NUMBER),
            ("EX 9223372036854775808 FIELDS 1 a", NOT_A_NUMBER), ("EX -1 FIELDS 1 a", "invalid expire time"),
            ("PX -1 FIELDS 1 a", "invalid expire time"), ("PXAT -1 FIELDS 1 a", "invalid expire time"),
            ("EX 281474976710656 FIELDS 1 a", "invalid expire time"), ("EXAT 9223372036854775807 FIELDS 1 a", "invalid expire time"),
        ])  # fmt: skip
        self.assertTrue(self.c.command("HGETEX", "text", "FIELDS", 1, "a").text.startswith("WRONGTYPE"))
        self.assertEqual(self.ask("HTTL", "h", "FIELDS", 1, "a"), [NO_EXPIRY])


class SetAndExpire(HashExpiryTestCase):
    COMMANDS = ("HSETEX",)

    def test_sets_and_makes_the_key(self) -> None:
        self.assertEqual(self.ask("HSETEX", "h", "EX", 100, "FIELDS", 2, "a", "1", "b", "2"), 1)
        self.assertEqual(self.ask("HMGET", "h", "a", "b"), [b"1", b"2"])
        self.assertTrue(all(98 <= seconds <= 100 for seconds in self.ask("HTTL", "h", "FIELDS", 2, "a", "b")))

    def test_expiry_options(self) -> None:
        for others in self.both_forms():
            for options, low, high in [
                ([], -1, -1), (["EX", 100], 99, 100), (["PX", 100_000], 99, 100), (["EXAT", FAR_SECONDS], 10**8, FAR_SECONDS),
                (["PXAT", FAR_SECONDS * 1_000], 10**8, FAR_SECONDS), (["KEEPTTL"], 499, 500),
            ]:  # fmt: skip
                with self.subTest(options):
                    self.hash("a", "1", "b", "2", others=others)
                    self.ask("HEXPIRE", "h", 500, "FIELDS", 1, "a")
                    self.assertEqual(self.ask("HSETEX", "h", *options, "FIELDS", 1, "a", "new"), 1)
                    (seconds,) = self.ask("HTTL", "h", "FIELDS", 1, "a")
                    self.assertTrue(low <= seconds <= high, seconds)
                    self.assertEqual(self.ask("HMGET", "h", "a", "b"), [b"new", b"2"])

    def test_conditions(self) -> None:
        for others in self.both_forms():
            self.hash("a", "1", others=others)
            for condition, fields, expected in [
                ("FNX", ["a"], 0), ("FNX", ["a", "n1"], 0), ("FNX", ["n1", "n2"], 1), ("FXX", ["none"], 0), ("FXX", ["a", "none"], 0),
                ("FXX", ["a", "n1"], 1),
            ]:  # fmt: skip
                with self.subTest(condition=condition, fields=fields):
                    pairs = [word for field in fields for word in (field, condition)]
                    self.assertEqual(self.ask("HSETEX", "h", condition, "EX", 100, "FIELDS", len(fields), *pairs), expected)
            self.assertEqual(self.ask("HMGET", "h", "a", "n1", "n2", "none"), [b"FXX", b"FXX", b"FNX", None])
        self.assertEqual(self.ask("HSETEX", "none", "FXX", "FIELDS", 1, "a", "1"), 0)
        self.assertEqual(self.ask("EXISTS", "none"), 0)
        self.assertEqual(self.ask("HSETEX", "new", "FNX", "FIELDS", 1, "a", "1"), 1)

    def test_past_time_leaves_no_field(self) -> None:
        for others in self.both_forms():
            for option in (["EXAT", 1], ["EX", 0]):
                self.hash("a", "1", others=others)
                self.ask("HSETEX", "h", *option, "FIELDS", 1, "a", "new")
                self.assertEqual(self.ask("HGET", "h", "a"), None)
                self.assertEqual(self.ask("EXISTS", "h"), 1 if others else 0)

    def test_errors(self) -> None:
        self.hash("a", "1")
        self.c.command("SET", "text", "x")
        self.check_errors("HSETEX", [
            ("", "wrong number of arguments"), ("FIELDS", "wrong number of arguments"), ("FIELDS 1", "wrong number of arguments"),
            ("FIELDS 2 a b", "wrong number of arguments"), ("FIELDS 2 a b c", "wrong number of arguments"),
            ("FIELDS 1 a b unknown", "wrong number of arguments"), ("FIELDS 3 a b c d e f g", "wrong number of arguments"),
            ("BOGUS FIELDS 1 a b", "unknown argument"), ("1 FIELDS 1 a b", "unknown argument"),
            ("FXX FNX EX 100 FIELDS 1 a b", "Only one of FXX or FNX arguments"),
            ("FNX FNX FIELDS 1 a b", "Only one of FXX or FNX arguments"), ("EX 100 PX 1000 FIELDS 1 a b", ONLY_ONE_TIME),
            ("FXX EX 60 KEEPTTL FIELDS 1 a b", ONLY_ONE_TIME), ("KEEPTTL EX 100 FIELDS 1 a b", ONLY_ONE_TIME),
            ("KEEPTTL KEEPTTL FIELDS 1 a b", ONLY_ONE_TIME), ("PXAT 10 PXAT 10 FIELDS 1 a b", ONLY_ONE_TIME),
            ("EX FIELDS 1 a b", NOT_A_NUMBER), ("PXAT abc FIELDS 1 a b", NOT_A_NUMBER), ("EX -1 FIELDS 1 a b", "invalid expire time"),
            ("EXAT 281474976710656 FIELDS 1 a b", "invalid expire time"), ("FIELDS x a b", "invalid number of fields"),
            ("FIELDS 0 a b", "invalid number of fields"), ("FIELDS -1 a b", "invalid number of fields"),
        ])  # fmt: skip
        self.assertTrue(self.c.command("HSETEX", "text", "FIELDS", 1, "a", "1").text.startswith("WRONGTYPE"))
        self.assertEqual(self.ask("HGETALL", "h"), [b"a", b"1"])
