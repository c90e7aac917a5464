"""The framing guide: what it says to an athlete who stands wrong, and that it does not flicker."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from app import framing
from app.framing import Advice, FramingGuide, check_light
from app.parameters import Measurer
from app.rules import LIBRARY, load_exercise
from app.skeleton import Joint, Pose
from app.ui.words import translations
from tests.motion import MOTIONS, STANDING, Posture, joints, seen

WIDTH, HEIGHT = 640, 480


def shot(
    posture: Posture,
    time: float,
    *,
    yaw: float = 90.0,
    scale: float = 210.0,
    x: float = 0.5,
    feet: float = 0.95,
) -> Pose:
    """The posture in the frame: its middle at x, its lowest joint at `feet`, both in shares of the frame;
    what lies outside of the frame is not seen."""
    pose = seen(joints(posture), time, yaw=yaw, scale=scale)
    middle = (pose.xy[:, 0].min() + pose.xy[:, 0].max()) / 2
    xy = pose.xy + np.float32((x * WIDTH - middle, feet * HEIGHT - pose.xy[:, 1].max()))
    outside = ((xy < 0) | (xy > (WIDTH, HEIGHT))).any(axis=1)
    return replace(pose, xy=xy, confidence=np.where(outside, 0.05, 0.9).astype(np.float32))


def advised(guide: FramingGuide, poses: list[Pose | None], *, fps: float = 25.0) -> list[Advice]:
    measurer = Measurer()
    return [
        guide.step(i / fps, pose, measurer.step(pose, i / fps), WIDTH, HEIGHT) for i, pose in enumerate(poses)
    ]


def said(exercise: str, posture: Posture = STANDING, *, seconds: float = 2.0, **how: float) -> Advice:
    """What is said in the end to one who stays as he is."""
    poses: list[Pose | None] = [shot(posture, i / 25, **how) for i in range(round(25 * seconds))]
    return advised(guide_of(exercise), poses)[-1]


def guide_of(exercise: str) -> FramingGuide:
    return FramingGuide(load_exercise(LIBRARY / f"{exercise}.yaml"))


def test_who_is_there_already_is_not_asked_to_come() -> None:
    """The next set of a workout: the guide begins anew, the athlete stands where they stood."""
    guide = guide_of("squat")
    poses = [shot(STANDING, i / 25) for i in range(25)]
    for _ in range(2):
        assert framing.COME not in {advice.text for advice in advised(guide, list(poses))}
        guide.reset()


def test_nobody() -> None:
    advice = advised(guide_of("squat"), [None] * 25)[-1]
    assert (advice.text, advice.ok, advice.ready) == (framing.COME, False, False)


@pytest.mark.parametrize(
    ("how", "text", "arrow"),
    [
        ({"scale": 330.0}, framing.STEP_BACK, "further"),
        ({"scale": 520.0}, framing.STEPS_BACK, "further"),
        ({"scale": 70.0}, framing.COME_CLOSER, "nearer"),
        ({"feet": 1.12}, framing.TILT_DOWN, "down"),
        ({"feet": 0.66}, framing.TILT_UP, "up"),
        ({"x": 0.12}, framing.TO_THE_MIDDLE, "right"),
        ({"x": 0.88}, framing.TO_THE_MIDDLE, "left"),
        ({"yaw": 180.0}, framing.LEFT_SIDE, "turn"),
        ({"yaw": 206.0}, framing.RIGHT_SIDE, "turn"),
    ],
)
def test_what_is_wrong_for_a_squat_is_said(how: dict[str, float], text: str, arrow: str) -> None:
    advice = said("squat", **how)
    assert (advice.text, advice.arrow, advice.ok) == (text, arrow, False)


def test_a_front_exercise_wants_the_face() -> None:
    assert said("jumping_jack", scale=190.0, yaw=90.0).text == framing.FACE_ME
    assert said("jumping_jack", scale=190.0, yaw=0.0).ok


def test_all_right_and_the_start_position_held() -> None:
    poses: list[Pose | None] = [shot(STANDING, i / 25) for i in range(60)]
    advice = advised(guide_of("squat"), poses)
    assert not advice[5].ready
    assert (advice[-1].text, advice[-1].ok, advice[-1].ready) == (framing.HOLD_STILL, True, True)
    assert advice[-1].off == ()


def test_not_in_the_start_position() -> None:
    advice = said("squat", MOTIONS["squat"].turn)
    assert (advice.text, advice.ok, advice.ready) == (framing.TAKE_POSITION, True, False)


def test_an_exercise_on_the_floor_lets_one_stand_first() -> None:
    """Standing, the head is out of a low camera's picture; lying down, all of the body is in it."""
    standing = said("push_up", STANDING, scale=300.0, feet=1.0)
    assert (standing.text, standing.ok) == (framing.TAKE_POSITION, True)
    lying = said("push_up", MOTIONS["push_up"].start, scale=280.0, feet=0.8)
    assert (lying.text, lying.ready) == (framing.HOLD_STILL, True)


