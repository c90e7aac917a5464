"""Demonstration clips: an athlete does an exercise in a modelled room.

The room, the light and the athlete are all made here; no photograph and no recording is in them, so
the clips can be shipped. Joints of every frame are exact.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from app.skeleton import Joint
from app.training import props
from app.training.bodies import SIDES, Array, Body, BodyModel, PosedBody
from app.training.canvas import MATERIALS, Camera, Canvas, Image, Light, Mesh, look_at
from app.training.motions import MOTIONS, Style
from app.training.poses import Figure, rx, ry, rz
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
    style: Style = Style()

    @classmethod
    def plain(
        cls,
        exercise: str,
        count: int = 8,
        *,
        shallow: Sequence[int] = (),
        full_depth: float = 1.0,
        shallow_depth: float = 0.545,
        seed: int = 0,
    ) -> Script:
        """`count` repetitions of a natural, slightly uneven tempo to `full_depth`; those numbered (from
        1) in `shallow` stop at `shallow_depth`. Raises ValueError for an unknown exercise."""
        if exercise not in MOTIONS:
            raise ValueError(f"no motion called {exercise!r}; there are: {', '.join(MOTIONS)}")
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
    chest = rx(0.7 * _wave(time, 3.6) + 0.4 * calm * _wave(time, 5.1, 2.3)) @ rz(0.5 * calm * _wave(time, 4.3, 7.7))
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
        figure.root = figure.root + calm * np.array([0.006 * _wave(time, 5.7, 3.7), 0.0, 0.006 * _wave(time, 4.7, 2.9)])
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
    return _moved(posed, root, ry(_TURN))


def _moved(posed: PosedBody, shift: Array, turn: Array) -> PosedBody:
    def place(points: Array) -> Array:
        return np.asarray((points + shift) @ turn.T)

    return PosedBody(
        vertices=place(posed.vertices),
        normals=posed.normals @ turn.T,
        joints=place(posed.joints),
        bones={name: place(point) for name, point in posed.bones.items()},
        rotations=turn @ posed.rotations,
    )


def _athlete(model: BodyModel) -> tuple[Body, Outfit]:
    one = np.ones(1)
    body = model.bodies(
        male=1.0 * one, height=1.78 * one, age=0.68 * one, muscle=0.88 * one, weight=0.46 * one, proportions=0.9 * one
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


def _sheet(corner: Array, u: Array, v: Array, normal: Array, colour: Array, material: str, shade: Array) -> Mesh:
    """A plane as a grid of (rows, columns) given by `shade`, the brightness of its points."""
    rows, columns = shade.shape
    a, b = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    points = corner + a.reshape(-1, 1) * u + b.reshape(-1, 1) * v
    index = np.arange(rows * columns).reshape(rows, columns)
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], axis=-1).reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    return Mesh(
        casts=False,
        vertices=points,
        normals=np.tile(normal, (len(points), 1)),
        faces=faces,
        colours=colour * shade.reshape(-1, 1),
        rest=points,
        material=MATERIALS[material],
    )


_X: Final = np.array([1.0, 0.0, 0.0])
_Y: Final = np.array([0.0, 1.0, 0.0])
_Z: Final = np.array([0.0, 0.0, 1.0])
_LEFT, _RIGHT, _BACK, _FRONT, _TALL = -4.2, 3.1, -2.3, 5.0, 3.0


def _corner_shade(distances: Sequence[Array]) -> Array:
    """Less light reaches the corners of a room."""
    shade = np.ones_like(distances[0])
    for distance in distances:
        shade = shade * (1.0 - 0.28 * np.exp(-np.maximum(distance, 0.0) / 0.35))
    return shade


def _room() -> list[Mesh]:
    straight = np.eye(3)
    x = np.linspace(_LEFT, _RIGHT, 60)[None, :]
    y = np.linspace(0.0, _TALL, 30)[:, None]
    z = np.linspace(_BACK, _FRONT, 50)[:, None]
    wide, deep = _RIGHT - _LEFT, _FRONT - _BACK
    floor = _corner_shade([x - _LEFT + 0 * z, _RIGHT - x + 0 * z, z - _BACK + 0 * x])
    wall = _corner_shade([x - _LEFT + 0 * y, _RIGHT - x + 0 * y, y + 0 * x, _TALL - y + 0 * x])
    paint = np.array([0.83, 0.82, 0.79])
    accent = np.array([0.50, 0.58, 0.60])
    meshes = [
        _sheet(np.array([_LEFT, 0, _BACK]), wide * _X, deep * _Z, _Y, np.array([0.66, 0.47, 0.31]), "wood", floor),
        _sheet(np.array([_LEFT, 0, _BACK]), wide * _X, _TALL * _Y, _Z, accent, "wall", wall),
        _sheet(np.array([_LEFT, _TALL, _BACK]), wide * _X, deep * _Z, -_Y, np.full(3, 0.93), "wall", floor),
        props.box(np.array([(_LEFT + _RIGHT) / 2, 0.05, _BACK + 0.01]), np.array([wide, 0.1, 0.025]), straight,
                  np.full(3, 0.92)),
        props.box(np.array([_RIGHT - 0.01, 0.05, (_BACK + _FRONT) / 2]), np.array([0.025, 0.1, deep]), straight,
                  np.full(3, 0.92)),
    ]  # fmt: skip
    left_shade = _corner_shade([z - _BACK + 0 * y.T, y.T + 0 * z, _TALL - y.T + 0 * z])
    meshes.append(
        _sheet(np.array([_LEFT, 0, _BACK]), _TALL * _Y, deep * _Z, _X, paint, "wall", left_shade)
    )
    # The right wall has a window: four pieces of wall around it, a frame in it, daylight behind.
    low, high, near, far = 0.55, 2.55, 2.4, -1.5
    pieces = (
        (_BACK, far, 0.0, _TALL), (near, _FRONT, 0.0, _TALL), (far, near, 0.0, low), (far, near, high, _TALL),
    )  # fmt: skip
    for z0, z1, y0, y1 in pieces:
        zz, yy = np.linspace(z0, z1, 16)[:, None], np.linspace(y0, y1, 16)[None, :]
        shade = _corner_shade([zz - _BACK + 0 * yy, yy + 0 * zz, _TALL - yy + 0 * zz])
        meshes.append(
            _sheet(np.array([_RIGHT, y0, z0]), (y1 - y0) * _Y, (z1 - z0) * _Z, -_X, paint, "wall", shade)
        )
    frame = np.full(3, 0.95)
    middle, tall, long = (near + far) / 2, high - low, near - far
    for height in (low, high):
        meshes.append(
            props.box(np.array([_RIGHT, height, middle]), np.array([0.14, 0.06, long + 0.06]), straight, frame)
        )
    for place in (far, far + long / 3, far + 2 * long / 3, near):
        meshes.append(props.box(np.array([_RIGHT, (low + high) / 2, place]), np.array([0.1, tall, 0.05]), straight, frame))
    meshes.append(
        props.box(np.array([_RIGHT - 0.06, low + 0.02, middle]), np.array([0.24, 0.035, long + 0.2]), straight, frame)
    )
    return meshes + _furniture()


def _daylight() -> Mesh:
    """What is seen through the window: too bright to make out."""
    z, y = np.linspace(0, 1, 12)[:, None], np.linspace(0, 1, 12)[None, :]
    shade = 0.93 + 0.07 * y + 0 * z
    corner = np.array([_RIGHT + 0.4, 0.2, -3.0])
    return _sheet(corner, 3.0 * _Y, 7.0 * _Z, -_X, np.array([0.93, 0.97, 1.0]), "glow", shade)


def _furniture() -> list[Mesh]:
    rng = np.random.default_rng(4)
    straight, turn = np.eye(3), ry(_TURN - 90)
    meshes = [
        props.box(np.array([0.05, 0.006, 0.0]), np.array([2.0, 0.012, 0.8]), turn, np.array([0.17, 0.22, 0.27]), "rubber"),
        # A picture on the wall: sun over hills.
        props.box(np.array([-1.95, 1.62, _BACK + 0.02]), np.array([1.06, 0.76, 0.03]), straight, np.array([0.16, 0.13, 0.11])),
        props.box(np.array([-1.95, 1.62, _BACK + 0.036]), np.array([0.96, 0.66, 0.01]), straight, np.array([0.93, 0.80, 0.62])),
        props.box(np.array([-1.95, 1.42, _BACK + 0.040]), np.array([0.96, 0.26, 0.01]), straight, np.array([0.26, 0.42, 0.44])),
        props.ellipsoid(np.array([-1.72, 1.66, _BACK + 0.041]), np.array([0.12, 0.12, 0.005]), straight, np.array([0.89, 0.45, 0.28]), 24),
        # A low shelf with dumb-bells and a ball.
        props.box(np.array([-2.0, 0.36, _BACK + 0.24]), np.array([1.5, 0.04, 0.38]), straight, np.array([0.55, 0.40, 0.27])),
        props.box(np.array([-2.0, 0.10, _BACK + 0.24]), np.array([1.5, 0.04, 0.38]), straight, np.array([0.55, 0.40, 0.27])),
        props.box(np.array([-2.72, 0.2, _BACK + 0.24]), np.array([0.04, 0.4, 0.38]), straight, np.array([0.50, 0.36, 0.24])),
        props.box(np.array([-1.28, 0.2, _BACK + 0.24]), np.array([0.04, 0.4, 0.38]), straight, np.array([0.50, 0.36, 0.24])),
        props.ellipsoid(np.array([1.75, 0.30, _BACK + 0.45]), np.full(3, 0.30), straight, np.array([0.62, 0.33, 0.27]), 32),
    ]  # fmt: skip
    for x, y in ((-2.5, 0.12), (-2.15, 0.12), (-1.8, 0.12), (-1.5, 0.12), (-2.45, 0.38), (-2.05, 0.38)):
        meshes += props.dumbbell(np.array([x, y + 0.07, _BACK + 0.24]), _Z, rng)
    pot = np.array([2.62, 0.0, _BACK + 0.45])
    meshes.append(props.cylinder(pot, pot + 0.34 * _Y, 0.17, np.array([0.86, 0.84, 0.80]), 32))
    for leaf in range(26):  # a plant
        angle, lean = leaf * 2.4, rng.uniform(15, 62)
        grow = ry(float(np.degrees(angle))) @ rx(float(lean))
        length = rng.uniform(0.22, 0.46)
        green = np.array([0.16, 0.33, 0.16]) * rng.uniform(0.75, 1.35)
        root = pot + np.array([0.0, 0.36, 0.0]) + grow[:, 1] * length
        meshes.append(props.ellipsoid(root, np.array([0.05, length, 0.012]), grow, green, 10))
    return meshes


def _scene_light() -> Light:
    return Light(
        sun=np.array([0.50, 0.74, 0.42]) / np.linalg.norm([0.50, 0.74, 0.42]),
        sun_colour=(0.95, 0.87, 0.74),
        sky_colour=(0.55, 0.58, 0.63),
        ground_colour=(0.36, 0.31, 0.27),
        shadow=True,
        softness=0.07,
        shine=0.22,
    )


def scene_camera(width: int, height: int) -> Camera:
    """The camera of every clip: at chest height, level, 4 m from the athlete."""
    place, target = np.array([0.1, 1.15, 4.0]), np.array([0.1, 0.93, 0.0])
    focal = height / 2 / np.tan(np.radians(37.0) / 2)
    return Camera(rotation=look_at(place, target), place=place, focal=focal, centre=(width / 2, height / 2))


@dataclass(frozen=True, kw_only=True, eq=False)
class Shot:
    """One frame of a clip: image (H, W, 3) BGR; xy (19, 2) pixels; xyz (19, 3) metres, camera axes,
    origin mid-hip."""

    time: float
    image: Image
    xy: Array
    xyz: Array


def shots(script: Script, *, width: int = 1280, height: int = 720, finer: int = 2, times: Sequence[float] | None = None) -> Iterator[Shot]:
    """The frames of a clip, or those at given times. Raises CanvasError, BodiesMissingError."""
    body, outfit = _athlete(BodyModel())
    dressed = dress(body, outfit)
    canvas = Canvas(width, height, finer=finer, shadow_size=2048)
    camera, light, room = scene_camera(width, height), _scene_light(), _room()
    pattern = np.array(outfit.pattern, dtype=float)
    pattern[2] = 5.0, body.vertices[:, 1].min() + 0.018  # soles
    garments = (np.array(outfit.colours), np.array(outfit.second), pattern)
    reach = (np.array([-0.4, 0.9, -0.2]), 2.6)
    empty = np.array(canvas.draw([*room, _daylight()], camera, light, shadow_reach=reach, taps=24))
    if times is None:
        times = [n / FRAMES_PER_SECOND for n in range(round(script.seconds * FRAMES_PER_SECOND))]
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
            [person, *room, _daylight()],
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
            time=time, image=np.ascontiguousarray(image[..., 2::-1]), xy=camera.project(posed.joints), xyz=seen - hips
        )


def _touched(posed: PosedBody, camera: Camera, sun: Array, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of the picture (left, top, right, bottom) that a person and their shadow change."""
    points = posed.vertices
    shadow = points - points[:, 1:2] / sun[1] * sun
    wall = np.clip((points[:, 2] - (_BACK + 0.03)) / sun[2], 0, None)[:, None]
    behind = points - wall * sun  # where the shadow climbs the wall
    shadow = np.where(shadow[:, 2:] < _BACK, behind, shadow)
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
        for place in (heel, 0.5 * (heel + toe), toe):
            spots.append((place[0], place[2], 0.09, 0.45 * float(np.exp(-8.0 * max(place[1], 0.0)))))
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
            self._pipe = subprocess.Popen(
                [program, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}",
                 "-r", str(FRAMES_PER_SECOND), "-i", "-", "-c:v", "libx264", "-preset", "slow", "-crf", str(quality),
                 "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path)],
                stdin=subprocess.PIPE,
            )  # fmt: skip
        else:
            self._writer = cv2.VideoWriter(
                str(path), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_SECOND, (width, height)
            )
            if not self._writer.isOpened():
                raise OSError(f"{path}: cannot be written as a video")

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
