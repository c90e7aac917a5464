"""What makes rendered pictures differ: clothes, equipment, things in the way, flaws of cameras.

Each is there and changes the looks, and none changes the labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cache
from itertools import combinations
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("scipy", reason="rendering needs scipy: pip install -e '.[train]'")
pytest.importorskip("anny", reason="rendering needs anny: pip install -e '.[train]'")
pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install -e '.[train]'")

from app.skeleton import Joint
from app.training import studio as studio_module
from app.training.bodies import Body, BodyPose, PosedBody, body_model
from app.training.canvas import Camera, Canvas, CanvasError, Light, Mesh, look_at
from app.training.motions import Style, motion_pose
from app.training.places import Backgrounds, in_the_way
from app.training.props import ellipsoid
from app.training.studio import (
    Flaws,
    Rendered,
    Studio,
    body_mesh,
    equipment,
    garment_colours,
    spoil,
)
from app.training.wardrobe import Outfit, dress

FLAWLESS = Flaws(small=0, unsharp=0, motion_blur=0, contrast=0, grey=0, noise=0, jpeg=0)


class Always:
    """Every pose is the same exercise's."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def draw(self, body: Body, rng: np.random.Generator) -> tuple[BodyPose, str]:
        return motion_pose(self.kind, 0.3, body.proportions, Style()), self.kind


def a_studio(kind: str = "desk", flaws: Flaws = FLAWLESS) -> Studio:
    try:
        return Studio(backgrounds=Backgrounds(None), sources=[(1.0, Always(kind))], size=96, flaws=flaws)
    except CanvasError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def studio() -> Studio:
    return a_studio()


@pytest.fixture(scope="module")
def body() -> Body:
    return body_model().sample(np.random.default_rng(5), 1)[0]


def posed(body: Body, kind: str) -> PosedBody:
    standing = body.posed(motion_pose(kind, 0.3, body.proportions, Style()))
    return standing.moved(np.array([0.0, -standing.vertices[:, 1].min(), 0.0]))


def alike(one: Rendered, other: Rendered) -> bool:
    """Whether the labels are."""
    names = ("xy", "xyz", "depth", "visible", "world", "focal", "distance", "kind", "person")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def share_changed(one: Rendered, other: Rendered) -> float:
    """Of the pixels."""
    return float((np.abs(one.image.astype(int) - other.image).max(axis=2) > 4).mean())


@contextmanager
def instead(place: Any, name: str, change: Callable[[Any], Any]) -> Iterator[None]:
    """`change` is made to what the function gives. It is called all the same, so that what is drawn after
    it stays as it was."""
    real = getattr(place, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, staticmethod(lambda *args, **keys: change(real(*args, **keys))))
        yield


def picture(studio: Studio, seed: int = 0) -> Rendered:
    return next(iter(studio.pictures(seed, [0])))


# ---------------------------------------------------------------- flaws of cameras


