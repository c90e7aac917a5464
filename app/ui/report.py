"""A report on paper: what stands in it, block by block, in the language spoken now. No Qt; pdf.py sets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.history import Best, History, Measure, Profile, Week
from app.rules import Exercise
from app.summary import FaultSummary, RepSummary, SetSummary, WorkoutSummary, fault_text, to_work_on
from app.ui import amounts
from app.ui.words import language, profile_name, t

Library = Mapping[str, Exercise]
WEEKS = 26
LATEST = 30  # workouts in the table of a history


@dataclass(frozen=True, kw_only=True)
class Heading:
    """level: 1 or 2."""

    text: str
    level: int = 1


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    text: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows are as long as head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Stills:
    """Poses of worst moments side by side, each with a text below."""

    faults: tuple[tuple[FaultSummary, str], ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Weeks; bars for sums, a line for means. say: a value with its unit. most: no value is larger."""

    title: str
    weeks: tuple[Week, ...]
    is_sum: bool
    say: Callable[[float], str]
    most: float | None = None


Block = Heading | Paragraph | Table | Stills | Chart


@dataclass(frozen=True, kw_only=True)
class Report:
    """title: of the document."""

    title: str
    blocks: tuple[Block, ...]


def workout_report(done: WorkoutSummary, library: Library) -> Report:
    """One workout: figures, what to work on, then set by set with repetitions and faults."""
    name = amounts.names(done.names)
    figures = [t("Form score {score}", score=amounts.score_text(done.score)), amounts.sets(len(done.sets))]
    if done.count:
        figures.append(amounts.reps(done.count))
    if done.held:
        figures.append(t("{count} s held", count=round(done.held)))
    figures.append(
        t("{time} of work in {all}", time=amounts.length(done.work), all=amounts.length(done.seconds))
    )
    blocks: list[Block] = [
        Heading(text=name),
        Paragraph(text=amounts.moment_text(done.started)),
        Paragraph(text=" · ".join(figures)),
    ]
    found = to_work_on(done)
    if found is not None:
        exercise, total = found
        words = fault_text(library.get(exercise), total.worst, language())
        blocks.append(
            Paragraph(
                text=t(
                    "Work on next: {what} ({exercise})",
                    what=words,
                    exercise=amounts.exercise_name(library, exercise),
                )
            )
        )
    for number, one in enumerate(done.sets, 1):
        blocks += _set_blocks(number, one, library)
    return Report(title=f"{name}, {amounts.moment_text(done.started)}", blocks=tuple(blocks))


def _set_blocks(number: int, done: SetSummary, library: Library) -> list[Block]:
    unit = amounts.sign(library, done.exercise)
    name = amounts.exercise_name(library, done.exercise)
    known = library.get(done.exercise)
    blocks: list[Block] = [
        Heading(text=t("{number}. {exercise}", number=number, exercise=name), level=2),
        Paragraph(
            text=" · ".join(
                [*amounts.set_details(done, library), t("form {score}", score=amounts.score_text(done.score))]
            )
        ),
    ]
    if done.reps:
        rows = []
        for place, rep in enumerate(done.reps, 1):
            rows.append(
                (
                    str(place),
                    "" if rep.range is None else f"{rep.range:.0f}{unit}",
                    _seconds(rep),
                    "" if rep.symmetry is None else f"{100 * rep.symmetry:.0f} %",
                    "; ".join(fault_text(known, fault, language()) for fault in rep.faults)
                    or (t("added by hand") if rep.by_hand else t("clean")),
                )
            )
        way, _, other = amounts.ways(library, done.exercise)
        seconds = t("{way} + {other}, seconds", way=way, other=other.lower())
        head = (t("Rep"), t("Range"), seconds, t("Symmetry"), t("What was seen"))
        blocks.append(_without_empty_columns(Table(head=head, rows=tuple(rows))))
    stills = tuple(
        (
            total.worst,
            f"{fault_text(known, total.worst, language())} ({amounts.fault_amount(total, done)})",
        )
        for total in done.faults
        if total.worst.pose is not None
    )
    if stills:
        blocks.append(Stills(faults=stills))
    return blocks


def _seconds(rep: RepSummary) -> str:
    """Out and back; of a hold its length; of what was added by hand nothing is known."""
    if rep.by_hand:
        return ""
    return f"{rep.duration:.1f}" if rep.out is None else f"{rep.out:.1f} + {rep.back or 0:.1f}"


def _without_empty_columns(table: Table) -> Table:
    kept = [place for place in range(len(table.head)) if any(row[place] for row in table.rows)]
    return Table(
        head=tuple(table.head[place] for place in kept),
        rows=tuple(tuple(row[place] for place in kept) for row in table.rows),
    )


def history_report(history: History, profile: Profile, library: Library, today: date) -> Report:
    """Half a year of a profile: charts, personal bests, the latest workouts. Raises HistoryError."""
    title = t("Training of {name}", name=profile_name(profile.name))
    blocks: list[Block] = [
        Heading(text=title),
        Paragraph(text=t("{weeks} weeks up to {day}", weeks=WEEKS, day=amounts.date_text(today))),
    ]
    charts: tuple[tuple[Measure, str, Callable[[float], str]], ...] = (
        ("reps", t("Repetitions"), lambda value: amounts.reps(round(value))),
        ("minutes", t("Minutes of work"), lambda value: t("{count} min", count=f"{value:.1f}")),
        ("score", t("Form score"), lambda value: f"{value:.0f}"),
    )
    for measure, name, say in charts:
        weeks = tuple(history.weeks(profile, measure, today, count=WEEKS))
        if any(week.value for week in weeks):
            score = measure == "score"
            most = 100.0 if score else None
            blocks.append(Chart(title=name, weeks=weeks, is_sum=not score, say=say, most=most))
    bests = _best_rows(history.bests(profile), library)
    if bests:
        columns = (t("Exercise"), t("Reps"), t("Load"), t("Range"), t("Held"), t("Form"))
        blocks += [Heading(text=t("Personal bests"), level=2), Table(head=columns, rows=bests)]
    lines = history.workouts(profile, most=LATEST)
    rows = tuple(
        (
            amounts.moment_text(line.started),
            amounts.names(line.names),
            amounts.sets(line.sets),
            amounts.reps(line.reps),
            amounts.length(line.seconds),
            amounts.score_text(line.score),
        )
        for line in lines
    )
    head = (t("Day"), t("Workout"), t("Sets"), t("Reps"), t("Length"), t("Form"))
    blocks += [Heading(text=t("Workouts"), level=2), Table(head=head, rows=rows)]
    return Report(title=title, blocks=tuple(blocks))


def _best_rows(bests: Sequence[Best], library: Library) -> tuple[tuple[str, ...], ...]:
    """An exercise a row, a kind of best a column."""
    found: dict[str, dict[str, float]] = {}
    for best in bests:
        found.setdefault(best.exercise, {})[best.what] = best.value

    def cell(values: Mapping[str, float], what: str, unit: str) -> str:
        return f"{values[what]:.0f}{unit}" if what in values else ""

    return tuple(
        (
            amounts.exercise_name(library, exercise),
            cell(values, "reps", ""),
            amounts.load(values["load"]) if "load" in values else "",
            cell(values, "range", amounts.sign(library, exercise)),
            amounts.length(values["hold"]) if "hold" in values else "",
            cell(values, "score", ""),
        )
        for exercise, values in found.items()
    )
