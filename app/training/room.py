"""A room to exercise in, for demonstration clips: boards, walls, a window, a mat, a shelf, a plant.

World axes: metres, X to the right of the picture, Y up, Z towards the camera; the athlete stands at the
origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from app.training import props
from app.training.bodies import Array
from app.training.canvas import MATERIALS, Camera, Light, Mesh, look_at
from app.training.poses import rx, ry


def _sheet(
    corner: Array, u: Array, v: Array, normal: Array, colour: Array, material: str, shade: Array
) -> Mesh:
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


def room(turn: float) -> list[Mesh]:
    """All that stands still, with a mat along the direction `turn` that the athlete faces, degrees
    about Y."""
    x = np.linspace(_LEFT, _RIGHT, 60)[None, :]
    y = np.linspace(0.0, _TALL, 30)[:, None]
    z = np.linspace(_BACK, _FRONT, 50)[:, None]
    wide, deep = _RIGHT - _LEFT, _FRONT - _BACK
    floor = _corner_shade([x - _LEFT + 0 * z, _RIGHT - x + 0 * z, z - _BACK + 0 * x])
    wall = _corner_shade([x - _LEFT + 0 * y, _RIGHT - x + 0 * y, y + 0 * x, _TALL - y + 0 * x])
    paint = np.array([0.83, 0.82, 0.79])
    accent = np.array([0.50, 0.58, 0.60])
    long_x, long_z = (_LEFT + _RIGHT) / 2, (_BACK + _FRONT) / 2
    corner = np.array([_LEFT, 0.0, _BACK])
    boards, white = np.array([0.66, 0.47, 0.31]), (0.92, 0.92, 0.92)
    meshes = [
        _sheet(corner, wide * _X, deep * _Z, _Y, boards, "wood", floor),
        _sheet(corner, wide * _X, _TALL * _Y, _Z, accent, "wall", wall),
        _sheet(corner + _TALL * _Y, wide * _X, deep * _Z, -_Y, np.full(3, 0.93), "wall", floor),
        _block((long_x, 0.05, _BACK + 0.01), (wide, 0.1, 0.025), white),
        _block((_RIGHT - 0.01, 0.05, long_z), (0.025, 0.1, deep), white),
    ]
    left_shade = _corner_shade([z - _BACK + 0 * y.T, y.T + 0 * z, _TALL - y.T + 0 * z])
    meshes.append(_sheet(np.array([_LEFT, 0, _BACK]), _TALL * _Y, deep * _Z, _X, paint, "wall", left_shade))
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
    frame = (0.95, 0.95, 0.95)
    middle, tall, long = (near + far) / 2, high - low, near - far
    meshes += [_block((_RIGHT, y, middle), (0.14, 0.06, long + 0.06), frame) for y in (low, high)]
    posts = (far, far + long / 3, far + 2 * long / 3, near)
    meshes += [_block((_RIGHT, (low + high) / 2, z), (0.1, tall, 0.05), frame) for z in posts]
    meshes.append(_block((_RIGHT - 0.06, low + 0.02, middle), (0.24, 0.035, long + 0.2), frame))
    return meshes + _furniture(turn)


def daylight() -> Mesh:
    """What is seen through the window: too bright to make out."""
    z, y = np.linspace(0, 1, 12)[:, None], np.linspace(0, 1, 12)[None, :]
    shade = 0.93 + 0.07 * y + 0 * z
    corner = np.array([_RIGHT + 0.4, 0.2, -3.0])
    return _sheet(corner, 3.0 * _Y, 7.0 * _Z, -_X, np.array([0.93, 0.97, 1.0]), "glow", shade)


_Triple = tuple[float, float, float]


def _block(middle: _Triple, size: _Triple, colour: _Triple) -> Mesh:
    return props.box(np.array(middle), np.array(size), np.eye(3), np.array(colour))


def _furniture(turn: float) -> list[Mesh]:
    rng = np.random.default_rng(4)
    mat = np.array([0.17, 0.22, 0.27])
    oak, dark = (0.55, 0.40, 0.27), (0.50, 0.36, 0.24)
    depth = _BACK + 0.24
    sun, ball = np.array([-1.72, 1.66, _BACK + 0.041]), np.array([1.75, 0.30, _BACK + 0.45])
    meshes = [
        props.box(np.array([0.05, 0.006, 0.0]), np.array([2.0, 0.012, 0.8]), ry(turn - 90), mat, "rubber"),
        # A picture on the wall: sun over the sea.
        _block((-1.95, 1.62, _BACK + 0.020), (1.06, 0.76, 0.03), (0.16, 0.13, 0.11)),
        _block((-1.95, 1.62, _BACK + 0.036), (0.96, 0.66, 0.01), (0.93, 0.80, 0.62)),
        _block((-1.95, 1.42, _BACK + 0.040), (0.96, 0.26, 0.01), (0.26, 0.42, 0.44)),
        props.ellipsoid(sun, np.array([0.12, 0.12, 0.005]), np.eye(3), np.array([0.89, 0.45, 0.28]), 24),
        # A low shelf with dumb-bells, and a ball.
        _block((-2.0, 0.36, depth), (1.5, 0.04, 0.38), oak),
        _block((-2.0, 0.10, depth), (1.5, 0.04, 0.38), oak),
        _block((-2.72, 0.2, depth), (0.04, 0.4, 0.38), dark),
        _block((-1.28, 0.2, depth), (0.04, 0.4, 0.38), dark),
        props.ellipsoid(ball, np.full(3, 0.30), np.eye(3), np.array([0.62, 0.33, 0.27]), 32),
    ]
    for x, y in ((-2.5, 0.12), (-2.15, 0.12), (-1.8, 0.12), (-1.5, 0.12), (-2.45, 0.38), (-2.05, 0.38)):
        meshes += props.dumbbell(np.array([x, y + 0.07, depth]), _Z, rng)
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


def scene_light() -> Light:
    """Daylight from the right and above."""
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


# The wall behind the athlete, along Z.
BACK_WALL: Final = _BACK