def scene() -> np.ndarray:
    """Soft colours with one hard edge and one white dot."""
    rows, columns = np.mgrid[0:96, 0:96]
    image = np.stack([columns + 40, rows + 40, 150 - (rows + columns) // 2], axis=2)
    image[:, 60:] //= 2
    image[40:43, 30:33] = 255
    return image.astype(np.uint8)


def sharpness(image: np.ndarray) -> float:
    return float(cv2.Laplacian(image.astype(np.float32), cv2.CV_32F)[8:-8, 8:-8].std())


def elongation(image: np.ndarray) -> float:
    """Of the white dot: how much longer than wide it is smeared."""
    around = image[26:58, 16:48].astype(np.float64).sum(axis=2)
    light = np.clip(around - np.median(around) - 25, 0, None)
    rows, columns = np.mgrid[0:32, 0:32]
    spread = np.cov(np.stack([rows.ravel(), columns.ravel()]), aweights=light.ravel())
    low, high = np.linalg.eigvalsh(spread)
    return float(np.sqrt(high / low))


def roughness(image: np.ndarray) -> float:
    """Of a part that was smooth."""
    part = image[60:90, 5:50].astype(np.float32)
    return float((part - cv2.GaussianBlur(part, (0, 0), 3)).std())


def blocks(image: np.ndarray) -> float:
    """How much harder than elsewhere the edges between blocks of 8 pixels are."""
    steps = np.abs(np.diff(image[:, :56].astype(np.float64).mean(axis=2), n=2, axis=1))
    at_edges = np.arange(steps.shape[1]) % 8 >= 6
    return float(steps[:, at_edges].mean() - steps[:, ~at_edges].mean())


# What tells each flaw from all the others, of the picture before and after.
SIGNS: dict[str, Callable[[np.ndarray, np.ndarray], bool]] = {
    "small": lambda old, new: sharpness(new) < 0.8 * sharpness(old) and elongation(new) < 1.5,
    "unsharp": lambda old, new: sharpness(new) < 0.9 * sharpness(old) and elongation(new) < 1.5,
    "motion_blur": lambda old, new: sharpness(new) < 0.9 * sharpness(old) and elongation(new) > 1.7,
    "contrast": lambda old, new: abs(new.mean() - old.mean()) > 1 and roughness(new) < 1,
    "grey": lambda old, new: np.ptp(new, axis=2).max() == 0 and abs(new.mean() - old.mean()) < 1,
    "noise": lambda old, new: roughness(new) > roughness(old) + 0.5 and abs(new.mean() - old.mean()) < 1,
    "jpeg": lambda old, new: blocks(new) > blocks(old) + 0.05 and abs(new.mean() - old.mean()) < 1,
}


@pytest.mark.parametrize("flaw", [field.name for field in fields(Flaws)])
def test_each_flaw_of_cameras_spoils_pictures_in_its_way(flaw: str) -> None:
    image, only = scene(), replace(FLAWLESS, **{flaw: 1.0})
    assert np.array_equal(spoil(image, np.random.default_rng(0), FLAWLESS), image)
    spoiled = [spoil(image, np.random.default_rng(seed), only) for seed in range(12)]
    signs = [SIGNS[flaw](image, new) for new in spoiled]
    assert sum(signs) >= 9, "mild cases may escape"
    assert flaw == "grey" or len({new.tobytes() for new in spoiled}) >= 8, "to many degrees"


@pytest.mark.parametrize("flaw", [field.name for field in fields(Flaws)])
def test_a_flaw_has_the_share_that_is_asked_for(flaw: str) -> None:
    image, half = scene()[:48, :48], replace(FLAWLESS, **{flaw: 0.5})
    changed = [
        not np.array_equal(spoil(image, np.random.default_rng(seed), half), image) for seed in range(100)
    ]
    assert 35 <= sum(changed) <= 65


def test_rendered_pictures_have_the_flaws_and_labels_do_not(studio: Studio) -> None:
    for flaws in (Flaws(), replace(FLAWLESS, noise=1.0)):
        pairs = list(
            zip(studio.pictures(3, range(4)), a_studio(flaws=flaws).pictures(3, range(4)), strict=True)
        )
        assert all(alike(without, having) for without, having in pairs)
        assert sum(share_changed(without, having) > 0.05 for without, having in pairs) >= 2


# ---------------------------------------------------------------- equipment and what is in the way


# Of each exercise: the share of people with equipment, and the fewest things that those have.
EQUIPPED = {
    "standing": (0.06, 1),
    "deadlift": (0.6, 1),
    "lateral_raise": (0.6, 6),  # a bar and two weights in each hand
    "squat": (0.34, 1),
    "pull_up": (1.0, 1),
    "seated": (1.0, 3),  # a seat, a column and a foot
    "desk": (1.0, 8),  # the table has five parts
}


@pytest.mark.parametrize("kind", EQUIPPED)
def test_people_have_the_equipment_of_their_exercise(body: Body, kind: str) -> None:
    share, fewest = EQUIPPED[kind]
    person = posed(body, kind)
    found = [equipment(person, kind, np.random.default_rng(seed)) for seed in range(150)]
    assert sum(map(bool, found)) / 150 == pytest.approx(share, abs=0.12)
    assert min(len(meshes) for meshes in found if meshes) >= fewest


def gap(mesh: Mesh, point: np.ndarray) -> float:
    """Metres from a point to the middle of a mesh."""
    return float(np.linalg.norm((mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2 - point))


def test_bars_are_held_weights_are_in_the_hands_and_chairs_under_the_hips(body: Body) -> None:
    hanging, lifting, sitting = posed(body, "pull_up"), posed(body, "deadlift"), posed(body, "desk")
    hands = [hanging.joints[Joint.left_wrist], hanging.joints[Joint.right_wrist]]
    bar = equipment(hanging, "pull_up", np.random.default_rng(1))[0]
    assert gap(bar, np.mean(hands, axis=0)) < 0.15
    assert np.ptp(bar.vertices, axis=0).max() > 2.0

    kinds = set()
    for seed in range(20):
        meshes = equipment(lifting, "deadlift", np.random.default_rng(seed))
        left, right = (lifting.joints[Joint[f"{side}_wrist"]] for side in ("left", "right"))
        if meshes and np.ptp(meshes[0].vertices, axis=0).max() > 1.2:
            kinds.add("barbell")
            assert gap(meshes[0], (left + right) / 2) < 0.15
        elif meshes:
            kinds.add("dumb-bells")
            assert gap(meshes[0], left) < 0.15 and gap(meshes[3], right) < 0.15
    assert kinds == {"barbell", "dumb-bells"}

    hips = (sitting.joints[Joint.left_hip] + sitting.joints[Joint.right_hip]) / 2
    seat = equipment(sitting, "seated", np.random.default_rng(1))[0]
    assert gap(seat, hips) < 0.3 and seat.vertices[:, 1].max() < hips[1]


def test_something_is_in_the_way_of_one_in_seven(body: Body) -> None:
    person = posed(body, "standing")
    found = [in_the_way(person, np.random.default_rng(seed)) for seed in range(400)]
    assert sum(map(bool, found)) / 400 == pytest.approx(0.14, abs=0.05)
    things = [meshes[0] for meshes in found if meshes]
    assert len({len(thing.vertices) for thing in things}) == 3, "boxes, balls and bars"
    assert all(
        np.linalg.norm(thing.vertices - person.joints[:, None], axis=2).min() < 1.2 for thing in things
    )


@pytest.mark.parametrize("kind", ["desk", "pull_up"])
def test_equipment_is_in_the_picture_and_changes_no_label(studio: Studio, kind: str) -> None:
    at_it = studio if kind == "desk" else a_studio(kind)
    having = picture(at_it)
    with instead(studio_module, "equipment", lambda meshes: meshes[:0]):
        without = picture(at_it)
    assert alike(having, without)
    assert share_changed(having, without) > 0.005


def test_what_is_in_the_way_is_in_the_picture_and_changes_no_label(studio: Studio) -> None:
    def ball(_: list[Mesh]) -> list[Mesh]:
        return [ellipsoid(np.array([0.0, 0.8, 0.0]), np.full(3, 0.45), np.eye(3), np.array([1.0, 0.0, 0.0]))]

    with instead(studio_module, "in_the_way", lambda _: []):
        without = picture(studio)
    with instead(studio_module, "in_the_way", ball):
        having = picture(studio)
    assert alike(having, without)
    assert having.visible.sum() > 10, "hidden joints are labelled all the same"
    assert share_changed(having, without) > 0.05


# ---------------------------------------------------------------- clothes


def test_clothes_and_hair_are_in_the_picture_and_change_no_label(studio: Studio) -> None:
    def tailless(outfit: Outfit) -> Outfit:
        return replace(outfit, tail=0.0)

    with instead(Outfit, "sample", tailless):
        plain = picture(studio)
    with instead(Outfit, "sample", lambda outfit: replace(tailless(outfit), colours=outfit.second)):
        coloured = picture(studio)
    with instead(Outfit, "sample", lambda outfit: replace(outfit, tail=0.3)):
        haired = picture(studio)
    assert alike(plain, coloured) and alike(plain, haired)
    assert share_changed(plain, coloured) > 0.02
    assert share_changed(plain, haired) > 0.001


def test_outfits_vary_in_cut_colour_and_pattern() -> None:
    rng = np.random.default_rng(2)
    men, women = ([Outfit.sample(rng, male=male) for _ in range(100)] for male in (True, False))
    everyone = men + women
    assert 0.03 < np.mean([outfit.sleeve < 0 for outfit in men]) < 0.25, "some men wear no top"
    assert not any(outfit.sleeve < 0 for outfit in women)
    assert np.mean([outfit.tail > 0 for outfit in women]) > 0.4 > np.mean([outfit.tail > 0 for outfit in men])
    for cut, low, high in (
        ("sleeve", 0.3, 1.7),
        ("leg", 0.5, 1.7),
        ("sock", 1.7, 2.2),
        ("hair", 0.1, 1.2),
        ("hem", 0.0, 0.2),
    ):
        values = [getattr(outfit, cut) for outfit in everyone]
        assert min(values) < low and max(values) > high, cut
    assert len({outfit.colours[0] for outfit in everyone}) > 150
    assert {kind for outfit in everyone for kind, _ in outfit.pattern[:3]} >= {0, 1, 2, 3, 4}
    brightness = [sum(outfit.skin) / 3 for outfit in everyone]
    assert min(brightness) < 0.35 and max(brightness) > 0.75


PLAIN = Outfit(hem=0.2, pattern=((0, 1),) * 4)  # the top ends where the waist is seen


@pytest.mark.parametrize(
    "change",
    [
        {"sleeve": -1.0},
        {"sleeve": 1.9},
        {"hem": 0.3},
        {"neck": 0.13},
        {"leg": 1.9},
        {"waist": 0.16},
        {"sock": 1.2},
        {"sock": 2.6},
        {"loose_top": 0.03},
        {"loose_bottom": 0.03},
        {"hair": 0.0},
        {"colours": ((0.9, 0.1, 0.1), *PLAIN.colours[1:])},
        {"skin": (0.3, 0.2, 0.15)},
        {"pattern": ((1, 12.0), *PLAIN.pattern[1:])},
        {"pattern": ((2, 12.0), *PLAIN.pattern[1:])},
        {"pattern": ((3, 12.0), *PLAIN.pattern[1:])},
        {"pattern": ((4, 30.0), *PLAIN.pattern[1:])},
    ],
    ids=" ".join,
)
def test_every_part_of_an_outfit_is_seen_and_moves_no_joint(
    body: Body, wardrobe: Callable[[Outfit], tuple[np.ndarray, np.ndarray]], change: dict[str, Any]
) -> None:
    plain, joints = wardrobe(PLAIN)
    other, same = wardrobe(replace(PLAIN, **change))
    np.testing.assert_array_equal(joints, same)
    assert (np.abs(plain.astype(int) - other).max(axis=2) > 8).sum() > 10


def test_each_pattern_of_cloth_is_its_own(
    wardrobe: Callable[[Outfit], tuple[np.ndarray, np.ndarray]],
) -> None:
    cloths = [
        wardrobe(replace(PLAIN, pattern=((kind, 12.0), *PLAIN.pattern[1:])))[0].astype(int)
        for kind in range(5)
    ]
    for one, other in combinations(cloths, 2):
        assert (np.abs(one - other).max(axis=2) > 8).sum() > 100


@pytest.fixture(scope="module")
def wardrobe(body: Body) -> Callable[[Outfit], tuple[np.ndarray, np.ndarray]]:
    """Draws a standing body in an outfit: picture (128, 128, 4) and joints."""
    try:
        canvas = Canvas(128, 128)
    except CanvasError as error:
        pytest.skip(str(error))
    pose = motion_pose("standing", 0.0, body.proportions, Style(arms=0.5))
    eye = np.array([1.0, 0.3, 3.0])
    camera = Camera(rotation=look_at(eye, np.zeros(3)), place=eye, focal=190.0, centre=(64.0, 64.0))

    @cache
    def draw(outfit: Outfit) -> tuple[np.ndarray, np.ndarray]:
        dressed = dress(body, outfit)
        person = body.posed(pose, dressed.surface)
        mesh = body_mesh(person, body, dressed)
        return canvas.draw([mesh], camera, Light(), garments=garment_colours(outfit)), person.joints

    return draw
