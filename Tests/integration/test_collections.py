"""What all collections have in common: the wrong type is refused, an empty one is gone, and scans see what stays."""

from __future__ import annotations

import random
from typing import Any

from comparison_collections import contents
from resp import Reply
from server import ServerTestCase, seed

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"

# A key of each type, named after it, and what a hostile call does not change.
KEYS = {
    "string": "SET string text", "list": "RPUSH list a b c", "hash": "HSET hash a 1 b 2", "set": "SADD set a b 3", "zset": "ZADD zset 1 a 2 b",
    "stream": "XADD stream 1-1 a 1",
}  # fmt: skip

# Calls by the types that they take. K is the key whose type does not fit; every other key is missing, or fits.
CALLS = {
    ("list",): """LPUSH K x|RPUSH K x|LPUSHX K x|RPUSHX K x|LPOP K|LPOP K 2|RPOP K|RPOP K 2|LLEN K|LRANGE K 0 -1|LINDEX K 0|LSET K 0 x
        LINSERT K BEFORE a b|LREM K 0 a|LTRIM K 0 -1|LPOS K a|LMOVE K none LEFT LEFT|LMOVE list K LEFT LEFT|RPOPLPUSH K none|RPOPLPUSH list K
        LMPOP 1 K LEFT|LMPOP 2 none K LEFT""",
    ("hash",): """HSET K a 1|HMSET K a 1|HSETNX K a 1|HGET K a|HMGET K a b|HGETALL K|HKEYS K|HVALS K|HLEN K|HSTRLEN K a|HEXISTS K a|HDEL K a
        HINCRBY K a 1|HINCRBYFLOAT K a 1|HRANDFIELD K|HRANDFIELD K 2|HSCAN K 0|HEXPIRE K 10 FIELDS 1 a|HPEXPIRE K 10 FIELDS 1 a
        HEXPIREAT K 10 FIELDS 1 a|HPEXPIREAT K 10 FIELDS 1 a|HTTL K FIELDS 1 a|HPTTL K FIELDS 1 a|HEXPIRETIME K FIELDS 1 a
        HPEXPIRETIME K FIELDS 1 a|HPERSIST K FIELDS 1 a|HGETDEL K FIELDS 1 a|HGETEX K FIELDS 1 a|HSETEX K FIELDS 1 a 1""",
    ("set",): """SADD K a|SREM K a|SISMEMBER K a|SMISMEMBER K a b|SMEMBERS K|SCARD K|SPOP K|SPOP K 2|SRANDMEMBER K|SRANDMEMBER K 2|SSCAN K 0
        SMOVE K none a|SMOVE set K a|SINTER K|SINTER set K|SINTER none K|SUNION set K|SDIFF set K|SINTERCARD 2 set K|SINTERSTORE none set K
        SUNIONSTORE none set K|SDIFFSTORE none set K""",
    ("zset",): """ZADD K 1 a|ZREM K a|ZSCORE K a|ZMSCORE K a|ZINCRBY K 1 a|ZCARD K|ZCOUNT K 0 1|ZLEXCOUNT K - +|ZRANK K a|ZREVRANK K a
        ZRANGE K 0 -1|ZRANGE K 0 1 BYSCORE|ZRANGE K - + BYLEX|ZREVRANGE K 0 -1|ZRANGEBYSCORE K 0 1|ZREVRANGEBYSCORE K 1 0|ZRANGEBYLEX K - +
        ZREVRANGEBYLEX K + -|ZRANGESTORE none K 0 -1|ZREMRANGEBYRANK K 0 1|ZREMRANGEBYSCORE K 0 1|ZREMRANGEBYLEX K - +|ZPOPMIN K|ZPOPMAX K 2
        ZMPOP 1 K MIN|ZMPOP 2 none K MAX|ZRANDMEMBER K|ZRANDMEMBER K 2|ZSCAN K 0|GEOADD K 1 1 a|GEODIST K a b|GEOHASH K a|GEOPOS K a
        GEOSEARCH K FROMLONLAT 1 1 BYRADIUS 1 km|GEOSEARCH K FROMMEMBER a BYBOX 1 1 km|GEOSEARCHSTORE none K FROMLONLAT 1 1 BYRADIUS 1 km
        GEORADIUS K 1 1 1 km|GEORADIUS_RO K 1 1 1 km|GEORADIUSBYMEMBER K a 1 km|GEORADIUSBYMEMBER_RO K a 1 km""",
    ("zset", "set"): """ZUNION 2 zset K|ZINTER 2 zset K|ZDIFF 2 zset K|ZINTERCARD 2 zset K|ZUNIONSTORE none 2 zset K|ZINTERSTORE none 2 zset K
        ZDIFFSTORE none 2 zset K""",
    ("stream",): """XADD K 5-1 a 1|XLEN K|XRANGE K - +|XREVRANGE K + -|XREAD STREAMS K 0|XDEL K 1-1|XTRIM K MAXLEN 0|XSETID K 5-1
        XGROUP CREATE K g 0|XGROUP SETID K g 0|XGROUP DESTROY K g|XGROUP CREATECONSUMER K g c|XGROUP DELCONSUMER K g c
        XREADGROUP GROUP g c STREAMS K >|XACK K g 1-1|XCLAIM K g c 0 1-1|XAUTOCLAIM K g c 0 0|XPENDING K g|XINFO STREAM K|XINFO GROUPS K
        XINFO CONSUMERS K g""",
    ("string",): """GET K|SETNX none x|GETSET K x|GETDEL K|GETEX K|APPEND K x|STRLEN K|SETRANGE K 0 x|GETRANGE K 0 1|SUBSTR K 0 1|INCR K|DECR K
        INCRBY K 1|DECRBY K 1|INCRBYFLOAT K 1|SET K x GET|SET K x IFEQ x|DELIFEQ K x|SETBIT K 0 1|GETBIT K 0|BITCOUNT K|BITPOS K 1|BITOP OR none K
        BITFIELD K GET u8 0|BITFIELD_RO K GET u8 0|PFADD K a|PFCOUNT K|PFCOUNT none K|PFMERGE none K|PFMERGE K|PFDEBUG ENCODING K""",
    ("list", "set", "zset"): "SORT K ALPHA|SORT_RO K ALPHA|SORT K ALPHA STORE none",
}  # fmt: skip
# Not refused: they overwrite, or take every type, or answer for those that do not fit as for missing ones.
OTHERS = "SET SETEX PSETEX MSET MSETNX MGET PFSELFTEST XGROUP XGROUP|HELP XINFO|HELP LCS SETNX".split()
CATEGORIES = "list hash set sortedset stream bitmap hyperloglog geo string".split()

