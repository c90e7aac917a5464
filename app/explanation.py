"""Why a rule fires or does not, at one moment: as data, and as one plain sentence. Needs only Python.

"shallow: does not fire: knee.min 88°, above 95° wanted; view oblique, only side can judge"

And why a movement was no repetition: "no repetition: too fast, 0.3 s of 0.5 s; at the turn: hip 140°, below
110° wanted".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.conditions import Operator
from app.excursions import Lack, NotCounted
from app.measures import Judge, format_value
from app.skeleton import Joint
from app.view import View


@dataclass(frozen=True, kw_only=True)
class Check:
    """One comparison of a rule's condition. value: what was measured; None: it was not seen.

    limit, upper: in the parameter's unit; limit is None while it waits for the athlete's own value.
    relative: "share" or "plus" when the limit is relative to that. truth: None when it cannot be known.
    """

    parameter: str
    operator: Operator
    value: float | None
    limit: float | None
    upper: float | None
    relative: Literal["", "share", "plus"]
    truth: bool | None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One rule at one moment.

    someone: whether an athlete was measured. judged: whether what it judges (a repetition, a phase, the set)
    has been over yet; rep: that repetition's number. fires, since: the rule is lit, since when. condition:
    what `when` came to. checks: its comparisons. view_ok, phase_ok: whether it may be judged from here and
    now. missing: joints that it needs and that are not seen. sureness: how well its parameters are seen when
    that is less than `sure`. held of hold_for: seconds that the condition has been true. own_learnt of
    own_reps: repetitions from which the athlete's own values are learnt. said of per_set: how often it was
    said; said_now: in this step. cooldown_left, quiet_left: seconds before it, or anything, may be said.
    """

    rule: str
    judge: Judge
    time: float
    someone: bool
    judged: bool
    rep: int | None
    fires: bool
    since: float | None
    condition: bool | None
    checks: tuple[Check, ...]
    view: View | None
    views: tuple[View, ...]
    view_ok: bool
    phase: str
    phases: tuple[str, ...]
    phase_ok: bool
    missing: tuple[Joint, ...]
    sureness: float | None
    sure: float
    held: float
    hold_for: float
    own_learnt: int
    own_reps: int
    said: int
    per_set: int
    said_now: bool
    cooldown_left: float
    quiet_left: float
    too_often: bool
    praise_waits: bool

    def reasons(self, language: str = "en") -> list[str]:
        """What speaks for and against it, each a few words, in the order in which it matters."""
        words = _ZH if language.startswith("zh") else _EN
        if not self.someone:
            return [words["nobody"]]
        if not self.judged:
            return [words["not_over_" + self.judge]]
        out = [_check(check, words) for check in self.checks]
        if any(check.relative and check.limit is None for check in self.checks):
            out.append(words["own"].format(learnt=self.own_learnt, wanted=self.own_reps))
        if not self.view_ok:
            names = words["or"].join(words[view] for view in self.views)
            # A repetition is judged on most of its frames, so the view of this moment tells nothing.
            view = words[self.view] if self.judge == "frame" and self.view else words["another"]
            out.append(words["view"].format(view=view, views=names))
        if not self.phase_ok:
            now = self.phase or words["none"]
            out.append(words["phase"].format(phase=now, phases=words["or"].join(self.phases)))
        if self.missing:
            joints = ", ".join(joint.name.replace("_", " ") for joint in self.missing)
            out.append(words["missing"].format(joints=joints))
        if self.sureness is not None:
            out.append(words["unsure"].format(found=f"{self.sureness:.2f}", wanted=f"{self.sure:.2f}"))
        if self.condition and not self.fires and self.hold_for:
            out.append(words["hold"].format(held=f"{self.held:.1f}", wanted=f"{self.hold_for:g}"))
        return out + self._unsaid(words) if self.fires else out

    def _unsaid(self, words: dict[str, str]) -> list[str]:
        """Why a rule that fires is not said."""
        if self.said_now:
            return [words["said_now"]]
        if self.said >= self.per_set:
            return [words["budget"].format(said=self.said, most=self.per_set)]
        if self.cooldown_left > 0.0:
            return [words["cooldown"].format(left=f"{self.cooldown_left:.1f}")]
        if self.too_often:
            return [words["too_often"]]
        if self.praise_waits:
            return [words["praise"]]
        if self.quiet_left > 0.0:
            return [words["quiet"].format(left=f"{self.quiet_left:.1f}")]
        return []

    def text(self, language: str = "en") -> str:
        """All of it as one sentence: "does not fire: knee 104°, below 95° wanted; ..."."""
        words = _ZH if language.startswith("zh") else _EN
        head = words["fires"] if self.fires else words["quiet_rule"]
        if self.rep is not None and self.judge in ("rep", "phase"):
            head += words["rep"].format(number=self.rep)
        return head + words["colon"] + words["and"].join(self.reasons(language))


