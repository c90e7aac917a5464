"""Why a rule fires or does not, at one moment: as data, and as one plain sentence. Needs only Python.

"shallow: does not fire: knee.min 88°, above 95° wanted; view oblique, only side can judge"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.conditions import Operator
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
    "front": "正面",
    "side": "侧面",
    "oblique": "斜侧面",
    "back": "背面",
}
