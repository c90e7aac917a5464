"""The figures of `bench` for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

WIDE: Final = 34  # letters of the first column
SHOWN_MINUTES: Final = 12  # of a long run, the last one among them

Report = Mapping[str, Any]


def table(report: Report) -> str:
    """One block for each part that was measured."""
    lines = [_machine(report)]
    if "model" in report:
        model = report["model"]
        lines.append(f"{model['name']} with {model['runtime']} on {model['device']}")
    for part, block in (
        ("step", _step),
        ("rules", _rules),
        ("people", _people),
        ("network", _network),
        ("finder", _finder),
        ("window", _window),
        ("start", _start),
    ):
        if part in report:
            lines += ["", *block(report[part])]
    return "\n".join([*lines, *_targets(report)])


def hour_table(report: Report) -> str:
    """A row for some of the minutes, and what came of them."""
    minutes = report["hour"]["minutes"]
    every = max(1, -(-len(minutes) // SHOWN_MINUTES))
    shown = [minute for place, minute in enumerate(minutes) if (len(minutes) - 1 - place) % every == 0]
    names = ("minute", "workouts", "sets", "reps", "pages", "results")
    lines = [_machine(report), "", "".join(f"{name:>10}" for name in (*names, "memory"))]
    for minute in shown:
        held = "unknown" if minute["own_mb"] is None else f"{minute['own_mb']:.0f} MB"
        lines.append("".join(f"{value:>10}" for value in (*(minute[name] for name in names), held)))
    lines += [f"went wrong: {problem}" for problem in report["hour"]["problems"]]
    if report["hour"]["growth"] is None:
        lines.append(_figure("growth of memory", None, ""))
    return "\n".join([*lines, *_targets(report)])


def _machine(report: Report) -> str:
    machine = report["machine"]
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; "
        f"{', '.join(report['videos'])}"
    )


def _row(name: str, row: Mapping[str, float]) -> str:
    return f"{name:<{WIDE}}{row['p50']:>9.2f}{row['p95']:>9.2f}{row['p99']:>9.2f}"


def _heading(name: str) -> str:
    return f"{name:<{WIDE}}{'p50':>9}{'p95':>9}{'p99':>9}"


def _figure(name: str, value: float | None, unit: str, digits: int = 0) -> str:
    return f"{name:<{WIDE}}" + ("  unknown" if value is None else f"{value:>9.{digits}f} {unit}")


def _step(step: Report) -> list[str]:
    lines = [_heading(f"the step, ms ({step['frames']} frames)")]
    lines += [_row(part, row) for part, row in step["milliseconds"].items()]
    lines.append(_figure("frames a second", step["frames_per_second"], "", 1))
    lines.append(_figure("of the processor, each frame", step["processor_ms"], "ms, all threads", 2))
    lines.append(_figure("frames with somebody", step["found"], ""))
    peer = step.get("peer")
    if peer:
        lines.append(_row(peer["name"], peer["milliseconds"]))
        lines.append(_figure("frames a second", peer["frames_per_second"], "", 1))
        lines.append(_figure("of the processor, each frame", peer["processor_ms"], "ms, all threads", 2))
        lines.append(_figure("medians, peer over ours", peer["ratio"], "times", 2))
    return lines


def _rules(rules: Report) -> list[str]:
    lines = [_heading("rules in one frame, ms") + f"{'rules a ms':>13}"]
    for count, row in rules.items():
        lines.append(_row(f"{count} rules", row) + f"{row['rules_per_millisecond']:>13.0f}")
    return lines


def _people(people: Report) -> list[str]:
    lines = [_heading("one of so many followed, ms") + f"{'to find':>9}{'seen':>7}"]
    for count, row in people.items():
        name = f"{count} {'person' if count == '1' else 'people'} in the picture"
        lines.append(_row(name, row["step"]) + f"{row['finding']:>9.2f}{row['found']:>7.0%}")
    return lines


def _network(network: Report) -> list[str]:
    lines = [_heading("the pose network alone, ms") + f"{'pictures a s':>14}"]
    for batch, row in network.items():
        lines.append(_row(f"batch of {batch}", row) + f"{row['pictures_per_second']:>14.0f}")
    return lines


def _finder(row: Report) -> list[str]:
    heading = _heading("the finder alone, ms") + f"{'pictures a s':>14}"
    return [heading, _row("one picture", row) + f"{row['pictures_per_second']:>14.0f}"]


def _window(window: Report) -> list[str]:
    across, down = window["size"]
    late = window["milliseconds"]
    lines = [_heading(f"the window, {across} x {down}, ms")]
    for name, text in (
        ("results", "capture to painted result"),
        ("prompts", f"capture to a new prompt ({window['prompts']})"),
        ("pictures", "capture to painted picture"),
    ):
        if name in late:
            lines.append(_row(text, late[name]))
    lines.append(_figure("the same, in the status line", window["status_line_ms"], "ms, running mean"))
    lines.append(_figure("results shown a second", window["results_a_second"], "", 1))
    lines.append(_figure("pictures shown a second", window["pictures_a_second"], "", 1))
    lines.append(_figure("memory", window["resident_mb"], "MB"))
    lines.append(_figure("memory at its peak", window["peak_mb"], "MB"))
    lines += [f"went wrong: {problem}" for problem in window["problems"]]
    return lines + _turns(window["turns"])


def _turns(turns: Report) -> list[str]:
    """Of the main thread: what a repaint of the picture costs it, and what held the window up."""
    heading = f"main thread, {turns['seconds']:.0f} s, ms a turn"
    lines = ["", f"{heading:<{WIDE}}{'p50':>9}{'p99':>9}{'longest':>9}"]
    for name, text in (("cpu_ms", "that repaints, of the processor"), ("wall_ms", "the same, by the clock")):
        row = turns[name]
        lines.append(f"{text:<{WIDE}}{row['p50']:>9.2f}{row['p99']:>9.2f}{row['max']:>9.2f}")
    lines.append(_figure("any turn, of the processor", turns["longest_cpu_ms"], "ms at most", 1))
    lines.append(_figure("any turn, by the clock", turns["longest_wall_ms"], "ms at most", 1))
    lines.append(_figure("over 50 ms, of the processor", turns["blocks_cpu"], "turns"))
    lines.append(_figure("over 50 ms, by the clock", turns["blocks_wall"], "turns"))
    lines.append(_figure("repaints of the picture a second", turns["repaints_a_second"], "", 1))
    lines.append(_figure("share of a core", 100 * turns["share_of_a_core"], "%"))
    lines.append(_figure("longest garbage collection", turns["longest_collection_ms"], "ms", 1))
    for block in turns["worst"]:
        spent = f"{block['wall']:.0f} ms, {block['cpu']:.0f} of the processor"
        spent += "" if block["queued"] is None else f", {block['queued']:.0f} waiting for a core"
        spent += f", at {block['at']:.1f} s"
        lines.append(f"  {spent}: {block['where']}")
    return lines


def _start(start: Report) -> list[str]:
    return [
        _figure("start to first pose, empty cache", start["cold"], "s", 1),
        _figure("start to first pose, warm cache", start["warm"], "s", 1),
    ]


def _targets(report: Report) -> list[str]:
    lines = ["", "asked for"] if report["targets"] else []
    for target in report["targets"]:
        share = not target["unit"] and target["limit"] < 1
        value, limit = (
            f"{number:.1%}" if share else f"{number:.4g} {target['unit']}".strip()
            for number in (target["value"], target["limit"])
        )
        verdict = "holds" if target["holds"] else "DOES NOT HOLD"
        lines.append(f"{target['name']:<{WIDE}}  {value:>10} of {limit:<8} {verdict}")
    return lines
