"""Demonstration clips: an athlete does an exercise in a modelled room.

The room, the light and the athlete are all made here; no photograph and no recording is in them, so
the clips can be shipped. Joints of every frame are exact.
"""

from __future__ import annotations

import difflib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from app.errors import UsageError
from app.skeleton import Joint
from app.training.bodies import SIDES, Array, Body, BodyModel, PosedBody, body_model
from app.training.canvas import Camera, Canvas, Image, Mesh
from app.training.motions import MOTIONS, Style
from app.training.poses import Figure, rx, ry, rz
from app.training.room import BACK_WALL, daylight, room, scene_camera, scene_light
from app.training.wardrobe import Outfit, dress

FRAMES_PER_SECOND: Final = 30

# The person is turned so that the camera sees the side, and a little of the front.
_TURN: Final = 68.0


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """One repetition: depth as in motions.py, seconds down, at the turning point, up, and after it."""

    depth: float = 1.0
    down: float = 1.05
    turn: float = 0.12
    up: float = 0.95
    rest: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Script:
    """What a clip shows: seconds of standing before and after, and the repetitions between."""

    exercise: str
    repetitions: tuple[Repetition, ...]
    before: float = 2.0
    after: float = 1.6
    style: Style = field(default_factory=Style)

    @classmethod
    def plain(
        cls,
        exercise: str,
        count: int = 8,
        *,
        shallow: Sequence[int] = (),
        full_depth: float = 1.0,
        shallow_depth: float = 0.64,
        seed: int = 0,
    ) -> Script:
        """`count` repetitions of a natural, slightly uneven tempo to `full_depth`; those numbered (from
        1) in `shallow` stop at `shallow_depth`. Raises UsageError for an unknown exercise."""
        if exercise not in MOTIONS:
            close = difflib.get_close_matches(exercise, MOTIONS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(MOTIONS)}"
            raise UsageError(f"no motion called {exercise!r}; {hint}")
        if exercise == "pull_up":
            raise UsageError("no clip of pull_up: the room has no bar to hang from")
        rng = np.random.default_rng(seed)
        repetitions = []
        for number in range(1, count + 1):
            depth = shallow_depth if number in shallow else full_depth
            pace = rng.normal(1.0, 0.04)
            repetitions.append(
                Repetition(
                    depth=float(depth + rng.normal(0, 0.008)),
                    down=float(1.05 * pace * (0.6 + 0.4 * depth)),
                    up=float(0.95 * pace * (0.6 + 0.4 * depth)),
                    turn=float(rng.uniform(0.08, 0.16)),
                    rest=float(rng.uniform(0.4, 0.6)),
                )
            )
        return cls(exercise=exercise, repetitions=tuple(repetitions))

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return self.before + self.after + sum(r.down + r.turn + r.up + r.rest for r in self.repetitions)

    def times(self) -> list[float]:
        """Time of every frame in seconds."""
        return [number / FRAMES_PER_SECOND for number in range(round(self.seconds * FRAMES_PER_SECOND))]

    def depth_at(self, time: float) -> float:
        """Depth of the movement, 0..1, at a time in seconds."""
        start = self.before
        for repetition in self.repetitions:
            inside = time - start
            if inside < 0:
                break
            if inside < repetition.down:
                return repetition.depth * _ease(inside / repetition.down)
            inside -= repetition.down
            if inside < repetition.turn:
                return repetition.depth
            inside -= repetition.turn
            if inside < repetition.up:
                return repetition.depth * (1.0 - _ease(inside / repetition.up))
            start += repetition.down + repetition.turn + repetition.up + repetition.rest
        return 0.0


def _ease(share: float) -> float:
    """From rest to rest with the least jerk (Flash and Hogan 1985)."""
    return float(share**3 * (10 - 15 * share + 6 * share**2))


def _wave(time: float, *periods: float) -> float:
    """A slow irregular wave in about -1..1."""
    return sum(float(np.sin(2 * np.pi * time / p + 1.7 * k)) for k, p in enumerate(periods)) / len(periods)


