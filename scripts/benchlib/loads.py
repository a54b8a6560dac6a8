"""The loads and the memory figures, as data: another one is another entry in LOADS or MEMORY_FIGURES.

A command is a tuple of words. In a word, KEY stands for a key drawn from the dataset, DATA for a value of the load's
size and NUMBER for a number drawn from as many as the dataset has keys: ("ZADD", "board", NUMBER, "player:" + NUMBER).
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Callable, Optional

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
    note: str = ""


def get_and_set(name, placement, pipeline, **rest):
    return [
        Load(f"{name}-get", placement, pipeline, ((1, GET),), **rest),
        Load(f"{name}-set", placement, pipeline, ((1, SET),), **rest),
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
]
