"""The protocol: malformed input, every split of a message, deep pipelines, big arguments, HELLO, AUTH, REPLY.

What an error says and whether the connection is closed is not written down here where redis-server can be asked:
both get the same bytes, and must answer with the same bytes.
"""

from __future__ import annotations

import time

from raw import compare_raw
from resp import Connection, Reply, encode
from server import Server, ServerTestCase

DEEP_PIPELINE, DEEPEST_PIPELINE = 10_000, 100_000
MEGABYTE = 1 << 20
BIG_VALUE_BYTES = 64 * MEGABYTE
INLINE_BYTES_MAX = 64 * 1024
MANY_KEYS = 20_000
# Long enough for the first part of a split message to arrive and be looked at on its own.
PART_SECONDS = 0.005
PASSWORD = "correct horse"
UNAUTHENTICATED_ARGUMENTS_MAX, UNAUTHENTICATED_BULK_BYTES_MAX = 10, 16_384

PONG = Reply("simple", b"PONG")
OK = Reply("simple", b"OK")

MALFORMED = {
    "empty multibulk": b"*0\r\n*1\r\n$4\r\nPING\r\n",
    "multibulk -1": b"*-1\r\n*1\r\n$4\r\nPING\r\n",
    "multibulk -10": b"*-10\r\nPING\r\n",
    "multibulk is no number": b"*abc\r\n",
    "multibulk is empty": b"*\r\n",
    "multibulk has a sign": b"*+1\r\n$4\r\nPING\r\n",
    "multibulk has a space": b"* 1\r\n$4\r\nPING\r\n",
    "multibulk has leading zeros": b"*01\r\n$4\r\nPING\r\n",
    "multibulk is huge": b"*2147483648\r\n",
    "multibulk is above its limit": b"*1048577\r\n$4\r\nPING\r\n",
    "multibulk overflows 64 bits": b"*99999999999999999999999\r\n",
    "multibulk without line end": b"*" + b"1" * 70_000,
    "bulk -1": b"*1\r\n$-1\r\n",
    "bulk -10": b"*2\r\n$3\r\nGET\r\n$-10\r\nx\r\n",
    "bulk is no number": b"*1\r\n$abc\r\nPING\r\n",
    "bulk is empty": b"*1\r\n$\r\nPING\r\n",
    "bulk has leading zeros": b"*1\r\n$04\r\nPING\r\n",
    "bulk is huge": b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$2000000000\r\n",
    "bulk overflows 64 bits": b"*1\r\n$99999999999999999999\r\n",
    "bulk above proto-max-bulk-len": b"*1\r\n$536870913\r\n",
    "bulk length without line end": b"*1\r\n$" + b"1" * 70_000,
    "no dollar": b"*1\r\n:4\r\nPING\r\n",
    "no dollar but a letter": b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n",
    "no dollar but NUL": b"*1\r\n\x00\r\n",
    "no dollar but a quote": b"*1\r\n\"4\r\n",
    "no dollar but a newline": b"*1\r\n\r\nPING\r\n",
    "no dollar but 8 bit": b"*1\r\n\xff4\r\n",
    "bulk not followed by CRLF": b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
    "LF alone after a count": b"*1\n$4\nPING\n\r\n",
    "good, then bad": b"*1\r\n$4\r\nPING\r\n*1\r\n$-5\r\n*1\r\n$4\r\nPING\r\n",
    "good, bad, good": b"PING\r\n*1\r\nPING\r\nPING\r\n",
    "inline": b"PING\r\n",
    "inline with LF alone": b"PING\nPING\n",
    "inline with arguments": b"ECHO hello\r\n",
    "inline with spaces around": b"   PING   \r\n",
    "inline with tabs": b"ECHO\thello\r\n",
    "inline quotes": b"ECHO \"hello world\"\r\n",
    "inline escapes": b"ECHO \"a\\x00\\xff\\n\\r\\t\\b\\a\\\\\\\"\\q\"\r\n",
    "inline single quotes": b"ECHO 'it\\'s \\x41'\r\n",
    "inline empty quotes": b"ECHO \"\"\r\n",
    "inline unbalanced double quote": b"ECHO \"hello\r\nPING\r\n",
    "inline unbalanced single quote": b"ECHO 'hello\r\nPING\r\n",
    "inline text after a closing quote": b"ECHO \"a\"b\r\nPING\r\n",
    "inline quote in the middle": b"ECHO a\"b c\"\r\n",
    "inline empty lines": b"\r\n\r\n\n\r\nPING\r\n",
    "inline of spaces": b"    \r\nPING\r\n",
    "inline with NUL": b"EC\x00HO hello\r\nPING\r\n",
    "inline unknown command": b"nosuch a b\r\nPING\r\n",
    "inline at its limit": b"ECHO " + b"x" * (INLINE_BYTES_MAX - 20) + b"\r\n",
    "inline above its limit": b"x" * (INLINE_BYTES_MAX + 4_000),
    "inline then multibulk": b"PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n",
    "HTTP GET": b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "HTTP POST": b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP Host header": b"Host: localhost\r\nPING\r\n",
    "a reply instead of a request": b"+PONG\r\nPING\r\n",
    "RESP3 map as a request": b"%1\r\n$4\r\nPING\r\n",
    "empty command name": b"*1\r\n$0\r\n\r\nPING\r\n",
    "binary command name": b"*1\r\n$4\r\n\x00\xff\r\n\r\nPING\r\n",
    "binary key": b"*2\r\n$3\r\nGET\r\n$5\r\n\x00\r\n\xff\x00\r\n",
    "nothing but NUL": b"\x00" * 100 + b"\r\nPING\r\n",
    "only CR": b"\r\r\r\r\n",
}