def _placed(body: Body, script: Script, time: float, surface: tuple[Array, Array]) -> PosedBody:
    """The athlete at a time: breathing and swaying a little, feet where they belong."""
    depth = script.depth_at(time)
    figure: Figure = MOTIONS[script.exercise](depth, body.proportions, script.style)
    calm = 1.0 - 0.6 * min(depth, 1.0)
    chest = rx(0.7 * _wave(time, 3.6) + 0.4 * calm * _wave(time, 5.1, 2.3)) @ rz(
        0.5 * calm * _wave(time, 4.3, 7.7)
    )
    figure.turn["chest"] = figure.turn["chest"] @ chest
    head = rx(1.6 * _wave(time, 4.9, 3.1)) @ ry(2.5 * calm * _wave(time, 6.3, 4.1))
    figure.turn["head"] = figure.turn["head"] @ head
    for number, side in enumerate(SIDES):
        arm = rx(1.4 * _wave(time + 3 * number, 3.9, 2.7)) @ rz(1.0 * _wave(time + number, 5.3, 3.3))
        for part in ("upper_arm", "forearm", "hand"):
            figure.turn[f"{side}_{part}"] = arm @ figure.turn[f"{side}_{part}"]
    if figure.root[1] > 0.1:  # this motion plants the feet itself: sway over them
        ankles = {side: figure.ankle(side) for side in SIDES}
        poles = {side: figure.turn[f"{side}_shin"][:, 2] for side in SIDES}
        figure.root = figure.root + calm * np.array(
            [0.006 * _wave(time, 5.7, 3.7), 0.0, 0.006 * _wave(time, 4.7, 2.9)]
        )
        for side in SIDES:
            figure.leg_to(side, ankles[side], poles[side])
    posed = body.posed(figure.pose(), surface)
    sole = float(posed.vertices[:, 1].min())
    root = np.array([0.0, -sole, 0.0])
    if figure.root[1] > 0.1:
        root[[0, 2]] = figure.root[[0, 2]]
    else:
        low = min(SIDES, key=lambda side: float(posed.joints[Joint[f"{side}_ankle"]][1]))
        ankle = posed.joints[Joint[f"{low}_ankle"]]
        root[2] = -ankle[2] if abs(ankle[2]) < 0.3 else 0.0
    return posed.moved(root, ry(_TURN))


def athlete(model: BodyModel) -> tuple[Body, Outfit]:
    """The one who demonstrates, and what they wear."""
    one = np.ones(1)
    body = model.bodies(
        male=1.0 * one,
        height=1.78 * one,
        age=0.68 * one,
        muscle=0.88 * one,
        weight=0.46 * one,
        proportions=0.9 * one,
    )[0]
    outfit = Outfit(
        sleeve=0.48,
        hem=0.02,
        neck=0.088,
        leg=0.86,
        waist=0.10,
        sock=1.94,
        loose_top=0.009,
        loose_bottom=0.016,
        hair=1.0,
        colours=((0.05, 0.42, 0.47), (0.09, 0.10, 0.13), (0.74, 0.75, 0.76), (0.10, 0.07, 0.05)),
        second=((0.05, 0.42, 0.47), (0.09, 0.10, 0.13), (0.20, 0.22, 0.25), (0.17, 0.12, 0.08)),
        pattern=((0, 1), (0, 1), (0, 1), (4, 110)),
        skin=(0.80, 0.58, 0.45),
    )
    return body, outfit


@dataclass(frozen=True, kw_only=True, eq=False)
class Shot:
    """One frame of a clip: image (H, W, 3) BGR; xy (19, 2) pixels; xyz (19, 3) metres, camera axes,
    origin mid-hip."""

    time: float
    image: Image
    xy: Array
    xyz: Array


