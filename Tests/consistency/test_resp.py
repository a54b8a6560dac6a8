"""The reader of replies, however they are cut, and the tally that refuses a run without substance."""

from __future__ import annotations

import unittest

from history import OK, Verdict
from resp import ErrorReply, ReplyReader, encode
from tally import OPERATIONS_MIN, Tally, overlapping

STREAM = (
    b"+OK\r\n:42\r\n$3\r\nabc\r\n$-1\r\n*-1\r\n*0\r\n-WRONGTYPE not a list\r\n"
    b"*2\r\n$1\r\na\r\n$1\r\nb\r\n*3\r\n$1\r\na\r\n$-1\r\n$1\r\nc\r\n*3\r\n*1\r\n$1\r\nx\r\n:1\r\n*0\r\n"
)
REPLIES = [b"OK", 42, b"abc", None, None, (), b"WRONGTYPE not a list", (b"a", b"b"), (b"a", None, b"c"), ((b"x",), 1, ())]


class Replies(unittest.TestCase):
    def test_at_once(self) -> None:
        self.assertEqual(ReplyReader().feed(STREAM), REPLIES)

    def test_cut_everywhere(self) -> None:
        for size in range(1, 20):
            reader, replies = ReplyReader(), []
            for start in range(0, len(STREAM), size):
                replies += reader.feed(STREAM[start : start + size])
            self.assertEqual(replies, REPLIES, size)

    def test_errors_have_codes(self) -> None:
        (error,) = ReplyReader().feed(b"-WRONGTYPE not a list\r\n")
        self.assertIsInstance(error, ErrorReply)
        self.assertEqual(error.code, b"WRONGTYPE")

    def test_commands(self) -> None:
        self.assertEqual(encode((b"GET", b"key")), b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n")


class Tallies(unittest.TestCase):
    @staticmethod
    def records(count: int, length: int) -> list[tuple]:
        return [(1, 10 * index, 10 * index + length, OK, "", (), 0) for index in range(count)]

    def test_overlapping(self) -> None:
        self.assertEqual(overlapping(self.records(10, 5)), 0)
        self.assertEqual(overlapping(self.records(10, 15)), 9)

    def test_weak_runs(self) -> None:
        for count, length, is_weak in ((OPERATIONS_MIN, 15, False), (OPERATIONS_MIN - 1, 15, True), (OPERATIONS_MIN, 5, True)):
            tally = Tally()
            tally.add("append", self.records(count, length), Verdict([], count, {}))
            self.assertEqual(tally.weakness() is not None, is_weak)


if __name__ == "__main__":
    unittest.main()
