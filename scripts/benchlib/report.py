"""Printing: tables for a terminal or for the README, and everything as JSON."""

import json
import os
import platform
import subprocess
from dataclasses import asdict
from pathlib import Path

from .servers import REFERENCE, version_of
from .summary import summarize

# A client that uses this much of a core while the server does not is the limit of the throughput.
BUSY = 0.95


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit(root):
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "no commit"


def environment(root, kinds, client, rounds, seconds):
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "commit": commit(root),
        "client": client.name,
        "rounds": rounds,
        "seconds": seconds,
        "servers": {kind.name: version_of(kind) for kind in kinds},
    }


def percent(part):
    return f"{part * 100:.1f}%"


def load_rows(loads, results):
    """A row for each load and server, the reference's ratios left out; and the bound that a client sets, if it does."""
    for load in loads:
        if load.name not in results:
            continue
        samples = results[load.name]
        for name, own in samples.items():
            summary = summarize(own, samples[REFERENCE.name])
            is_reference = name == REFERENCE.name
            client_bound = load.threads == 1 and summary.client_busy > BUSY > summary.server_busy
            yield [
                load.name,
                name,
                f"{summary.operations_per_second:,.0f}{' *' if client_bound else ''}",
                percent(summary.throughput_spread),
                "1" if is_reference else f"{summary.throughput_ratio:.2f}",
                f"{summary.cpu_nanoseconds_per_operation:,.0f}",
                "1" if is_reference else f"{summary.cpu_ratio:.2f}",
                "" if is_reference else percent(max(summary.throughput_ratio_spread, summary.cpu_ratio_spread)),
                f"{summary.p50_ms:.2f}",
                f"{summary.p99_ms:.2f}",
                f"{summary.server_busy:.2f} / {summary.client_busy:.2f}",
            ]


LOAD_HEADER = [
    *("load", "server", "ops/s", "±", "ratio", "CPU ns/op", "CPU ratio", "± of ratios"),
    *("p50 ms", "p99 ms", "cores busy: server / client"),
]


def memory_rows(figures, memory):
    for figure in figures:
        for name, size in memory.get(figure.name, {}).items():
            ratio = size / memory[figure.name][REFERENCE.name]
            yield [figure.unit, name, f"{size:.1f}", "1" if name == REFERENCE.name else f"{ratio:.2f}"]


MEMORY_HEADER = ["one", "server", "bytes (used_memory)", "ratio"]


def render(header, rows, markdown):
    """A table: Markdown's, or columns for a terminal. The first two columns are words, the rest figures."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def cells(row):
        return [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]

    if not markdown:
        return "\n".join("  ".join(cells(row)).rstrip() for row in [header, *rows])
    rule = ["-" * width if column < 2 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [cells(header), rule, *map(cells, rows)])


def noise(loads, results):
    """One line on how noisy the rounds were: the typical and the worst spread of throughput."""
    rows = []
    for load in loads:
        for name, own in results.get(load.name, {}).items():
            summary = summarize(own, results[load.name][REFERENCE.name])
            rows.append((summary.throughput_spread, f"{load.name} on {name}"))
    rows.sort()
    middle, (worst, where) = rows[len(rows) // 2][0], rows[-1]
    return (
        "Noise (relative median absolute deviation of ops/s over the rounds): "
        f"typically {percent(middle)}, at worst {percent(worst)} ({where})."
    )


def print_report(facts, loads, results, figures, memory, markdown):
    servers = "; ".join(f"{name}: {version}" for name, version in facts["servers"].items())
    print(
        f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}; {facts['client']};"
        f" medians of {facts['rounds']} interleaved rounds of {facts['seconds']:g} s; commit {facts['commit']}."
    )
    print(f"{servers}\n")
    if results:
        print(render(LOAD_HEADER, load_rows(loads, results), markdown), end="\n\n")
        print("* the client was at its limit, the server was not.")
        print(noise(loads, results))
        for load in loads:
            if load.note and load.name in results:
                part = " (its GETs alone)" if len(load.mix) > 1 and not facts["client"].startswith("memtier") else ""
                print(f"{load.name}: {load.note}{part}.")
        print()
    if memory:
        print(render(MEMORY_HEADER, memory_rows(figures, memory), markdown))


def write_json(path, facts, loads, results, memory):
    document = {"environment": facts, "loads": {}, "memory": memory}
    for load in loads:
        if load.name not in results:
            continue
        samples = results[load.name]
        document["loads"][load.name] = {
            "load": asdict(load),
            "servers": {
                name: {
                    "summary": asdict(summarize(own, samples[REFERENCE.name])),
                    "rounds": [sample.as_dict() for sample in own],
                }
                for name, own in samples.items()
            },
        }
    Path(path).write_text(json.dumps(document, indent=2, default=lambda function: function.__name__) + "\n")
