"""Where rendered people are filmed: what is behind and around them, light, and the camera.

Axes: metres, X and Z along the floor, Y up, the floor at y = 0. A place is either a photograph, on which
the person stands with a shadow, or a made-up room with floor, walls and furniture; half of the rooms have
a photograph in place of the walls.
"""

from __future__ import annotations

import logging
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from app.errors import UsageError, first_line
from app.skeleton import NUM_JOINTS, Joint
from app.training import props
from app.training.archives import BROKEN, PICTURE_ENDINGS, open_zip
from app.training.bodies import SIDES, Array, PosedBody
from app.training.canvas import MATERIALS, Camera, Image, Light, Mesh, look_at
from app.training.poses import ry

log = logging.getLogger(__name__)

_UP: Final = np.array([0.0, 1.0, 0.0])
_FLOORS: Final = np.array(
    [[0.66, 0.47, 0.31], [0.45, 0.31, 0.2], [0.75, 0.65, 0.5], [0.35, 0.35, 0.37], [0.6, 0.6, 0.58],
     [0.2, 0.22, 0.25], [0.55, 0.5, 0.45], [0.4, 0.15, 0.12], [0.25, 0.4, 0.3], [0.8, 0.78, 0.74]]
)  # fmt: skip


class Backgrounds:
    """Photographs to put behind people: a folder or a zip of pictures, or nothing (made up).

    Raises UsageError when there are none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._pictures: list[tuple[str, bytes]] = []  # with their names
        self._told: set[str] = set()  # the broken ones
        if path is None:
            return
        if path.is_dir():
            names = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURE_ENDINGS)
            self._pictures = [(str(p.relative_to(path)), p.read_bytes()) for p in names]
        elif zipfile.is_zipfile(path):
            try:
                with open_zip(path) as archive:
                    inside = sorted(n for n in archive.namelist() if n.lower().endswith(PICTURE_ENDINGS))
                    self._pictures = [(name, archive.read(name)) for name in inside]
            except BROKEN as error:
                raise UsageError(f"{path}: cannot be read as a zip ({first_line(error)})") from None
        if not self._pictures:
            raise UsageError(f"{path}: no pictures in it (looked for .jpg and .png, in a folder or a zip)")

    def draw(self, size: int, rng: np.random.Generator) -> Image:
        """A (size, size, 3) BGR picture. A made-up one stands in for a photograph that is broken."""
        if not self._pictures or rng.random() < 0.08:
            return _made_up(size, rng)
        name, data = self._pictures[rng.integers(len(self._pictures))]
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:  # no bytes, or more pixels than OpenCV allows
            picture = None
        if picture is None:
            if name not in self._told:
                self._told.add(name)
                log.warning("%s: %s: not a readable picture; a made-up one stands in", self._path, name)
            return _made_up(size, rng)
        height, width = picture.shape[:2]
        side = max(1, int(min(height, width) * rng.uniform(0.35, 1.0)))
        left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        crop: Any = picture[top : top + side, left : left + side]
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        gain = rng.uniform(0.55, 1.3) * rng.uniform(0.9, 1.1, 3)
        result: Any = np.clip(crop * gain + rng.normal(0, 12), 0, 255).astype(np.uint8)
        if rng.random() < 0.3:
            result = cv2.GaussianBlur(result, (0, 0), rng.uniform(0.5, 3))
        return np.asarray(result, dtype=np.uint8)


def _made_up(size: int, rng: np.random.Generator) -> Image:
    """Smooth colour noise with a floor line."""
    coarse = rng.uniform(30, 225, (int(rng.integers(2, 7)), int(rng.integers(2, 7)), 3)).astype(np.float32)
    picture = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) * rng.uniform(0.3, 1.0)
    picture += rng.uniform(0, 120)
    line = int(size * rng.uniform(0.3, 0.95))
    picture[line:] = picture[line:] * 0.5 + rng.uniform(20, 200, 3) * 0.5
    return np.clip(picture, 0, 255).astype(np.uint8)


def random_light(rng: np.random.Generator) -> Light:
    """One lamp or the sun from anywhere above, and the light of the surroundings."""
    sun = rng.normal(size=3)
    sun[1] = abs(sun[1]) + 0.15
    warm = rng.normal(0, 0.12)
    strength, fill = rng.uniform(0.2, 1.1), rng.uniform(0.25, 0.7)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    return Light(
        sun=sun / np.linalg.norm(sun),
        sun_colour=_triple(strength * tint),
        sky_colour=_triple(fill * (2 - tint) * rng.uniform(0.9, 1.1, 3)),
        ground_colour=_triple(fill * rng.uniform(0.3, 0.8) * rng.uniform(0.8, 1.2, 3)),
        shadow=bool(rng.random() < 0.7),
        softness=float(rng.uniform(0.005, 0.06)),
        shine=float(rng.uniform(0.0, 0.5)),
    )


def _triple(values: Array) -> tuple[float, float, float]:
    r, g, b = np.maximum(values, 0.0)
    return float(r), float(g), float(b)


# ---------------------------------------------------------------------------------------- surroundings


@dataclass(frozen=True, kw_only=True, eq=False)
class Wall:
    """A wall, and what hangs on it and stands before it. normal: (3,) into the room; offset: metres
    along the normal, normal . x = offset on the wall."""

    normal: Array
    offset: float
    sheet: Mesh
    meshes: tuple[Mesh, ...]

    def hides(self, place: Array) -> bool:
        """Whether a camera at (3,) stands behind it."""
        return float(self.normal @ place) - self.offset < 0.15


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """floor: a visible one, or one that only catches the shadow; walls: none where the photograph
    behind shows; things: furniture and what lies about."""

    floor: Mesh
    walls: tuple[Wall, ...]
    things: tuple[Mesh, ...]

    def meshes(self, camera: Camera, person: Array) -> list[Mesh]:
        """What a camera sees of it. Left out are walls behind which it would stand, and furniture that
        hides more than a little of the person, (V, 3) points."""
        walls = [wall for wall in self.walls if not wall.hides(camera.place)]
        things = [*self.things, *(mesh for wall in walls for mesh in wall.meshes)]
        return [
            self.floor,
            *(wall.sheet for wall in walls),
            *(thing for thing in things if not _covers(thing, camera, person)),
        ]


def _covers(thing: Mesh, camera: Camera, person: Array) -> bool:
    """Whether a thing stands before a tenth of the person or more, by the rectangles of both."""
    far, away = camera.to_camera(thing.vertices)[:, 2], camera.to_camera(person)[:, 2]
    if far.min() > np.median(away) or np.ptp(thing.vertices[:, 1]) < 0.05:
        return False
    if far.min() < 0.1:
        return True
    ours, theirs = camera.project(person), camera.project(thing.vertices)
    low = np.maximum(ours.min(axis=0), theirs.min(axis=0))
    high = np.minimum(ours.max(axis=0), theirs.max(axis=0))
    shared = float(np.prod(np.maximum(high - low, 0.0)))
    return shared > 0.1 * float(np.prod(np.ptp(ours, axis=0)))


def random_place(body: PosedBody, rng: np.random.Generator) -> Place:
    """Surroundings of a body that is in its place already."""
    points = body.vertices
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    radius = float(np.linalg.norm((points - middle)[:, [0, 2]], axis=1).max())
    kind = rng.random()
    if kind < 0.45:  # a photograph
        return Place(floor=_floor(np.zeros(3), "shade"), walls=(), things=())
    turn = ry(float(rng.uniform(0, 360)))
    tone = _FLOORS[rng.integers(len(_FLOORS))] * rng.uniform(0.6, 1.2) * rng.uniform(0.92, 1.08, 3)
    floor = _floor(np.clip(tone, 0, 1), str(rng.choice(["wood", "plain", "rubber", "wall"])), turn)
    walls: list[Wall] = []
    if kind > 0.7:
        paint = np.clip(rng.uniform(0.35, 0.95) + rng.normal(0, 0.08, 3), 0.05, 1)
        tall = rng.uniform(2.3, 3.2)
        for number in range(4):
            away = radius + rng.uniform(0.15, 3.0)
            walls.append(_wall(turn @ ry(90.0 * number), middle, away, tall, paint, rng))
    things: list[Mesh] = []
    if rng.random() < 0.3:  # a mat under the body
        along = body.joints[Joint.neck] - (body.joints[Joint.left_ankle] + body.joints[Joint.right_ankle]) / 2
        yaw = np.degrees(np.arctan2(along[0], along[2])) if np.linalg.norm(along[[0, 2]]) > 0.5 else 0.0
        spot = np.array([middle[0], 0.006, middle[2]]) + rng.normal(0, 0.1, 3) * (1, 0, 1)
        size = np.array([rng.uniform(0.55, 0.9), 0.012, rng.uniform(1.6, 2.0)])
        things.append(props.box(spot, size, ry(float(yaw)), rng.uniform(0.05, 0.8, 3), "rubber"))
    for _ in range(int(rng.integers(0, 4))):  # furniture and boxes, clear of the body
        size = rng.uniform((0.2, 0.2, 0.2), (1.2, 1.6, 0.7))
        angle = rng.uniform(0, 2 * np.pi)
        away = radius + 0.5 * float(np.hypot(size[0], size[2])) + rng.uniform(0.15, 1.8)
        spot = middle * (1, 0, 1) + away * np.array([np.sin(angle), 0, np.cos(angle)])
        spot[1] = size[1] / 2
        things.append(props.box(spot, size, turn, np.clip(rng.random(3) * rng.uniform(0.3, 1), 0, 1)))
    return Place(floor=floor, walls=tuple(walls), things=tuple(things))


def _floor(colour: Array, material: str, turn: Array | None = None) -> Mesh:
    corners = 14.0 * np.array([[-1.0, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]])
    return Mesh(
        casts=False,
        vertices=corners if turn is None else corners @ turn.T,
        normals=np.tile(_UP, (4, 1)),
        faces=np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32),
        colours=np.tile(colour, (4, 1)),
        rest=corners,
        material=MATERIALS[material],
    )


def _wall(
    turn: Array, middle: Array, away: float, tall: float, paint: Array, rng: np.random.Generator
) -> Wall:
    inwards = -turn[:, 2]
    along = turn[:, 0]
    root = middle * (1, 0, 1) - inwards * away
    corners = np.array([root - 9 * along, root + 9 * along, root + 9 * along, root - 9 * along])
    corners[2:, 1] += tall
    sheet = Mesh(
        casts=False,
        vertices=corners,
        normals=np.tile(inwards, (4, 1)),
        faces=np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32),
        colours=np.tile(paint * rng.uniform(0.9, 1.05), (4, 1)),
        material=MATERIALS["wall"],
    )
    meshes: list[Mesh] = []

    def hang(width: float, low: float, high: float, deep: float, colour: Array, material: str) -> None:
        spot = root + along * rng.uniform(-2.5, 2.5) + inwards * deep / 2 + _UP * (low + high) / 2
        meshes.append(props.box(spot, np.array([width, high - low, deep]), turn, colour, material))

    if rng.random() < 0.4:  # a window
        hang(rng.uniform(0.7, 2.0), 0.8, rng.uniform(1.8, 2.2), 0.02, rng.uniform(0.75, 1.0, 3), "glow")
    if rng.random() < 0.5:  # a door or a cupboard
        hang(
            rng.uniform(0.7, 1.6), 0.0, rng.uniform(1.2, 2.1), rng.uniform(0.03, 0.5), rng.random(3), "plain"
        )
    if rng.random() < 0.5:  # a picture or a screen
        low = rng.uniform(0.9, 1.5)
        hang(rng.uniform(0.3, 1.2), low, low + rng.uniform(0.3, 0.8), 0.03, rng.random(3), "plain")
    hang(18.0, 0.0, rng.uniform(0.05, 0.12), 0.02, np.clip(paint * rng.uniform(0.5, 1.3), 0, 1), "plain")
    return Wall(normal=inwards, offset=float(inwards @ root), sheet=sheet, meshes=tuple(meshes))


def contacts(body: PosedBody) -> Array:
    """Up to (8, 4) x, z, radius and strength of where the body keeps the light from the floor below it."""
    spots = []
    names = [f"{side}_{part}" for side in SIDES for part in ("heel", "toe", "knee")]
    for name in names:
        place = body.joints[Joint[name]]
        spots.append((place[0], place[2], 0.09, 0.5 * float(np.exp(-8.0 * max(place[1] - 0.02, 0.0)))))
    for pair in (("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")):
        place = (body.joints[Joint[pair[0]]] + body.joints[Joint[pair[1]]]) / 2
        spots.append((place[0], place[2], 0.3, 0.5 * float(np.exp(-2.0 * max(place[1] - 0.1, 0.0)))))
    return np.array(spots)


# ---------------------------------------------------------------------------------------- camera


def random_camera(body: PosedBody, size: int, rng: np.random.Generator) -> Camera:
    """A crop out of a wider picture: lens and distance are those of a webcam or a telephone in a room.

    Four of five stand 1.2 to 4.5 m away, where near limbs look large: with less perspective nothing could
    be learnt about depth from it. Lenses see 50 to 100 degrees, and the person is anywhere in the frame.
    """
    points = body.vertices
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    radius = float(np.linalg.norm(points - middle, axis=1).max())
    away = float(np.exp(rng.uniform(np.log(1.2), np.log(4.5))) if rng.random() < 0.8 else rng.uniform(4, 9))
    away = max(away, 0.85 * radius + 0.35)
    kind = rng.random()
    if kind < 0.25:  # on the floor, or a laptop on a low table
        height = rng.uniform(0.05, 0.5)
    elif kind < 0.75:
        height = rng.uniform(0.5, 1.6)
    else:  # on a shelf, or held high
        height = rng.uniform(1.6, 2.6)
    level = np.sqrt(max(away**2 - (height - middle[1]) ** 2, (0.6 * away) ** 2))
    angle = rng.uniform(0, 2 * np.pi)
    place = np.array([middle[0] + level * np.sin(angle), height, middle[2] + level * np.cos(angle)])
    if rng.random() < 0.05:  # from the ceiling
        place = middle + away * np.array([np.sin(angle) * 0.5, 0.85, np.cos(angle) * 0.5])
    place = _clear(place, middle, points)
    rotation = look_at(place, middle, float(rng.normal(0, 4) if rng.random() < 0.85 else rng.normal(0, 20)))
    # The optical axis passes beside the person where the lens leaves room for it.
    lens = np.radians(rng.uniform(50, 100)) / 2
    taken = np.arctan(0.7 * radius / float(np.linalg.norm(place - middle)))
    room = max(lens - taken, 0.0)
    aside = Rotation.from_euler("yx", rng.uniform(-room, room, 2) * (1.0, 0.6)).as_matrix()
    rotation = aside @ rotation
    plain = Camera(rotation=rotation, place=place, focal=1.0, centre=(0.0, 0.0))
    seen = plain.project(points)
    left, right = seen.min(axis=0), seen.max(axis=0)
    extent = float((right - left).max())
    cut = rng.random() < 0.1
    fill = rng.uniform(1.0, 1.7) if cut else 0.4 + 0.55 * max(rng.random(2))
    focal = float(fill * size / extent)
    spare = size - (right - left) * focal
    if cut:
        spare = np.where(spare < 0, spare * rng.uniform(0, 1, 2), spare * rng.random(2))
    else:
        spare = spare * rng.random(2)
    centre = spare - left * focal
    return Camera(rotation=rotation, place=place, focal=focal, centre=(float(centre[0]), float(centre[1])))


def _clear(place: Array, middle: Array, points: Array, least: float = 0.35) -> Array:
    """The camera drawn back until nothing of the body is nearer than `least` metres to its plane."""
    for _ in range(20):
        ahead = (middle - place) / np.linalg.norm(middle - place)
        nearest = float(((points - place) @ ahead).min())
        # An axis that is turned aside brings the plane nearer still; hence the margin.
        if nearest >= 1.3 * least:
            break
        place = place - ahead * (1.3 * least - nearest + 0.02)
    return place


def in_the_way(body: PosedBody, rng: np.random.Generator) -> list[Mesh]:
    """Sometimes a box, ball or bar somewhere near the body."""
    if rng.random() >= 0.14:
        return []
    spot = body.joints[rng.integers(NUM_JOINTS)] + rng.normal(0, 0.35, 3)
    turn = ry(float(rng.uniform(0, 90)))
    colour = rng.random(3)
    shape = rng.random()
    if shape < 0.6:
        return [props.box(spot, rng.uniform(0.06, 0.5, 3), turn, colour)]
    if shape < 0.8:
        return [props.ellipsoid(spot, np.full(3, rng.uniform(0.05, 0.3)), turn, colour)]
    end = spot + rng.normal(0, 0.6, 3)
    return [props.cylinder(spot, end, float(rng.uniform(0.01, 0.06)), colour)]
