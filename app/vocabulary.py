"""The names of all parameters: what each measures, in which unit, on which joints. Needs numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.skeleton import Joint, mirrored

Unit = Literal["deg", "ratio", "deg/s", "ratio/s"]


@dataclass(frozen=True, kw_only=True)
class ParameterInfo:
    """One word of the vocabulary.

    unit: deg, ratio (of the body's own size), deg/s or ratio/s.
    text: what it measures, in one line, for the reference and for error texts.
    joints: the joints it is measured on (the left side's for a sided parameter).
    sided: whether `left_` and `right_` forms exist.
    """

    name: str
    unit: Unit
    text: str
    joints: tuple[Joint, ...]
    sided: bool = False


def _sided(name: str, unit: Unit, text: str, *joints: Joint) -> ParameterInfo:
    return ParameterInfo(name=name, unit=unit, text=text, joints=joints, sided=True)


def _central(name: str, unit: Unit, text: str, *joints: Joint) -> ParameterInfo:
    return ParameterInfo(name=name, unit=unit, text=text, joints=joints)


J = Joint
BOTH_HIPS: Final = (J.left_hip, J.right_hip)
BOTH_SHOULDERS: Final = (J.left_shoulder, J.right_shoulder)
TRUNK: Final = (*BOTH_SHOULDERS, *BOTH_HIPS)
BOTH_ANKLES: Final = (J.left_ankle, J.right_ankle)

# One entry for both sides; PARAMETERS has `left_` and `right_` beside them.
BASE: Final[tuple[ParameterInfo, ...]] = (
    _sided("knee", "deg", "angle at the knee, 180 straight", J.left_hip, J.left_knee, J.left_ankle),
    _sided("hip", "deg", "angle at the hip between trunk and thigh, 180 straight",
           J.left_shoulder, J.left_hip, J.left_knee),
    _sided("elbow", "deg", "angle at the elbow, 180 straight", J.left_shoulder, J.left_elbow, J.left_wrist),
    _sided("shoulder", "deg", "angle between upper arm and trunk, 0 along the body, 180 overhead",
           J.left_hip, J.left_shoulder, J.left_elbow),
    _sided("ankle", "deg", "angle between shin and foot", J.left_knee, J.left_ankle, J.left_toe),
    _sided("body_line", "deg", "shoulder, hip, ankle in one line: 180",
           J.left_shoulder, J.left_hip, J.left_ankle),
    _sided("thigh_tilt", "deg", "thigh from upright, 0 standing, 90 level", J.left_hip, J.left_knee),
    _sided("shin_tilt", "deg", "shin from upright", J.left_knee, J.left_ankle),
    _sided("upper_arm_tilt", "deg", "upper arm from hanging, 0 down, 90 level, 180 up",
           J.left_shoulder, J.left_elbow),
    _sided("forearm_tilt", "deg", "forearm from pointing up, 0 up, 180 hanging", J.left_elbow, J.left_wrist),
    _sided("arm_aside", "ratio", "upper arm pointing out to the side, 0 forward or down, 1 sideways",
           J.left_shoulder, J.left_elbow, J.right_shoulder, *BOTH_HIPS),
    _sided("leg_aside", "ratio", "thigh pointing out to the side, 0 forward or down, 1 sideways",
           *BOTH_HIPS, J.left_knee),
    _sided("arm_reach", "ratio", "shoulder to wrist over the arm's length, 1 straight",
           J.left_shoulder, J.left_elbow, J.left_wrist),
    _sided("wrist_height", "ratio", "wrist above the shoulder, in trunk lengths", J.left_wrist, *TRUNK),
    _sided("elbow_height", "ratio", "elbow above the shoulder, in trunk lengths", J.left_elbow, *TRUNK),
    _sided("shoulder_height", "ratio", "shoulder above the wrist, in arm lengths",
           J.left_shoulder, J.left_elbow, J.left_wrist),
    _sided("hand_share", "ratio", "hand's share of the movement of hand and shoulder, 0 pull-up, 1 press",
           J.left_wrist, J.left_shoulder),
    _sided("hip_sag", "ratio", "hip below (+) or above (-) the line from shoulder to ankle, over its length",
           J.left_shoulder, J.left_hip, J.left_ankle),
    _sided("hip_bow", "deg", "face down, trunk from the line of the thigh: belly hanging (+), hips piked (-)",
           J.left_shoulder, J.left_hip, J.left_knee),
    _sided("knee_height", "ratio", "knee above the hip, in thigh lengths", J.left_hip, J.left_knee),
    _sided("ankle_height", "ratio", "ankle above the hip, in leg lengths", J.left_hip, J.left_ankle),
    _sided("knee_forward", "ratio", "knee ahead of the toes, in shin lengths (side and oblique views)",
           J.left_knee, J.left_ankle, J.left_heel, J.left_toe),
    _sided("heel_lift", "ratio", "heel above the toes, in shin lengths", J.left_heel, J.left_toe, J.left_knee,
           J.left_ankle),
    _central("trunk_tilt", "deg", "trunk from upright, 0 standing, 90 level", *TRUNK),
    _central("head_tilt", "deg", "head out of the line of the trunk", J.nose, J.neck, *TRUNK),
    _central("shoulder_level", "deg", "shoulder line from level", *BOTH_SHOULDERS),
    _central("hip_level", "deg", "hip line from level", *BOTH_HIPS),
    _central("leg_spread", "deg", "angle between the two thighs", *BOTH_HIPS, J.left_knee, J.right_knee),
    _central("straighter_knee", "deg", "knee angle of the leg that is straighter",
             *BOTH_HIPS, J.left_knee, J.right_knee, *BOTH_ANKLES),
    _central("thigh_difference", "deg", "difference of the two thighs' tilts, large in a lunge",
             *BOTH_HIPS, J.left_knee, J.right_knee),
    _central("hip_height", "ratio", "hips above the lower ankle, in leg lengths", *BOTH_HIPS, *BOTH_ANKLES),
    _central("hip_over_knee", "ratio", "hips above the lower knee, in thigh lengths",
             *BOTH_HIPS, J.left_knee, J.right_knee),
    _central("trunk_height", "ratio", "shoulders above the hips, in trunk lengths", *TRUNK),
    _central("chest_up", "ratio", "where the chest points, 1 up (on the back), -1 down (face down)", *TRUNK),
    _central("chest_near", "ratio", "where the chest points, 1 at the camera, -1 away from it", *TRUNK),
    _central("hands_over_knees", "ratio", "wrists above the knees, in trunk lengths",
             J.left_wrist, J.right_wrist, J.left_knee, J.right_knee),
    _central("head_over_hands", "ratio", "nose above the wrists, in trunk lengths",
             J.nose, J.left_wrist, J.right_wrist, *TRUNK),
    _central("stance_width", "ratio", "ankle distance over shoulder width", *BOTH_ANKLES, *BOTH_SHOULDERS),
    _central("knee_width", "ratio", "knee distance over ankle distance (front and back views)",
             J.left_knee, J.right_knee, *BOTH_ANKLES),
    _central("hands_apart", "ratio", "left wrist from the right one along the shoulders, below 0 crossed",
             J.left_wrist, J.right_wrist, *BOTH_SHOULDERS),
    _central("wrist_spread", "ratio", "wrist distance over shoulder width",
             J.left_wrist, J.right_wrist, *BOTH_SHOULDERS),
    _central("knee_difference", "deg", "left knee angle minus right, without sign",
             J.left_hip, J.left_knee, J.left_ankle, J.right_hip, J.right_knee, J.right_ankle),
    _central("elbow_difference", "deg", "left elbow angle minus right, without sign",
             J.left_shoulder, J.left_elbow, J.left_wrist, J.right_shoulder, J.right_elbow, J.right_wrist),
    _central("shoulder_difference", "deg", "left shoulder angle minus right, without sign",
             J.left_shoulder, J.left_elbow, J.left_hip, J.right_shoulder, J.right_elbow, J.right_hip),
    _central("nearness", "ratio", "size of the trunk in the picture over its usual size, larger is nearer",
             *TRUNK),
)  # fmt: skip

# Speeds exist for these: `<name>_speed`, per second, signed (positive: the value grows).
SPEEDS: Final = ("knee", "hip", "elbow", "shoulder", "trunk_tilt", "hip_height")


PARTNER: Final[dict[Joint, Joint]] = {joint: Joint[mirrored(joint.name)] for joint in Joint}
_LEFT_LIMBS: Final = (
    J.left_shoulder, J.left_elbow, J.left_wrist,
    J.left_hip, J.left_knee, J.left_ankle, J.left_heel, J.left_toe,
)  # fmt: skip
LIMBS: Final = {"left": _LEFT_LIMBS, "right": tuple(PARTNER[joint] for joint in _LEFT_LIMBS)}


def _vocabulary() -> dict[str, ParameterInfo]:
    out: dict[str, ParameterInfo] = {}
    for info in BASE:
        right = tuple(dict.fromkeys(PARTNER[j] for j in info.joints))
        if info.sided:
            both = tuple(dict.fromkeys((*info.joints, *right)))
            out[info.name] = ParameterInfo(
                name=info.name, unit=info.unit, text=info.text, joints=both, sided=True
            )
            for side, joints in (("left", info.joints), ("right", right)):
                name = f"{side}_{info.name}"
                out[name] = ParameterInfo(
                    name=name, unit=info.unit, text=f"{info.text}, {side} side", joints=joints
                )
        else:
            out[info.name] = info
    for name in SPEEDS:
        info = out[name]
        unit: Unit = "deg/s" if info.unit == "deg" else "ratio/s"
        out[f"{name}_speed"] = ParameterInfo(
            name=f"{name}_speed", unit=unit, text=f"how fast {name} grows", joints=info.joints
        )
    return out


PARAMETERS: Final[dict[str, ParameterInfo]] = _vocabulary()
