"""Rendered pictures and clips: the labels fit the pictures, the poses are what was asked for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("scipy", reason="rendering needs scipy: pip install -e '.[train]'")
pytest.importorskip("anny", reason="rendering needs anny: pip install -e '.[train]'")
pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install -e '.[train]'")

import main
from app.skeleton import MIRROR, Joint
from app.training.bodies import SEGMENT, Body, body_model
from app.training.canvas import Camera, Canvas, CanvasError, Light, look_at
from app.training.demonstration import Repetition, Script
from app.training.motions import MOTIONS, Style, motion_pose
from app.training.places import Backgrounds, Place
from app.training.poses import mirrored_pose, pose_from_joints, random_pose, ry
from app.training.props import box, ellipsoid
from app.training.sets import load_sets
from app.training.studio import ExercisePoses, RandomPoses, Studio
from app.training.synthetic import render_clip, render_set


@pytest.fixture(scope="module")
def body() -> Body:
    return body_model().sample(np.random.default_rng(5), 1)[0]


@pytest.fixture(scope="module")
def canvas() -> Canvas:
    try:
        return Canvas(96, 96)
    except CanvasError as error:
        pytest.skip(str(error))


def angle(points: np.ndarray, a: Joint, b: Joint, c: Joint) -> float:
    u, v = points[a] - points[b], points[c] - points[b]
    return float(np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))))


def test_the_neutral_body_stands_upright_with_its_own_left_at_positive_x(body: Body) -> None:
    joints = body.posed(motion_pose("standing", 0.0, body.proportions, Style(arms=0.5))).joints
    assert joints[Joint.left_shoulder][0] > 0.1 > -0.1 > joints[Joint.right_shoulder][0]
    order = [Joint.head_top, Joint.nose, Joint.neck, Joint.left_hip, Joint.left_knee, Joint.left_ankle]
    heights = [joints[joint][1] for joint in [*order, Joint.left_toe]]
    assert heights == sorted(heights, reverse=True)
    assert joints[Joint.nose][2] > joints[Joint.head_top][2], "the nose is in front"
    for side in ("left", "right"):
        toe, heel = joints[Joint[f"{side}_toe"]], joints[Joint[f"{side}_heel"]]
        assert 0.15 < toe[2] - heel[2] < 0.35, "feet point ahead"
    hips = (joints[Joint.left_hip] + joints[Joint.right_hip]) / 2
    np.testing.assert_allclose(hips, 0.0, atol=1e-9)


@pytest.mark.parametrize(("depth", "knee"), [(0.0, 176.0), (0.545, 112.0), (1.0, 58.0)])
def test_a_squat_bends_the_knees_as_deep_as_asked(body: Body, depth: float, knee: float) -> None:
    joints = body.posed(motion_pose("squat", depth, body.proportions, Style())).joints
    for side in ("left", "right"):
        found = angle(joints, Joint[f"{side}_hip"], Joint[f"{side}_knee"], Joint[f"{side}_ankle"])
        assert abs(found - knee) < 3.0


def test_all_motions_give_rotations_for_any_body_and_style(body: Body) -> None:
    rng = np.random.default_rng(1)
    for name in MOTIONS:
        for depth in (0.0, 0.5, 1.0):
            turns = motion_pose(name, depth, body.proportions, Style.sample(rng)).rotations
            np.testing.assert_allclose(
                turns @ turns.transpose(0, 2, 1), np.tile(np.eye(3), (17, 1, 1)), atol=1e-6
            )
            np.testing.assert_allclose(np.linalg.det(turns), 1.0, atol=1e-6)


def test_joints_turn_into_the_pose_they_came_from(body: Body) -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        joints = body.posed(random_pose(body.proportions, rng)).joints
        again = body.posed(pose_from_joints(joints)).joints
        # Pelvis and chest are one in the joints, so only the limbs' directions come back exactly.
        for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
            for side in ("left", "right"):
                first, second = Joint[f"{side}_{a}"], Joint[f"{side}_{b}"]
                u, v = joints[second] - joints[first], again[second] - again[first]
                assert u @ v / np.linalg.norm(u) / np.linalg.norm(v) > 0.999


def test_the_mirrored_pose_has_mirrored_joints(body: Body) -> None:
    pose = random_pose(body.proportions, np.random.default_rng(8))
    joints, mirror = body.posed(pose).joints, body.posed(mirrored_pose(pose)).joints
    np.testing.assert_allclose(mirror[MIRROR] * (-1, 1, 1), joints, atol=0.02)  # bodies are nearly symmetric


def test_a_ball_is_drawn_where_the_camera_says(canvas: Canvas) -> None:
    place = np.array([0.4, 1.0, 3.0])
    camera = Camera(rotation=look_at(place, np.zeros(3), 10.0), place=place, focal=120.0, centre=(40.0, 55.0))
    ball = np.array([0.3, 0.4, -0.2])
    mesh = ellipsoid(ball, np.full(3, 0.05), np.eye(3), np.ones(3))
    alpha = canvas.draw([mesh], camera, Light())[..., 3]
    rows, columns = np.nonzero(alpha)
    found = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    np.testing.assert_allclose(found, camera.project(ball), atol=0.6)


def test_something_nearer_has_smaller_depth_and_hides_what_is_behind(canvas: Canvas) -> None:
    place = np.array([0.0, 0.0, 3.0])
    camera = Camera(rotation=look_at(place, np.zeros(3)), place=place, focal=120.0, centre=(48.0, 48.0))
    red, green = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    near = ellipsoid(np.array([0.0, 0.0, 1.0]), np.full(3, 0.1), np.eye(3), red)
    far = ellipsoid(np.zeros(3), np.full(3, 0.1), np.eye(3), green)
    assert camera.to_camera(np.array([0.0, 0.0, 1.0]))[2] < camera.to_camera(np.zeros(3))[2]
    for meshes in ([near, far], [far, near]):
        middle = canvas.draw(meshes, camera, Light())[48, 48]
        assert middle[0] > 40 > middle[1]


def test_canvases_do_not_draw_into_each_other(canvas: Canvas) -> None:
    place = np.array([0.0, 0.0, 3.0])
    camera = Camera(rotation=look_at(place, np.zeros(3)), place=place, focal=120.0, centre=(48.0, 48.0))
    ball = ellipsoid(np.zeros(3), np.full(3, 0.3), np.eye(3), np.ones(3))
    before = canvas.draw([ball], camera, Light())
    assert 300 < np.count_nonzero(before[..., 3]) < 1000
    other = Canvas(32, 32)
    for meshes in ([ball], [ball, ball]):
        other.draw(meshes, camera, Light(shadow=True))
        np.testing.assert_array_equal(canvas.draw([ball], camera, Light()), before)


@pytest.fixture(scope="module")
def studio(canvas: Canvas) -> Studio:
    return Studio(
        backgrounds=Backgrounds(None), sources=[(1.0, ExercisePoses()), (1.0, RandomPoses())], size=128
    )


def test_labels_are_consistent_with_each_other(studio: Studio) -> None:
    for picture in studio.pictures(7, range(4)):
        assert picture.image.shape == (128, 128, 3)
        scale = picture.focal / picture.distance
        np.testing.assert_allclose(picture.depth, picture.xyz[:, 2] * scale, rtol=1e-9)
        hips = (picture.xyz[Joint.left_hip] + picture.xyz[Joint.right_hip]) / 2
        np.testing.assert_allclose(hips, 0.0, atol=1e-9)
        # Exact perspective: x = f X / Z + c gives the same centre for every joint.
        far = picture.xyz[:, 2] + picture.distance
        middle = picture.xy[[Joint.left_hip, Joint.right_hip]].mean(axis=0)
        rays = (picture.xy - picture.xy[Joint.neck]) * far[:, None] / picture.focal
        across = rays[Joint.left_hip] - rays[Joint.right_hip]
        assert np.isfinite(across).all() and np.isfinite(middle).all()
        inside = (picture.xy >= 0).all(axis=1) & (picture.xy < 128).all(axis=1)
        np.testing.assert_array_equal(picture.visible, inside)
        stature = np.linalg.norm(picture.xyz[Joint.left_hip] - picture.xyz[Joint.left_knee])
        assert 0.25 < stature < 0.6, "metres"


def test_a_picture_is_the_same_whichever_others_are_made(studio: Studio) -> None:
    alone = next(iter(studio.pictures(11, [2])))
    third = list(studio.pictures(11, [0, 1, 2]))[2]
    other = next(iter(studio.pictures(12, [2])))
    np.testing.assert_allclose(alone.xy, third.xy, atol=1e-4)
    np.testing.assert_allclose(alone.xyz, third.xyz, atol=1e-6)
    assert alone.kind == third.kind
    assert np.abs(alone.xy - other.xy).max() > 1.0


def test_the_same_person_is_seen_from_two_sides(canvas: Canvas, tmp_path: Path) -> None:
    out = tmp_path / "pairs"
    order = ["render", "--out", str(out), "--count", "4", "--views", "2", "--size", "96", "--seed", "9"]
    assert main.main(order) == 0
    with np.load(out / "rendered-00.npz") as file:
        rows = {name: file[name] for name in file.files}
    assert rows["person"].tolist() == [0, 0, 1, 1]
    for a, b in ((0, 1), (2, 3)):
        np.testing.assert_array_equal(rows["world"][a], rows["world"][b])
        assert rows["kind"][a] == rows["kind"][b]
        assert np.linalg.norm(rows["place"][a] - rows["place"][b]) > 0.05, "two cameras"
    assert np.abs(rows["world"][0] - rows["world"][2]).max() > 0.05, "two people"
    assert -0.05 < rows["world"][..., 1].min() < 0.7, "nobody is under the floor or far above it"
    # Each camera maps the joints in the world to those in the picture.
    seen = np.einsum("nij,nkj->nki", rows["rotation"], rows["world"] - rows["place"][:, None])
    xy = rows["focal"][:, None, None] * seen[..., :2] / seen[..., 2:] + rows["centre"][:, None]
    np.testing.assert_allclose(xy, rows["xy"], atol=0.01)
    hips = seen[:, [Joint.left_hip, Joint.right_hip]].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(seen - hips, rows["xyz"], atol=1e-4)
    np.testing.assert_allclose(hips[:, 0, 2], rows["distance"], rtol=1e-4)
    assert seen[..., 2].min() > 0.15, "nothing of the body touches the camera"


def test_the_same_seed_gives_the_same_bytes(canvas: Canvas, tmp_path: Path) -> None:
    for name in ("a", "b"):
        order = ["render", "--out", str(tmp_path / name), "--count", "2", "--seed", "5", "--size", "96"]
        assert main.main(order) == 0
    assert (tmp_path / "a/rendered-00.npz").read_bytes() == (tmp_path / "b/rendered-00.npz").read_bytes()


def test_furniture_does_not_hide_the_person() -> None:
    person = np.random.default_rng(0).uniform((-0.3, 0, -0.3), (0.3, 1.7, 0.3), (200, 3))
    eye = np.array([0.0, 1.0, 3.0])
    camera = Camera(rotation=look_at(eye, person.mean(0)), place=eye, focal=200.0, centre=(48.0, 48.0))
    grey, one = np.full(3, 0.5), np.eye(3)
    before = box(np.array([0.0, 0.8, 1.5]), np.ones(3), one, grey)
    behind = box(np.array([0.0, 0.8, -1.5]), np.ones(3), one, grey)
    beside = box(np.array([2.0, 0.5, 1.0]), np.full(3, 0.6), one, grey)
    floor = box(np.zeros(3), np.array([8.0, 0.01, 8.0]), one, grey)
    seen = Place(floor=floor, walls=(), things=(before, behind, beside)).meshes(camera, person)
    assert seen == [floor, behind, beside]


@pytest.mark.parametrize("kind", ["desk", "kneeling", "lying", "pull_up"])
def test_bodies_rest_on_what_they_should(body: Body, kind: str) -> None:
    for seed in range(6):
        style = Style.sample(np.random.default_rng(seed))
        joints = body.posed(motion_pose(kind, 0.3, body.proportions, style)).joints
        joints = joints - [0, joints[:, 1].min(), 0]
        hip, knee = joints[Joint.left_hip][1], joints[Joint.left_knee][1]
        foot = min(joints[Joint.left_ankle][1], joints[Joint.right_ankle][1])
        if kind == "desk":
            assert abs(hip - knee) < 0.2 and foot < 0.2
        elif kind == "kneeling":
            assert min(knee, joints[Joint.right_knee][1]) < 0.12 < hip - 0.15
        elif kind == "lying":
            assert max(joints[Joint.neck][1], hip) < 0.55
        elif kind == "pull_up":
            assert joints[Joint.left_wrist][1] > joints[Joint.left_shoulder][1]


def test_backgrounds_change_the_looks_and_not_the_labels(canvas: Canvas, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((64, 64, 3), 90, np.uint8))
    sets = []
    for name, backgrounds in (("a", None), ("b", tmp_path)):
        render_set(
            tmp_path / name,
            count=3,
            seed=4,
            size=96,
            backgrounds=Backgrounds(backgrounds),
            sources=[(1.0, ExercisePoses())],
            chunk=2,
        )
        chunks = [np.load(tmp_path / name / f"rendered-0{n}.npz") for n in (0, 1)]
        assert [len(chunk["xy"]) for chunk in chunks] == [2, 1]
        sets.append(np.concatenate([chunk["xy"] for chunk in chunks]))
    np.testing.assert_allclose(sets[0], sets[1], atol=1e-3)


def test_render_writes_a_set_that_training_reads_and_goes_on_where_it_stopped(
    canvas: Canvas, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "set"
    order = ["render", "--out", str(out), "--count", "2", "--seed", "3", "--size", "96"]
    assert main.main(order) == 0
    pictures = load_sets("packed", [str(out / "rendered-00.npz")], validation=False)
    assert len(pictures) == 2
    picture = cv2.imdecode(np.frombuffer(pictures[0].encoded, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (96, 96, 3)
    assert set(np.unique(pictures[0].xy_weight)) <= {0.0, 1.0}
    before = (out / "rendered-00.npz").stat().st_mtime_ns
    assert main.main(order) == 0
    assert (out / "rendered-00.npz").stat().st_mtime_ns == before, "whole chunks are kept"
    capsys.readouterr()
    order[order.index("3")] = "4"
    assert main.main(order) == 2
    assert "made with --seed 3, not 4" in capsys.readouterr().err


def poses_file(path: Path, body: Body, *kinds: str) -> Path:
    """Poses as if found in photographs; as many give a file of the same size."""
    joints = [body.posed(motion_pose(kind, 0.5, body.proportions, Style())).joints for kind in kinds]
    np.savez(path, xyz=np.stack(joints) * (1, -1, -1), confidence=np.ones((len(kinds), len(Joint))))
    return path


def test_chunks_of_another_size_or_from_other_files_are_refused(
    canvas: Canvas, body: Body, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poses = poses_file(tmp_path / "found.npz", body, "squat", "standing")
    capture = tmp_path / "capture.npz"
    np.savez(capture, joint_names=np.array(["neck"]), walk=np.zeros((5, 1, 3)))
    (tmp_path / "rooms").mkdir()
    cv2.imwrite(str(tmp_path / "rooms" / "grey.png"), np.full((64, 64, 3), 90, np.uint8))

    plain = ["render", "--count", "1", "--size", "64", "--out", str(tmp_path / "plain")]
    assert main.main(plain) == 0
    chunk = tmp_path / "plain" / "rendered-00.npz"
    capsys.readouterr()
    for option, value, says in (
        ("--size", "96", "--size 64, not 96"),
        ("--found", poses, "--found nothing, not found.npz ("),
        ("--mocap", capture, "--mocap nothing, not capture.npz ("),
        ("--backgrounds", tmp_path / "rooms", "--backgrounds nothing, not rooms ("),
    ):
        assert main.main([*plain, option, str(value)]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"formcue: {chunk}: made with {says}")
        assert said.endswith("; choose another --out\n") and said.count("\n") == 1

    files = ["--found", str(poses), "--backgrounds", str(tmp_path / "rooms")]
    order = ["render", "--count", "1", "--size", "64", "--out", str(tmp_path / "files"), *files]
    for _ in range(2):
        assert main.main(order) == 0
    assert "all 1 pictures are there already" in capsys.readouterr().out

    # The same names, with something else in the files.
    before = poses.stat().st_size
    poses_file(poses, body, "standing", "squat")
    assert poses.stat().st_size == before
    assert main.main(order) == 2
    assert "made with --found found.npz (" in capsys.readouterr().err
    poses_file(poses, body, "squat", "standing")
    (tmp_path / "rooms" / "notes.txt").write_text("no picture")
    assert main.main(order) == 0
    cv2.imwrite(str(tmp_path / "rooms" / "grey.png"), np.full((64, 64, 3), 91, np.uint8))
    capsys.readouterr()
    assert main.main(order) == 2
    assert "made with --backgrounds rooms (" in capsys.readouterr().err


def test_chunks_from_before_their_files_were_kept_are_taken_as_they_are(
    canvas: Canvas, body: Body, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poses = poses_file(tmp_path / "found.npz", body, "squat")
    order = ["render", "--count", "1", "--size", "64", "--out", str(tmp_path / "set")]
    assert main.main(order) == 0
    chunk = tmp_path / "set" / "rendered-00.npz"
    with np.load(chunk) as file:
        old = {name: file[name] for name in file.files if name not in ("backgrounds", "mocap", "found")}
        assert len(old) == len(file.files) - 3
    np.savez(chunk, **old)
    before = chunk.read_bytes()
    capsys.readouterr()
    assert main.main([*order, "--found", str(poses)]) == 0
    assert "all 1 pictures are there already" in capsys.readouterr().out
    assert chunk.read_bytes() == before


def test_render_says_which_device_draws(
    canvas: Canvas, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import moderngl

    try:  # as Canvas does
        context = moderngl.create_context(standalone=True, backend="egl")
    except Exception:
        context = moderngl.create_context(standalone=True)
    device = context.info["GL_RENDERER"]
    context.release()
    assert device and canvas.renderer == device
    assert main.main(["render", "--count", "1", "--size", "64", "--out", str(tmp_path / "set")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'set'}: drawn by {device}\n"


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (["--count", "0"], "--count 0: expected 1 or more"),
        (["--views", "3", "--count", "4"], "--views 3: expected 1 or more, and a divisor of --count"),
        (["--size", "9"], "--size 9: expected 32 to 2048"),
        (["--backgrounds", "nowhere.zip"], "there is no such folder or zip"),
        (["--found", "nothing.npz"], "nothing.npz: cannot be read as .npz"),
        (["--clip", "squat"], "a clip's name ends in .mp4"),
    ],
)
def test_what_cannot_be_rendered_is_said_in_one_line(
    order: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["render", "--out", str(tmp_path / "set"), *order]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_an_unknown_clip_offers_the_nearest_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["render", "--clip", "sqaut", "--out", str(tmp_path / "a.mp4")]) == 2
    assert "did you mean 'squat'?" in capsys.readouterr().err


def test_a_script_reaches_its_depths_and_rests_between() -> None:
    script = Script.plain("squat", 3, shallow=[2], shallow_depth=0.5)
    depths = np.array([script.depth_at(time) for time in script.times()])
    peaks = [d for a, d, b in zip(depths, depths[1:], depths[2:], strict=False) if a < d >= b and d > 0.2]
    assert len(peaks) == 3
    np.testing.assert_allclose(peaks, [1.0, 0.5, 1.0], atol=0.05)
    assert depths[0] == depths[-1] == 0.0
    assert np.abs(np.diff(depths)).max() < 0.1, "nobody jumps"


def test_a_clip_shows_its_joints(canvas: Canvas, tmp_path: Path) -> None:
    out, joints = tmp_path / "clip.mp4", tmp_path / "joints.npz"
    quick = Repetition(down=0.4, turn=0.1, up=0.4, rest=0.1)
    script = Script(exercise="squat", repetitions=(quick,), before=0.1, after=0.1)
    render_clip(out, script, width=96, height=64, joints=joints)
    with np.load(joints) as file:
        xy, xyz = file["xy"], file["xyz"]
    capture = cv2.VideoCapture(str(out))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == len(xy)
    done, first = capture.read()
    assert done and first.shape == (64, 96, 3)
    knees = [angle(frame, Joint.left_hip, Joint.left_knee, Joint.left_ankle) for frame in xyz]
    assert max(knees) > 170 and min(knees) < 62
    # The feet stay where they are.
    assert np.ptp(xy[:, Joint.left_ankle], axis=0).max() < 0.5
    assert (xy >= 0).all() and (xy[..., 0] < 96).all() and (xy[..., 1] < 64).all()


def test_segments_are_named_once() -> None:
    assert len(SEGMENT) == 17
    np.testing.assert_allclose(ry(90) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
