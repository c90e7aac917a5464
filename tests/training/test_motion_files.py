"""Motion capture files: a body that is known comes out of both formats, turned and long as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from app.errors import EXIT_USAGE, UsageError
from app.skeleton import Joint
from app.world import NECK, TRUNK

pytest.importorskip("scipy", reason="needs the train extra")
from app.training import lifting, motion_files

# A body at rest, arms out, in tens of inches: joint, the one before, offset. Y up, Z ahead.
LIMBS = {
    "Hips": (None, (0, 30, 0)),
    "Spine": ("Hips", (0, 10, 0)), "Neck": ("Spine", (0, 10, 0)), "Head": ("Neck", (0, 4, 0)),
    "LeftUpLeg": ("Hips", (4, 0, 0)), "LeftLeg": ("LeftUpLeg", (0, -16, 0)),
    "LeftFoot": ("LeftLeg", (0, -16, 0)), "LeftToeBase": ("LeftFoot", (0, -2, 6)),
    "RightUpLeg": ("Hips", (-4, 0, 0)), "RightLeg": ("RightUpLeg", (0, -16, 0)),
    "RightFoot": ("RightLeg", (0, -16, 0)), "RightToeBase": ("RightFoot", (0, -2, 6)),
    "LeftArm": ("Spine", (7, 10, 0)), "LeftForeArm": ("LeftArm", (11, 0, 0)),
    "LeftHand": ("LeftForeArm", (10, 0, 0)),
    "RightArm": ("Spine", (-7, 10, 0)), "RightForeArm": ("RightArm", (-11, 0, 0)),
    "RightHand": ("RightForeArm", (-10, 0, 0)),
}  # fmt: skip
LONG = (TRUNK - NECK) / 20  # metres that an inch of that body becomes


def bvh(turns: Mapping[str, tuple[float, float, float]], *, prefix: str = "", frames: int = 5) -> str:
    """The body in BVH, 50 frames a second, the joints of `turns` turned by Z, Y, X degrees."""
    children = {name: [c for c, (parent, _) in LIMBS.items() if parent == name] for name in LIMBS}
    numbers: list[str] = []

    def joint(name: str) -> str:
        parent, offset = LIMBS[name]
        moved = "Xposition Yposition Zposition " if parent is None else ""
        numbers.extend(["1 2 3"] * bool(moved) + [" ".join(map(str, turns.get(name, (0, 0, 0))))])
        inside = "".join(map(joint, children[name])) or "End Site\n{\nOFFSET 0 1 0\n}\n"
        return (
            f"{'JOINT' if parent else 'ROOT'} {prefix}{name}\n{{\nOFFSET {' '.join(map(str, offset))}\n"
            f"CHANNELS {6 if moved else 3} {moved}Zrotation Yrotation Xrotation\n{inside}}}\n"
        )

    tree = joint("Hips")
    frame = " ".join(numbers) + "\n"
    return f"HIERARCHY\n{tree}MOTION\nFrames: {frames}\nFrame Time: 0.02\n{frame * frames}"


ASF = """# a comment
:version 1.10
:units
  angle deg
:root
  order TX TY TZ RX RY RZ
:bonedata
{bones}
:hierarchy
  begin
{children}
  end
