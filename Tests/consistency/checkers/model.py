"""A keyspace of a few keys that does one command at a time: what the linearizability checker compares with.

A command is a tuple of its name and its words; an integer among the words is a key, which is its index in the state. The state is a
tuple of values: None, bytes for a string, a tuple of bytes for a list. An error is its code after a dash (b"-ERR").

For commands about databases the state is two of them, one behind the other; b"0" and b"1" name them, and key n + half is key n
of the second. Commands that block are those that don't: a reply of nil says that at some time there was nothing.
"""

from __future__ import annotations

from typing import Any, Callable

State = tuple
WRONG_TYPE, ERROR = b"-WRONGTYPE", b"-ERR"


class _WrongType(Exception):
    pass


def step(state: State, command: tuple) -> tuple[State, Any]:
    """The state after a command, and its reply. MULTI has its commands as its one word."""
    values = list(state)
    if command[0] == "MULTI":
        result = tuple(_execute(values, each) for each in command[1])
    else:
        result = _execute(values, command)
    return tuple(values), result


def _execute(values: list, command: tuple) -> Any:
    try:
        return _COMMANDS[command[0]](values, *command[1:])
    except _WrongType:
        return WRONG_TYPE


def _string(values: list, key: int) -> bytes | None:
    if isinstance(values[key], tuple):
        raise _WrongType
    return values[key]


def _list(values: list, key: int) -> tuple:
    if isinstance(values[key], bytes):
        raise _WrongType
    return values[key] or ()


def _set(values: list, key: int, value: bytes) -> bytes:
    values[key] = value
    return b"OK"


def _setnx(values: list, key: int, value: bytes) -> int:
    return _msetnx(values, key, value)


def _getset(values: list, key: int, value: bytes) -> bytes | None:
    old = _string(values, key)
    values[key] = value
    return old


def _getdel(values: list, key: int) -> bytes | None:
    old = _string(values, key)
    values[key] = None
    return old


def _incr(values: list, key: int) -> Any:
    old = _string(values, key)
    try:
        new = int(old or b"0") + 1
    except ValueError:
        return ERROR
    values[key] = b"%d" % new
    return new


def _append(values: list, key: int, value: bytes) -> int:
    values[key] = (_string(values, key) or b"") + value
    return len(values[key])


def _mset(values: list, *words: Any) -> bytes:
    for key, value in zip(words[::2], words[1::2]):
        values[key] = value
    return b"OK"


def _mget(values: list, *keys: int) -> tuple:
    return tuple(None if isinstance(values[key], tuple) else values[key] for key in keys)


def _msetnx(values: list, *words: Any) -> int:
    if any(values[key] is not None for key in words[::2]):
        return 0
    _mset(values, *words)
    return 1


def _del(values: list, *keys: int) -> int:
    count = 0
    for key in keys:
        count += values[key] is not None
        values[key] = None
    return count


def _exists(values: list, *keys: int) -> int:
    return sum(values[key] is not None for key in keys)


def _rename(values: list, source: int, target: int) -> bytes:
    if values[source] is None:
        return ERROR
    value, values[source] = values[source], None
    values[target] = value
    return b"OK"


def _renamenx(values: list, source: int, target: int) -> Any:
    if values[source] is None:
        return ERROR
    if values[target] is not None:
        return 0
    _rename(values, source, target)
    return 1


def _copy(values: list, source: int, target: int, *replace: bytes) -> int:
    if values[source] is None or (values[target] is not None and not replace):
        return 0
    values[target] = values[source]
    return 1


def _rpush(values: list, key: int, *elements: bytes) -> int:
    values[key] = _list(values, key) + elements
    return len(values[key])


def _pop(values: list, key: int, at_head: bool) -> bytes | None:
    elements = _list(values, key)
    if not elements:
        return None
    values[key] = (elements[1:] if at_head else elements[:-1]) or None
    return elements[0] if at_head else elements[-1]


def _lmove(values: list, source: int, target: int, from_side: bytes, to_side: bytes) -> bytes | None:
    # The source's type is looked at first, the target's only if there is something to move.
    if not _list(values, source):
        return None
    _list(values, target)
    element = _pop(values, source, from_side == b"LEFT")
    elements = _list(values, target)
    values[target] = (element, *elements) if to_side == b"LEFT" else (*elements, element)
    return element


def _keys_in(values: list, database: bytes) -> range:
    half = len(values) // 2
    return range(half, len(values)) if database == b"1" else range(half)


def _keys(values: list, database: bytes) -> tuple:
    half = len(values) // 2
    return tuple(b"k%d" % (key % half) for key in _keys_in(values, database) if values[key] is not None)


def _flushdb(values: list, database: bytes) -> bytes:
    for key in _keys_in(values, database):
        values[key] = None
    return b"OK"


def _swapdb(values: list) -> bytes:
    half = len(values) // 2
    values[:] = values[half:] + values[:half]
    return b"OK"


def _move(values: list, key: int) -> int:
    half = len(values) // 2
    other = (key + half) % len(values)
    if values[key] is None or values[other] is not None:
        return 0
    values[other], values[key] = values[key], None
    return 1


def _pop_with_name(values: list, key: int, at_head: bool) -> tuple | None:
    element = _pop(values, key, at_head)
    return None if element is None else (b"k%d" % key, element)


_COMMANDS: dict[str, Callable[..., Any]] = {
    "SET": _set,
    "SETNX": _setnx,
    "GET": _string,
    "GETSET": _getset,
    "GETDEL": _getdel,
    "INCR": _incr,
    "APPEND": _append,
    "MSET": _mset,
    "MGET": _mget,
    "MSETNX": _msetnx,
    "DEL": _del,
    "UNLINK": _del,
    "EXISTS": _exists,
    "TOUCH": _exists,
    "RENAME": _rename,
    "RENAMENX": _renamenx,
    "COPY": _copy,
    "RPUSH": _rpush,
    "LPOP": lambda values, key: _pop(values, key, True),
    "RPOP": lambda values, key: _pop(values, key, False),
    "LLEN": lambda values, key: len(_list(values, key)),
    "LRANGE": lambda values, key, *_: _list(values, key),
    "LMOVE": _lmove,
    "BLMOVE": lambda values, source, target, from_side, to_side, *_: _lmove(values, source, target, from_side, to_side),
    "BLPOP": lambda values, key, *_: _pop_with_name(values, key, True),
    "BRPOP": lambda values, key, *_: _pop_with_name(values, key, False),
    "DBSIZE": lambda values, database: len(_keys(values, database)),
    "KEYS": _keys,
    "FLUSHDB": _flushdb,
    "SWAPDB": _swapdb,
    "MOVE": _move,
}
