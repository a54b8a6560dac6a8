"""What every writing command of the collections does to keys: the same reply, the same events, the same keys in the eyes of
those who watch them, and the same number of changes as Redis.

A case is `commands that prepare; ... -> command`. With several shards the events of one key are in Redis's order; those of
different keys have no common order.
"""

from __future__ import annotations

import unittest
from collections import defaultdict
from typing import Any

from resp import Connection, Reply
from server import Server

KEYS = ("a", "b", "d", "s")
END = b"end-of-events"

LISTS = """
lpush a 1 2
rpush a 1 -> rpush a 2 3
lpushx a 1
rpush a 1 -> rpushx a 2
rpush a 1 2 -> lpop a
rpush a 1 -> rpop a
rpush a 1 2 3 -> lpop a 2
rpush a 1 2 3 -> rpop a 5
rpush a 1 2 3 -> rpop a 0
rpop a 2
rpush a 1 2 -> linsert a before 2 x
rpush a 1 2 -> linsert a before 9 x
rpush a 1 2 -> lset a 0 x
rpush a 1 2 -> lset a 0 1
rpush a 1 2 -> lset a 7 1
rpush a 1 2 -> lrem a 0 1
rpush a 1 2 -> lrem a 0 7
rpush a 1 -> lrem a 0 1
rpush a 1 2 -> ltrim a 0 -1
rpush a 1 2 -> ltrim a 1 -1
rpush a 1 2 -> ltrim a 5 9
ltrim a 5 9
rpush a 1 2 -> lmove a b left right
rpush a 1 -> lmove a b right left
rpush a 1; rpush b 1 -> lmove a b right left
rpush a 1 2 -> lmove a a right left
rpush a 1 -> lmove a a right left
rpush a 1 2 -> lmove a a left left
rpush a 1 -> rpoplpush a b
rpush a 1 -> rpoplpush a a
set b 1; rpush a 1 -> rpoplpush a b
rpoplpush a b
rpush a 1 2 3 -> lmpop 2 b a left
rpush a 1 2 3 -> lmpop 2 b a right count 10
rpush b 1 2 3 -> lmpop 2 b a right count 2
"""

SORTING = """
rpush a 3 1 2 -> sort a store d
rpush a 3 1 2; set d 1 -> sort a store d
rpush d 3 1 2 -> sort a store d
sort a store d
rpush a 3 1 2 -> sort a store a
rpush a 3 1 2 -> sort a limit 5 2 store d
"""

SETS = """
sadd a 1 2
sadd a 1 2 -> sadd a 1 2
sadd a 1 2 -> sadd a 1 3
sadd a 1 2 -> srem a 1
sadd a 1 2 -> srem a 7
sadd a 1 2 -> srem a 1 2
sadd a 1 2 -> spop a
sadd a 1 -> spop a
sadd a 1 2 3 -> spop a 2
sadd a 1 2 3 -> spop a 3
sadd a 1 2 3 -> spop a 9
sadd a 1 2 3 -> spop a 0
spop a 3
sadd a 1 2 -> smove a b 1
sadd a 1 -> smove a b 1
sadd a 1; sadd b 1 -> smove a b 1
sadd a 1; sadd b 2 -> smove a b 1
sadd a 1; sadd b 2 -> smove a b 7
sadd a 1 -> smove a a 1
sadd a 1; set b 1 -> smove a b 1
sadd a 1; sadd b 1 2 -> sinterstore d a b
sadd a 1; sadd b 2 -> sinterstore d a b
sadd a 1; sadd b 2; sadd d 3 -> sinterstore d a b
sadd a 1; set d 3 -> sinterstore d a b
sadd a 1; set d 3 -> sinterstore d a a
sadd a 1 -> sinterstore a a a
sadd a 1; sadd b 1 2 -> sunionstore d a b
sunionstore d a b
set d 1 -> sunionstore d a b
sadd a 1; set d 1 -> sunionstore d a b
sadd a 1 2; sadd b 2 -> sdiffstore d a b
sadd a 2; sadd b 2; sadd d 1 -> sdiffstore d a b
set d 2 -> sdiffstore d a b
"""