def lacks(found: NotCounted, language: str = "en") -> list[str]:
    """What the movement lacked to be a repetition, each a few words."""
    words = _ZH if language.startswith("zh") else _EN
    return [_lack(lack, words) for lack in found.lacks]


def not_counted_text(found: NotCounted, language: str = "en") -> str:
    """All of it as one sentence."""
    words = _ZH if language.startswith("zh") else _EN
    head = words["no_rep"] + (words[found.side] if found.side != "both" else "")
    return head + words["colon"] + words["and"].join(lacks(found, language))


def _lack(lack: Lack, words: dict[str, str]) -> str:
    if lack.comparison is not None:
        comparison = lack.comparison
        check = Check(
            parameter=comparison.parameter, operator=comparison.operator, value=lack.found,
            limit=lack.wanted, upper=comparison.upper, relative="", truth=False,
        )  # fmt: skip
        return words[f"lack_{lack.kind}"].format(check=_check(check, words))
    if lack.kind in ("fast", "slow", "gone"):
        found, wanted = f"{lack.found:.1f}", f"{lack.wanted:g}"
    elif lack.kind == "unsure":
        found, wanted = f"{lack.found:.2f}", f"{lack.wanted:.2f}"
    else:
        found, wanted = f"{100 * lack.found:.0f} %", f"{100 * lack.wanted:.0f} %"
    text = words[f"lack_{lack.kind}"].format(found=found, wanted=wanted)
    if lack.parameter and lack.value is not None and lack.value_wanted is not None:
        value, enough = (format_value(lack.parameter, v) for v in (lack.value, lack.value_wanted))
        text += words["would_do"].format(name=lack.parameter, value=value, enough=enough)
    return text


def _check(check: Check, words: dict[str, str]) -> str:
    name = check.parameter
    if check.value is None:
        return words["unseen"].format(name=name)
    value = format_value(name, check.value)
    if check.limit is None:
        return words["value"].format(name=name, value=value)
    limit = format_value(name, check.limit)
    if check.upper is not None:
        limit = words["to"].format(low=limit, high=format_value(name, check.upper))
    wanted = words[check.operator].format(limit=limit)
    return words["met" if check.truth else "wanted"].format(name=name, value=value, wanted=wanted)


