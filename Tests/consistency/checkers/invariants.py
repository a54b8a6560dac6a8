"""What always holds, whatever the order: totals, equalities, and things that are in exactly one place.

A reader's observation names a rule; each is decided by itself, so the check takes a look at each. It is weaker than the other
checkers (an old state has the right total, too), and reaches commands that they don't have.

`content` of an observation is (rule, subject, expected, observed); of an operation that changes something (CHANGE, subject,
what it was), kept to be shown beside a reader that saw half of it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Sequence

from history import FOREVER, OK, Anomaly, Verdict, span, start_of, text

CHANGE = "change"
# The integers sum up to what is expected.
TOTAL = "total"
# All values are the same, and as many as expected.
EQUAL = "equal"
# One of the replies that are possible.
ONE_OF = "one of"
# The collections together have each of the expected elements once.
EACH_ONCE = "each once"
EXAMPLES_PER_RULE = 2
CHANGES_SHOWN = 6


def broken(rule: str, expected: Any, observed: Any) -> str | None:
    """Why an observation breaks its rule."""
    if rule == TOTAL:
        total = sum(int(value or 0) for value in observed)
        return None if total == expected else f"the total is {total} instead of {expected}: {text(observed)}"
    if rule == EQUAL:
        if len(observed) == expected and len(set(observed)) <= 1:
            return None
        return f"these should be {expected} equal values: {text(observed)}"
    if rule == ONE_OF:
        return None if observed in expected else f"answered {text(observed)} instead of {' or '.join(map(text, expected))}"
    if rule == EACH_ONCE:
        counts = Counter(element for elements in observed for element in elements)
        wrong = [element for element in counts.keys() | set(expected) if counts[element] != (element in expected)]
        return ", ".join(f"{text(element)} is in {counts[element]} places" for element in sorted(wrong)[:5]) or None
    raise ValueError(f"no such rule: {rule}")


def check(records: Sequence[tuple]) -> Verdict:
    anomalies: list[Anomaly] = []
    examples: Counter[tuple[str, str]] = Counter()
    counts: Counter[str] = Counter()
    start = start_of(records)
    for record in records:
        content = record[5]
        if content[0] == CHANGE:
            counts["changes"] += record[3] == OK
            continue
        rule, subject, expected, observed = content
        counts["observations"] += 1
        if (reason := broken(rule, expected, observed)) is None:
            continue
        if examples[rule, record[4]] < EXAMPLES_PER_RULE:
            lines = [f"{record[4]} of {text(subject)}: {reason}", f"client {record[0]} {span(record, start)}"]
            anomalies.append(Anomaly(f"broken invariant ({rule})", (*lines, *_beside(records, record, subject, start))))
        examples[rule, record[4]] += 1
    return Verdict(anomalies, len(records), dict(counts))


def _beside(records: Sequence[tuple], observer: tuple, subject: Any, start: int) -> list[str]:
    """The changes of the same things that were under way meanwhile."""
    meanwhile = [
        record
        for record in records
        if record[5][0] == CHANGE and record[5][1] == subject and record[1] < observer[2] and record[2] > observer[1]
    ]
    meanwhile.sort(key=lambda record: (record[2] >= FOREVER, record[1]))  # Those that were cut off may be long over.
    lines = [f"meanwhile client {record[0]} {span(record, start)} {record[4]}: {text(record[5][2])}" for record in meanwhile]
    return lines[:CHANGES_SHOWN]