SORTED_SETS = """
zadd a 1 x 2 y
zadd a 1 x -> zadd a 1 x
zadd a 1 x -> zadd a ch 2 x
zadd a 1 x -> zadd a nx 2 x
zadd a xx 2 x
zadd a 1 x -> zadd a 2 x 3 y
zadd a 1 x -> zadd a incr 2 x
zadd a 1 x -> zadd a incr 0 x
zadd a 1 x -> zadd a gt incr -1 x
zadd a 1 x -> zincrby a 2 x
zadd a 1 x -> zincrby a 0 x
zincrby a 0 x
zadd a inf x -> zincrby a -inf x
zadd a 1 x 2 y -> zrem a x
zadd a 1 x 2 y -> zrem a x y
zadd a 1 x 2 y -> zrem a q
zadd a 1 x 2 y -> zremrangebyscore a 1 1
zadd a 1 x 2 y -> zremrangebyscore a 1 9
zadd a 1 x 2 y -> zremrangebyscore a 8 9
zadd a 1 x 2 y -> zremrangebyrank a 0 0
zadd a 1 x 2 y -> zremrangebyrank a 0 -1
zadd a 1 x 1 y -> zremrangebylex a [x [x
zadd a 1 x 1 y -> zremrangebylex a - +
zadd a 1 x 2 y -> zpopmin a
zadd a 1 x 2 y -> zpopmax a 2
zadd a 1 x 2 y -> zpopmax a 0
zadd a 1 x 2 y -> zpopmin a 7
zpopmin a 7
zadd a 1 x 2 y -> zmpop 2 b a min
zadd a 1 x 2 y -> zmpop 2 b a max count 7
zadd a 1 x 2 y -> zunionstore d 2 a b
zadd d 1 x 2 y -> zunionstore d 2 a b
set d 1 -> zunionstore d 2 a b
zunionstore d 2 a b
zadd a 1 x 2 y; zadd b 1 x -> zinterstore d 2 a b
zadd a 1 x 2 y; zadd b 1 q; zadd d 1 1 -> zinterstore d 2 a b
zadd a 1 x 2 y; zadd b 1 x; set d 1 -> zdiffstore d 2 a b
zadd a 1 x; zadd b 1 x; set d 1 -> zdiffstore d 2 a b
zadd a 1 x; zadd b 1 x -> zdiffstore d 2 a b
zadd a 1 x -> zrangestore d a 0 -1
zadd a 1 x; set d 1 -> zrangestore d a 0 -1
zadd a 1 x; set d 1 -> zrangestore d a 5 9
zrangestore d a 5 9
set d 1 -> zrangestore d a 5 9
zadd a 1 x -> zrangestore a a 0 -1
"""

GEO = """
geoadd a 13 38 x
geoadd a 13 38 x -> geoadd a 13 38 x
geoadd a 13 38 x -> geoadd a 14 38 x
geoadd a 13 38 x -> geosearchstore d a fromlonlat 13 38 byradius 100 km
geoadd a 13 38 x; set d 1 -> geosearchstore d a fromlonlat 13 38 byradius 100 km
geoadd a 13 38 x; set d 1 -> geosearchstore d a fromlonlat 19 39 byradius 1 km
geoadd a 13 38 x -> geosearchstore d a fromlonlat 19 39 byradius 1 km
set d 1 -> geosearchstore d a fromlonlat 19 39 byradius 1 km
geosearchstore d a fromlonlat 19 39 byradius 1 km
geoadd a 13 38 x -> geosearchstore a a fromlonlat 13 38 byradius 1 km
geoadd a 13 38 x -> georadius a 13 38 100 km store d
geoadd a 13 38 x; set d 1 -> georadius a 13 38 100 km storedist d
geoadd a 13 38 x; set d 1 -> georadius a 19 39 1 km storedist d
set d 1 -> georadius a 19 39 1 km store d
geoadd a 13 38 x -> georadiusbymember a x 1 km store d
geoadd a 13 38 x 13 38 y -> geosearchstore d a fromlonlat 13 38 byradius 100 km
"""

