"""What all tests share. Qt draws into memory: no screen is needed, and no window pops up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["LC_ALL"] = "C.UTF-8"  # the window speaks the computer's language until told another
# Small networks on small pictures: threads that wait for each other would take longer than one alone.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real recordings kept beside the project; skips where it is not there."""
    if not DATA.is_dir():
        pytest.skip(f"needs the real recordings, expected at {DATA}")
    return DATA


@pytest.fixture(scope="session", autouse=True)
def no_home_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Settings, history and log of whoever runs the tests are not touched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORMCUE_HOME", str(tmp_path_factory.mktemp("home")))
        yield
