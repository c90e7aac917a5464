"""The notices of the coach page: every state that is not simply going on, in words. No dead ends."""

from __future__ import annotations

from collections.abc import Callable

from app.camera_trouble import Trouble
from app.ui.library import Entry
from app.ui.notice import Action, Notice
from app.ui.words import count_text, t

Act = Callable[[], None]


def no_source(*, demo: Act, open_file: Act, look: Act) -> Notice:
    return Notice(
        title=t("No camera found"),
        text=t(
            "Plug one in and look again, or see Formcue at work on the demo clip. "
            "A video file can also be dropped here."
        ),
        icon="camera_off",
        actions=(
            Action(text=t("Demo clip"), icon="play", act=demo),
            Action(text=t("Open video…"), icon="folder", act=open_file),
            Action(text=t("Look again"), icon="refresh", act=look),
        ),
    )


def source_failed(text: str, *, count: int, retry: Act, demo: Act, open_file: Act) -> Notice:
    kept = t("Your set is kept: {reps}.", reps=count_text(count)) if count else ""
    return Notice(
        title=t("The picture stopped") if count else t("This source cannot be shown"),
        text=f"{text}\n{kept}".strip(),
        icon="camera_off",
        ink="fault",
        actions=(
            Action(text=t("Try again"), icon="refresh", act=retry),
            Action(text=t("Demo clip"), icon="play", act=demo),
            Action(text=t("Open video…"), icon="folder", act=open_file),
        ),
    )


def camera_trouble(
    trouble: Trouble, camera: str, *, count: int, retry: Act, finish: Act, demo: Act, open_file: Act
) -> Notice:
    """It goes by itself, when the picture is back. count: repetitions done so far."""
    title, text = _trouble_words(trouble, camera)
    lines = [text]
    if count:
        lines.append(t("Your set is kept: {reps}.", reps=count_text(count)))
    lines.append(t("It goes on by itself as soon as there is a picture."))
    others = (
        (Action(text=t("Finish"), icon="flag", act=finish),)
        if count
        else (
            Action(text=t("Demo clip"), icon="play", act=demo),
            Action(text=t("Open video…"), icon="folder", act=open_file),
        )
    )
    return Notice(
        title=title,
        text="\n".join(lines),
        icon="camera_off",
        ink="warning",
        actions=(Action(text=t("Try now"), icon="refresh", act=retry), *others),
    )


def _trouble_words(trouble: Trouble, camera: str) -> tuple[str, str]:
    """What is the matter, and how to mend it."""
    if trouble == "absent":
        return t("The camera is not there"), t("Plug in: {camera}.", camera=camera)
    if trouble == "taken":
        return t("The camera cannot be used"), t(
            "Another program may have it: close that one. Or the system does not allow it: see its privacy "
            "settings. ({camera})",
            camera=camera,
        )
    if trouble == "slow":
        return t("The camera takes long to open"), t("Some need a minute. ({camera})", camera=camera)
    if trouble == "silent":
        return t("The camera gives no picture"), t("Check its cable. ({camera})", camera=camera)
    if trouble == "frozen":
        return t("The picture stands still"), t(
            "Unplug the camera and plug it in again, or look after the program that makes the picture. "
            "({camera})",
            camera=camera,
        )
    return t("The picture is black"), t(
        "Is the lens covered, or its shutter closed? ({camera})", camera=camera
    )


def network_failed(text: str, *, count: int, retry: Act, copy: Act, home: Act) -> Notice:
    kept = t("Your set is kept: {reps}.", reps=count_text(count)) if count else ""
    return Notice(
        title=t("The network cannot run"),
        text=f"{text}\n{kept}".strip(),
        icon="chip",
        ink="fault",
        actions=(
            Action(text=t("Try again"), icon="refresh", act=retry),
            Action(text=t("Copy the report"), icon="help", act=copy),
            Action(text=t("Home"), icon="home", act=home),
        ),
    )


def broken_exercise(entry: Entry, *, reload: Act, home: Act) -> Notice:
    shown = [problem.replace(str(entry.path), entry.path.name) for problem in entry.problems[:5]]
    if len(entry.problems) > len(shown):
        more = len(entry.problems) - len(shown)
        shown.append(t("and {count} more (python main.py check {file})", count=more, file=entry.path.name))
    return Notice(
        title=t("The rule file of “{name}” has errors", name=entry.name),
        text="\n".join(shown),
        icon="warning",
        ink="warning",
        actions=(
            Action(text=t("Read it again"), icon="refresh", act=reload),
            Action(text=t("Home"), icon="home", act=home),
        ),
        wide=True,
        left=True,
    )


def paused(done: str, *, go_on: Act, finish: Act, home: Act) -> Notice:
    return Notice(
        title=t("Paused"),
        text=t("{done}. The space bar or your right hand up goes on.", done=done),
        icon="pause",
        actions=(
            Action(text=t("Go on"), icon="play", act=go_on),
            Action(text=t("Finish"), icon="flag", act=finish),
            Action(text=t("Home"), icon="home", act=home),
        ),
    )


def nothing_counted(*, again: Act, open_file: Act, home: Act) -> Notice:
    return Notice(
        title=t("Nothing was counted"),
        text=t("Was the whole body in the picture, and the right exercise chosen?"),
        icon="person",
        actions=(
            Action(text=t("Try again"), icon="refresh", act=again),
            Action(text=t("Open video…"), icon="folder", act=open_file),
            Action(text=t("Home"), icon="home", act=home),
        ),
    )