# Calls that take the last element of `k` away.
LAST_ELEMENT = {
    "RPUSH k a": """LPOP k|RPOP k|LPOP k 5|LREM k 0 a|LTRIM k 5 9|LMOVE k other LEFT LEFT|RPOPLPUSH k other|LMPOP 1 k LEFT COUNT 9
        SORT k LIMIT 5 5 ALPHA STORE k""",
    "HSET k a 1": "HDEL k a|HGETDEL k FIELDS 1 a|HEXPIRE k 0 FIELDS 1 a|HGETEX k PXAT 1 FIELDS 1 a|HSETEX k EXAT 1 FIELDS 1 a 2",
    "SADD k a": "SREM k a|SPOP k|SPOP k 9|SMOVE k other a|SINTERSTORE k k none|SDIFFSTORE k k k|SUNIONSTORE k none",
    "SADD k 5": "SREM k 5|SPOP k|SPOP k 1|SMOVE k other 5|SDIFFSTORE k k k",
    "ZADD k 1 a": """ZREM k a|ZPOPMIN k|ZPOPMAX k 9|ZREMRANGEBYRANK k 0 -1|ZREMRANGEBYSCORE k -inf +inf|ZREMRANGEBYLEX k - +|ZMPOP 1 k MIN
        ZRANGESTORE k k 5 9|ZINTERSTORE k 2 k none|ZDIFFSTORE k 2 k k|ZUNIONSTORE k 1 none|GEOSEARCHSTORE k none FROMLONLAT 1 1 BYRADIUS 1 km""",
    "SET k text": "GETDEL k|DELIFEQ k text|BITOP AND k none none|GETEX k PXAT 1|SUNIONSTORE k none|SORT none STORE k|PEXPIRE k 0",
}  # fmt: skip
SCANNED = 3_000


