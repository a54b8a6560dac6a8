"""Counts of what was tested: a run that tested next to nothing must not pass for a proof."""

from __future__ import annotations

from collections import Counter
from typing import Sequence

from history import FAILED, UNKNOWN, Verdict

# At least this part of the operations must have met others, and each workload must have had so many.
OVERLAPPING_MIN = 0.1
OPERATIONS_MIN = 100


def overlapping(records: Sequence[tuple]) -> int:
    """How many operations were called while another was under way."""
    count, latest = 0, -1
    for call, ret in sorted((record[1], record[2]) for record in records if record[3] != UNKNOWN):
        count += call < latest
        latest = max(latest, ret)
    return count


class Tally:
    def __init__(self) -> None:
        self.rounds = 0
        self.check_seconds = 0.0
        self.workloads: dict[str, Counter[str]] = {}

    def add(self, workload: str, records: Sequence[tuple], verdict: Verdict) -> None:
        counts = self.workloads.setdefault(workload, Counter())
        counts["operations"] += verdict.operations
        counts["overlapping"] += overlapping(records)
        counts["aborted"] += sum(record[3] == FAILED for record in records)
        counts["cut off"] += sum(record[3] == UNKNOWN for record in records)
        counts.update(verdict.notes)

    @property
    def operations(self) -> int:
        return sum(counts["operations"] for counts in self.workloads.values())

    def weakness(self) -> str | None:
        """Why what was tested says little."""
        for workload, counts in self.workloads.items():
            if counts["operations"] < OPERATIONS_MIN:
                return f"{workload}: only {counts['operations']} operations"
            if counts["overlapping"] < OVERLAPPING_MIN * counts["operations"]:
                return f"{workload}: only {counts['overlapping']} of {counts['operations']} operations met another"
        return None

    def headline(self) -> str:
        return f"{self.operations} operations in {self.rounds} rounds, checked in {self.check_seconds:.1f} s"

    def details(self) -> str:
        lines = []
        for workload, counts in self.workloads.items():
            rest = [f"{count} {name}" for name, count in counts.items() if name != "operations" and count]
            lines.append(f"    {workload}: {counts['operations']} operations, {', '.join(rest)}")
        return "\n".join(lines)
