"""What Formcue is made of: the lock file, its audit, the licences, and the bill of materials of a release.

    python .ci/supply.py lock                 works out .ci/lock.txt anew (uv)
    python .ci/supply.py check                the lock is what pyproject.toml asks for
    python .ci/supply.py pins FILE            the lock's part that the one-file program is built from
    python .ci/supply.py audit [--strict]     known vulnerabilities of the lock (pip-audit and its service)
    python .ci/supply.py licences [--write]   no licence that was not agreed to (pip-licenses)
    python .ci/supply.py sbom FILE            CycloneDX JSON of the one-file program (cyclonedx-bom)

The tools are in .ci/supply-tools.txt; only lock and audit need a network. --python says whose installed
packages are read. Exit codes: 0 well, 1 something is wrong, 3 an audit that could not be made: nothing is
known then, neither good nor bad, and it says so.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT: Final = Path(__file__).resolve().parent.parent
CI: Final = ROOT / ".ci"
LOCK: Final = CI / "lock.txt"
LISTED: Final = CI / "licences.md"
AGREED: Final = CI / "licences.toml"
NOT_MADE: Final = 3
APP: Final = "app"
# Of the app's own dependencies, what the one-file program does without; see .ci/formcue.spec.
NOT_SHIPPED: Final = "torch"
# Qt's own voices are shipped where the system has no program that speaks.
SHIPPED: Final = (APP, "voice") if sys.platform == "win32" else (APP,)


@dataclass(frozen=True, kw_only=True)
class Locked:
    """An entry of the lock. via: what asks for it; "formcue" is pyproject.toml itself."""

    name: str
    version: Version
    hashes: int
    via: tuple[str, ...]


class SupplyError(Exception):
    """Something is wrong; one line each."""


# ---------------------------------------------------------------- the lock


def write_lock() -> None:
    """As pip-compile would, for every platform and Python at once, with the hash of every file."""
    run = [
        *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--all-extras", "--universal"),
        *("--python-version", "3.11", "--generate-hashes", "--no-header", "--no-emit-index-url", "--quiet"),
        *("--constraints", ".ci/constraints.txt", "--upgrade", "--output-file", str(LOCK)),
    ]
    if subprocess.run(run, cwd=ROOT, check=False).returncode:
        raise SupplyError("the lock could not be worked out; is uv installed, and the registry reachable?")
    print(f"{LOCK.relative_to(ROOT)}: {len(read_lock(LOCK.read_text(encoding='utf-8')))} packages")


def read_lock(text: str) -> list[Locked]:
    """The entries of a lock file; a package can have several, for different Pythons."""
    found = []
    for block in _blocks(text):
        head = re.match(r"([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", block)
        if head is None:
            continue
        via = block.partition("# via")[2]
        parents = re.findall(r"^\s*(?:#\s+)?([A-Za-z0-9][\w.-]*)", via, flags=re.MULTILINE)
        found.append(
            Locked(
                name=canonicalize_name(head[1]),
                version=Version(head[2]),
                hashes=len(re.findall(r"--hash=sha256:[0-9a-f]{64}", block)),
                via=tuple(canonicalize_name(parent) for parent in parents),
            )
        )
    return found


def asked_for(project: dict[str, Any]) -> dict[str, list[Requirement]]:
    """What pyproject.toml asks for: "app", then each extra, in its order."""
    groups = {APP: project["dependencies"], **project.get("optional-dependencies", {})}
    return {group: [Requirement(line) for line in lines] for group, lines in groups.items()}


def lock_problems(groups: dict[str, list[Requirement]], lock: list[Locked]) -> list[str]:
    """What does not fit; empty when the lock is what is asked for."""
    versions: dict[str, list[Version]] = {}
    for entry in lock:
        versions.setdefault(entry.name, []).append(entry.version)
    problems = [f"{entry.name} {entry.version}: no hash in the lock" for entry in lock if not entry.hashes]
    for requirement in (line for lines in groups.values() for line in lines):
        found = versions.get(canonicalize_name(requirement.name))
        if found is None:
            problems.append(f"{requirement.name}: in pyproject.toml, not in the lock")
            continue
        problems += [
            f"{requirement.name} {version}: the lock has it, pyproject.toml wants {requirement.specifier}"
            for version in found
            if not requirement.specifier.contains(version, prereleases=True)
        ]
    wanted = {canonicalize_name(line.name) for lines in groups.values() for line in lines}
    problems += [
        f"{entry.name}: in the lock, asked for by nobody"
        for entry in lock
        if entry.name not in wanted and not set(entry.via) & set(versions)
    ]
    return problems


def write_pins(path: Path) -> None:
    """What is shipped and what builds it, with the hashes: for `pip install --require-hashes --no-deps`."""
    text = LOCK.read_text(encoding="utf-8")
    groups = _groups()
    chosen = {name: groups[name] for name in (*SHIPPED, "build")}
    wanted = purposes(chosen, read_lock(text), without=NOT_SHIPPED)
    blocks = (block for block in _blocks(text) if read_lock(block)[0].name in wanted)
    path.write_text("".join(blocks), encoding="utf-8")


def _blocks(text: str) -> list[str]:
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    return [block for block in blocks if re.match(r"[A-Za-z0-9]", block)]


def purposes(groups: dict[str, list[Requirement]], lock: list[Locked], without: str = "") -> dict[str, str]:
    """What each locked package is for: the first group that leads to it. `without` leads nowhere."""
    children: dict[str, set[str]] = {}
    for entry in lock:
        for parent in entry.via:
            children.setdefault(parent, set()).add(entry.name)
    purpose: dict[str, str] = {}
    for group, requirements in groups.items():
        waiting = [canonicalize_name(requirement.name) for requirement in requirements]
        while waiting:
            name = waiting.pop()
            if name not in purpose and name != without:
                purpose[name] = group
                waiting.extend(children.get(name, ()))
    return purpose


# ---------------------------------------------------------------- the audit


def audit(*, strict: bool) -> int:
    """Asks pip-audit for every version of the lock. It passes what it cannot ask about: here that is counted.

    Returns the exit code; strict: an audit that was not whole is a failure.
    """
    rows: list[dict[str, Any]] = []
    for pins in _rounds(read_lock(LOCK.read_text(encoding="utf-8"))):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pins.txt"
            file.write_text("\n".join(pins) + "\n", encoding="utf-8")
            run = [
                *(
                    sys.executable,
                    "-m",
                    "pip_audit",
                    "--requirement",
                    str(file),
                    "--disable-pip",
                    "--no-deps",
                ),
                *("--progress-spinner", "off", "--format", "json"),
            ]
            done = subprocess.run(run, capture_output=True, text=True, check=False)
        try:
            rows += json.loads(done.stdout)["dependencies"]
        except (ValueError, KeyError):
            said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            print(f"NOT AUDITED: pip-audit gave no answer ({said[0][:200]})")
            return 1 if strict else NOT_MADE
    asked, unknown, bad = audit_outcome(rows)
    for line in bad:
        print(f"vulnerable: {line}")
    if bad:
        return 1
    if unknown:
        print(
            f"NOT AUDITED: {len(unknown)} of {asked + len(unknown)} packages ({', '.join(unknown[:3])}, ...) "
            "are not known to the vulnerability service, or it is not to be had here; nothing can be said "
            "about these. Run it where the service can be reached."
        )
        return 1 if strict else NOT_MADE
    print(f"{asked} packages audited, no known vulnerability")
    return 0


def _rounds(lock: list[Locked]) -> list[list[str]]:
    """Every version of the lock, whichever platform or Python it is for; a package once in each list."""
    rounds: list[dict[str, str]] = []
    for entry in lock:
        place = next((pins for pins in rounds if entry.name not in pins), None)
        if place is None:
            rounds.append(place := {})
        place[entry.name] = f"{entry.name}=={entry.version}"
    return [list(pins.values()) for pins in rounds]


def audit_outcome(rows: Iterable[dict[str, Any]]) -> tuple[int, list[str], list[str]]:
    """How many were looked up, the names of those that were not, and a line for each vulnerability."""
    asked, unknown, bad = 0, [], []
    for row in rows:
        if "skip_reason" in row:
            unknown.append(str(row["name"]))
            continue
        asked += 1
        for found in row["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            bad.append(f"{row['name']} {row['version']}: {found['id']}, mended in {fixed}")
    return asked, unknown, bad


# ---------------------------------------------------------------- licences


def is_agreed(licence: str, agreed: Iterable[str]) -> bool:
    """Whether a licence, or an SPDX expression of such, is one of those agreed to: AND asks for all of them,
    OR for one. Several of the older names, with semicolons between, are asked for all."""
    known = {name.lower() for name in agreed}

    def is_well(text: str) -> bool:
        text = text.strip()
        for word, judge in ((";", all), (" OR ", any), (" AND ", all)):
            parts = _outside_brackets(text, word)
            if len(parts) > 1:
                return judge(is_well(part) for part in parts)
        if text.lower() in known:
            return True
        return text.startswith("(") and text.endswith(")") and is_well(text[1:-1])

    return is_well(licence)


def _outside_brackets(text: str, word: str) -> list[str]:
    """The text between the words that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and text.startswith(word, place):
            parts.append(text[start:place])
            start = place + len(word)
    return [*parts, text[start:]]