STREAMS = """
xadd a 1-1 f v
xadd a 1-1 f v -> xadd a 2-1 f v
xadd a 1-1 f v -> xadd a maxlen 1 2-1 f v
xadd a 1-1 f v -> xadd a maxlen 5 2-1 f v
xadd a nomkstream 2-1 f v
xadd a maxlen 0 2-1 f v
xadd a 2-1 f v -> xadd a 2-1 f v
xadd a 0-0 f v
xadd a 1-1 f v -> xdel a 1-1
xadd a 1-1 f v -> xdel a 1-1 1-1
xadd a 1-1 f v -> xdel a 1-2
xadd a 1-1 f v -> xtrim a maxlen 0
xadd a 1-1 f v -> xtrim a maxlen 1
xtrim a maxlen 1
xadd a 1-1 f v -> xsetid a 1-1
xadd a 1-1 f v -> xsetid a 2-1
xgroup create a g $ mkstream
xadd a 1-1 f v -> xgroup create a g $ mkstream
xgroup create a g $ mkstream -> xgroup create a g $ mkstream
xgroup create a g $ mkstream -> xgroup setid a g 0
xgroup create a g $ mkstream -> xgroup setid a h 0
xgroup create a g $ mkstream -> xgroup destroy a g
xgroup create a g $ mkstream -> xgroup destroy a h
xgroup create a g $ mkstream -> xgroup createconsumer a g c
xgroup create a g $ mkstream; xgroup createconsumer a g c -> xgroup createconsumer a g c
xgroup create a g $ mkstream; xgroup createconsumer a g c -> xgroup delconsumer a g c
xgroup create a g $ mkstream; xgroup createconsumer a g c -> xgroup delconsumer a g d
xgroup create a g $ mkstream -> xreadgroup group g c streams a >
xgroup create a g $ mkstream -> xreadgroup group g c streams a 0
xgroup create a g $ mkstream; xadd a 1-1 f v -> xreadgroup group g c streams a >
xgroup create a g $ mkstream; xadd a 1-1 f v -> xreadgroup group g c noack streams a >
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xreadgroup group g c streams a 0
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xack a g 1-1
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xack a g 1-2
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xclaim a g c 0 1-1
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xclaim a g e 0 1-1
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xclaim a g e 0 1-1 justid
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xclaim a g e 0 1-2
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xclaim a g e 100000 1-1
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a >; xdel a 1-1 -> xclaim a g e 0 1-1
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xautoclaim a g e 0 0
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a > -> xautoclaim a g e 0 9
xgroup create a g $ mkstream; xadd a 1-1 f v; xreadgroup group g c streams a >; xdel a 1-1 -> xautoclaim a g e 0 0
xgroup create a g $ mkstream -> xautoclaim a g e 0 0
xgroup create a g $ mkstream; xgroup create b g $ mkstream; xadd a 1-1 f v; xadd b 1-1 f v -> xreadgroup group g c streams a b > >
xgroup create a g $ mkstream; xadd a 1-1 f v; xadd a 1-2 f v; xadd a 1-3 f v -> xreadgroup group g c streams a >
xgroup create a g $ mkstream; xadd a 1-1 f v; xadd a 1-2 f v; xadd a 1-3 f v; xreadgroup group g c streams a > -> xclaim a g c 0 1-1 1-2
xadd a 1-1 f v; xadd a 2-1 f v; xadd a 3-1 f v -> xtrim a maxlen 1
"""

Case = tuple[list[list[str]], list[str]]


