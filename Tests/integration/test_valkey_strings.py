"""What Valkey added to the strings: `SET IFEQ` and DELIFEQ. The reference server does not know them."""

from __future__ import annotations

from server import ServerTestCase

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


class SetIfEqual(ServerTestCase):
    def value(self, key: str) -> bytes | None:
        return self.c.command("GET", key).value

    def test_sets_only_what_is_equal(self) -> None:
        for old, new in ((b"text", b"1"), (b"1", b"2"), (b"2", b""), (b"", b"text")):
            self.c.command("SET", "k", old)
            self.assertTrue(self.c.command("SET", "k", b"other", "IFEQ", b"not it").is_null)
            self.assertEqual(self.value("k"), old)
            self.assertEqual(self.c.command("SET", "k", new, "ifeq", old).text, "OK")
            self.assertEqual(self.value("k"), new)

    def test_a_missing_key_equals_nothing(self) -> None:
        self.assertTrue(self.c.command("SET", "missing", "v", "IFEQ", "").is_null)
        self.assertTrue(self.c.command("SET", "missing", "v", "IFEQ", "x", "GET").is_null)
        self.assertIsNone(self.value("missing"))

    def test_get_answers_with_the_old_value_either_way(self) -> None:
        self.c.command("SET", "k", "old")
        self.assertEqual(self.c.command("SET", "k", "new", "IFEQ", "other", "GET").text, "old")
        self.assertEqual(self.value("k"), b"old")
        self.assertEqual(self.c.command("SET", "k", "new", "GET", "IFEQ", "old", "EX", 100).text, "old")
        self.assertEqual(self.value("k"), b"new")
        self.assertEqual(self.c.command("TTL", "k").value, 100)

    def test_another_type_is_an_error(self) -> None:
        self.c.command("DEL", "s")
        self.c.command("SADD", "s", "a")
        self.assert_error(self.c.command("SET", "s", "v", "IFEQ", "a"), WRONG_TYPE)
        self.assert_error(self.c.command("SET", "s", "v", "IFEQ", "a", "GET"), WRONG_TYPE)
        self.assertEqual(self.c.command("TYPE", "s").text, "set")

    def test_excludes_the_other_conditions(self) -> None:
        for options in (["IFEQ"], ["IFEQ", "a", "NX"], ["NX", "IFEQ", "a"], ["XX", "IFEQ", "a"], ["IFEQ", "a", "IFEQ", "a"]):
            self.assert_error(self.c.command("SET", "k", "v", *options), "ERR syntax error")


class DeleteIfEqual(ServerTestCase):
    def test_removes_only_what_is_equal(self) -> None:
        for value in (b"token", b"17", b""):
            self.c.command("SET", "lock", value)
            self.assertEqual(self.c.command("DELIFEQ", "lock", b"another").value, 0)
            self.assertEqual(self.c.command("DELIFEQ", "lock", value).value, 1)
            self.assertEqual(self.c.command("DELIFEQ", "lock", value).value, 0)
            self.assertEqual(self.c.command("EXISTS", "lock").value, 0)

    def test_another_type_is_an_error(self) -> None:
        self.c.command("DEL", "s")
        self.c.command("SADD", "s", "a")
        self.assert_error(self.c.command("DELIFEQ", "s", "a"), WRONG_TYPE)
