"""How amounts are said: lengths, repetitions, scores, in the language spoken now. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from app.history import Best
from app.loads import Unit, in_unit
from app.plans import PlannedSet
from app.reps import DEFAULT_PHASES
from app.rules import Exercise, in_language
from app.summary import FaultTotal, RepSummary, SetSummary
from app.ui.words import language, phase_name, plain, range_sign, t

Library = Mapping[str, Exercise]

_unit: Unit = "kg"  # of loads; the process's own, as the language is

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def length(seconds: float) -> str:
    """6 min 20 s."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes == 0:
        return t("{count} s", count=rest)
    if rest == 0 or minutes >= 10:
        return t("{count} min", count=round(seconds / 60))
    return t("{minutes} min {seconds} s", minutes=minutes, seconds=rest)


def clock(seconds: float) -> str:
    """1:05, for a timer that runs down: the last second shows 0:01."""
    whole = max(0, int(-(-seconds // 1)))
    return f"{whole // 60}:{whole % 60:02d}"


def reps(count: int) -> str:
    return t("1 rep") if count == 1 else t("{count} reps", count=count)


def sets(count: int) -> str:
    return t("1 set") if count == 1 else t("{count} sets", count=count)


def set_unit(unit: Unit) -> None:
    """Loads are shown in this unit from now on."""
    global _unit
    _unit = unit


def unit() -> Unit:
    """What loads are shown and typed in."""
    return _unit


def load(kg: float) -> str:
    """12 kg, or 25 lb."""
    value = f"{in_unit(kg, _unit):g}"
    return t("{count} lb", count=value) if _unit == "lb" else t("{count} kg", count=value)


def with_load(amount: str, kg: float | None) -> str:
    """10 reps, 12 kg; the amount alone where there is no load."""
    return amount if kg is None else t("{amount}, {load}", amount=amount, load=load(kg))


def exercise_name(library: Library, exercise: str) -> str:
    """Its name in the language spoken now; of one that is no longer there, its id in plain words."""
    known = library.get(exercise)
    return plain(exercise) if known is None else known.name(language())


def names(texts: Mapping[str, str]) -> str:
    return in_language(texts, language())


def named(library: Library, exercise: str, what: str) -> str:
    """Squat: and what is said of it."""
    return t("{name}: {what}", name=exercise_name(library, exercise), what=what)


def sign(library: Library, exercise: str) -> str:
    """The sign of a range of the exercise."""
    known = library.get(exercise)
    return "°" if known is None else range_sign(known.counting)


def ways(library: Library, exercise: str) -> tuple[str, str, str]:
    """The way out, the turning point and the way back as the exercise calls them: Down, Bottom, Up."""
    known = library.get(exercise)
    _, away, turn, back = DEFAULT_PHASES if known is None else known.counting.phases
    return phase_name(away), phase_name(turn), phase_name(back)


def _tempo(library: Library, exercise: str, out: float, back: float) -> str:
    """down 2.0 s, up 1.0 s."""
    way, _, other = ways(library, exercise)
    return t(
        "{way} {out} s, {other} {back} s",
        way=way.lower(),
        out=f"{out:.1f}",
        other=other.lower(),
        back=f"{back:.1f}",
    )


def done_amount(done: SetSummary) -> str:
    """8 of 10 reps, 12 kg; 24 of 30 s held."""
    return with_load(_done(done), done.load_kg)


def counted(done: SetSummary | None) -> tuple[str, str]:
    """8, of 10 reps; 24, of 30 s: the number of a set and the word below it. None: nothing was done."""
    if done is None:
        return "0", t("reps")
    if any(rep.kind == "hold" for rep in done.reps):
        wanted = done.target_seconds
        return str(int(done.held)), t("seconds") if wanted is None else t(
            "of {count} s", count=f"{wanted:.0f}"
        )
    if done.target_reps is not None:
        return str(done.count), t("of {count} reps", count=done.target_reps)
    return str(done.count), t("rep") if done.count == 1 else t("reps")


def _done(done: SetSummary) -> str:
    if any(rep.kind == "hold" for rep in done.reps):
        if done.target_seconds is not None:
            return t("{done} of {wanted} s held", done=round(done.held), wanted=round(done.target_seconds))
        return t("{count} s held", count=round(done.held))
    if done.target_reps is not None:
        return t("{done} of {wanted} reps", done=done.count, wanted=done.target_reps)
    if done.target_seconds is not None:
        return t("{reps} in {time}", reps=reps(done.count), time=length(done.target_seconds))
    return reps(done.count)


def planned_amount(planned: PlannedSet, library: Library) -> str:
    """10 reps, 12 kg; hold for 30 s; as many as you can in 30 s."""
    return with_load(_planned(planned, library), None if planned.load is None else planned.load.kg)


def _planned(planned: PlannedSet, library: Library) -> str:
    if planned.reps is not None:
        return reps(planned.reps)
    if planned.seconds is None:
        return t("as many as you like")
    known = library.get(planned.exercise)
    if known is not None and known.counting.kind == "hold":
        return t("hold for {time}", time=length(planned.seconds))
    return t("as many as you can in {time}", time=length(planned.seconds))


def rep_details(rep: RepSummary, number: int, done: SetSummary, library: Library) -> list[str]:
    """What was measured of one repetition or hold of a set, part by part."""
    if rep.by_hand:
        return [t("Rep {number}", number=number), t("added by hand")]
    if rep.kind == "hold":
        return [t("Hold {number}", number=number), length(rep.duration)]
    out = [t("Rep {number}", number=number)]
    if rep.side != "both":
        out.append(t("left") if rep.side == "left" else t("right"))
    if rep.range is not None:
        out.append(t("range {range}", range=f"{rep.range:.0f}{sign(library, done.exercise)}"))
    if rep.out is not None and rep.back is not None:
        out.append(_tempo(library, done.exercise, rep.out, rep.back))
        if done.tempo is not None:
            tempo = done.tempo
            out[-1] += " " + t("(plan: {out} and {back} s)", out=f"{tempo.out:g}", back=f"{tempo.back:g}")
    if rep.symmetry is not None:
        out.append(t("symmetry {percent} %", percent=round(100 * rep.symmetry)))
    return out


def set_details(done: SetSummary, library: Library) -> list[str]:
    """What was measured of a set, part by part."""
    out = [done_amount(done)]
    if done.mean_range is not None:
        out.append(t("range {range}", range=f"{done.mean_range:.0f}{sign(library, done.exercise)}"))
    durations = [(rep.out, rep.back) for rep in done.reps if rep.out is not None]
    if durations:
        means = [sum(way or 0.0 for way in both) / len(durations) for both in zip(*durations, strict=True)]
        out.append(_tempo(library, done.exercise, *means))
    if done.symmetry is not None:
        out.append(t("symmetry {percent} %", percent=round(100 * done.symmetry)))
    return out


def fault_amount(total: FaultTotal, done: SetSummary) -> str:
    """In 3 of 8 reps; for 6 of 20 s."""
    if total.worst.seconds is not None:
        return t("for {done} of {all} s", done=round(total.amount), all=round(done.held))
    return t("in {done} of {all} reps", done=round(total.amount), all=done.count)


def best_amount(best: Best, library: Library) -> str:
    """12 reps in one set."""
    if best.what == "reps":
        return t("{reps} in one set", reps=reps(round(best.value)))
    if best.what == "hold":
        return t("held for {time}", time=length(best.value))
    if best.what == "load":
        return t("heaviest: {load}", load=load(best.value))
    if best.what == "range":
        return t("range {range}", range=f"{best.value:.0f}{sign(library, best.exercise)}")
    return t("form {score}", score=round(best.value))


def best_text(best: Best, library: Library) -> str:
    """Squat: 12 reps in one set."""
    return named(library, best.exercise, best_amount(best, library))


def score_text(score: float | None) -> str:
    return "–" if score is None else f"{score:.0f}"


def day_text(day: date) -> str:
    """18 Mar, or 3月18日."""
    if language() == "zh":
        return f"{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]}"


def date_text(day: date) -> str:
    """18 Mar 2026, or 2026年3月18日."""
    return f"{day.year}年{day_text(day)}" if language() == "zh" else f"{day_text(day)} {day.year}"


def moment_text(moment: datetime) -> str:
    """18 Mar 2026, 07:30."""
    day = date_text(moment.date())
    return f"{day} {moment:%H:%M}" if language() == "zh" else f"{day}, {moment:%H:%M}"