def cases(text: str) -> list[Case]:
    found = []
    for line in text.strip().splitlines():
        preparation, _, command = line.rpartition(" -> ")
        found.append(([words.split() for words in preparation.split("; ") if words], command.split()))
    return found


class Observer:
    """Runs cases on one server, and sees what comes of them."""

    def __init__(self, server: Server) -> None:
        self.control = server.connect()
        self.listener = server.connect()
        self.watchers: list[Connection] = [server.connect() for _ in KEYS]
        assert self.control.command("CONFIG", "SET", "notify-keyspace-events", "KEAn") == Reply("simple", b"OK")
        for pattern in ("__keyevent@*", END):
            self.listener.command("PSUBSCRIBE", pattern)

    def run(self, case: Case) -> dict[str, Any]:
        preparation, command = case
        self.control.command("FLUSHALL")
        for words in preparation:
            reply = self.control.command(*words)
            assert not reply.is_error, (words, reply)
        self.events()
        for watcher, key in zip(self.watchers, KEYS):
            watcher.command("WATCH", key)
        changes = self.changes()
        reply = self.control.command(*command)
        # What SPOP takes is chance.
        seen = {"reply": (reply.kind, len(reply.value or b"")) if command[0] == "spop" else reply}
        seen["changes"] = self.changes() - changes
        seen["touched"] = [key for key, watcher in zip(KEYS, self.watchers) if self.is_touched(watcher)]
        seen["events"] = self.events()
        return seen

    def changes(self) -> int:
        text = self.control.command("INFO", "persistence").text
        return int(text.partition("rdb_changes_since_last_save:")[2].split()[0])

    @staticmethod
    def is_touched(watcher: Connection) -> bool:
        return watcher.pipeline([("MULTI",), ("EXEC",)])[1].is_null

    def events(self) -> list[tuple[str, str]]:
        """The events since the last call, and their keys."""
        events = []
        # An end may overtake events of other shards, which its loop finds in another mailbox, but a second one can't.
        for _ in range(2):
            self.control.command("PUBLISH", END, "")
            while True:
                _, _, channel, message = (item.value for item in self.listener.read_reply().value)
                if channel == END:
                    break
                events.append((channel.partition(b":")[2].decode(), message.decode()))
        return events

    def close(self) -> None:
        for connection in (self.control, self.listener, *self.watchers):
            connection.close()


def by_key(events: list[tuple[str, str]]) -> dict[str, list[str]]:
    names = defaultdict(list)
    for name, key in events:
        names[key].append(name)
    return dict(names)


class KeyChanges(unittest.TestCase):
    SHARDS = 1

    @classmethod
    def setUpClass(cls) -> None:
        cls.servers = (Server.reference(), Server(shards=cls.SHARDS))
        cls.observers = tuple(map(Observer, cls.servers))

    @classmethod
    def tearDownClass(cls) -> None:
        for observer, server in zip(cls.observers, cls.servers):
            observer.close()
            server.stop()

    def compare(self, text: str) -> None:
        for case in cases(text):
            with self.subTest(f"{case}"):
                expected, actual = (observer.run(case) for observer in self.observers)
                if self.SHARDS > 1:
                    for seen in (expected, actual):
                        seen["events"] = by_key(seen["events"])
                self.assertEqual(expected, actual)

    def test_lists(self) -> None:
        self.compare(LISTS)

    def test_sorting(self) -> None:
        self.compare(SORTING)

    def test_sets(self) -> None:
        self.compare(SETS)

    def test_sorted_sets(self) -> None:
        self.compare(SORTED_SETS)

    def test_geo(self) -> None:
        self.compare(GEO)

    def test_streams(self) -> None:
        self.compare(STREAMS)


class KeyChangesTwoShards(KeyChanges):
    SHARDS = 2


class KeyChangesFourShards(KeyChanges):
    SHARDS = 4


if __name__ == "__main__":
    unittest.main()
