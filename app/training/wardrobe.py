"""What rendered people wear: clothes, shoes, hair, skin, as fields over the vertices of a body.

A field is positive where the garment covers the skin, in about metres from its seam, so that a
shader cuts it with a clean edge wherever the triangles run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from app.training.bodies import Array, Body

# Order of the fields in Dressed.fields and of Dressed.colours.
GARMENTS: Final = ("top", "bottom", "shoes", "hair")

_SKINS: Final = np.array(
    [[255, 222, 196], [241, 196, 164], [225, 172, 130], [198, 138, 96], [150, 95, 62], [104, 66, 44],
     [70, 45, 33]]
) / 255.0  # fmt: skip
_HAIRS: Final = np.array(
    [[18, 15, 14], [40, 27, 20], [75, 48, 30], [120, 82, 48], [190, 155, 100], [130, 125, 120], [120, 50, 25]]
) / 255.0  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """Cut and colours of one person's clothes.

    sleeve: 0 at the shoulder, 1 elbow, 2 wrist; below 0 no top. hem: metres above the hip joint.
    leg: 0 at the hip, 1 knee, 2 ankle. sock: where socks or shoes begin, as leg; above 2.2 barefoot.
    loose_*: metres off the skin. pattern: per garment (kind, scale in 1/m): kind 0 plain, 1 rings,
    2 stripes, 3 checks, 4 blotches, 5 below
    that height of the rest shape. Colours are sRGB 0..1, (second) those of the pattern.
    """

    sleeve: float = 0.35
    hem: float = 0.02
    neck: float = 0.085
    leg: float = 0.75
    waist: float = 0.10
    sock: float = 1.93
    loose_top: float = 0.008
    loose_bottom: float = 0.01
    hair: float = 1.0  # 0 bald, 1 short, up to 1.6 full
    tail: float = 0.0  # length of a ponytail in metres
    colours: tuple[tuple[float, float, float], ...] = (
        (0.1, 0.3, 0.6), (0.1, 0.1, 0.12), (0.9, 0.9, 0.9), (0.12, 0.08, 0.06),
    )  # fmt: skip
    second: tuple[tuple[float, float, float], ...] = (
        (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.2, 0.2, 0.2), (0.16, 0.11, 0.08),
    )  # fmt: skip
    pattern: tuple[tuple[float, float], ...] = ((0, 1), (0, 1), (0, 1), (4, 90))
    skin: tuple[float, float, float] = (0.85, 0.65, 0.5)

    @classmethod
    def sample(cls, rng: np.random.Generator, *, male: bool) -> Outfit:
        """Clothes as people wear them to exercise."""
        tops = rng.random()
        sleeve = -1.0 if male and tops < 0.12 else float(
            rng.choice([0.1, 0.4, 0.55, 1.9], p=[0.35, 0.4, 0.1, 0.15]) + rng.normal(0, 0.04)
        )  # fmt: skip
        bra = not male and rng.random() < 0.3
        leg = float(rng.choice([0.3, 0.42, 0.75, 1.35, 1.88], p=[0.08, 0.22, 0.25, 0.1, 0.35]))
        loose = rng.random() < 0.5
        same = rng.random() < 0.15  # one colour from top to toe
        tones = [_colour(rng) for _ in range(3)]
        if same:
            tones[1] = tones[0]
        skin = _ramp(_SKINS, rng.random()) * rng.uniform(0.9, 1.08, 3)
        hair = _HAIRS[rng.integers(len(_HAIRS))] * rng.uniform(0.7, 1.2)
        return cls(
            sleeve=0.08 if bra else sleeve,
            hem=float(rng.uniform(0.27, 0.31)) if bra else float(rng.uniform(-0.06, 0.1)),
            neck=float(rng.uniform(0.1, 0.13) if bra or rng.random() < 0.3 else rng.uniform(0.07, 0.1)),
            leg=leg + float(rng.normal(0, 0.05)),
            waist=float(rng.uniform(0.05, 0.16)),
            sock=float(rng.choice([1.94, 1.8, 1.6, 2.6], p=[0.45, 0.25, 0.1, 0.2])),
            loose_top=0.003 if bra else float(rng.uniform(0.004, 0.022) if loose else 0.004),
            loose_bottom=float(rng.uniform(0.008, 0.028) if loose else 0.004),
            hair=float(rng.choice([0.0, 0.6, 1.0, 1.4], p=[0.07, 0.25, 0.38, 0.3])),
            tail=float(rng.uniform(0.1, 0.3)) if rng.random() < (0.08 if male else 0.6) else 0.0,
            colours=(_rgb(tones[0]), _rgb(tones[1]), _rgb(tones[2]), _rgb(hair)),
            second=(_rgb(_colour(rng)), _rgb(_colour(rng)), _rgb(_colour(rng)), _rgb(hair * 1.4)),
            pattern=(
                _pattern(rng, 0.35), _pattern(rng, 0.15), _pattern(rng, 0.3), (4.0, 90.0),
            ),
            skin=_rgb(skin),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Dressed:
    """fields: (V, 4) in the order of GARMENTS; surface: rest vertices and normals (V, 3) with the
    clothes on; skin: (V, 3) sRGB; faces: (F, 3) of the dressed body."""

    faces: NDArray[np.int32]
    fields: Array
    surface: tuple[Array, Array]
    skin: Array


def dress(body: Body, outfit: Outfit) -> Dressed:
    """Where an outfit covers a body."""
    model, points = body.model, body.vertices
    scale = body.height / 1.7
    y = points[:, 1]

    def at(name: str) -> Array:
        return body.heads[model.bone[name]]

    arms = model.arm_share["L"] + model.arm_share["R"]
    hip = (at("upperleg01.L")[1] + at("upperleg01.R")[1]) / 2
    collar = at("neck01") + np.array([0.0, 0.005, 0.025]) * scale
    neck = np.minimum(np.linalg.norm(points - collar, axis=1) - outfit.neck * scale, collar[1] - y)
    top = np.minimum.reduce([neck, (outfit.sleeve - body.arm) * 0.25, y - hip - outfit.hem * scale])
    bottom = np.minimum.reduce(
        [hip + outfit.waist * scale - y, (outfit.leg - body.leg) * 0.4, (0.3 - arms) * 0.3]
    )
    shoes = np.where(arms > 0.2, -1.0, (body.leg - outfit.sock) * 0.4)
    hair = _hair(body, outfit.hair)

    fields = np.stack([top, bottom, shoes, hair], axis=1)
    fields[model.eyes] = -1.0

    def stand(field: Array, metres: float, soft: float = 0.02) -> Array:
        return metres * np.clip(field / soft, 0.0, 1.0)

    offset = np.maximum.reduce(
        [
            stand(top, outfit.loose_top + 0.003),
            stand(bottom, outfit.loose_bottom),
            stand(shoes, (0.012 if outfit.sock > 1.85 else 0.004) * scale, 0.015),
            stand(hair, (0.006 + 0.012 * outfit.hair) * scale, 0.03),
            np.zeros(len(points)),
        ]
    )
    # Cloth and leather bridge what lies under them: toes, muscles, creases.
    shape = points
    for field, width, times in ((shoes, 0.01, 6), (top, 0.04, 4), (bottom, 0.04, 4)):
        rows = np.flatnonzero(field > 0)
        if len(rows):
            follow = np.clip(field[rows] / width, 0.0, 1.0)[:, None]
            average = model.average[rows]
            shape = shape.copy()
            for _ in range(times):
                shape[rows] += follow * (average @ shape - shape[rows])
    shape = shape + offset[:, None] * body.normals
    sole = y.min() - 0.008 * scale
    shape[:, 1] = np.where(shoes > 0, np.maximum(shape[:, 1], sole), shape[:, 1])
    normals = model.normals(shape)
    caps = _toecaps(body, shape, normals, shoes)
    return Dressed(
        faces=np.concatenate([model.faces, caps]),
        fields=fields,
        surface=(shape, normals),
        skin=_face(body, np.array(outfit.skin), np.array(outfit.colours[3])),
    )


def _toecaps(body: Body, shape: Array, normals: Array, shoes: Array) -> NDArray[np.int32]:
    """Faces over the front of each shod foot, its convex hull: toes are not seen through a shoe. Their
    corners in `normals` are set."""
    result = [np.zeros((0, 3), dtype=np.int32)]
    for side in (1.0, -1.0):
        rows = np.flatnonzero((shoes > 0) & (body.vertices[:, 0] * side > 0))
        if len(rows) < 50:
            continue
        heel, toe = body.markers[2 if side > 0 else 3], body.markers[4 if side > 0 else 5]
        place = (shape[rows] - heel) @ (toe - heel) / float((toe - heel) @ (toe - heel))
        front = rows[place > 0.5]
        hull = ConvexHull(shape[front])
        around = np.zeros((len(front), 3))
        for corner in range(3):
            np.add.at(around, hull.simplices[:, corner], hull.equations[:, :3])
        corners = hull.vertices
        normals[front[corners]] = around[corners] / np.linalg.norm(around[corners], axis=1, keepdims=True)
        result.append(front[hull.simplices].astype(np.int32))
    return np.concatenate(result)


def _hair(body: Body, amount: float) -> Array:
    """Field of the hair: over a line that runs from the forehead past the ears to the nape."""
    if amount <= 0:
        return np.full(len(body.vertices), -1.0)
    model, points = body.model, body.vertices
    crown, eye = body.markers[0], body.heads[model.bone["eye.L"]]
    head = body.heads[model.bone["head"]]
    tall = crown[1] - eye[1]
    middle = (head[2] + eye[2]) / 2 - 0.1 * tall
    ahead = (points[:, 2] - middle) / tall
    up = (points[:, 1] - eye[1]) / tall
    line = np.interp(ahead, [-1.0, -0.55, -0.1, 0.2, 0.45, 0.8], [-0.85, -0.75, -0.1, 0.1, 0.5, 0.62])
    line -= 0.25 * (amount - 1.0) * (ahead < 0.1)
    field = np.where(model.head_share > 0.5, (up - line) * tall, -1.0)
    # Ears stay out of the hair.
    ears = (np.abs(points[:, 0]) > 0.68 * tall) & (np.abs(ahead) < 0.4) & (up < 0.35)
    return np.where(ears, -0.02, field)


def _face(body: Body, skin: Array, hair: Array) -> Array:
    model, points = body.model, body.vertices
    colour = np.tile(skin, (len(points), 1))
    colour[model.lip_share > 0.45] *= (0.95, 0.84, 0.84)
    on_head = model.head_share > 0.6
    for s in "LR":
        eye = body.heads[model.bone[f"eye.{s}"]]
        scale = body.height / 1.7
        away = (points - eye) / scale
        brow = (
            on_head & (np.abs(away[:, 0]) < 0.021) & (np.abs(away[:, 1] - 0.021) < 0.0045) & (away[:, 2] > 0)
        )
        colour[brow] = 0.55 * hair + 0.45 * skin * 0.7
        ball = model.eyes & (np.sign(points[:, 0]) == np.sign(eye[0]))
        if ball.any():
            front = points[ball][points[ball][:, 2].argmax()]
            gap = np.linalg.norm(points - front, axis=1) / scale
            colour[ball] = (0.92, 0.9, 0.88)
            colour[ball & (gap < 0.0075)] = (0.2, 0.13, 0.08)
    return colour


def _ramp(table: Array, place: float) -> Array:
    x = place * (len(table) - 1)
    low = min(int(x), len(table) - 2)
    return table[low] + (x - low) * (table[low + 1] - table[low])


def _rgb(colour: Array) -> tuple[float, float, float]:
    r, g, b = np.clip(colour, 0.0, 1.0)
    return float(r), float(g), float(b)


def _colour(rng: np.random.Generator) -> Array:
    kind = rng.random()
    if kind < 0.45:  # black, grey, white
        return np.full(3, rng.choice([0.05, 0.1, 0.2, 0.5, 0.85, 0.95])) + rng.normal(0, 0.02, 3)
    colour = rng.random(3)
    if kind < 0.7:
        colour[rng.integers(3)] *= 0.2
    return np.asarray(colour * rng.uniform(0.4, 1.0))


def _pattern(rng: np.random.Generator, chance: float) -> tuple[float, float]:
    if rng.random() > chance:
        return 0.0, 1.0
    return float(rng.integers(1, 5)), float(rng.uniform(8, 40))