def test_the_upper_body_is_enough_for_curls_but_not_for_squats() -> None:
    desk = said("biceps_curl", yaw=30.0, scale=420.0, feet=1.62)
    assert desk.ok
    assert desk.desk
    assert said("squat", yaw=30.0, scale=420.0, feet=1.62).text in (framing.STEP_BACK, framing.STEPS_BACK)


def test_feet_that_are_guessed_below_the_picture_are_not_in_it() -> None:
    poses: list[Pose | None] = []
    for i in range(50):
        pose = shot(STANDING, i / 25, yaw=30.0, scale=420.0, feet=1.62)
        guessed = np.maximum(pose.confidence, 0.35).astype(np.float32)
        poses.append(replace(pose, confidence=guessed))
    advice = advised(guide_of("biceps_curl"), poses)[-1]
    assert advice.ok and advice.desk


def test_rules_whose_joints_are_hidden_are_named() -> None:
    exercise = load_exercise(LIBRARY / "biceps_curl.yaml")
    legs = replace(exercise.rules[0], id="knees_locked", needs=(Joint.left_knee, Joint.right_knee))
    guide = FramingGuide(replace(exercise, rules=(*exercise.rules, legs)))
    poses: list[Pose | None] = [shot(STANDING, i / 25, yaw=30.0, scale=420.0, feet=1.62) for i in range(75)]
    assert [rule.id for rule in advised(guide, poses)[-1].off] == ["knees_locked"]


def test_the_advice_is_steady_at_its_limits() -> None:
    """An athlete who sways around the limits of distance and middle is not told two things a second."""
    random = np.random.default_rng(5)
    for how in ({"scale": 247.0}, {"scale": 93.0}, {"x": 0.62}):
        poses: list[Pose | None] = []
        for i in range(250):
            sway = {name: value * (1 + random.normal(0, 0.01)) for name, value in how.items()}
            poses.append(shot(STANDING, i / 25, **sway))
        texts = [text for text, _ in groupby(advice.text for advice in advised(guide_of("squat"), poses))]
        assert len(texts) <= 4, texts


def test_one_bad_frame_changes_nothing() -> None:
    poses: list[Pose | None] = [shot(STANDING, i / 25) for i in range(75)]
    poses[50] = None
    poses[60] = shot(STANDING, 60 / 25, feet=1.3)
    advice = advised(guide_of("squat"), poses)
    assert all(a.text == framing.HOLD_STILL for a in advice[40:])
    assert all(a.ok for a in advice[40:])


@pytest.mark.parametrize("exercise", sorted(MOTIONS))
def test_the_outline_lies_in_the_picture(exercise: str) -> None:
    for width, height in ((640, 480), (1280, 720), (720, 1280)):
        outline = (
            FramingGuide(load_exercise(LIBRARY / f"{exercise}.yaml"))
            .step(0, None, None, width, height)
            .outline
        )
        assert 0 <= outline.left < outline.left + outline.width <= width
        assert 0 <= outline.top < outline.top + outline.height <= height + 1
        assert outline.figure is not None
        inside = (outline.figure >= (outline.left - 1, outline.top - 1)).all()
        assert inside
        assert (outline.figure <= (outline.left + outline.width + 1, outline.top + outline.height + 1)).all()


def test_every_advice_has_its_chinese() -> None:
    assert [text for text in (*framing.TEXTS, *framing.LIGHT_TEXTS) if text not in translations("zh")] == []


# ---- light


def room(brightness: float) -> np.ndarray:
    """A sharp picture of boards and a figure, of about that brightness."""
    random = np.random.default_rng(0)
    image = np.kron(random.uniform(0.5, 1.5, (24, 32)), np.ones((20, 20)))
    return np.repeat((brightness * image)[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)


def test_light() -> None:
    assert check_light(room(120)) is None
    assert check_light(room(14)) == framing.DARK


def test_against_the_light() -> None:
    pose = shot(STANDING, 0.0)
    image = room(170)
    assert check_light(image, pose) is None
    left, top = pose.xy.min(axis=0).astype(int)
    right, bottom = pose.xy.max(axis=0).astype(int)
    image[:] = np.maximum(image, 190)
    image[top:bottom, left:right] = room(40)[top:bottom, left:right]
    assert check_light(image, pose) == framing.AGAINST_THE_LIGHT


def test_blurred() -> None:
    image = room(120).astype(float)
    for _ in range(3):  # three box blurs are nearly a Gaussian
        for axis in (0, 1):
            image = sum(np.roll(image, shift, axis) for shift in range(-6, 7)) / 13
    assert check_light(image.astype(np.uint8)) == framing.BLURRED