def licences(python: str, *, write: bool) -> None:
    """Looks at every package of the lock and every one installed: as metadata or .ci/licences.toml say."""
    agreed = tomllib.loads(AGREED.read_text(encoding="utf-8"))
    lock = read_lock(LOCK.read_text(encoding="utf-8"))
    locked = {entry.name for entry in lock}
    listed = _listed()
    # Of other platforms the metadata are not here: what was listed where they are stands.
    said = {**listed, **_installed_licences(python), **agreed["named"]}
    problems = licence_problems(said, locked, agreed)
    if write and not problems:
        LISTED.write_text(_table({name: said[name] for name in sorted(locked)}, lock), encoding="utf-8")
    elif locked != listed.keys():
        names = ", ".join(sorted(locked ^ listed.keys())[:5])
        problems.append(f"{LISTED.name} is not of this lock ({names}); python .ci/supply.py licences --write")
    if problems:
        raise SupplyError("\n".join(problems))
    print(f"{len(locked)} packages in the lock, {len(said)} looked at: every licence is agreed to")


def licence_problems(said: dict[str, str], locked: set[str], agreed: dict[str, Any]) -> list[str]:
    """Licences that nobody knows or agreed to. said: package -> licence."""
    problems = [
        f"{name}: its licence is not known; name it in {AGREED.name}" for name in sorted(locked - said.keys())
    ]
    problems += [
        f"{name}: {licence[:80]!r} is not agreed to; see {AGREED.name}"
        for name, licence in sorted(said.items())
        if name not in agreed["named"] and not is_agreed(licence, agreed["agreed"])
    ]
    return problems