"""
BONES = {  # name: (parent, offset, the axes' turn, degrees of freedom)
    "lowerback": ("root", (0, 10, 0), 0, ""), "upperneck": ("lowerback", (0, 14, 0), 0, ""),
    "head": ("upperneck", (0, 4, 0), 0, "rx ry rz"),
    "lhipjoint": ("root", (4, 0, 0), 0, ""), "lfemur": ("lhipjoint", (0, -16, 0), 20, "rx ry rz"),
    "ltibia": ("lfemur", (0, -16, 0), 20, "rx"), "lfoot": ("ltibia", (0, -2, 6), 0, ""),
    "rhipjoint": ("root", (-4, 0, 0), 0, ""), "rfemur": ("rhipjoint", (0, -16, 0), -20, "rx ry rz"),
    "rtibia": ("rfemur", (0, -16, 0), -20, "rx"), "rfoot": ("rtibia", (0, -2, 6), 0, ""),
    "lclavicle": ("lowerback", (7, 10, 0), 0, ""), "lhumerus": ("lclavicle", (11, 0, 0), 0, "rx ry rz"),
    "lradius": ("lhumerus", (10, 0, 0), 0, "rx"),
    "rclavicle": ("lowerback", (-7, 10, 0), 0, ""), "rhumerus": ("rclavicle", (-11, 0, 0), 0, "rx ry rz"),
    "rradius": ("rhumerus", (-10, 0, 0), 0, "rx"),
}  # fmt: skip


def acclaim(folder: Path, turns: dict[str, str], *, frames: int = 24) -> Path:
    """The same body in ASF and AMC, 120 frames a second; turns: the numbers of bones that are turned."""
    bones = "".join(
        f"begin\nname {name}\ndirection {' '.join(str(v / np.linalg.norm(offset)) for v in offset)}\n"
        f"length {np.linalg.norm(offset)}\naxis 0 0 {axis} XYZ\n" + (f"dof {dof}\n" if dof else "") + "end\n"
        for name, (_, offset, axis, dof) in BONES.items()
    )
    children = "".join(f"    {parent} {name}\n" for name, (parent, *_) in BONES.items())
    (folder / "07.asf").write_text(ASF.format(bones=bones, children=children), encoding="utf-8")
    rest = {name: " ".join("0" * len(dof.split())) for name, (*_, dof) in BONES.items() if dof}
    rows = [f"{name} {turns.get(name, numbers)}" for name, numbers in rest.items()]
    frame = "\n".join([f"root 9 9 9 {turns.get('root', '0 0 0')}", *rows]) + "\n"
    path = folder / "07_01.amc"
    path.write_text(":DEGREES\n" + "".join(f"{i + 1}\n{frame}" for i in range(frames)), encoding="utf-8")
    return path


def at(xyz: np.ndarray, name: str) -> np.ndarray:
    """The joint in inches from mid-hip, Y up and Z ahead, in the first frame."""
    return xyz[0, Joint[name]] * (1, -1, -1) / LONG


@pytest.mark.parametrize("prefix", ["", "mixamorig:"])
def test_a_bvh_file_becomes_poses(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "kick.bvh"
    # The left thigh lifted to the front (about X), the right forearm up (about Z), all turned left by 90.
    turns = {"Hips": (0, 90, 0), "LeftUpLeg": (0, 0, -90), "RightForeArm": (-90, 0, 0)}
    path.write_text(bvh(turns, prefix=prefix), encoding="utf-8")
    xyz = motion_files.read_poses(path)
    assert xyz.shape == (1, len(Joint), 3)  # of fifty a second every fifth
    np.testing.assert_allclose(at(xyz, "left_hip"), (0, 0, -4), atol=1e-6)
    np.testing.assert_allclose(at(xyz, "left_knee"), (16, 0, -4), atol=1e-6)
    np.testing.assert_allclose(at(xyz, "right_knee"), (0, -16, 4), atol=1e-6)
    np.testing.assert_allclose(at(xyz, "right_wrist"), (0, 30, 18), atol=1e-6)
    assert xyz[0, Joint.neck, 1] == pytest.approx(-TRUNK)  # up is -Y
    assert at(xyz, "nose")[0] > 2 and at(xyz, "right_heel")[0] < 0  # ahead is +X now
    assert at(xyz, "head_top")[1] > at(xyz, "nose")[1] > 20


def test_an_amc_file_becomes_poses(tmp_path: Path) -> None:
    # Turns are in the bones' own axes: those of the thighs lean outwards, so a knee bends out of the plane.
    path = acclaim(tmp_path, {"lfemur": "0 0 0", "rtibia": "90", "lhumerus": "0 0 90", "root": "0 90 0"})
    xyz = motion_files.read_poses(path)
    assert xyz.shape == (2, len(Joint), 3)
    np.testing.assert_allclose(at(xyz, "left_knee"), (0, -16, -4), atol=1e-6)
    np.testing.assert_allclose(at(xyz, "left_elbow"), (0, 31, -7), atol=1e-6)
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    # Before the whole body is turned: about the axis (c, -s, 0), by 90 degrees from straight down.
    shin = 16 * np.array([s * c, -s * s, -c])
    np.testing.assert_allclose(
        at(xyz, "right_ankle") - at(xyz, "right_knee"), (shin[2], shin[1], -shin[0]), atol=1e-6
    )


def test_the_command_writes_poses_that_the_lifter_learns_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "walk.BVH").write_text(bvh({"LeftUpLeg": (0, 0, -40)}, frames=11), encoding="utf-8")
    (tmp_path / "broken.bvh").write_text(bvh({})[:500], encoding="utf-8")
    acclaim(tmp_path, {})
    out = tmp_path / "poses.npz"
    assert motion_files.main([str(tmp_path), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "5 poses of 2 files, 1 skipped" in said.out and "broken.bvh" in said.err
    assert len(lifting.load_poses([out]).xyz) == 5


def test_files_that_are_no_motion_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    legless = tmp_path / "legless.bvh"
    legless.write_text(bvh({}).replace("LeftLeg", "LeftTail"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"legless\.bvh: no joint called leftleg"):
        motion_files.read_poses(legless)
    alone = tmp_path / "deep" / "01_01.amc"
    alone.parent.mkdir()
    alone.write_text("1\nroot 0 0 0 0 0 0\n", encoding="utf-8")
    with pytest.raises(UsageError, match="asf of its subject"):
        motion_files.read_poses(alone)
    cut = acclaim(tmp_path, {})
    cut.write_text("1\nroot 0 0\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"07_01\.amc: broken"):
        motion_files.read_poses(cut)
    assert motion_files.main([str(tmp_path / "none"), "--out", str(tmp_path / "x.npz")]) == EXIT_USAGE
    assert "no .bvh or .amc" in capsys.readouterr().err


def test_a_file_cut_anywhere_is_read_or_refused(tmp_path: Path) -> None:
    """Never an error of the reader itself, and never a part of a body."""
    whole, path = bvh({}), tmp_path / "cut.bvh"
    acclaimed = acclaim(tmp_path, {}, frames=2)
    skeleton = acclaimed.with_name("07.asf")
    texts = ((path, whole, path), (skeleton, skeleton.read_text("utf-8"), acclaimed))
    for cut, text, read in texts:
        for end in range(0, len(text), 23):
            cut.write_text(text[:end], encoding="utf-8")
            try:
                xyz = motion_files.read_poses(read)
            except UsageError:
                continue
            assert np.isfinite(xyz).all() and xyz.shape[1:] == (len(Joint), 3)
        cut.write_text(text, encoding="utf-8")
