"""The notices of the window: every state that is not simply going on, in words. No dead ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from app.ui import theme
from app.ui.library import Entry
from app.ui.notice import Action, Notice
from app.ui.records import Summary
from app.ui.score import Score
from app.ui.words import KEYS, plain

Act = Callable[[], None]


def no_source(*, demo: Act, open_file: Act, look: Act) -> Notice:
    return Notice(
        title="No camera found",
        text="Plug one in and look again, or see Formcue at work on the demo clip. "
        "A video file can also be dropped here.",
        icon="camera_off",
        actions=(
            Action(text="Demo clip", icon="play", act=demo),
            Action(text="Open video…", icon="folder", act=open_file),
            Action(text="Look again", icon="refresh", act=look),
        ),
    )


def source_failed(text: str, *, score: Score, retry: Act, demo: Act, open_file: Act) -> Notice:
    kept = f"\nYour set is kept: {score.count} repetitions." if score.count else ""
    return Notice(
        title="The source stopped" if score.count else "This source cannot be shown",
        text=f"{text}{kept}",
        icon="camera_off",
        ink="fault",
        actions=(
            Action(text="Try again", icon="refresh", act=retry),
            Action(text="Demo clip", icon="play", act=demo),
            Action(text="Open video…", icon="folder", act=open_file),
        ),
    )


def network_failed(text: str, *, retry: Act) -> Notice:
    return Notice(
        title="The network cannot run",
        text=text,
        icon="chip",
        ink="fault",
        actions=(Action(text="Try again", icon="refresh", act=retry),),
    )


def broken_exercise(entry: Entry, *, reload: Act) -> Notice:
    shown = [problem.replace(str(entry.path), entry.path.name) for problem in entry.problems[:5]]
    if len(entry.problems) > len(shown):
        shown.append(f"and {len(entry.problems) - len(shown)} more (python main.py check {entry.path.name})")
    return Notice(
        title=f"The rule file of “{entry.name}” has errors",
        text="\n".join(shown),
        icon="warning",
        ink="warning",
        actions=(Action(text="Read it again", icon="refresh", act=reload),),
        wide=True,
        left=True,
    )


def paused(score: Score, *, go_on: Act, reset: Act) -> Notice:
    done = f"{score.number} {score.word} so far." if score.records or score.count else "Nothing counted yet."
    return Notice(
        title="Paused",
        text=f"{done} The space bar goes on.",
        icon="pause",
        actions=(
            Action(text="Go on", icon="play", act=go_on),
            Action(text="Reset", icon="reset", act=reset),
        ),
    )


def summary(score: Score, done: Summary, *, again: Act, open_file: Act) -> Notice:
    faults = Counter(fault for record in score.records for fault in record.faults)
    lines = [f"{score.clean} of {len(score.records)} without a fault"] if score.records else []
    lines += [f"{plain(rule.replace('-', '_'))}: {times} ×" for rule, times in faults.most_common(4)]
    if not lines:
        lines = ["Nothing was counted. Was the whole body in the picture, and the right exercise chosen?"]
    amount = f"{score.number} seconds" if score.is_hold else f"{done.count} rep{'s' * (done.count != 1)}"
    return Notice(
        title=f"{score.exercise.name(score.language)}: {amount}",
        text="\n".join(lines),
        icon="check",
        actions=(
            Action(text="Play again", icon="play", act=again),
            Action(text="Open video…", icon="folder", act=open_file),
        ),
    )


def help_keys(*, close: Act) -> Notice:
    half = (len(KEYS) + 1) // 2
    rows = "".join(
        "<tr>" + "".join(_key_cells(*pair) for pair in KEYS[row::half]) + "</tr>" for row in range(half)
    )
    return Notice(
        title="Keys",
        text=f"<table align='center'>{rows}</table><p align='center' style='color:{theme.ink('muted')}'>"
        "Nothing leaves this machine: no picture is stored or sent.</p>",
        icon="keyboard",
        actions=(Action(text="Close", icon="close", act=close),),
        wide=True,
        rich=True,
    )


def _key_cells(key: str, words: str) -> str:
    return (
        f"<td style='padding:5px 14px 5px 0; color:{theme.ink('accent')}'><b>{key}</b></td>"
        f"<td style='padding:5px 28px 5px 0'>{words}</td>"
    )
