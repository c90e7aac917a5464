"""Exercises as pure functions: place in the repetition, body and style in, pose out.

`depth` is how far into the movement the body is: 0 at the start, 1 at the turning point of a full
repetition; a shallow one stops short of it. Axes and neutral stance are those of bodies.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.training.bodies import SEGMENTS, SIDES, Array, BodyPose, Proportions
from app.training.poses import Figure, rx, ry, rz, unit

_OUT: Final = {"left": 1.0, "right": -1.0}


@dataclass(frozen=True, kw_only=True)
class Style:
    """How one person does it; every number 0 is the textbook, -1..1 what one meets.

    width: stance or grip; lean: trunk; arms: which of an exercise's usual arm positions (0..1);
    side: the limb that works; look: head up or down; loose: degrees of random turn in every segment,
    drawn with `seed`.
    """

    width: float = 0.0
    lean: float = 0.0
    arms: float = 0.0
    side: str = "left"
    look: float = 0.0
    loose: float = 0.0
    seed: int = 0

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Style:
        """A random way to do an exercise."""
        return cls(
            width=float(rng.uniform(-1, 1)),
            lean=float(rng.uniform(-1, 1)),
            arms=float(rng.random()),
            side=str(rng.choice(SIDES)),
            look=float(rng.normal(0, 0.5)),
            loose=float(rng.uniform(1, 6)),
            seed=int(rng.integers(2**31)),
        )


def depth_at(phase: float) -> float:
    """Depth of a smooth full repetition at phase 0..1 (turning point at 0.5)."""
    return 0.5 - 0.5 * float(np.cos(2 * np.pi * phase))


def _other(side: str) -> str:
    return "right" if side == "left" else "left"


def _mix(a: float, b: float, share: float) -> float:
    return a + (b - a) * share


def _look(s: Style) -> Array:
    return rx(-18 * s.look)


def _stand(f: Figure, s: Style, width: float = 0.0, yaw: float = 8.0) -> None:
    for side in SIDES:
        f.leg(side, out=1.5 + width, twist=yaw)
        f.foot(side, ry(_OUT[side] * yaw))


def _hang_arms(f: Figure, s: Style, **angles: float) -> None:
    for side in SIDES:
        f.arm(side, **{"flex": 3.0, "out": 7.0, "elbow": 10.0, "palm": 0.0, **angles})


def squat_legs(f: Figure, knee: float, *, half_stance: float, yaw: float, heels_up: float = 0.0) -> None:
    """Feet on the floor (y = 0), mid-hip above them such that the knees' inner angle is near `knee`.

    The shin leans forward in proportion to the bend (23 degrees at a right angle), which keeps
    the hips as far behind the feet as people have them.
    """
    bend = 180.0 - knee
    shin = np.radians(0.25 * bend)
    thigh = np.radians(bend) - shin
    p = f.p
    ahead = p.shin * np.sin(shin) - p.thigh * np.sin(thigh)
    up = p.ankle + p.shin * np.cos(shin) + p.thigh * np.cos(thigh)
    f.root = np.array([0.0, up + heels_up * 0.05, ahead * np.cos(np.radians(yaw))])
    for side in SIDES:
        turn = ry(_OUT[side] * yaw)
        ankle = np.array([_OUT[side] * half_stance, p.ankle + heels_up * 0.05, 0.0])
        f.leg_to(side, ankle, turn @ np.array([0.0, 0.0, 1.0]) + np.array([0.0, 0.2, 0.0]))
        f.foot(side, turn @ rx(30 * heels_up), turn)


def squat(depth: float, p: Proportions, s: Style) -> Figure:
    """Squat; depth 1 bends the knees to an inner angle of 58 degrees, thighs just below level."""
    f = Figure(p)
    lean = depth * (40 + 12 * s.lean)
    f.trunk(rx(lean), rx(lean * 0.98), rx(lean * 0.25) @ _look(s))
    squat_legs(f, 176 - 118 * depth, half_stance=p.hip_half * (1.45 + 0.5 * s.width), yaw=18 + 10 * s.width)
    for side in SIDES:
        if s.arms < 0.45:  # raised forward against the lean
            f.arm(side, flex=_mix(3, 88 + lean, depth), out=5, elbow=_mix(10, 4, depth), palm=-70 * depth)
        elif s.arms < 0.65:  # hands together before the chest
            f.arm(side, flex=32, out=-8, twist=38, elbow=125)
        elif s.arms < 0.85:  # bar on the back
            f.arm(side, flex=-25, out=32, twist=-40, elbow=130, palm=0, wrist=-20)
        else:
            f.arm(side, flex=lean * 0.9, out=10, elbow=10)
    return f


def deadlift(depth: float, p: Proportions, s: Style) -> Figure:
    """Deadlift from the floor up; depth 1 is the bar at the floor."""
    f = Figure(p)
    lean = depth * (68 + 14 * s.lean)
    f.trunk(rx(lean), rx(lean * (1.05 + 0.15 * max(s.lean, 0))), rx(lean * 0.6) @ _look(s))
    squat_legs(f, 176 - depth * (60 - 35 * s.lean), half_stance=p.hip_half * (1.2 + 0.4 * s.width), yaw=8)
    for side in SIDES:
        # The arms hang straight down, whatever the trunk does.
        f.arm(side, flex=lean * 1.02 + 2, out=4 + 6 * max(s.width, 0), elbow=3, palm=-80)
    f.grip = [1.0, 1.0]
    return f


def lunge(depth: float, p: Proportions, s: Style) -> Figure:
    """Forward lunge, the working leg in front."""
    f = Figure(p)
    front, back = s.side, _other(s.side)
    lean = 6 + 10 * s.lean * depth
    stride = (p.thigh + p.shin) * (0.72 + 0.14 * s.width)
    tall = p.ankle + (p.thigh + p.shin) * _mix(0.93, 0.56, depth)
    f.trunk(rx(max(lean, -4)), rx(max(lean, -4)), _look(s))
    f.root = np.array([0.0, tall, 0.0])
    ahead = np.array([0.0, 0.0, 1.0])
    x = {side: _OUT[side] * p.hip_half * 1.1 for side in SIDES}
    f.leg_to(front, np.array([x[front], p.ankle, stride * 0.52]), ahead)
    f.foot(front, np.eye(3))
    heel = p.ankle + 0.11 + 0.03 * depth
    f.leg_to(back, np.array([x[back], heel, -stride * 0.58]), ahead - np.array([0.0, 0.6, 0.0]))
    f.foot(back, rx(48 + 12 * depth), rx(5))
    _arms_rest(f, s)
    return f


def _arms_rest(f: Figure, s: Style) -> None:
    for side in SIDES:
        if s.arms < 0.35:  # hands on the hips
            f.arm(side, flex=-18, out=42, twist=35, elbow=95, palm=-30)
        elif s.arms < 0.7:
            f.arm(side, flex=4, out=9, elbow=12)
        elif s.arms < 0.85:
            f.arm(side, flex=35, out=-6, twist=35, elbow=120)
        else:
            f.arm(side, flex=5, out=85, elbow=5)


def push_up(depth: float, p: Proportions, s: Style) -> Figure:
    """Push-up on the toes or, for arms > 0.8, on the knees."""
    f = Figure(p)
    knees = s.arms > 0.8
    reach = p.upper_arm + p.forearm
    high = 0.97 * reach + 0.03
    low = 0.13 + 0.35 * reach * (1 - 0.75)
    shoulder = _mix(high, low + 0.04, depth) + 0.02
    legs = p.thigh + p.shin * (0.0 if knees else 1.0)
    base = 0.06 if knees else p.ankle + 0.09
    slope = np.degrees(np.arcsin(np.clip((shoulder - base) / (p.pelvis + p.chest + legs), -0.2, 0.9)))
    sag = 12 * s.lean  # hips high or sagging
    f.trunk(rx(90 - slope + sag), rx(90 - slope - 0.6 * sag), rx(90 - slope - 15) @ _look(s))
    for side in SIDES:
        f.leg(side, flex=1.6 * sag if sag > 0 else sag, out=2, knee=80 if knees else 2)
        if knees:
            f.foot(side, f.turn[f"{side}_shin"] @ rx(40))
        else:
            f.foot(side, rx(95), rx(20))
    f.root = np.array([0.0, 0.0, 0.0])
    down = np.array([0.0, shoulder - (f.shoulder("left")[1] + f.shoulder("right")[1]) / 2, 0.0])
    f.root = f.root + down
    flare = 1.2 + 0.5 * s.width
    for side in SIDES:
        at = f.shoulder(side)
        hand = np.array([_OUT[side] * p.shoulder_half * (flare + 0.15), 0.04, at[2] - 0.02 - 0.1 * depth])
        pole = np.array([_OUT[side] * (0.8 + 0.6 * s.width), 0.3, -1.0])
        f.arm_to(side, hand, pole)
        f.turn[f"{side}_hand"] = rx(-90) @ ry(-_OUT[side] * 80)
    f.grip = [0.05, 0.05]
    return f


def plank(depth: float, p: Proportions, s: Style) -> Figure:
    """Plank on the forearms; depth bends it (sag or pike)."""
    f = Figure(p)
    shoulder = p.upper_arm + 0.04
    base = p.ankle + 0.09
    slope = np.degrees(np.arcsin(np.clip((shoulder - base) / (p.pelvis + p.chest + p.thigh + p.shin), 0, 1)))
    sag = 22 * s.lean * depth
    f.trunk(rx(90 - slope + sag), rx(90 - slope - 0.5 * sag), rx(90 - slope - 10) @ _look(s))
    for side in SIDES:
        f.leg(side, flex=1.8 * sag if sag > 0 else sag, out=2, knee=3)
        f.foot(side, rx(92), rx(15))
        upper = rz(_OUT[side] * 6) @ rx(5 * s.width)
        f.turn[f"{side}_upper_arm"] = upper
        f.turn[f"{side}_forearm"] = ry(-_OUT[side] * 20 * s.arms) @ rx(-88)
        f.hand(side, 0)
    f.grip = [0.6, 0.6]
    return f


def side_plank(depth: float, p: Proportions, s: Style) -> Figure:
    """Side plank on one forearm."""
    f = Figure(p)
    low = s.side
    turn = rz(-_OUT[low] * (72 + 10 * depth * s.lean))
    f.trunk(turn, turn, turn @ _look(s))
    for side in SIDES:
        f.leg(side, out=-3, knee=4)
        f.foot(side, turn)
    f.turn[f"{low}_upper_arm"] = rz(_OUT[low] * 4)
    f.turn[f"{low}_forearm"] = rx(-88)
    f.hand(low, 0)
    f.arm(_other(low), out=150 * s.arms, elbow=10)
    return f


def biceps_curl(depth: float, p: Proportions, s: Style) -> Figure:
    """Curl standing, both arms or one."""
    f = Figure(p)
    back = rx(-8 * max(s.lean, 0) * depth)
    f.trunk(back, back, _look(s))
    _stand(f, s, 2 + 2 * s.width)
    for side in SIDES:
        d = depth if s.arms < 0.7 or side == s.side else 0.0
        swing = d * (10 + 20 * max(s.lean, 0))
        elbow, palm = _mix(10, 140, d), _mix(20, 85, d)
        f.arm(side, flex=2 + swing, out=6 + 5 * s.width, twist=-8, elbow=elbow, palm=palm)
    f.grip = [1.0, 1.0]
    return f


def jumping_jack(depth: float, p: Proportions, s: Style) -> Figure:
    """Jumping jack; depth 1 has arms overhead and legs apart."""
    f = Figure(p)
    f.trunk(rx(3), rx(2), _look(s))
    for side in SIDES:
        f.leg(side, out=_mix(1, 22 + 6 * s.width, depth), flex=6, twist=8, knee=10)
        f.foot(side, ry(_OUT[side] * 12) @ rx(15), ry(_OUT[side] * 12))
        f.arm(side, out=_mix(8, 160 + 15 * s.lean, depth), elbow=_mix(8, 18 + 12 * s.arms, depth), flex=4)
    return f


def sit_up(depth: float, p: Proportions, s: Style) -> Figure:
    """Sit-up from lying on the back."""
    f = Figure(p)
    rise = depth * (75 + 10 * s.lean)
    pelvis, chest = rx(-90 + 0.85 * rise), rx(-90 + min(rise + 22 * depth, 100))
    f.trunk(pelvis, chest, chest @ rx(15 + 10 * depth))
    knee = 95 + 20 * s.width
    for side in SIDES:
        # The feet stay flat on the floor: the thigh is set in the world.
        thigh = rx(-90 - (90 - 0.5 * knee) + 0) @ ry(0)
        f.turn[f"{side}_thigh"] = rz(_OUT[side] * 3) @ thigh
        f.turn[f"{side}_shin"] = rz(_OUT[side] * 3) @ thigh @ rx(knee)
        f.foot(side, np.eye(3))
        _sit_up_arm(f, side, s)
    return f


def _sit_up_arm(f: Figure, side: str, s: Style) -> None:
    if s.arms < 0.4:  # hands behind the head
        f.arm(side, flex=60, out=100, twist=-45, elbow=138)
    elif s.arms < 0.65:  # crossed on the chest
        f.arm(side, flex=40, out=-5, twist=55, elbow=130)
    else:
        f.arm(side, flex=75, out=3, elbow=8)


def crunch(depth: float, p: Proportions, s: Style) -> Figure:
    """Crunch: only the shoulder blades leave the floor."""
    f = sit_up(0.0, p, s)
    chest = rx(-90 + 36 * depth)
    f.trunk(rx(-90 + 4 * depth), chest, chest @ rx(14 + 12 * depth))
    for side in SIDES:
        _sit_up_arm(f, side, s)
    return f


def pull_up(depth: float, p: Proportions, s: Style) -> Figure:
    """Pull-up: depth 1 has the chin over the bar."""
    f = Figure(p)
    lean = rx(-6 - 8 * depth)
    f.trunk(lean, lean, rx(-8) @ _look(s))
    bar = p.shoulder_half * (1.35 + 0.6 * s.width)
    up = (p.upper_arm + p.forearm) * _mix(0.97, 0.32, depth)
    for side in SIDES:
        at = f.shoulder(side)
        hand = np.array([_OUT[side] * bar, at[1] + up, at[2] + 0.10 * depth + 0.03])
        f.arm_to(side, hand, np.array([_OUT[side] * (0.6 + 0.3 * s.width), -0.6, -0.1]))
        f.hand(side, 85 if s.arms > 0.5 else -85)
        crossed = s.arms * 80
        f.leg(side, flex=8 + 12 * max(s.lean, 0), knee=crossed, out=-2 + 3 * s.width, toes_up=-25)
    f.grip = [1.0, 1.0]
    return f


def glute_bridge(depth: float, p: Proportions, s: Style) -> Figure:
    """Bridge: shoulders and feet on the floor, the hips go up."""
    f = Figure(p)
    rise = depth * (34 + 6 * s.lean)
    f.trunk(rx(-90 - rise), rx(-90 - 0.85 * rise), rx(-84))
    shin = rx(_mix(-34, -2, depth) + 12 * s.width)
    knee_height = p.ankle + p.shin * shin[1, 1]
    shoulders = -f.shoulder("left")[1] + 0.09
    sine = np.clip((knee_height - max(shoulders, 0.09)) / p.thigh, -1, 1)
    thigh = rx(-90 - np.degrees(np.arcsin(sine)))
    for side in SIDES:
        f.turn[f"{side}_thigh"] = rz(_OUT[side] * 4) @ thigh
        f.turn[f"{side}_shin"] = rz(_OUT[side] * 2) @ shin
        f.foot(side, np.eye(3))
        f.turn[f"{side}_upper_arm"] = rz(_OUT[side] * 15) @ rx(-90 - 90) @ rx(0) if s.arms > 0.92 else (
            ry(_OUT[side] * 20) @ rx(-88) @ ry(-_OUT[side] * 60)
        )  # fmt: skip
        f.turn[f"{side}_forearm"] = f.turn[f"{side}_upper_arm"] @ rx(-8)
        f.hand(side, -30)
    f.grip = [0.1, 0.1]
    return f


def lateral_raise(depth: float, p: Proportions, s: Style) -> Figure:
    """Lateral raise to shoulder height and a little over."""
    f = Figure(p)
    f.trunk(rx(3 + 4 * s.lean), None, _look(s))
    _stand(f, s, 2 + 2 * s.width)
    _hang_arms(f, s, flex=6, out=_mix(6, 90 + 14 * s.lean, depth), elbow=12 + 8 * s.arms, palm=0)
    f.grip = [1.0, 1.0]
    return f


def front_raise(depth: float, p: Proportions, s: Style) -> Figure:
    """Front raise, both arms or one."""
    f = Figure(p)
    f.trunk(rx(-4 * max(s.lean, 0) * depth), None, _look(s))
    _stand(f, s, 2 + 2 * s.width)
    for side in SIDES:
        d = depth if s.arms < 0.6 or side == s.side else 0.0
        f.arm(side, flex=_mix(6, 92 + 12 * s.lean, d), out=3, elbow=8, palm=-80)
    f.grip = [1.0, 1.0]
    return f


def shoulder_press(depth: float, p: Proportions, s: Style) -> Figure:
    """Press from the shoulders overhead, standing or, for arms > 0.7, seated."""
    f = Figure(p)
    f.trunk(rx(-3 - 8 * max(s.lean, 0)), None, _look(s))
    if s.arms > 0.7:
        _sit(f, 88)
    else:
        _stand(f, s, 3 + 2 * s.width)
    for side in SIDES:
        at = f.shoulder(side)
        up = _mix(0.10, 0.96 * (p.upper_arm + p.forearm), depth)
        wide = _mix(0.10 + 0.05 * s.width, 0.02, depth)
        hand = at + np.array([_OUT[side] * (wide + 0.03), up, 0.06])
        f.arm_to(side, hand, np.array([_OUT[side], -0.7, 0.25]))
        f.hand(side, -80)
    f.grip = [1.0, 1.0]
    return f


def calf_raise(depth: float, p: Proportions, s: Style) -> Figure:
    """Calf raise: depth 1 is high on the toes."""
    f = Figure(p)
    f.trunk(rx(2), None, _look(s))
    for side in SIDES:
        f.leg(side, out=1.5, knee=3, flex=2)
        f.foot(side, ry(_OUT[side] * 8) @ rx(42 * depth), ry(_OUT[side] * 8))
    _arms_rest(f, s)
    return f


def side_leg_raise(depth: float, p: Proportions, s: Style) -> Figure:
    """Leg raise to the side, standing or, for width > 0.3, lying on the other side."""
    f = Figure(p)
    lying = s.width > 0.3
    turn = rz(_OUT[s.side] * (88 if lying else 6 * depth * max(s.lean, 0)))
    f.trunk(turn, turn, turn @ _look(s))
    for side in SIDES:
        f.leg(side, out=_mix(2, 42 + 8 * s.lean, depth) if side == s.side else 0.0, knee=3)
    _arms_rest(f, s)
    if lying:
        f.arm(_other(s.side), flex=150, out=10, elbow=30 + 100 * s.arms)
    return f


def all_fours(depth: float, p: Proportions, s: Style) -> Figure:
    """On hands and knees; depth arches the back."""
    f = Figure(p)
    bend = 14 * s.lean * depth
    f.trunk(rx(84 - bend), rx(84 + bend), rx(78 + bend) @ _look(s))
    for side in SIDES:
        f.leg(side, flex=84 - bend, out=4 + 4 * s.width, knee=90)
        f.foot(side, f.turn[f"{side}_shin"] @ rx(55))
        upper = rz(_OUT[side] * 3) @ ry(-_OUT[side] * 40)
        f.turn[f"{side}_upper_arm"] = upper
        f.turn[f"{side}_forearm"] = upper @ rx(-4)
        f.turn[f"{side}_hand"] = rx(-88) @ ry(-_OUT[side] * 80)
    f.grip = [0.05, 0.05]
    return f


def donkey_kick(depth: float, p: Proportions, s: Style) -> Figure:
    """Donkey kick: from all fours one bent leg goes up behind."""
    f = all_fours(0.0, p, s)
    f.leg(s.side, flex=_mix(84, -8 - 14 * s.lean, depth), knee=90 - 40 * s.arms, out=3, toes_up=-10)
    return f


def bird_dog(depth: float, p: Proportions, s: Style) -> Figure:
    """From all fours one arm and the other leg are stretched out."""
    f = all_fours(0.0, p, s)
    f.leg(s.side, flex=_mix(84, -3, depth), knee=_mix(90, 4, depth), toes_up=-20)
    f.arm(_other(s.side), flex=_mix(86, 172, depth), elbow=6)
    return f


def _sit(f: Figure, hip: float) -> None:
    for side in SIDES:
        f.turn[f"{side}_thigh"] = rz(_OUT[side] * 6) @ rx(-hip)
        f.turn[f"{side}_shin"] = rz(_OUT[side] * 2) @ rx(4)
        f.foot(side, ry(_OUT[side] * 8))


def seated(depth: float, p: Proportions, s: Style) -> Figure:
    """Sitting on something (depth leans forward), or on the floor for width > 0.4."""
    f = Figure(p)
    lean = rx(30 * depth * max(s.lean, -0.3))
    f.trunk(lean @ rx(-6), lean, lean @ _look(s))
    if s.width > 0.4:
        for side in SIDES:
            f.turn[f"{side}_thigh"] = rz(_OUT[side] * 8) @ rx(-90 - 30 * s.arms)
            f.turn[f"{side}_shin"] = rz(_OUT[side] * 8) @ rx(-90 + 60 * s.arms)
            f.foot(side, f.turn[f"{side}_shin"] @ rx(-5))
    else:
        _sit(f, 86)
    for side in SIDES:
        if s.arms < 0.5:
            f.arm(side, flex=35, out=8, twist=15, elbow=50, palm=-80)
        else:
            f.arm(side, flex=-20, out=15, elbow=10)
    return f


def desk(depth: float, p: Proportions, s: Style) -> Figure:
    """Sitting at a desk: hands on the table at depth 0, stretched up or out at depth 1."""
    f = Figure(p)
    lean = rx(6 + 14 * s.lean * (1 - depth))
    f.trunk(lean @ rx(-4), lean, rx(4) @ ry(25 * s.width) @ _look(s))
    _sit(f, 86)
    for side in SIDES:
        sign = _OUT[side]
        d = depth if s.arms < 0.7 or side == s.side else 0.0
        if d < 0.35:  # typing, or the chin in a hand
            high = 0.28 + 0.3 * p.upper_arm * d
            hand = f.root + np.array([sign * (0.12 + 0.06 * s.width), high, 0.38 + 0.1 * abs(s.lean)])
            f.arm_to(side, hand, np.array([sign * 0.7, -0.8, -0.4]), palm=-80)
        else:
            f.arm(side, flex=170 * d * (1 - s.arms), out=20 + 130 * d * s.arms, elbow=35 * (1 - d))
    return f


def lying(depth: float, p: Proportions, s: Style) -> Figure:
    """Lying on the back, the front or a side; depth lifts a leg."""
    f = Figure(p)
    turn = rx(-90) if s.lean < -0.2 else rx(90) if s.lean < 0.4 else rz(_OUT[s.side] * 88)
    f.trunk(turn, turn, turn @ _look(s))
    sign = -1.0 if -0.2 <= s.lean < 0.4 else 1.0
    for side in SIDES:
        lift = depth * (85 if sign > 0 else 20) if side == s.side or s.arms > 0.5 else 0.0
        f.leg(side, flex=sign * lift, out=3, knee=20 * max(s.width, 0), toes_up=-25)
        reach = 170 * max(s.width, 0)
        if sign < 0:  # on the front the arms go round the sides: there is floor below
            f.arm(side, out=15 + 0.9 * reach, elbow=15 + 30 * s.arms)
        else:
            f.arm(side, flex=reach, out=15, elbow=15 + 30 * s.arms)
    return f


def kneeling(depth: float, p: Proportions, s: Style) -> Figure:
    """Kneeling upright; depth sits back on the heels."""
    f = Figure(p)
    sink = 62 * depth
    lean = rx(8 * s.lean + 10 * depth)
    f.trunk(lean, lean, _look(s))
    for side in SIDES:
        f.turn[f"{side}_thigh"] = rz(_OUT[side] * 5) @ rx(-sink)
        f.turn[f"{side}_shin"] = rx(88)
        f.foot(side, rx(150))
    _arms_rest(f, s)
    return f


def leg_raise(depth: float, p: Proportions, s: Style) -> Figure:
    """High knee or straight leg raise to the front, standing on one leg."""
    f = Figure(p)
    f.trunk(rx(-4 * s.lean), None, _look(s))
    _stand(f, s)
    f.leg(s.side, flex=depth * (85 + 15 * s.width), knee=depth * 95 * s.arms, toes_up=5)
    _arms_rest(f, s)
    return f


def bent_row(depth: float, p: Proportions, s: Style) -> Figure:
    """Bent-over row."""
    f = deadlift(0.75 + 0.15 * s.lean, p, s)
    for side in SIDES:
        f.arm(
            side, flex=_mix(55, -25, depth), out=8 + 12 * max(s.width, 0), elbow=_mix(5, 95, depth), palm=-30
        )
    return f


def mountain_climber(depth: float, p: Proportions, s: Style) -> Figure:
    """One knee drawn to the chest from the push-up position."""
    f = push_up(0.0, p, Style(lean=0.2 * s.lean, width=s.width, look=s.look))
    f.leg(s.side, flex=95 * depth, knee=110 * depth, toes_up=10)
    return f


def walk(depth: float, p: Proportions, s: Style) -> Figure:
    """A step of walking or running."""
    f = Figure(p)
    fast = s.arms
    f.trunk(rx(3 + 10 * fast), rx(3 + 10 * fast) @ ry(8 * (2 * depth - 1)), _look(s))
    for side in SIDES:
        d = depth if side == s.side else 1 - depth
        f.leg(
            side, flex=_mix(-18, 28 + 35 * fast, d), knee=_mix(25 + 60 * fast, 10 + 50 * fast, d), toes_up=5
        )
        f.arm(side, flex=_mix(28, -25, d) * (0.6 + fast), elbow=15 + 75 * fast, out=6)
    return f


def standing(depth: float, p: Proportions, s: Style) -> Figure:
    """Standing about, the arms anyhow."""
    f = Figure(p)
    f.trunk(rz(4 * s.lean), rx(3 * s.width) @ rz(-3 * s.lean), ry(30 * s.width) @ _look(s))
    _stand(f, s, 3 + 3 * s.width, 12)
    _arms_rest(f, s)
    f.arm(
        s.side, flex=60 * depth * s.arms, out=10 + 70 * depth * max(s.lean, 0), elbow=20 + 90 * depth * s.arms
    )
    return f


Motion = Callable[[float, Proportions, Style], Figure]

MOTIONS: Final[dict[str, Motion]] = {
    motion.__name__: motion
    for motion in (
        squat, deadlift, lunge, push_up, plank, side_plank, biceps_curl, jumping_jack, sit_up, crunch,
        pull_up, glute_bridge, lateral_raise, front_raise, shoulder_press, calf_raise, side_leg_raise,
        all_fours, donkey_kick, bird_dog, seated, desk, lying, kneeling, leg_raise, bent_row,
        mountain_climber, walk, standing,
    )
}  # fmt: skip


def motion_pose(name: str, depth: float, p: Proportions, s: Style) -> BodyPose:
    """One pose of an exercise, with the style's looseness applied. Raises KeyError for unknown names."""
    figure = MOTIONS[name](depth, p, s)
    if s.loose > 0:
        rng = np.random.default_rng(s.seed)
        for segment in SEGMENTS:
            size = s.loose * (0.5 if "foot" in segment or "toes" in segment else 1.0)
            axis = unit(rng.normal(size=3))
            angle = rng.normal(0, size)
            figure.turn[segment] = _about(axis, angle) @ figure.turn[segment]
    return figure.pose()


def _about(axis: Array, degrees: float) -> Array:
    from scipy.spatial.transform import Rotation

    result: Array = Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix()
    return result