def _installed_licences(python: str) -> dict[str, str]:
    run = [sys.executable, "-m", "piplicenses", "--python", python, "--format", "json", "--with-system"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SupplyError(f"pip-licenses failed: {done.stderr.strip()[-300:]}")
    rows = json.loads(done.stdout)
    return {
        canonicalize_name(row["Name"]): " ".join(row["License"].split())
        for row in rows
        if row["License"] != "UNKNOWN"
    }


def _table(listed: dict[str, str], lock: list[Locked]) -> str:
    purpose = purposes(_groups(), lock)
    lines = [
        "# Licences of the packages that Formcue uses",
        "",
        "Written by `python .ci/supply.py licences --write` from the packages' own metadata and",
        "`.ci/licences.toml`. `app` is what runs; the one-file program ships it without torch and what only",
        "torch asks for. What the repository itself contains of others is in NOTICE.",
        "",
        "| package | licence | for |",
        "| --- | --- | --- |",
        *(f"| {name} | {licence} | {purpose.get(name, '')} |" for name, licence in listed.items()),
    ]
    return "\n".join(lines) + "\n"


def _listed() -> dict[str, str]:
    if not LISTED.exists():
        return {}
    rows = (line.strip("| ").split(" | ") for line in LISTED.read_text(encoding="utf-8").splitlines()[8:])
    return {row[0]: row[1] for row in rows if len(row) >= 2}


# ---------------------------------------------------------------- bill of materials


def write_sbom(path: Path, python: str) -> None:
    """What the one-file program holds: installed packages as they are, the weights and the typeface."""
    run = [sys.executable, "-m", "cyclonedx_py", "environment", python, "--output-format", "JSON"]
    done = subprocess.run(
        [*run, "--pyproject", str(ROOT / "pyproject.toml")], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SupplyError(f"cyclonedx-py failed: {done.stderr.strip()[-300:]}")
    bill = json.loads(done.stdout)
    lock = read_lock(LOCK.read_text(encoding="utf-8"))
    groups = _groups()
    shipped = purposes({name: groups[name] for name in SHIPPED}, lock, without=NOT_SHIPPED)
    shipped["pyinstaller"] = APP  # what starts the program comes from it
    kept = [part for part in bill["components"] if canonicalize_name(part["name"]) in shipped]
    bill["components"] = [*kept, _interpreter(python), *_own_parts()]
    references = {part["bom-ref"] for part in bill["components"]} | {"root-component"}
    bill["dependencies"] = [
        {**entry, "dependsOn": sorted(references & set(entry.get("dependsOn", ())))}
        for entry in bill.get("dependencies", ())
        if entry["ref"] in references
    ]
    bill["metadata"]["component"]["version"] = _version()
    text = json.dumps(bill, indent=1, ensure_ascii=False) + "\n"
    _validate(text)
    path.write_text(text, encoding="utf-8")
    print(f"{path}: {len(bill['components'])} components")


def _interpreter(python: str) -> dict[str, Any]:
    ask = [python, "-c", "import platform; print(platform.python_version())"]
    version = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    licence = [{"license": {"id": "PSF-2.0"}}]
    return {
        "type": "platform",
        "bom-ref": "python",
        "name": "Python",
        "version": version,
        "licenses": licence,
    }


def _own_parts() -> list[dict[str, Any]]:
    """What is in the repository and not our own alone; NOTICE tells the story."""
    catalogue = json.loads((ROOT / "weights" / "catalogue.json").read_text(encoding="utf-8"))
    weights = [
        {
            "type": "machine-learning-model",
            "bom-ref": f"weights/{row['name']}",
            "name": row["name"],
            "hashes": [{"alg": "SHA-256", "content": row["sha256"]}],
            "licenses": [{"license": {"id": "MIT"}}]
            if row["kind"] == "lifter"
            else [{"expression": "MIT AND Apache-2.0"}],
        }
        for row in catalogue["weights"]
    ]
    font = (ROOT / "assets" / "fonts" / "Inter-Regular.otf").read_bytes()
    typeface = {
        "type": "file",
        "bom-ref": "assets/fonts/Inter",
        "name": "Inter",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(font).hexdigest()}],
        "licenses": [{"license": {"id": "OFL-1.1"}}],
    }
    return [*weights, typeface]


