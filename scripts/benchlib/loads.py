"""The loads and the memory figures, as data: another one is another entry in LOADS or MEMORY_FIGURES.

A command is a tuple of words. In a word, KEY stands for a key drawn from the dataset, DATA for a value of the load's
size and NUMBER for a number drawn from as many as the dataset has keys: ("ZADD", "board", NUMBER, "player:" + NUMBER).
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Callable, Iterator, Optional

KEY, DATA, NUMBER = "{key}", "{data}", "{number}"


def fill_in(command, values):
    """The words of a command with the placeholders replaced."""
    for placeholder, value in values.items():
        command = tuple(word.replace(placeholder, value) for word in command)
    return command


SET = ("SET", KEY, DATA)
GET = ("GET", KEY)

ONE_SHARD = "one shard"
TWO_SHARDS = "two shards"


def text(seed, size):
    """Printable bytes that depend on the seed only: values that neither compress nor look like numbers."""
    digest = hashlib.blake2b(seed.to_bytes(8, "little"), digest_size=48).digest()
    return (base64.b64encode(digest) * (size // 64 + 1))[:size]


@dataclass(frozen=True)
class Dataset:
    """The keys that a server holds before a load begins. Without any, the load starts on an empty server."""

    keys: int = 1_000_000
    value_bytes: int = 32
    # None: 16-byte keys of the client's own making, "key:" and twelve digits. Else the prefix of short ones.
    prefix: Optional[str] = None
    preloaded: bool = True


PLAIN = Dataset()


@dataclass(frozen=True)
class Load:
    """Traffic of one kind. `mix` is what is sent, with weights; redis-benchmark sends its heaviest part alone."""

    name: str
    placement: str
    pipeline: int
    mix: tuple = ((1, GET),)
    connections: int = 50
    threads: int = 1
    dataset: Dataset = PLAIN
    # memtier's connections else all draw the same keys in the same order, which caches answer better than any user's.
    distinct_client_seed: bool = True
    # Clear and refill before each run: for loads that make the dataset grow or shrink.
    fresh: bool = False
    # Commands that make what the load works on, beside the dataset; given what makes a number of the client's form.
    setup: Optional[Callable[[Callable[[int], bytes]], Iterator[tuple]]] = None
    # A kind of `conversations.py`, which then is the client.
    conversation: Optional[str] = None
    note: str = ""


def get_and_set(name, placement, pipeline, **rest):
    return [
        Load(f"{name}-get", placement, pipeline, ((1, GET),), **rest),
        Load(f"{name}-set", placement, pipeline, ((1, SET),), **rest),
    ]


# Loads on collections. Elements are sent in groups where they are made beforehand.

SMALL = Dataset(keys=100_000, value_bytes=16, preloaded=False)
FEW = Dataset(keys=10_000, value_bytes=16, preloaded=False)
FIELD_COUNT, MEMBER_COUNT, LISTED_COUNT, GROUP = 5, 20, 5_000_000, 1_000


def field(index):
    """A name of 8 bytes."""
    return b"field:%02d" % index


def groups(count, element, group=GROUP):
    """Elements 0 ..< count, in tuples."""
    for start in range(0, count, group):
        yield tuple(element(index) for index in range(start, min(start + group, count)))


def fields_of(index):
    """The fields and values of hash number `index`."""
    return [word for place in range(FIELD_COUNT) for word in (field(place), text(index * FIELD_COUNT + place, 16))]


def small_hashes(number):
    for index in range(SMALL.keys):
        yield (b"HSET", b"hash:%b" % number(index), *fields_of(index))


def leaderboard(number):
    for indexes in groups(SMALL.keys, lambda index: index):
        yield (b"ZADD", b"board", *[word for index in indexes for word in (number(index), b"player:%b" % number(index))])


def small_sets(number):
    for index in range(FEW.keys):
        members = [text(index * MEMBER_COUNT + place, 16) for place in range(MEMBER_COUNT)]
        yield (b"SADD", b"set:%b" % number(index), *members)


def long_list(_number):
    """Longer than what a run can pop."""
    for elements in groups(LISTED_COUNT, lambda index: b"element:%08d" % index):
        yield (b"RPUSH", b"list", *elements)


def short_list(_number):
    yield (b"RPUSH", b"list", *next(groups(GROUP, lambda index: b"element:%08d" % index)))


def on_collection(name, command, dataset=SMALL, **rest):
    return Load(name, ONE_SHARD, 16, ((1, command),), dataset=dataset, **rest)


COLLECTION_LOADS = [
    on_collection(
        "hset", ("HSET", "hash:" + NUMBER, "field:" + NUMBER, DATA), fresh=True, note="fields of 100,000 hashes"
    ),
    on_collection(
        "hget", ("HGET", "hash:" + NUMBER, "field:03"), setup=small_hashes, note="100,000 hashes of 5 fields"
    ),
    on_collection(
        "zadd", ("ZADD", "board", NUMBER, "player:" + NUMBER), fresh=True, note="one sorted set of up to 100,000"
    ),
    on_collection(
        "zrange",
        ("ZRANGE", "board", NUMBER, "+inf", "BYSCORE", "LIMIT", "0", "10"),
        setup=leaderboard,
        note="10 of 100,000 from a score on",
    ),
    on_collection("lpush", ("LPUSH", "list", DATA), fresh=True, note="one list that grows"),
    on_collection("lpop", ("LPOP", "list"), fresh=True, setup=long_list, note="one list of 5 M that shrinks"),
    on_collection("lrange", ("LRANGE", "list", "0", "99"), setup=short_list, note="the first 100 of 1,000"),
    on_collection("sadd", ("SADD", "set", "member:" + NUMBER), fresh=True, note="one set of up to 100,000"),
    on_collection("smembers", ("SMEMBERS", "set:" + NUMBER), dataset=FEW, setup=small_sets, note="10,000 sets of 20"),
    on_collection("xadd", ("XADD", "stream", "*", "field", DATA), fresh=True, note="one stream that grows"),
]

# Loads on several keys at a time, transactions, and clients that depend on each other.

MANY = Dataset(keys=100_000, value_bytes=32)
NOBODY = Dataset(keys=0, preloaded=False)
KEYS_AT_A_TIME = 10


def on_shards(name, **rest):
    return [Load(f"{name}", ONE_SHARD, **rest), Load(f"two-{name}", TWO_SHARDS, **rest)]


TRANSACTION_LOADS = [
    *on_shards(
        "mget", pipeline=4, mix=((1, ("MGET", *[KEY] * KEYS_AT_A_TIME)),), dataset=MANY, note="10 of 100,000 keys"
    ),
    *on_shards(
        "mset", pipeline=4, mix=((1, ("MSET", *[KEY, DATA] * KEYS_AT_A_TIME)),), dataset=MANY, note="10 of 100,000 keys"
    ),
    *on_shards("exec", pipeline=10, dataset=MANY, conversation="transactions", note="5 SETs on one key"),
    *on_shards("publish", pipeline=1, dataset=NOBODY, conversation="publishing", note="to 100 subscribers"),
    *on_shards("blpop", pipeline=1, dataset=NOBODY, conversation="handing_over", note="from an LPUSH to who waits for it"),
]

LOADS = [
    *get_and_set("p1", ONE_SHARD, 1),
    *get_and_set("p16", ONE_SHARD, 16),
    *get_and_set("p64", ONE_SHARD, 64),
    *get_and_set("two-p16", TWO_SHARDS, 16, threads=2),
    *get_and_set("two-p64", TWO_SHARDS, 64, threads=2),
    Load(
        "memtier-default",
        TWO_SHARDS,
        pipeline=1,
        mix=((1, SET), (10, GET)),
        connections=200,
        threads=4,
        dataset=Dataset(prefix="memtier-"),
        distinct_client_seed=False,
        note="memtier_benchmark's own default, on 1 M keys that are there",
    ),
    Load(
        "memtier-256",
        TWO_SHARDS,
        pipeline=30,
        mix=((1, SET), (10, GET)),
        connections=120,
        threads=4,
        dataset=Dataset(value_bytes=256, prefix="memtier-"),
        note="-d 256 -c 30 --pipeline 30 --ratio 1:10 --distinct-client-seed",
    ),
    *COLLECTION_LOADS,
    *TRANSACTION_LOADS,
]


@dataclass(frozen=True)
class MemoryFigure:
    """used_memory after `count` commands on an empty server, less used_memory before, per item."""

    name: str
    unit: str
    count: int
    command: Callable[[int], tuple]
    payload_bytes: int
    # Items for each command, where one command adds several.
    items: int = 1


MEMORY_FIGURES = [
    MemoryFigure(
        "string-32",
        "key of 16 B with a value of 32 B",
        1_000_000,
        lambda i: (b"SET", b"key:%012d" % i, text(i, 32)),
        payload_bytes=48,
    ),
    MemoryFigure(
        "hash-5",
        "hash of 5 fields of 8 B with values of 16 B",
        1_000_000,
        lambda i: (b"HSET", b"key:%012d" % i, *fields_of(i)),
        payload_bytes=136,
    ),
    MemoryFigure(
        "set-member",
        "member of 16 B of one set",
        1_000,
        lambda i: (b"SADD", b"set", *[text(index, 16) for index in range(i * GROUP, (i + 1) * GROUP)]),
        payload_bytes=16,
        items=GROUP,
    ),
    MemoryFigure(
        "zset-member",
        "member of 16 B of one sorted set",
        1_000,
        lambda i: (
            b"ZADD",
            b"zset",
            *[word for index in range(i * GROUP, (i + 1) * GROUP) for word in (b"%d" % index, text(index, 16))],
        ),
        payload_bytes=24,
        items=GROUP,
    ),
    MemoryFigure(
        "list-element",
        "element of 16 B of one list",
        1_000,
        lambda i: (b"RPUSH", b"list", *[text(index, 16) for index in range(i * GROUP, (i + 1) * GROUP)]),
        payload_bytes=16,
        items=GROUP,
    ),
]