def shots(
    script: Script,
    *,
    width: int = 1280,
    height: int = 720,
    finer: int = 2,
    times: Sequence[float] | None = None,
) -> Iterator[Shot]:
    """The frames of a clip, or those at given times. Raises CanvasError, BodiesMissingError."""
    body, outfit = athlete(body_model())
    dressed = dress(body, outfit)
    canvas = Canvas(width, height, finer=finer, shadow_size=2048)
    camera, light, still = scene_camera(width, height), scene_light(), [*room(_TURN), daylight()]
    pattern = np.array(outfit.pattern, dtype=float)
    pattern[2] = 5.0, body.vertices[:, 1].min() + 0.018  # soles
    garments = (np.array(outfit.colours), np.array(outfit.second), pattern)
    reach = (np.array([-0.4, 0.9, -0.2]), 2.6)
    empty = np.array(canvas.draw(still, camera, light, shadow_reach=reach, taps=24))
    if times is None:
        times = script.times()
    for time in times:
        posed = _placed(body, script, time, dressed.surface)
        person = Mesh(
            vertices=posed.vertices,
            normals=posed.normals,
            faces=dressed.faces,
            colours=dressed.skin,
            fields=dressed.fields,
            rest=body.vertices,
        )
        region = _touched(posed, camera, light.sun, width, height)
        image = empty.copy()
        image[region[1] : region[3], region[0] : region[2]] = canvas.draw(
            [person, *still],
            camera,
            light,
            garments=garments,
            shadow_reach=reach,
            taps=24,
            contacts=_contacts(posed),
            region=region,
        )
        seen = camera.to_camera(posed.joints)
        hips = (seen[Joint.left_hip] + seen[Joint.right_hip]) / 2
        yield Shot(
            time=time,
            image=np.ascontiguousarray(image[..., 2::-1]),
            xy=camera.project(posed.joints),
            xyz=seen - hips,
        )


def _touched(
    posed: PosedBody, camera: Camera, sun: Array, width: int, height: int
) -> tuple[int, int, int, int]:
    """The part of the picture (left, top, right, bottom) that a person and their shadow change."""
    points = posed.vertices
    shadow = points - points[:, 1:2] / sun[1] * sun
    wall = np.clip((points[:, 2] - (BACK_WALL + 0.03)) / sun[2], 0, None)[:, None]
    behind = points - wall * sun  # where the shadow climbs the wall
    shadow = np.where(shadow[:, 2:] < BACK_WALL, behind, shadow)
    seen = camera.project(np.concatenate([points, shadow]))
    edge = 30
    left, top = np.maximum(np.floor(seen.min(axis=0)) - edge, 0).astype(int)
    right, bottom = np.minimum(np.ceil(seen.max(axis=0)) + edge, (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _contacts(posed: PosedBody) -> Array:
    """Where feet and hips darken the floor below them."""
    spots = []
    for side in SIDES:
        heel, toe = posed.joints[Joint[f"{side}_heel"]], posed.joints[Joint[f"{side}_toe"]]
        spots += [
            (place[0], place[2], 0.09, 0.45 * float(np.exp(-8.0 * max(place[1], 0.0))))
            for place in (heel, 0.5 * (heel + toe), toe)
        ]
    hips = (posed.joints[Joint.left_hip] + posed.joints[Joint.right_hip]) / 2
    spots.append((hips[0], hips[2], 0.45, 0.35 * float(np.exp(-1.2 * max(hips[1], 0.0)))))
    return np.array(spots)


class ClipWriter:
    """Writes frames as MP4: H.264 where the program `ffmpeg` with libx264 is there, MPEG-4 otherwise.

    Raises OSError when neither can write the file.
    """

    def __init__(self, path: Path, width: int, height: int, *, quality: int = 23) -> None:
        self._path = path
        self._pipe: subprocess.Popen[bytes] | None = None
        self._writer: cv2.VideoWriter | None = None
        program = shutil.which("ffmpeg")
        if program is not None:
            rate = str(FRAMES_PER_SECOND)
            self._pipe = subprocess.Popen(
                [program, "-y", "-loglevel", "error",
                 "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", rate,
                 "-i", "-", "-c:v", "libx264", "-preset", "slow", "-crf", str(quality), "-pix_fmt", "yuv420p",
                 "-movflags", "+faststart", str(path)],
                stdin=subprocess.PIPE,
            )  # fmt: skip
        else:
            self._writer = cv2.VideoWriter(
                str(path), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_SECOND, (width, height)
            )
            if not self._writer.isOpened():
                raise OSError(f"{path}: cannot be written as a video")

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, image: Image) -> None:
        """Append a BGR frame."""
        if self._writer is not None:
            self._writer.write(image)
        elif self._pipe is not None and self._pipe.stdin is not None:
            self._pipe.stdin.write(image.tobytes())

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
        elif self._pipe is not None and self._pipe.stdin is not None:
            self._pipe.stdin.close()
            if self._pipe.wait() != 0:
                raise OSError(f"{self._path}: ffmpeg could not write it (it needs libx264)")