HELLO_FORMS = {
    "HELLO abc": [["HELLO", "abc"]],
    "HELLO 1": [["HELLO", "1"]],
    "HELLO 4": [["HELLO", "4"]],
    "HELLO -3": [["HELLO", "-3"]],
    "HELLO with a stray word": [["HELLO", "3", "BOGUS"]],
    "HELLO AUTH without a password": [["HELLO", "3", "AUTH", "default"]],
    "HELLO with a bad user": [["HELLO", "3", "AUTH", "nobody", "x"]],
    "HELLO with a bad name": [["HELLO", "3", "SETNAME", "two words"], ["CLIENT", "GETNAME"]],
    "HELLO SETNAME without a name": [["HELLO", "2", "SETNAME"]],
    "AUTH without requirepass": [["AUTH", "x"]],
    "AUTH with a user": [["AUTH", "default", "x"]],
    "AUTH with a bad user": [["AUTH", "nobody", "x"]],
    "AUTH with too much": [["AUTH", "a", "b", "c"]],
    "QUIT": [["PING"], ["QUIT"], ["PING"]],
    "QUIT in lower case": [["quit", "now"], ["PING"]],
    "RESET": [["RESET"], ["PING"]],
    "RESET leaves RESP3": [["CLIENT", "SETNAME", "x"], ["SELECT", "3"], ["RESET"], ["CLIENT", "GETNAME"], ["GET", "none"]],
    "REPLY OFF": [["PING"], ["CLIENT", "REPLY", "OFF"], ["PING"], ["CLIENT", "REPLY", "ON"], ["ECHO", "a"]],
    "REPLY SKIP": [["CLIENT", "REPLY", "SKIP"], ["ECHO", "a"], ["ECHO", "b"]],
    "REPLY SKIP twice": [["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "SKIP"], ["ECHO", "a"], ["ECHO", "b"]],
    "REPLY OFF hides errors": [["CLIENT", "REPLY", "OFF"], ["nosuch"], ["GET"], ["CLIENT", "REPLY", "MAYBE"], ["CLIENT", "REPLY", "ON"]],
    "REPLY SKIP before an error": [["CLIENT", "REPLY", "SKIP"], ["GET"], ["ECHO", "b"]],
    "unknown with many arguments": [["nosuch", *["argument"] * 50]],
    "unknown with a long argument": [["nosuch", "x" * 1_000, "y"]],
    "unknown and long": [["x" * 1_000, "y"]],
}  # fmt: skip

# Redis looks for the end of a line as C looks for the end of a string, and waits for ever when a NUL comes before it.
# Pantala reads on and answers.
NUL_MAKES_REDIS_WAIT = ("no dollar but NUL", "inline with NUL", "nothing but NUL")


def requests(*commands: list) -> bytes:
    return b"".join(encode(*command) for command in commands)


class AgainstReference(ServerTestCase):
    """The same bytes to redis-server and to the server under test."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.reference = Server.reference(**cls.OPTIONS)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.reference.stop()
        super().tearDownClass()

    def assert_same(self, inputs: dict[str, bytes]) -> None:
        differences = compare_raw(self.reference, self.server, inputs)
        if differences:
            self.fail(f"{len(differences)} of {len(inputs)} differ:\n" + "\n".join(differences))

    def test_malformed_input(self) -> None:
        skipped = NUL_MAKES_REDIS_WAIT if self.server.is_pantala else ()
        self.assert_same({name: data for name, data in MALFORMED.items() if name not in skipped})

    def test_hello_auth_quit_reset_and_reply(self) -> None:
        self.assert_same({name: requests(*commands) for name, commands in HELLO_FORMS.items()})

    def test_the_same_forms_in_resp3(self) -> None:
        """REPLY SKIP hides HELLO's own answer, which names version and id."""
        to_resp3 = requests(["CLIENT", "REPLY", "SKIP"], ["HELLO", "3"])
        self.assert_same({name: to_resp3 + requests(*commands) for name, commands in HELLO_FORMS.items()})


class WithPassword(AgainstReference):
    """What AgainstReference tests, and what only a server with a password does."""

    OPTIONS = {"requirepass": PASSWORD}

    def connect_unauthenticated(self) -> Connection:
        connection = Connection.tcp(self.server.port)
        self.addCleanup(connection.close)
        return connection

    def test_commands_need_authentication(self) -> None:
        c = self.connect_unauthenticated()
        for command in (["PING"], ["GET", "a"], ["CLIENT", "ID"], ["INFO"], ["SELECT", "1"], ["COMMAND"], ["MEMORY", "STATS"]):
            self.assert_error(c.command(*command), "NOAUTH Authentication required.")
        hello = c.command("HELLO", "3")
        self.assertRegex(hello.text, "^NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO")
        self.assert_error(c.command("nosuch"), "ERR unknown command 'nosuch', with args beginning with: ")
        self.assert_error(c.command(b"get\0", "a"), "ERR unknown command 'get', with args beginning with: 'a' ")
        self.assert_error(c.command("GET"), "ERR wrong number of arguments for 'get' command")

    def test_wrong_password(self) -> None:
        c = self.connect_unauthenticated()
        wrong = "WRONGPASS invalid username-password pair or user is disabled."
        for command in (["AUTH", "wrong"], ["AUTH", ""], ["AUTH", "default", "wrong"], ["AUTH", "nobody", PASSWORD],
                        ["AUTH", PASSWORD + "x"], ["HELLO", "3", "AUTH", "default", "wrong"]):  # fmt: skip
            self.assert_error(c.command(*command), wrong)
        self.assert_error(c.command("PING"), "NOAUTH Authentication required.")

    def test_right_password(self) -> None:
        c = self.connect_unauthenticated()
        self.assert_ok(c.command("AUTH", PASSWORD))
        self.assertEqual(c.command("PING"), PONG)
        c = self.connect_unauthenticated()
        self.assert_ok(c.command("AUTH", "default", PASSWORD))
        c = self.connect_unauthenticated()
        self.assertEqual(c.command("HELLO", "3", "AUTH", "default", PASSWORD, "SETNAME", "me").kind, "map")
        self.assertEqual(c.command("CLIENT", "GETNAME"), Reply("bulk", b"me"))

    def test_reset_forgets_the_authentication(self) -> None:
        c = self.connect()
        self.assertEqual(c.command("RESET"), Reply("simple", b"RESET"))
        self.assert_error(c.command("PING"), "NOAUTH Authentication required.")

    def test_quit_needs_no_authentication(self) -> None:
        c = self.connect_unauthenticated()
        c.send(encode("QUIT"))
        self.assertEqual(c.read_until_closed(), [OK])

    def test_unauthenticated_clients_are_kept_small(self) -> None:
        for data, error in (
            (b"*%d\r\n" % (UNAUTHENTICATED_ARGUMENTS_MAX + 1), "ERR Protocol error: unauthenticated multibulk length"),
            (b"*2\r\n$4\r\nAUTH\r\n$%d\r\n" % (UNAUTHENTICATED_BULK_BYTES_MAX + 1),
             "ERR Protocol error: unauthenticated bulk length"),
        ):  # fmt: skip
            c = self.connect_unauthenticated()
            c.send(data)
            replies = c.read_until_closed()
            self.assertEqual([reply.text for reply in replies], [error])

    def test_password_can_be_changed_and_taken_away(self) -> None:
        try:
            self.assert_ok(self.c.command("CONFIG", "SET", "requirepass", "other"))
            self.assert_error(self.connect_unauthenticated().command("AUTH", PASSWORD),
                              "WRONGPASS invalid username-password pair or user is disabled.")  # fmt: skip
            self.assertEqual(self.c.command("PING"), PONG)
            self.assert_ok(self.c.command("CONFIG", "SET", "requirepass", ""))
            self.assertEqual(self.connect_unauthenticated().command("PING"), PONG)
        finally:
            self.assert_ok(self.c.command("CONFIG", "SET", "requirepass", PASSWORD))


class Splits(ServerTestCase):
    """A message may arrive in any pieces."""

    MESSAGES = [
        (encode("SET", "key", b"a\r\nb\x00"), [OK]),
        (encode("GET", "nothing-here"), [Reply("null-bulk", None)]),
        (encode("PING") + encode("ECHO", "x" * 11), [PONG, Reply("bulk", b"x" * 11)]),
        (b"PING\r\nECHO \"a b\"\r\n", [PONG, Reply("bulk", b"a b")]),
        (encode("MSET", "one", "1", "two", "22") + encode("MGET", "one", "two"),
         [OK, Reply("array", (Reply("bulk", b"1"), Reply("bulk", b"22")))]),
        (b"*0\r\n\r\n" + encode("ECHO", ""), [Reply("bulk", b"")]),
        (encode("GET") + encode("nosuch"), [Reply("error", b"ERR wrong number of arguments for 'get' command"),
                                            Reply("error", b"ERR unknown command 'nosuch', with args beginning with: ")]),
    ]  # fmt: skip

    def test_every_message_split_at_every_byte(self) -> None:
        for data, expected in self.MESSAGES:
            connections = [self.server.connect() for _ in range(1, len(data))]
            for split, c in enumerate(connections, 1):
                c.send(data[:split])
            time.sleep(PART_SECONDS)
            for split, c in enumerate(connections, 1):
                c.send(data[split:])
            for split, c in enumerate(connections, 1):
                with self.subTest(data=data, split=split):
                    self.assertEqual(c.read_replies(len(expected)), expected)
                c.close()

    def test_every_split_in_three(self) -> None:
        """One connection, thousands of messages, two cuts each."""
        data, expected = encode("SET", "key", "value"), [OK]
        for first in range(1, len(data) - 1, 3):
            for second in range(first + 1, len(data), 3):
                for part in (data[:first], data[first:second], data[second:]):
                    self.c.send(part)
                self.assertEqual(self.c.read_replies(1), expected, (first, second))

    def test_one_byte_per_write(self) -> None:
        for data, expected in self.MESSAGES:
            for byte in data:
                self.c.send(bytes([byte]))
            self.assertEqual(self.c.read_replies(len(expected)), expected)

    def test_errors_do_not_depend_on_the_split(self) -> None:
        for name in ("bulk -10", "multibulk is no number", "no dollar", "inline unbalanced double quote"):
            data = MALFORMED[name]
            whole = self.connect()
            whole.send(data)
            expected = whole.read_until_closed()
            c = self.connect()
            for byte in data:
                try:
                    c.send(bytes([byte]))
                except (ConnectionResetError, BrokenPipeError):
                    break
            with self.subTest(name):
                self.assertEqual(c.read_until_closed(), expected)
                self.assertTrue(expected[-1].is_error)


class Pipelines(ServerTestCase):
    def test_deep_pipelines_keep_their_order(self) -> None:
        for depth in (DEEP_PIPELINE, DEEPEST_PIPELINE):
            for protocol in (2, 3):
                c = self.connect(protocol, timeout=60)
                replies = c.pipeline(["ECHO", index] for index in range(depth))
                self.assertEqual([int(reply.value) for reply in replies], list(range(depth)))

    def test_deep_pipeline_over_all_shards(self) -> None:
        """Local and remote keys, one and several keys, errors: answered in the order they were asked."""
        commands, expected = [], []
        for index in range(DEEP_PIPELINE):
            key = f"key:{index % 1_000}"
            commands += [["SET", key, index], ["GET", key], ["MGET", key, f"missing:{index}"], ["GET"], ["EXISTS", key, key]]
            value = Reply("bulk", b"%d" % index)
            expected += [OK, value, Reply("array", (value, Reply("null-bulk", None))),
                         Reply("error", b"ERR wrong number of arguments for 'get' command"), Reply("integer", 2)]  # fmt: skip
        self.assertEqual(self.connect(timeout=60).pipeline(commands), expected)

    def test_all_is_written_before_anything_is_read(self) -> None:
        """The client does not read until it has sent everything: the server must not wait for it."""
        c = self.connect(timeout=60)
        data = encode("INCR", "counter") * DEEPEST_PIPELINE
        c.send(data)
        self.assertEqual([reply.value for reply in c.read_replies(DEEPEST_PIPELINE)], list(range(1, DEEPEST_PIPELINE + 1)))

    def test_replies_larger_than_requests(self) -> None:
        """Replies pile up while the client still sends."""
        self.c.command("SET", "big", "x" * 10_000)
        c = self.connect(timeout=60)
        replies = c.pipeline([["GET", "big"]] * 5_000)
        self.assertEqual({len(reply.value) for reply in replies}, {10_000})

    def test_quit_in_a_pipeline_answers_what_came_before(self) -> None:
        self.c.send(encode("SET", "a", "1") + encode("GET", "a") + encode("QUIT") + encode("SET", "a", "2"))
        self.assertEqual(self.c.read_until_closed(), [OK, Reply("bulk", b"1"), OK])
        self.assertEqual(self.connect().command("GET", "a"), Reply("bulk", b"1"))

    def test_pipeline_with_hello_in_it(self) -> None:
        """From HELLO 3 on, and not before, replies are RESP3."""
        replies = self.c.pipeline([["GET", "none"], ["HELLO", "3"], ["GET", "none"], ["HELLO", "2"], ["GET", "none"]])
        self.assertEqual([reply.kind for reply in replies], ["null-bulk", "map", "null", "array", "null-bulk"])


class BigArguments(ServerTestCase):
    def test_values_of_many_sizes(self) -> None:
        """Sizes around those at which buffers usually end."""
        sizes = [0, 1, *(size + delta for size in (64, 4_096, 16_384, 32_768, 65_536, MEGABYTE) for delta in (-1, 0, 1))]
        for size in sizes:
            value = ((b"%d:" % size) * (size // 2 + 1))[:size]
            self.assertEqual(self.c.command("SET", "key", value), OK)
            self.assertEqual(self.c.command("GET", "key").value, value)
            self.assertEqual(self.c.command("STRLEN", "key").value, size)

    def test_64_megabytes(self) -> None:
        value = b"\x00\r\n$12345" * (BIG_VALUE_BYTES // 9)
        c = self.connect(timeout=60)
        self.assertEqual(c.command("SET", "big", value), OK)
        self.assertTrue(c.command("GET", "big").value == value)
        self.assertEqual(c.command("STRLEN", "big").value, len(value))
        self.assertEqual(c.command("DEL", "big").value, 1)

    def test_big_keys(self) -> None:
        key = b"\x00\r\n" * (MEGABYTE // 3)
        self.assertEqual(self.c.command("SET", key, "v"), OK)
        self.assertEqual(self.c.command("GET", key).value, b"v")
        self.assertEqual(self.c.command("KEYS", "*").value, (Reply("bulk", key),))

    def test_many_arguments(self) -> None:
        pairs = [argument for index in range(MANY_KEYS) for argument in (f"key:{index}", f"value:{index}")]
        self.assertEqual(self.c.command("MSET", *pairs), OK)
        self.assertEqual(self.c.command("DBSIZE").value, MANY_KEYS)
        reply = self.c.command("MGET", *pairs[::2])
        self.assertEqual([item.text for item in reply.value], pairs[1::2])
        self.assertEqual(self.c.command("DEL", *pairs[::2]).value, MANY_KEYS)

    def test_limit_of_a_bulk_is_configured(self) -> None:
        """proto-max-bulk-len refuses before the bytes come, and ends the connection."""
        self.assert_ok(self.c.command("CONFIG", "SET", "proto-max-bulk-len", "1mb"))
        try:
            c = self.connect()
            c.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (MEGABYTE + 1))
            self.assertEqual(c.read_until_closed(), [Reply("error", b"ERR Protocol error: invalid bulk length")])
            self.assertEqual(len(self.connect().command("ECHO", "x" * MEGABYTE).value), MEGABYTE)
        finally:
            self.assert_ok(self.c.command("CONFIG", "SET", "proto-max-bulk-len", "512mb"))


class HelloAndKinds(ServerTestCase):
    """HELLO, and the types of replies in RESP2 and RESP3."""

    def test_any_password_will_do_where_none_is_required(self) -> None:
        """HELLO AUTH as the user `default`, who has no password (AUTH with one argument is refused: see the forms)."""
        for password in ("x", ""):
            self.assert_ok(self.c.command("AUTH", "default", password))
            self.assertEqual(self.c.command("HELLO", "3", "AUTH", "default", password).kind, "map")

    def test_hello_reply(self) -> None:
        for version, kind in ((2, "array"), (3, "map")):
            reply = self.c.command("HELLO", version)
            self.assertEqual(reply.kind, kind)
            fields = reply.fields()
            self.assertEqual(list(fields), ["server", "version", "proto", "id", "mode", "role", "modules"])
            self.assertEqual(fields["proto"], Reply("integer", version))
            self.assertEqual(fields["id"], self.c.command("CLIENT", "ID"))
            self.assertEqual((fields["mode"].text, fields["role"].text), ("standalone", "master"))
            self.assertEqual(fields["modules"], Reply("array", ()))
        self.assertEqual(self.c.command("HELLO").fields()["proto"].value, 3, "HELLO alone changes nothing")

    def test_kinds(self) -> None:
        for command, resp2, resp3 in (
            (["GET", "none"], "null-bulk", "null"),
            (["MGET", "none"], "array", "array"),
            (["SET", "a", "1", "XX"], "null-bulk", "null"),
            (["RANDOMKEY"], "null-bulk", "null"),
            (["OBJECT", "ENCODING", "none"], "null-bulk", "null"),
            (["MEMORY", "USAGE", "none"], "null-bulk", "null"),
            (["CLIENT", "GETNAME"], "null-bulk", "null"),
            (["CONFIG", "GET", "port"], "array", "map"),
            (["INFO"], "bulk", "verbatim"),
            (["CLIENT", "LIST"], "bulk", "verbatim"),
            (["CLIENT", "INFO"], "bulk", "verbatim"),
            (["LOLWUT"], "bulk", "verbatim"),
            (["LATENCY", "DOCTOR"], "bulk", "verbatim"),
            (["LCS", "none", "none", "IDX"], "array", "map"),
            (["COMMAND", "DOCS", "get"], "array", "map"),
            (["LATENCY", "HISTOGRAM"], "array", "map"),
            (["INCRBYFLOAT", "f", "1.5"], "bulk", "bulk"),
            (["KEYS", "none*"], "array", "array"),
        ):
            with self.subTest(command):
                self.assertEqual(self.connect(2).command(*command).kind, resp2)
                self.assertEqual(self.connect(3).command(*command).kind, resp3)

    def test_unix_socket_speaks_the_same(self) -> None:
        for protocol, kind in ((2, "null-bulk"), (3, "null")):
            with self.server.connect_unix(protocol) as c:
                self.assertEqual(c.command("PING"), PONG)
                self.assertEqual(c.command("GET", "none").kind, kind)
                replies = c.pipeline(["INCR", f"unix:{protocol}"] for _ in range(DEEP_PIPELINE))
                self.assertEqual(replies[-1].value, DEEP_PIPELINE)