class CollectionsTestCase(ServerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.known = {item.text.upper() for item in self.c.command("COMMAND", "LIST").value}

    def calls(self, text: str) -> list[list[str]]:
        """The calls of a table, without those that the server lacks (a redis-server of 7.0 has not all of them)."""
        calls = [line.split() for part in text.split("\n") for line in part.split("|")]
        return [words for words in calls if words[0] in self.known or not self.server.is_pantala and self.fail_on_typing(words)]

    def fail_on_typing(self, words: list[str]) -> bool:
        return False


class WrongTypes(CollectionsTestCase):
    SHARDS = 4

    def setUp(self) -> None:
        super().setUp()
        for command in KEYS.values():
            self.assertFalse(self.c.command(*command.split()).is_error, command)

    def test_every_command_is_in_the_table(self) -> None:
        self.require_pantala("newer servers have more")
        tabled = {words[0] for text in CALLS.values() for words in self.calls(text)} | set(OTHERS)
        tabled |= {"|".join(words[:2]) for text in CALLS.values() for words in self.calls(text) if words[0] in ("XGROUP", "XINFO")}
        for category in CATEGORIES:
            listed = {item.text.upper() for item in self.c.command("COMMAND", "LIST", "FILTERBY", "ACLCAT", category).value}
            blocking = {item.text.upper() for item in self.c.command("COMMAND", "LIST", "FILTERBY", "ACLCAT", "blocking").value}
            self.assertEqual(listed - tabled - {name for name in blocking if name.startswith("B")}, set(), f"@{category}")

    def test_every_command_on_every_other_type(self) -> None:
        before = {key: contents(self.c, key.encode()) for key in KEYS}
        for types, text in CALLS.items():
            for words in self.calls(text):
                if words == ["SET", "K", "x", "IFEQ", "x"] and not self.server.is_pantala or "K" not in words:
                    continue
                for key in KEYS:
                    if key in types:
                        continue
                    with self.subTest(" ".join(words), key=key):
                        reply = self.c.command(*[key if word == "K" else word for word in words])
                        expected = WRONG_TYPE
                        if key == "string" and words[0].startswith("PF"):
                            expected = "WRONGTYPE Key is not a valid HyperLogLog string value."
                        self.assert_error(reply, expected)
        for key in KEYS:
            self.assertEqual(contents(self.c, key.encode()), before[key])
        self.assertEqual(self.c.command("EXISTS", "none").value, 0)

    def test_set_and_store_take_any_type_away(self) -> None:
        for key, command in KEYS.items():
            for words in self.calls("SET K x|GETSET none x|MSET K x|SETEX K 100 x|SUNIONSTORE K set|ZUNIONSTORE K 1 zset|SORT list ALPHA STORE K|BITOP OR K string"):
                with self.subTest(" ".join(words), key=key):
                    self.c.command("FLUSHALL")
                    for each in KEYS.values():
                        self.c.command(*each.split())
                    self.c.command("EXPIRE", key, 5_000)
                    self.assertFalse(self.c.command(*[key if word == "K" else word for word in words]).is_error)
                    if words[0] not in ("SETEX", "GETSET"):
                        self.assertEqual(self.c.command("TTL", key).value, -1)

    def test_mget_and_lcs(self) -> None:
        reply = self.c.command("MGET", *KEYS)
        self.assertEqual([item.value for item in reply.value], [b"text"] + [None] * (len(KEYS) - 1))
        self.assert_error(self.c.command("LCS", "string", "list"), "ERR The specified keys must contain string values")


class Vanishing(CollectionsTestCase):
    def check_gone(self) -> None:
        self.assertEqual(self.c.command("EXISTS", "k").value, 0)
        self.assertEqual(self.c.command("TYPE", "k").value, b"none")
        self.assertEqual(self.c.command("TTL", "k").value, -2)
        self.assertTrue(self.c.command("MEMORY", "USAGE", "k").is_null)
        self.assertNotIn(b"k", [item.value for item in self.c.command("KEYS", "*").value])

    def test_last_element(self) -> None:
        for create, text in LAST_ELEMENT.items():
            for words in self.calls(text):
                if create.split()[0] not in self.known:
                    continue
                with self.subTest(" ".join(words)):
                    self.c.command("FLUSHALL")
                    self.assertFalse(self.c.command(*create.split()).is_error)
                    self.c.command("EXPIRE", "k", 5_000)
                    reply = self.c.command(*words)
                    self.assertFalse(reply.is_error, reply)
                    self.check_gone()
                    self.assertEqual(self.c.command("DBSIZE").value, self.c.command("EXISTS", "other").value)
                    # A new key of that name has nothing of the old one.
                    self.c.command(*create.split())
                    self.assertEqual(self.c.command("TTL", "k").value, -1)

    def test_large_ones_emptied_bit_by_bit(self) -> None:
        members = [f"member:{index}" for index in range(1_000)]
        for create, take in [
            (["RPUSH", "k", *members], ["LPOP", "k", 7]), (["RPUSH", "k", *members], ["RPOP", "k", 13]), (["SADD", "k", *members], ["SPOP", "k", 7]),
            (["SADD", "k", *range(2_000)], ["SPOP", "k", 9]), (["ZADD", "k", *[word for m in members for word in (1, m)]], ["ZPOPMIN", "k", 7]),
            (["ZADD", "k", *[word for i, m in enumerate(members) for word in (i, m)]], ["ZREMRANGEBYRANK", "k", 100, 120]),
        ]:  # fmt: skip
            if not {create[0], take[0]} <= self.known:
                continue
            with self.subTest(take[0]):
                self.c.command("DEL", "k")
                self.c.command(*create)
                for _ in range(len(create)):
                    if self.c.command("EXISTS", "k").value == 0:
                        break
                    take = take[:2] + [0, 20] if take[0] == "ZREMRANGEBYRANK" else take
                    self.assertFalse(self.c.command(*take).is_error)
                self.check_gone()

    def test_streams_stay(self) -> None:
        self.require_commands("XADD")
        for words in ("XDEL k 1-1", "XTRIM k MAXLEN 0", "XTRIM k MINID 9"):
            self.c.command("DEL", "k")
            self.c.command("XADD", "k", "1-1", "a", "1")
            self.assertEqual(self.c.command(*words.split()).value, 1)
            self.assertEqual((self.c.command("EXISTS", "k").value, self.c.command("XLEN", "k").value), (1, 0))
            self.assertTrue(self.c.command("XADD", "k", "1-1", "a", "1").is_error, "the last ID is remembered")


class Cursors(CollectionsTestCase):
    """HSCAN, SSCAN and ZSCAN: what is there from the first call to the last is seen, whatever else happens meanwhile."""

    def setUp(self) -> None:
        super().setUp()
        self.random = random.Random(seed())

    def page(self, command: str, cursor: bytes, *options: Any) -> tuple[bytes, list[bytes]]:
        cursor, page = self.c.command(command, "k", cursor, *options).python()
        return cursor, page if command == "SSCAN" else page[::2]

    def add(self, command: str, names: list[str]) -> None:
        match command:
            case "SSCAN":
                self.c.command("SADD", "k", *names)
            case "HSCAN":
                self.c.command("HSET", "k", *[word for name in names for word in (name, "x")])
            case "ZSCAN":
                self.c.command("ZADD", "k", *[word for name in names for word in (self.random.randrange(100), name)])

    def remove(self, command: str, names: list[str]) -> None:
        self.c.command({"SSCAN": "SREM", "HSCAN": "HDEL", "ZSCAN": "ZREM"}[command], "k", *names)

    def iterate(self, command: str, disturb: Any, *options: Any) -> list[bytes]:
        cursor, seen, turns = b"0", [], 0
        while True:
            cursor, page = self.page(command, cursor, *options)
            seen += page
            turns += 1
            self.assertLess(turns, 20_000, "the iteration does not come to an end")
            if cursor == b"0":
                return seen
            disturb(turns)

    def commands(self) -> list[str]:
        return [command for command in ("SSCAN", "HSCAN", "ZSCAN") if command in self.known]

    def test_undisturbed(self) -> None:
        for command in self.commands():
            for count in (5, 200, SCANNED):
                for options in ([], ["COUNT", 1], ["COUNT", 1_000]):
                    with self.subTest(command=command, count=count, options=options):
                        self.c.command("DEL", "k")
                        names = [f"member:{index}" for index in range(count)]
                        self.add(command, names)
                        seen = self.iterate(command, lambda turn: None, *options)
                        self.assertEqual(sorted(seen), sorted(name.encode() for name in names), "each exactly once")

    def test_growing_and_shrinking(self) -> None:
        stay = [f"stays:{index}" for index in range(500)]
        for command in self.commands():
            for first, grows in ((200, True), (SCANNED, False)):
                with self.subTest(command=command, grows=grows):
                    self.c.command("DEL", "k")
                    others = [f"other:{index}" for index in range(first)]
                    self.add(command, stay + others)

                    def disturb(turn: int) -> None:
                        if grows and turn < 200:
                            self.add(command, [f"new:{turn}:{index}" for index in range(50)])
                        elif not grows:
                            self.remove(command, [others.pop() for _ in range(min(60, len(others)))] or ["none"])

                    seen = set(self.iterate(command, disturb, "COUNT", 5))
                    self.assertEqual({name.encode() for name in stay} - seen, set())

    def test_conversion_in_the_middle(self) -> None:
        """The compact form gives everything at once; a cursor from the large form may meet the compact one."""
        for command in self.commands():
            with self.subTest(command):
                self.c.command("DEL", "k")
                names = [f"member:{index}" for index in range(SCANNED)]
                self.add(command, names)
                cursor, _ = self.page(command, b"0", "COUNT", 10)
                self.c.command("DEL", "k")
                self.add(command, ["a", "b"])
                seen = []
                while cursor != b"0":
                    cursor, page = self.page(command, cursor, "COUNT", 10)
                    seen += page
                self.assertLessEqual(set(seen), {b"a", b"b"})

    def test_vanished_keys(self) -> None:
        for command in self.commands():
            for cursor in ("0", "1", "77777", "18446744073709551615"):
                self.assertEqual(self.c.command(command, "none", cursor), Reply("array", (Reply("bulk", b"0"), Reply("array", ()))))
            self.assert_error(self.c.command(command, "none", "abc"), "ERR invalid cursor")
            self.c.command("DEL", "k")
            self.add(command, [f"member:{index}" for index in range(SCANNED)])
            cursor, _ = self.page(command, b"0")
            self.assertNotEqual(cursor, b"0")
            self.c.command("DEL", "k")
            self.assertEqual(self.c.command(command, "k", cursor), Reply("array", (Reply("bulk", b"0"), Reply("array", ()))))

    def test_any_cursor_is_taken(self) -> None:
        for command in self.commands():
            self.c.command("DEL", "k")
            self.add(command, [f"member:{index}" for index in range(SCANNED)])
            for _ in range(200):
                reply = self.c.command(command, "k", self.random.getrandbits(self.random.randint(1, 64)), "COUNT", self.random.randint(1, 100))
                self.assertEqual(reply.kind, "array", reply)


class CollectionsOneShard(WrongTypes):
    SHARDS = 1
