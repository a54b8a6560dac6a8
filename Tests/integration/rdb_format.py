"""Redis's file format in Python, written from its description: payloads for RESTORE in every form that some version of Redis has
written, also those that no server at hand writes any more, or yet."""

from __future__ import annotations

import struct
from typing import Iterable, Union

Element = Union[bytes, int]

VERSION_7_0 = 10
VERSION_7_4 = 12

# Types of values.
STRING, LIST, SET, ZSET, HASH, ZSET_2 = 0, 1, 2, 3, 4, 5
HASH_ZIPMAP, LIST_ZIPLIST, SET_INTSET, ZSET_ZIPLIST, HASH_ZIPLIST, LIST_QUICKLIST = 9, 10, 11, 12, 13, 14
STREAM_LISTPACKS, HASH_LISTPACK, ZSET_LISTPACK, LIST_QUICKLIST_2, STREAM_LISTPACKS_2 = 15, 16, 17, 18, 19
SET_LISTPACK, STREAM_LISTPACKS_3 = 20, 21
HASH_METADATA_PRE_GA, HASH_LISTPACK_EX_PRE_GA, HASH_METADATA, HASH_LISTPACK_EX = 22, 23, 24, 25

PLAIN_NODE, PACKED_NODE = 1, 2

_POLYNOMIAL = 0x95AC9329AC4BC9B5
_CRC_TABLE = []
for _byte in range(256):
    _crc = _byte
    for _ in range(8):
        _crc = _crc >> 1 ^ (_POLYNOMIAL if _crc & 1 else 0)
    _CRC_TABLE.append(_crc)


