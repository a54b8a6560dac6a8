"""Looking at a server at work: SLOWLOG, LATENCY, DEBUG, COMMAND, TIME, and what happens to keys by themselves."""

from __future__ import annotations

import time

from resp import Reply, encode
from server import Server, ServerTestCase

OOM = "OOM command not allowed when used memory > 'maxmemory'."
POPULATED_KEYS = 10_000
# Well above what a busy machine may keep any command waiting, and well above it a command that is meant to be slow.
SLOW_MICROSECONDS = 100_000
SLOW_SECONDS = 0.2
SLEEP_SECONDS = 0.02
# How often something is tried of which a busy machine may spoil a single try.
TRIES = 5
EXPIRING_KEYS = 2_000
EXPIRY_SECONDS_MAX = 10.0
MAXMEMORY_BYTES = 64 << 20
FILL_BYTES = 100_000
SECRET = "very secret"


class Slowlog(ServerTestCase):
    OPTIONS = {"slowlog-log-slower-than": SLOW_MICROSECONDS, "slowlog-max-len": 16, "enable-debug-command": "yes"}

    def test_entries(self) -> None:
        self.c.command("SLOWLOG", "RESET")
        self.c.command("CLIENT", "SETNAME", "slow")
        self.c.command("DEBUG", "SLEEP", SLOW_SECONDS)
        self.assertEqual(self.c.command("SLOWLOG", "LEN"), Reply("integer", 1))
        (entry,) = self.c.command("SLOWLOG", "GET").value
        identifier, at, microseconds, arguments, address, name = entry.value
        self.assertEqual(identifier.kind, "integer")
        self.assertAlmostEqual(at.value, time.time(), delta=5)
        self.assertGreaterEqual(microseconds.value, SLOW_SECONDS * 1e6 * 0.99)
        self.assertEqual([word.text for word in arguments.value], ["DEBUG", "SLEEP", str(SLOW_SECONDS)])
        host, port = self.c.socket.getsockname()
        self.assertEqual((address.text, name.text), (f"{host}:{port}", "slow"))
        self.assert_ok(self.c.command("SLOWLOG", "RESET"))
        self.assertEqual(self.c.command("SLOWLOG", "LEN"), Reply("integer", 0))

    def test_newest_first_bounded_and_long_arguments_cut(self) -> None:
        self.c.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
        self.addCleanup(lambda: self.connect().command("CONFIG", "SET", "slowlog-log-slower-than", SLOW_MICROSECONDS))
        for index in range(40):
            self.c.command("SET", f"key:{index}", "x" * 500, *(["KEEPTTL"] if index % 2 else []))
        self.c.command("MGET", *range(100))
        entries = self.c.command("SLOWLOG", "GET", "-1").value
        self.assertEqual(len(entries), 16)
        identifiers = [entry.value[0].value for entry in entries]
        self.assertEqual(identifiers, sorted(identifiers, reverse=True))
        many = next(entry.value[3].value for entry in entries if entry.value[3].value[0].value == b"MGET")
        self.assertEqual((len(many), many[-1].text), (32, "... (70 more arguments)"))
        long = next(entry.value[3].value for entry in entries if entry.value[3].value[0].value == b"SET")
        self.assertEqual(long[2].text, "x" * 128 + "... (372 more bytes)")
        self.assertEqual(len(self.c.command("SLOWLOG", "GET", "3").value), 3)
        self.assertEqual(len(self.c.command("SLOWLOG", "GET").value), 10)

    def test_shards_make_one_log(self) -> None:
        self.c.command("SLOWLOG", "RESET")
        self.c.command("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "5")
        self.addCleanup(
            lambda: self.connect().command("CONFIG", "SET", "slowlog-log-slower-than", SLOW_MICROSECONDS, "slowlog-max-len", "16")
        )
        for connection in [self.connect() for _ in range(6)]:
            connection.pipeline(["GET", index] for index in range(10))
        self.assertEqual(self.c.command("SLOWLOG", "LEN").value, 5)
        self.assertEqual(len(self.c.command("SLOWLOG", "GET", "-1").value), 5)
        self.assert_ok(self.c.command("CONFIG", "SET", "slowlog-max-len", "2"))
        self.assertEqual(self.c.command("SLOWLOG", "LEN").value, 2)
        for wrong in ("-2", "x"):
            self.assert_error(self.c.command("SLOWLOG", "GET", wrong), "ERR count should be greater than or equal to -1")

    def test_nothing_is_logged_when_off(self) -> None:
        self.c.command("CONFIG", "SET", "slowlog-log-slower-than", "-1")
        self.addCleanup(lambda: self.connect().command("CONFIG", "SET", "slowlog-log-slower-than", SLOW_MICROSECONDS))
        self.c.command("SLOWLOG", "RESET")
        self.c.command("DEBUG", "SLEEP", SLOW_SECONDS)
        self.assertEqual(self.c.command("SLOWLOG", "LEN").value, 0)


class Latency(ServerTestCase):
    OPTIONS = {"latency-monitor-threshold": SLOW_MICROSECONDS // 1_000, "enable-debug-command": "yes"}

    def test_events(self) -> None:
        self.c.command("LATENCY", "RESET")
        self.c.command("DEBUG", "SLEEP", SLOW_SECONDS)
        latest = {event.value[0].text: event.value for event in self.c.command("LATENCY", "LATEST").value}
        _, at, last, most = latest["command"]
        self.assertAlmostEqual(at.value, time.time(), delta=5)
        self.assertTrue(SLOW_SECONDS * 990 <= last.value <= most.value)
        (sample,) = self.c.command("LATENCY", "HISTORY", "command").value
        self.assertEqual([item.value for item in sample.value], [at.value, last.value])
        self.assertEqual(self.c.command("LATENCY", "HISTORY", "nothing"), Reply("array", ()))
        self.assertEqual(self.c.command("LATENCY", "DOCTOR").kind, "bulk")
        self.assertEqual(self.c.command("LATENCY", "RESET", "command", "nothing"), Reply("integer", 1))
        self.assertEqual(self.c.command("LATENCY", "LATEST"), Reply("array", ()))

    def test_histogram(self) -> None:
        c = self.connect(3)
        c.command("CONFIG", "RESETSTAT")
        c.pipeline([["SET", index, index] for index in range(500)] + [["GET", index] for index in range(300)])
        reply = c.command("LATENCY", "HISTOGRAM", "get", "set", "bogus").python()
        self.assertEqual(set(reply), {b"get", b"set"})
        for name, calls in ((b"get", 300), (b"set", 500)):
            self.assertEqual(set(reply[name]), {b"calls", b"histogram_usec"})
            self.assertEqual(reply[name][b"calls"], calls)
            histogram = list(reply[name][b"histogram_usec"].items())
            self.assertEqual(histogram, sorted(histogram), "cumulative, by rising power of two")
            self.assertEqual(histogram[-1][1], calls)
        self.assertIn(b"config|resetstat", c.command("LATENCY", "HISTOGRAM").python())
        flat = self.c.command("LATENCY", "HISTOGRAM", "get")
        self.assertEqual((flat.kind, flat.value[0].value, flat.value[1].kind), ("array", b"get", "array"))


class Debug(ServerTestCase):
    OPTIONS = {"enable-debug-command": "yes"}

    def test_sleep(self) -> None:
        started = time.monotonic()
        self.assert_ok(self.c.command("DEBUG", "SLEEP", SLEEP_SECONDS))
        self.assertGreaterEqual(time.monotonic() - started, SLEEP_SECONDS)

    def test_all_shards_sleep(self) -> None:
        others = [self.connect() for _ in range(4)]

        def answers_while_asleep() -> int:
            self.c.send(encode("DEBUG", "SLEEP", SLOW_SECONDS))
            time.sleep(SLEEP_SECONDS)
            for other in others:
                other.send(encode("PING"))
            time.sleep(SLOW_SECONDS / 2)
            count = sum(other.has_input(0) for other in others)
            self.assertEqual({other.read_reply().value for other in others}, {b"PONG"})
            self.assert_ok(self.c.read_reply())
            return count

        # The sleep may begin late, or this client look late.
        self.assertEqual(min(answers_while_asleep() for _ in range(TRIES)), 0)

    def test_populating_holds_nobody_up(self) -> None:
        other = self.connect()

        def answered_while_populating(count: int) -> int:
            self.c.send(encode("DEBUG", "POPULATE", count, "populated:%d" % count))
            answered = 0
            while not self.c.has_input(0):
                other.command("PING")
                answered += 1
            self.assert_ok(self.c.read_reply())
            return answered

        # On a busy machine a few keys may be there before this client gets a word in.
        counts = [20 * POPULATED_KEYS << turn for turn in range(TRIES)]
        for turn, count in enumerate(counts):
            if (answered := answered_while_populating(count)) > 10:
                break
        self.assertGreater(answered, 10)
        self.assertEqual(self.c.command("DBSIZE").value, sum(counts[: turn + 1]))

    def test_populate(self) -> None:
        self.assert_ok(self.c.command("DEBUG", "POPULATE", POPULATED_KEYS))
        self.assertEqual(self.c.command("DBSIZE").value, POPULATED_KEYS)
        self.assertEqual(self.c.command("GET", "key:0").value, b"value:0")
        self.assertEqual(self.c.command("GET", f"key:{POPULATED_KEYS - 1}").value, b"value:%d" % (POPULATED_KEYS - 1))
        self.assert_ok(self.c.command("DEBUG", "POPULATE", 10, "prefix", 100))
        self.assertEqual(self.c.command("STRLEN", "prefix:3").value, 100)
        self.assertTrue(self.c.command("GET", "prefix:3").value.startswith(b"value:3"))

    def test_object(self) -> None:
        self.c.command("SET", "a", "12345")
        text = self.c.command("DEBUG", "OBJECT", "a").text
        self.assertRegex(text, r"^Value at:0x[0-9a-f]+ refcount:\d+ encoding:int serializedlength:\d+ lru:\d+ lru_seconds_idle:\d+")
        self.assert_error(self.c.command("DEBUG", "OBJECT", "none"), "ERR no such key")

    def test_active_expiry_can_be_turned_off(self) -> None:
        self.assert_ok(self.c.command("DEBUG", "SET-ACTIVE-EXPIRE", "0"))
        self.c.pipeline(["SET", index, "x", "PX", "1"] for index in range(100))
        time.sleep(0.5)
        self.assertEqual(self.c.command("DBSIZE").value, 100)
        self.assertTrue(self.c.command("GET", "5").is_null)
        self.assertEqual(self.c.command("DBSIZE").value, 99, "looking at a key removes it")
        self.assert_ok(self.c.command("DEBUG", "SET-ACTIVE-EXPIRE", "1"))
        self.eventually(lambda: self.c.command("DBSIZE").value == 0)


class DebugOff(ServerTestCase):
    def test_debug_must_be_enabled(self) -> None:
        self.assertRegex(self.c.command("DEBUG", "SLEEP", "0").text, r"^ERR DEBUG command not allowed\. If the enable-debug-command")


class CommandTable(ServerTestCase):
    def test_count_and_list_agree(self) -> None:
        names = [name.text for name in self.c.command("COMMAND", "LIST").value]
        count = self.c.command("COMMAND", "COUNT").value
        self.assertEqual(len([name for name in names if "|" not in name]), count)
        self.assertEqual(len(self.c.command("COMMAND").value), count)
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual({"get", "mset", "memory", "config", "client", "expire", "scan"}, set(names))

    def test_list_filters(self) -> None:
        def listed(*options):
            return {name.text for name in self.c.command("COMMAND", "LIST", "FILTERBY", *options).value}

        self.assertEqual(listed("PATTERN", "pexpire*"), {"pexpire", "pexpireat", "pexpiretime"})
        self.assertLessEqual({"get", "set", "incr"}, listed("ACLCAT", "string"))
        self.assertNotIn("config", listed("ACLCAT", "string"))
        self.assertEqual(listed("MODULE", "none"), set())
        self.assertEqual(listed("ACLCAT", "bogus"), set())

    def test_info(self) -> None:
        get, unknown, sub = self.c.command("COMMAND", "INFO", "get", "bogus", "config|get").value
        self.assertTrue(unknown.is_null)
        name, arity, flags, first, last, step, categories, tips, keys, subcommands = get.value
        self.assertEqual([item.value for item in (name, arity, first, last, step)], [b"get", 2, 1, 1, 1])
        self.assertEqual({flag.text for flag in flags.value}, {"readonly", "fast"})
        self.assertEqual({flag.kind for flag in flags.value}, {"simple"})
        self.assertEqual({category.text for category in categories.value}, {"@read", "@string", "@fast"})
        self.assertEqual((tips.value, subcommands.value, len(keys.value)), ((), (), 1))
        key = keys.value[0].fields()
        self.assertEqual({flag.text for flag in key["flags"].value}, {"RO", "access"})
        begin = key["begin_search"].fields()
        self.assertEqual((begin["type"].text, begin["spec"].fields()["index"].value), ("index", 1))
        find = key["find_keys"].fields()
        self.assertEqual(find["type"].text, "range")
        self.assertEqual({name: item.value for name, item in find["spec"].fields().items()}, {"lastkey": 0, "keystep": 1, "limit": 0})
        self.assertEqual(sub.value[0].text, "config|get")

    def test_arity_and_keys_of_all_that_issue_2_names(self) -> None:
        """(arity, first key, last key, step) as clients read them."""
        for name, expected in {
            "set": (-3, 1, 1, 1), "mget": (-2, 1, -1, 1), "mset": (-3, 1, -1, 2), "rename": (3, 1, 2, 1), "del": (-2, 1, -1, 1),
            "ping": (-1, 0, 0, 0), "copy": (-3, 1, 2, 1), "lcs": (-3, 1, 2, 1), "object": (-2, 0, 0, 0), "scan": (-2, 0, 0, 0),
            "msetnx": (-3, 1, -1, 2), "expire": (-3, 1, 1, 1), "getex": (-2, 1, 1, 1), "swapdb": (3, 0, 0, 0),
        }.items():  # fmt: skip
            (entry,) = self.c.command("COMMAND", "INFO", name.upper()).value
            with self.subTest(name):
                self.assertEqual(tuple(entry.value[index].value for index in (1, 3, 4, 5)), expected)

    def test_tips(self) -> None:
        """The tips that a client of a cluster, and our own coordinator, read."""
        for name, expected in {
            "dbsize": {"request_policy:all_shards", "response_policy:agg_sum"},
            "mget": {"request_policy:multi_shard"},
            "mset": {"request_policy:multi_shard", "response_policy:all_succeeded"},
            "del": {"request_policy:multi_shard", "response_policy:agg_sum"},
            "flushall": {"request_policy:all_shards", "response_policy:all_succeeded"},
            "keys": {"request_policy:all_shards", "nondeterministic_output_order"},
            "memory|stats": {"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
            "memory|purge": {"request_policy:all_shards", "response_policy:all_succeeded"},
        }.items():  # fmt: skip
            (entry,) = self.c.command("COMMAND", "INFO", name).value
            with self.subTest(name):
                self.assertEqual({tip.text for tip in entry.value[7].value}, expected)

    def test_docs(self) -> None:
        docs = self.connect(3).command("COMMAND", "DOCS", "set", "bogus", "memory").python()
        self.assertEqual(set(docs), {b"set", b"memory"})
        self.assertLessEqual({b"summary", b"since", b"group", b"complexity", b"arguments"}, set(docs[b"set"]))
        self.assertEqual(docs[b"set"][b"group"], b"string")
        self.assertEqual({argument[b"name"] for argument in docs[b"set"][b"arguments"]} & {b"key", b"value"}, {b"key", b"value"})
        self.assertLessEqual({b"memory|stats", b"memory|usage"}, set(docs[b"memory"][b"subcommands"]))
        everything = self.connect(3).command("COMMAND", "DOCS").python()
        self.assertEqual(len(everything), self.c.command("COMMAND", "COUNT").value)
        for name, each in everything.items():
            self.assertTrue(each[b"summary"] and each[b"group"], name)

    def test_getkeys(self) -> None:
        def keys(*command):
            return [key.text for key in self.c.command("COMMAND", "GETKEYS", *command).value]

        self.assertEqual(keys("MSET", "a", "1", "b", "2"), ["a", "b"])
        self.assertEqual(keys("MEMORY", "USAGE", "a"), ["a"])
        reply = self.c.command("COMMAND", "GETKEYSANDFLAGS", "RENAME", "a", "b").value
        flags = [(key.value[0].text, {flag.text for flag in key.value[1].value}) for key in reply]
        self.assertEqual(flags, [("a", {"RW", "access", "delete"}), ("b", {"OW", "update"})])
        self.assert_error(self.c.command("COMMAND", "GETKEYS", "bogus", "x"), "ERR Invalid command specified")
        self.assert_error(self.c.command("COMMAND", "GETKEYS", "ECHO", "x"), "ERR The command has no key arguments")
        self.assert_error(self.c.command("COMMAND", "GETKEYS", "GET", "a", "b"), "ERR Invalid number of arguments specified for command")


class TimeAndChance(ServerTestCase):
    def test_time(self) -> None:
        seconds, microseconds = self.c.command("TIME").value
        self.assertEqual((seconds.kind, microseconds.kind), ("bulk", "bulk"))
        self.assertAlmostEqual(int(seconds.value) + int(microseconds.value) / 1e6, time.time(), delta=5)

    def test_lolwut(self) -> None:
        for options in ([], ["VERSION", "5"], ["VERSION", "6"], ["VERSION", "999"]):
            self.assertRegex(self.c.command("LOLWUT", *options).text, r"(?s).+\d+\.\d+\.\d+.*\n$")

    def test_idle_time(self) -> None:
        started = time.monotonic()
        self.c.command("SET", "a", "not a shared integer")
        time.sleep(1.1)
        idle = self.c.command("OBJECT", "IDLETIME", "a").value
        passed = time.monotonic() - started
        # Pantala keeps four bits of age, on a logarithmic scale: right to within a factor of about two.
        self.assertTrue(1 <= idle <= (2 * passed + 1 if self.server.is_pantala else passed + 1), (idle, passed))
        replies = self.c.pipeline([["GET", "a"], ["OBJECT", "IDLETIME", "a"]])
        self.assertEqual(replies[1].value, 0)

    def test_swapdb_is_seen_by_connected_clients(self) -> None:
        other = self.connect()
        other.command("SELECT", "1")
        self.c.command("SET", "a", "zero")
        other.pipeline(["SET", f"key:{index}", "one"] for index in range(100))
        self.assert_ok(self.c.command("SWAPDB", "0", "1"))
        self.assertEqual(other.command("GET", "a").value, b"zero")
        self.assertEqual((other.command("DBSIZE").value, self.c.command("DBSIZE").value), (1, 100))

    def test_scan_returns_every_key_that_stays(self) -> None:
        """While others come and go by the thousands, so that the tables grow and shrink."""
        lasting = {b"lasting:%d" % index for index in range(3_000)}
        self.c.pipeline(["SET", key, "x"] for key in lasting)
        other, seen, cursor, turn = self.connect(), set(), b"0", 0
        while True:
            reply = self.c.command("SCAN", cursor, "COUNT", "20")
            cursor = reply.value[0].value
            seen.update(key.value for key in reply.value[1].value)
            if cursor == b"0":
                break
            turn += 1
            names = [f"passing:{turn // 20}:{turn % 20}:{index}" for index in range(400)]
            if turn < 40:
                other.command("MSET", *[word for name in names for word in (name, "x")])
            elif turn < 80:
                turn_then = turn - 40
                other.command("UNLINK", *[f"passing:{turn_then // 20}:{turn_then % 20}:{index}" for index in range(400)])
        self.assertEqual(lasting - seen, set())


class Expiry(ServerTestCase):
    def test_keys_go_without_being_looked_at(self) -> None:
        before = int(self.server.info("stats")["expired_keys"])
        self.c.pipeline(["SET", f"short:{index}", "x", "PX", 50 + index % 100] for index in range(EXPIRING_KEYS))
        self.c.pipeline(["SET", f"long:{index}", "x", "EX", 1_000] for index in range(100))
        self.eventually(lambda: self.c.command("DBSIZE").value == 100, EXPIRY_SECONDS_MAX, "expired keys stay")
        self.assertEqual(int(self.server.info("stats")["expired_keys"]) - before, EXPIRING_KEYS)
        self.assertIn("keys=100,expires=100,", self.server.info("keyspace")["db0"])

    def test_an_expired_key_is_gone_for_every_command(self) -> None:
        for look, gone in (
            (["GET", "a"], None), (["EXISTS", "a"], 0), (["TTL", "a"], -2), (["STRLEN", "a"], 0), (["TYPE", "a"], b"none"),
            (["DEL", "a"], 0), (["PERSIST", "a"], 0), (["APPEND", "a", "x"], 1), (["INCR", "a"], 1), (["SETNX", "a", "1"], 1),
            (["RENAMENX", "b", "a"], 1), (["COPY", "b", "a"], 1), (["GETDEL", "a"], None), (["TOUCH", "a"], 0), (["KEYS", "a"], ()),
        ):  # fmt: skip
            self.c.command("FLUSHALL")
            self.c.pipeline([["SET", "b", "other"], ["SET", "a", "5", "PX", "1"]])
            time.sleep(0.005)
            with self.subTest(look):
                self.assertEqual(self.c.command(*look).value, gone)


class MaxMemory(ServerTestCase):
    OPTIONS = {"maxmemory": MAXMEMORY_BYTES, "maxmemory-policy": "noeviction"}

    def assert_full(self, reply: Reply) -> None:
        """Redis's words, which may be followed by what is full."""
        self.assertTrue(reply.is_error and reply.text.startswith(OOM), reply)

    def test_writes_are_refused_and_reads_go_on(self) -> None:
        written = 0
        while not (reply := self.c.command("SET", f"key:{written}", "x" * FILL_BYTES)).is_error:
            written += 1
            self.assertLess(written, 2 * MAXMEMORY_BYTES // FILL_BYTES, "never refused")
        self.assert_full(reply)
        self.assertGreater(written, MAXMEMORY_BYTES // FILL_BYTES // 2)
        # That value was refused because of its own size, too: now the limit lies below what is stored.
        self.assert_ok(self.c.command("CONFIG", "SET", "maxmemory", MAXMEMORY_BYTES // 2))
        for write in (["SET", "a", "1"], ["APPEND", "key:0", "x"], ["INCR", "n"], ["MSET", "a", "1", "b", "2"], ["GETSET", "a", "1"]):
            self.assert_full(self.c.command(*write))
        for free in (["GET", "key:0"], ["EXPIRE", "key:0", "1000"], ["DBSIZE"], ["DEL", "none"], ["GETEX", "key:0", "PERSIST"]):
            self.assertFalse(self.c.command(*free).is_error, free)
        self.assertEqual(self.c.command("DBSIZE").value, written, "nothing was evicted")
        self.assertEqual(int(self.server.info("stats")["evicted_keys"]), 0)
        self.assert_ok(self.c.command("CONFIG", "SET", "maxmemory", MAXMEMORY_BYTES))
        self.assertEqual(self.c.command("DEL", *[f"key:{index}" for index in range(written // 2)]).value, written // 2)
        self.assert_ok(self.c.command("SET", "a", "1"))


class Shutdown(ServerTestCase):
    def test_shutdown_ends_in_order(self) -> None:
        for options in ([], ["NOSAVE"], ["NOW", "FORCE"]):
            server = Server()
            self.addCleanup(server.discard)
            c = server.connect()
            c.command("SET", "a", "1")
            self.assert_error(c.command("SHUTDOWN", "BOGUS"), "ERR syntax error")
            self.assert_error(c.command("SHUTDOWN", "ABORT"), "ERR No shutdown in progress.")
            c.send(encode("SHUTDOWN", *options))
            self.assertEqual(c.read_until_closed(), [])
            server.wait_for_exit(code=0)
            self.assertEqual(server.log_errors(), [])
