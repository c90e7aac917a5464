"""A small rule file for tests that change rule files; the library's own may be tuned at any time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

RECORDING: Final = Path(__file__).parent / "recordings" / "squat-shallow-leaning.poses.gz"

SQUAT: Final = """\
format: 1
id: squat
name: {en: Squat, zh: 深蹲}
views: [side, oblique, front]

counting:
  reps:
    signals:
      - {parameter: knee, start: 170deg, turn: 90deg}
      - {parameter: hip_height, start: 1.0, turn: 0.6}
    reach: 0.5                     # half way counts
    posture: {trunk_tilt: {below: 80deg}}
    at_turn: {thigh_difference: {below: 45deg}}
phases: {start: standing, away: down, turn: bottom, back: up}

rules:
  - id: knees_in
    severity: error
    views: [front, back]
    when: {knee_width: {below: 0.75}}
    say: {en: Push your knees out, zh: 膝盖向外}
  - id: leaning
    views: [side, oblique]
    phases: [bottom, up]
    when: {trunk_tilt: {above: 55deg}}   # as the shins do
    for: 0.3s
    say: {en: Chest up, zh: 抬起胸}
  - id: shallow
    judge: rep
    views: [side, oblique, front]
    priority: 60
    when: {knee.min: {above: 95deg}}
    say: {en: "Go deeper: {value}, {limit} or less", zh: "再蹲低一点：{value}，要到 {limit}"}
  - id: too_fast
    severity: info
    judge: rep
    when: {out_duration: {below: 0.5s}}
    say: Slower on the way down

tests:
  - {recording: tests/good.poses.gz, reps: 3, prompts: []}
"""


def write_squat(folder: Path) -> Path:
    """Writes the file, and beside it the recording of its test."""
    (folder / "tests").mkdir()
    shutil.copy(RECORDING.with_name("squat-good.poses.gz"), folder / "tests" / "good.poses.gz")
    path = folder / "squat.yaml"
    path.write_text(SQUAT, encoding="utf-8")
    return path
