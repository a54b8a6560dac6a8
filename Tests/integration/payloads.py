"""DUMP payloads made by hand: a value in Redis's RDB form, the form's version, a CRC-64 over both."""

from __future__ import annotations

import struct

VERSION = 10
FOOTER_BYTES = 10

STRING, LIST, SET, ZSET, HASH, ZSET_BINARY = 0, 1, 2, 3, 4, 5
HASH_ZIPMAP, LIST_ZIPLIST, SET_INTSET, ZSET_ZIPLIST, HASH_ZIPLIST, QUICKLIST = 9, 10, 11, 12, 13, 14
STREAM, HASH_LISTPACK, ZSET_LISTPACK, QUICKLIST_2, STREAM_2 = 15, 16, 17, 18, 19
TYPES = (*range(0, 6), *range(9, 20))


def _crc64_table() -> list[int]:
    """The Jones polynomial, reflected."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
        table.append(crc)
    return table


_TABLE = _crc64_table()


def crc64(data: bytes) -> int:
    crc, table = 0, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def sealed(body: bytes, version: int = VERSION) -> bytes:
    """A body (the type's byte and the value) with version and checksum."""
    data = body + struct.pack("<H", version)
    return data + struct.pack("<Q", crc64(data))


def body_of(payload: bytes) -> bytes:
    return payload[:-FOOTER_BYTES]


def length(number: int) -> bytes:
    if number < 1 << 6:
        return bytes([number])
    if number < 1 << 14:
        return struct.pack(">H", number | 0x4000)
    if number < 1 << 32:
        return b"\x80" + struct.pack(">I", number)
    return b"\x81" + struct.pack(">Q", number)


def string(data: bytes) -> bytes:
    return length(len(data)) + data


def integer(number: int) -> bytes:
    """A string that is kept as an integer."""
    for mark, form, limit in ((b"\xc0", "<b", 1 << 7), (b"\xc1", "<h", 1 << 15), (b"\xc2", "<i", 1 << 31)):
        if -limit <= number < limit:
            return mark + struct.pack(form, number)
    raise ValueError(number)


def plain(kind: int, *strings: bytes) -> bytes:
    """A type that is a count and its strings: lists, sets; hashes and sorted sets count pairs."""
    count = len(strings) // 2 if kind in (HASH, ZSET) else len(strings)
    return bytes([kind]) + length(count) + b"".join(map(string, strings))


def sorted_set(*pairs: tuple[bytes, float]) -> bytes:
    """A sorted set whose scores are binary."""
    return bytes([ZSET_BINARY]) + length(len(pairs)) + b"".join(string(member) + struct.pack("<d", score) for member, score in pairs)


def textual_sorted_set(*pairs: tuple[bytes, bytes]) -> bytes:
    """The older form: each score as text, after one byte that is its length (253 nan, 254 inf, 255 -inf)."""
    special = {b"nan": b"\xfd", b"inf": b"\xfe", b"-inf": b"\xff"}
    scores = [special.get(score, bytes([len(score)]) + score) for _, score in pairs]
    return bytes([ZSET]) + length(len(pairs)) + b"".join(string(member) + score for (member, _), score in zip(pairs, scores))


def integer_set(*numbers: int, width: int = 8) -> bytes:
    form = {2: "<h", 4: "<i", 8: "<q"}[width]
    data = struct.pack("<II", width, len(numbers)) + b"".join(struct.pack(form, number) for number in numbers)
    return bytes([SET_INTSET]) + string(data)