def crc64(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def payload(kind: int, body: bytes, version: int = VERSION_7_0) -> bytes:
    """What RESTORE takes."""
    content = bytes([kind]) + body + struct.pack("<H", version)
    return content + struct.pack("<Q", crc64(content))


def length(count: int) -> bytes:
    if count < 1 << 6:
        return bytes([count])
    if count < 1 << 14:
        return struct.pack(">H", 0x4000 | count)
    if count < 1 << 32:
        return b"\x80" + struct.pack(">I", count)
    return b"\x81" + struct.pack(">Q", count)


def string(text: bytes) -> bytes:
    return length(len(text)) + text


def integer_string(value: int) -> bytes:
    """A string given as an integer of 1, 2 or 4 bytes."""
    for code, form in enumerate("bhi"):
        try:
            return bytes([0xC0 | code]) + struct.pack("<" + form, value)
        except struct.error:
            continue
    raise ValueError(value)


def strings(texts: Iterable[bytes]) -> bytes:
    return b"".join(string(text) for text in texts)


def lzf_string(text: bytes) -> bytes:
    """A string in compressed form, though its instructions repeat only runs of one byte."""
    packed = bytearray()
    position = 0
    while position < len(text):
        run = 1
        while position + run < len(text) and run < 265 and text[position + run] == text[position]:
            run += 1
        packed += bytes([0, text[position]])
        repeated = run - 1
        if repeated < 3:
            position += 1
            continue
        count = repeated - 2
        packed += bytes([count << 5, 0]) if count < 7 else bytes([0xE0, count - 7, 0])
        position += run
    return b"\xc3" + length(len(packed)) + length(len(text)) + bytes(packed)


def as_integer(element: Element) -> int | None:
    """The integer that an element is kept as, if it is."""
    if isinstance(element, int):
        return element
    try:
        value = int(element)
    except ValueError:
        return None
    return value if b"%d" % value == element and -(1 << 63) <= value < 1 << 63 else None


def intset(values: Iterable[int], width: int | None = None) -> bytes:
    ordered = sorted(values)
    if width is None:
        width = next(w for w in (2, 4, 8) if all(-(1 << (8 * w - 1)) <= v < 1 << (8 * w - 1) for v in ordered))
    form = {2: "h", 4: "i", 8: "q"}[width]
    return struct.pack("<II", width, len(ordered)) + b"".join(struct.pack("<" + form, v) for v in ordered)


# Listpacks


def _listpack_element(element: Element) -> bytes:
    value = as_integer(element)
    if value is not None:
        if 0 <= value < 128:
            return bytes([value])
        if -4096 <= value < 4096:
            return struct.pack(">H", 0xC000 | value & 0x1FFF)
        for code, width in ((0xF1, 2), (0xF2, 3), (0xF3, 4), (0xF4, 8)):
            if -(1 << (8 * width - 1)) <= value < 1 << (8 * width - 1):
                return bytes([code]) + value.to_bytes(width, "little", signed=True)
    assert isinstance(element, bytes)
    if len(element) < 64:
        return bytes([0x80 | len(element)]) + element
    if len(element) < 4096:
        return struct.pack(">H", 0xE000 | len(element)) + element
    return b"\xf0" + struct.pack("<I", len(element)) + element


def _listpack_length(count: int) -> bytes:
    size = 1 if count <= 127 else 2 if count < 16383 else 3 if count < 2097151 else 4 if count < 268435455 else 5
    digits = [count >> (7 * (size - 1 - index)) & 0x7F for index in range(size)]
    return bytes([digits[0], *(digit | 0x80 for digit in digits[1:])])


def listpack(elements: Iterable[Element], count: int | None = None) -> bytes:
    elements = list(elements)
    body = b"".join(one + _listpack_length(len(one)) for one in map(_listpack_element, elements))
    counted = min(len(elements), 65535) if count is None else count
    return struct.pack("<IH", len(body) + 7, counted) + body + b"\xff"


# Ziplists


def _ziplist_entry(element: Element) -> bytes:
    value = as_integer(element)
    if value is not None:
        if 0 <= value <= 12:
            return bytes([0xF1 + value])
        for code, width in ((0xFE, 1), (0xC0, 2), (0xF0, 3), (0xD0, 4), (0xE0, 8)):
            if -(1 << (8 * width - 1)) <= value < 1 << (8 * width - 1):
                return bytes([code]) + value.to_bytes(width, "little", signed=True)
    assert isinstance(element, bytes)
    if len(element) < 64:
        return bytes([len(element)]) + element
    if len(element) < 16384:
        return struct.pack(">H", 0x4000 | len(element)) + element
    return b"\x80" + struct.pack(">I", len(element)) + element


def ziplist(elements: Iterable[Element]) -> bytes:
    body = b""
    previous = 0
    last = 10
    count = 0
    for element in elements:
        last = 10 + len(body)
        before = bytes([previous]) if previous < 254 else b"\xfe" + struct.pack("<I", previous)
        entry = before + _ziplist_entry(element)
        previous = len(entry)
        body += entry
        count += 1
    return struct.pack("<IIH", len(body) + 11, last, min(count, 65535)) + body + b"\xff"


# Zipmaps


def zipmap(pairs: dict[bytes, bytes], unused: int = 0) -> bytes:
    def count(number: int) -> bytes:
        return bytes([number]) if number < 254 else b"\xfe" + struct.pack("<I", number)

    body = b""
    for field, value in pairs.items():
        body += count(len(field)) + field + count(len(value)) + bytes([unused]) + value + b"?" * unused
    return bytes([min(len(pairs), 254)]) + body + b"\xff"


def flat(pairs: dict) -> list:
    return [item for pair in pairs.items() for item in pair]


# Streams

StreamID = tuple[int, int]


def stream_id(identifier: StreamID) -> bytes:
    return struct.pack(">QQ", *identifier)


def id_lengths(identifier: StreamID) -> bytes:
    return length(identifier[0]) + length(identifier[1])


def stream_node(entries: list[tuple[StreamID, list[Element], bool]]) -> bytes:
    """A node of entries: ID, fields and values by turns, and whether the entry is deleted. The first gives the node its fields."""
    first, flat_fields, _ = entries[0]
    fields = flat_fields[::2]
    deleted_count = sum(deleted for _, _, deleted in entries)
    elements: list[Element] = [len(entries) - deleted_count, deleted_count, len(fields), *fields, 0]
    for identifier, items, deleted in entries:
        same = items[::2] == fields
        elements += [deleted + 2 * same, identifier[0] - first[0], identifier[1] - first[1]]
        elements += [*items[1::2], 3 + len(fields)] if same else [len(items) // 2, *items, 4 + len(items)]
    return string(stream_id(first)) + string(listpack(elements))


def stream_group(
    kind: int, name: bytes, last: StreamID, read: int, consumers: list[tuple[bytes, int, int, list[tuple[StreamID, int, int]]]]
) -> bytes:
    """A group: consumers are name, time last seen, time last active, and pending entries (ID, time, deliveries)."""
    body = string(name) + id_lengths(last)
    if kind != STREAM_LISTPACKS:
        body += length(read % (1 << 64))
    pending = sorted(entry for consumer in consumers for entry in consumer[3])
    body += length(len(pending))
    for identifier, delivered, count in pending:
        body += stream_id(identifier) + struct.pack("<q", delivered) + length(count)
    body += length(len(consumers))
    for consumer, seen, active, entries in consumers:
        body += string(consumer) + struct.pack("<q", seen)
        if kind == STREAM_LISTPACKS_3:
            body += struct.pack("<q", active)
        body += length(len(entries)) + b"".join(stream_id(entry[0]) for entry in entries)
    return body


def stream(
    kind: int, nodes: list[bytes], count: int, last: StreamID, groups: list[bytes],
    first: StreamID = (0, 0), deleted: StreamID = (0, 0), added: int = 0,
) -> bytes:  # fmt: skip
    body = length(len(nodes)) + b"".join(nodes) + length(count) + id_lengths(last)
    if kind != STREAM_LISTPACKS:
        body += id_lengths(first) + id_lengths(deleted) + length(added)
    return body + length(len(groups)) + b"".join(groups)