_EN: Final = {
    "fires": "fires",
    "quiet_rule": "does not fire",
    "rep": " (repetition {number})",
    "colon": ": ",
    "and": "; ",
    "or": " or ",
    "nobody": "nobody is seen",
    "not_over_rep": "no repetition has ended yet",
    "not_over_phase": "its phase has not ended yet",
    "not_over_set": "it is judged when the set ends, or after a repetition",
    "unseen": "{name} is not seen",
    "value": "{name} {value}",
    "wanted": "{name} {value}, {wanted} wanted",
    "met": "{name} {value} is {wanted}",
    "below": "below {limit}",
    "above": "above {limit}",
    "between": "between {limit}",
    "outside": "outside {limit}",
    "to": "{low} and {high}",
    "own": "the athlete's own value is not known yet: {learnt} of {wanted} repetitions",
    "view": "view {view}, only {views} can judge",
    "another": "mostly another",
    "phase": "phase {phase}, only {phases} is judged",
    "none": "none",
    "missing": "not seen: {joints}",
    "unsure": "seen with {found}, {wanted} needed",
    "hold": "hold {held} s of {wanted} s",
    "said_now": "said now",
    "budget": "not said: {said} of {most} in this set already",
    "cooldown": "not said: {left} s until it may be said again",
    "too_often": "not said: three times in a row already",
    "praise": "not said: praise waits while something is wrong or was just said",
    "quiet": "not said: {left} s of quiet after another prompt",
    "no_rep": "no repetition",
    "left": " (left)",
    "right": " (right)",
    "lack_start": "the start position was not taken before: {found} of the way out, {wanted} at most",
    "lack_opening": "the recording opens {found} of the way out, {wanted} at most",
    "lack_way": "went {found} of the way, {wanted} wanted",
    "lack_range": "moved {found} of the way, {wanted} wanted",
    "would_do": " ({name} {value}, {enough} would do)",
    "lack_back": "did not come back: {found} of the way left, {wanted} at most",
    "lack_fast": "too fast: {found} s, {wanted} s at least",
    "lack_slow": "too slow: {found} s, {wanted} s at most",
    "lack_unseen": "not seen in {found} of its frames, {wanted} at most",
    "lack_gone": "out of sight for {found} s, {wanted} s at most",
    "lack_unsure": "seen with {found}, {wanted} needed",
    "lack_posture": "posture: {check}",
    "lack_at_start": "at the start: {check}",
    "lack_at_turn": "at the turn: {check}",
    "front": "front",
    "side": "side",
    "oblique": "oblique",
    "back": "back",
}
_ZH: Final = {
    "fires": "触发",
    "quiet_rule": "未触发",
    "rep": "（第 {number} 次）",
    "colon": "：",
    "and": "；",
    "or": "或",
    "nobody": "画面中没有人",
    "not_over_rep": "还没有完成一次动作",
    "not_over_phase": "该阶段尚未结束",
    "not_over_set": "在一组结束时或一次动作之后判断",
    "unseen": "看不到 {name}",
    "value": "{name} {value}",
    "wanted": "{name} {value}，需要{wanted}",
    "met": "{name} {value}，{wanted}，符合",
    "below": "低于 {limit}",
    "above": "高于 {limit}",
    "between": "在 {limit} 之间",
    "outside": "在 {limit} 之外",
    "to": "{low} 到 {high}",
    "own": "尚不知道本人的数值：已学 {learnt}/{wanted} 次",
    "view": "视角为{view}，只有{views}能判断",
    "another": "其他视角",
    "phase": "阶段为 {phase}，只在 {phases} 判断",
    "none": "无",
    "missing": "看不到：{joints}",
    "unsure": "可见度 {found}，需要 {wanted}",
    "hold": "已保持 {held} 秒，需要 {wanted} 秒",
    "said_now": "刚刚说出",
    "budget": "未说出：本组已说 {said}/{most} 次",
    "cooldown": "未说出：还需 {left} 秒才能再说",
    "too_often": "未说出：已连续三次",
    "praise": "未说出：有错误或刚说过话时不表扬",
    "quiet": "未说出：距上一条提示还需安静 {left} 秒",
    "no_rep": "不计次",
    "left": "（左）",
    "right": "（右）",
    "lack_start": "之前没有回到起始姿势：最近时为行程的 {found}，不得超过 {wanted}",
    "lack_opening": "录像开始时已在行程的 {found}，不得超过 {wanted}",
    "lack_way": "走了行程的 {found}，需要 {wanted}",
    "lack_range": "幅度为行程的 {found}，需要 {wanted}",
    "would_do": "（{name} {value}，达到 {enough} 即可）",
    "lack_back": "没有返回：还剩行程的 {found}，不得超过 {wanted}",
    "lack_fast": "太快：{found} 秒，至少 {wanted} 秒",
    "lack_slow": "太慢：{found} 秒，至多 {wanted} 秒",
    "lack_unseen": "有 {found} 的画面看不到，不得超过 {wanted}",
    "lack_gone": "离开视线 {found} 秒，不得超过 {wanted} 秒",
    "lack_unsure": "可见度 {found}，需要 {wanted}",
    "lack_posture": "姿势：{check}",
    "lack_at_start": "起始时：{check}",
    "lack_at_turn": "转折处：{check}",
    "front": "正面",
    "side": "侧面",
    "oblique": "斜侧面",
    "back": "背面",
}
