"""Simple things around the athlete: boxes, bars, dumb-bells, mats, hair tails, rooms."""

from __future__ import annotations

import numpy as np

from app.skeleton import Joint
from app.training.bodies import Array, PosedBody
from app.training.canvas import MATERIALS, Mesh


def box(middle: Array, size: Array, rotation: Array, colour: Array, material: str = "plain") -> Mesh:
    """A box of (3,) side lengths."""
    corners: list[Array] = []
    normals: list[Array] = []
    faces: list[tuple[int, int, int]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            normal = np.zeros(3)
            normal[axis] = sign
            start = len(corners)
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                corners.append(0.5 * normal + a * _cyclic(axis, 1) * 0.5 + b * _cyclic(axis, 2) * 0.5)
                normals.append(normal)
            faces += [(start, start + 1, start + 2), (start, start + 2, start + 3)]
    local = np.array(corners) * size
    return Mesh(
        vertices=local @ rotation.T + middle,
        normals=np.array(normals) @ rotation.T,
        faces=np.array(faces, dtype=np.int32),
        colours=np.tile(colour, (24, 1)),
        rest=local,
        material=MATERIALS[material],
    )


def _cyclic(axis: int, step: int) -> Array:
    vector = np.zeros(3)
    vector[(axis + step) % 3] = 1.0
    return vector


def cylinder(start: Array, end: Array, radius: float, colour: Array, sides: int = 20) -> Mesh:
    """A closed cylinder from one point to another."""
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
    other = np.array([1.0, 0.0, 0.0]) if abs(along[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    u = np.cross(along, other)
    u /= np.linalg.norm(u)
    v = np.cross(along, u)
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(angles)[:, None] * u + np.sin(angles)[:, None] * v
    vertices, normals, faces = [start + radius * ring, end + radius * ring], [ring, ring], []
    for k in range(sides):
        n = (k + 1) % sides
        faces += [(k, n, sides + k), (n, sides + n, sides + k)]
    for place, normal, base in ((start, -along, 2 * sides), (end, along, 3 * sides + 1)):
        vertices += [place + radius * ring, place[None]]
        normals += [np.tile(normal, (sides, 1)), normal[None]]
        faces += [(base + k, base + (k + 1) % sides, base + sides) for k in range(sides)]
    points = np.concatenate(vertices)
    return Mesh(
        vertices=points,
        normals=np.concatenate(normals),
        faces=np.array(faces, dtype=np.int32),
        colours=np.tile(colour, (len(points), 1)),
        material=MATERIALS["plain"],
    )


def ellipsoid(middle: Array, radii: Array, rotation: Array, colour: Array, detail: int = 14) -> Mesh:
    """An ellipsoid with its axes turned by `rotation`."""
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, detail), np.linspace(0, 2 * np.pi, 2 * detail), indexing="ij"
    )
    ball = np.stack([np.sin(polar) * np.cos(around), np.cos(polar), np.sin(polar) * np.sin(around)], axis=-1)
    ball = ball.reshape(-1, 3)
    faces = []
    wide = 2 * detail
    for i in range(detail - 1):
        for j in range(wide - 1):
            a = i * wide + j
            faces += [(a, a + 1, a + wide), (a + 1, a + wide + 1, a + wide)]
    normals = ball / radii
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Mesh(
        vertices=(ball * radii) @ rotation.T + middle,
        normals=normals @ rotation.T,
        faces=np.array(faces, dtype=np.int32),
        colours=np.tile(colour, (len(ball), 1)),
        material=MATERIALS["plain"],
    )


def fist(body: PosedBody, side: str) -> tuple[Array, Array]:
    """(middle of the closed hand (3,), direction of a bar held in it (3,))."""
    s = "L" if side == "left" else "R"
    knuckles = (body.bones[f"finger2-1.{s}"] + body.bones[f"finger5-1.{s}"]) / 2
    tips = (body.bones[f"finger2-3.{s}"] + body.bones[f"finger5-3.{s}"]) / 2
    across = body.bones[f"finger2-1.{s}"] - body.bones[f"finger5-1.{s}"]
    return 0.5 * (knuckles + tips), across / np.linalg.norm(across)


def dumbbell(middle: Array, along: Array, rng: np.random.Generator) -> list[Mesh]:
    """A dumb-bell of random size."""
    colour = _equipment_colour(rng)
    size, length = rng.uniform(0.035, 0.075), rng.uniform(0.12, 0.18)
    head = rng.uniform(0.05, 0.1)
    meshes = [cylinder(middle - along * length / 2, middle + along * length / 2, 0.014, np.full(3, 0.6))]
    for sign in (-1, 1):
        inner = middle + sign * along * length / 2
        meshes.append(cylinder(inner, inner + sign * along * head, float(size), colour))
    return meshes


def barbell(left: Array, right: Array, rng: np.random.Generator) -> list[Mesh]:
    """A bar through two hands, with or without plates."""
    along = (left - right) / max(float(np.linalg.norm(left - right)), 1e-9)
    middle, half = (left + right) / 2, rng.uniform(0.7, 1.1)
    meshes = [
        cylinder(middle - along * half, middle + along * half, 0.014, np.full(3, rng.uniform(0.3, 0.7)))
    ]
    if rng.random() < 0.75:
        colour, radius = _equipment_colour(rng), rng.uniform(0.1, 0.225)
        thick = rng.uniform(0.02, 0.12)
        for sign in (-1, 1):
            inner = middle + sign * along * (half - 0.35 * half)
            meshes.append(cylinder(inner, inner + sign * along * thick, float(radius), colour, sides=28))
    return meshes


def _equipment_colour(rng: np.random.Generator) -> Array:
    if rng.random() < 0.6:
        return np.full(3, rng.uniform(0.03, 0.3))
    return np.asarray(rng.random(3))


def chair(body: PosedBody, rng: np.random.Generator) -> list[Mesh]:
    """What somebody sits on: a stool, a bench or a chair with a back, under the hips."""
    hips = (body.joints[Joint.left_hip] + body.joints[Joint.right_hip]) / 2
    knees = (body.joints[Joint.left_knee] + body.joints[Joint.right_knee]) / 2
    ahead = (knees - hips) * (1, 0, 1)
    ahead /= max(float(np.linalg.norm(ahead)), 1e-6)
    turn = np.stack([np.cross([0.0, 1.0, 0.0], ahead), [0.0, 1.0, 0.0], ahead], axis=1)
    colour = _equipment_colour(rng)
    seat = float(hips[1]) - 0.115
    wide, deep = rng.uniform(0.4, 0.55), rng.uniform(0.38, 0.48)
    middle = hips * (1, 0, 1) + 0.1 * ahead

    def part(x: float, y: float, z: float, size: tuple[float, float, float]) -> Mesh:
        return box(middle + turn @ np.array([x, y, z]), np.array(size), turn, colour)

    meshes = [part(0, seat - 0.03, 0, (wide, 0.06, deep))]
    if rng.random() < 0.3:  # one column on a foot
        meshes += [part(0, seat / 2, 0, (0.07, seat, 0.07)), part(0, 0.03, 0, (0.5, 0.05, 0.5))]
    else:
        legs = [(x * (wide / 2 - 0.03), z * (deep / 2 - 0.03)) for x in (-1, 1) for z in (-1, 1)]
        meshes += [part(x, seat / 2, z, (0.04, seat, 0.04)) for x, z in legs]
    if rng.random() < 0.6:
        tall = rng.uniform(0.3, 0.6)
        meshes.append(part(0, seat + 0.12 + tall / 2, -deep / 2 - 0.06, (wide * 0.9, tall, 0.05)))
    return meshes


def desk(body: PosedBody, rng: np.random.Generator) -> list[Mesh]:
    """A table before somebody seated, often with a screen or a laptop on it."""
    hips = (body.joints[Joint.left_hip] + body.joints[Joint.right_hip]) / 2
    knees = (body.joints[Joint.left_knee] + body.joints[Joint.right_knee]) / 2
    ahead = (knees - hips) * (1, 0, 1)
    ahead /= max(float(np.linalg.norm(ahead)), 1e-6)
    turn = np.stack([np.cross([0.0, 1.0, 0.0], ahead), [0.0, 1.0, 0.0], ahead], axis=1)
    top = float(hips[1]) + 0.24
    colour, dark = rng.uniform(0.2, 0.95, 3), np.full(3, rng.uniform(0.03, 0.2))
    wide, deep = rng.uniform(0.9, 1.6), rng.uniform(0.5, 0.8)
    middle = hips * (1, 0, 1) + (0.24 + deep / 2) * ahead
    meshes = [box(middle + np.array([0, top - 0.02, 0]), np.array([wide, 0.035, deep]), turn, colour)]
    for x in (-1, 1):
        for z in (-1, 1):
            foot = middle + turn @ np.array([x * (wide / 2 - 0.05), (top - 0.04) / 2, z * (deep / 2 - 0.05)])
            meshes.append(box(foot, np.array([0.05, top - 0.04, 0.05]), turn, colour * 0.8))
    if rng.random() < 0.6:
        size = np.array([rng.uniform(0.3, 0.6), rng.uniform(0.2, 0.36), 0.02])
        spot = middle + turn @ np.array([rng.normal(0, 0.15), top + size[1] / 2 + 0.02, 0.1])
        meshes.append(box(spot, size, turn, dark))
    return meshes


def ponytail(body: PosedBody, length: float, colour: Array, scale: float) -> list[Mesh]:
    """Hair tied behind the head."""
    head = body.rotations[2]
    root = body.bones["head"] + head @ (np.array([0.0, 0.115, -0.105]) * scale)
    hang = head @ np.array([0.0, -0.8, -0.6])
    hang = hang + np.array([0.0, -0.8, 0.0])
    hang /= np.linalg.norm(hang)
    y = -hang
    x = head[:, 0] - (head[:, 0] @ y) * y
    x /= max(float(np.linalg.norm(x)), 1e-6)
    turn = np.stack([x, y, np.cross(x, y)], axis=1)
    return [
        ellipsoid(root, np.full(3, 0.03) * scale, np.eye(3), colour * 0.8, 8),
        ellipsoid(
            root + hang * length / 2, np.array([0.035, length / 2 + 0.02, 0.032]) * scale, turn, colour, 10
        ),
    ]