def _validate(text: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    wrong = JsonStrictValidator(version).validate_str(text)
    if wrong is not None:
        raise SupplyError(f"the bill of materials is not valid CycloneDX: {wrong}"[:500])


# ---------------------------------------------------------------- the command line


def _project() -> dict[str, Any]:
    read: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return read


def _groups() -> dict[str, list[Requirement]]:
    return asked_for(_project())


def _version() -> str:
    spec = importlib.util.spec_from_file_location("formcue_version", ROOT / "app" / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.__version__)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("lock", "check", "pins", "audit", "licences", "sbom"))
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    try:
        if args.what == "lock":
            write_lock()
        elif args.what == "check":
            lock = read_lock(LOCK.read_text(encoding="utf-8"))
            if problems := lock_problems(_groups(), lock):
                raise SupplyError("\n".join([*problems, "mend with: python .ci/supply.py lock"]))
            print(f"{len(lock)} locked versions are what pyproject.toml asks for")
        elif args.what == "audit":
            return audit(strict=args.strict)
        elif args.what == "licences":
            licences(args.python, write=args.write)
        elif args.file is None:
            parser.error(f"{args.what}: say which file to write")
        elif args.what == "pins":
            write_pins(args.file)
        else:
            write_sbom(args.file, args.python)
    except SupplyError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
