"""Pins the packages of every environment, and checks the pins for other Pythons.

    python -m tools.environments pin [PYTHON ...]      writes constraints.txt (make constraints)
    python -m tools.environments check PYTHON ...      makes no change (make check-pythons)

PYTHON is another interpreter, such as python3.13. `pin` resolves requirements-dev.txt and
requirements-gpu.txt for this Python, then adds the packages that only the others need. `check`
resolves and downloads the requirements of serving and training for each PYTHON without installing
them, compiles the code with it, and lints the code for its version. Both download wheels of more
than 1 GB.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
HEAD = """\
# The exact version of every package in all environments of this project: CPU and GPU, Python 3.11
# to 3.13. Written by `make constraints`. requirements*.txt have the ranges that the package allows.
"""
# Errors only: pip's warnings name the package index.
PIP = ("-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check")
# Wheels only: a package that has to be compiled needs tools that users don't have.
WHEELS = "--only-binary=:all:"
CODE = ("pix2pix", "app.py", "train_hub.py", "tests", "benchmarks", "tools")


def resolve(python: str, pins: dict[str, str], *requirements: str) -> dict[str, str]:
    """Returns the version of each package that pip would install into an empty environment."""
    with tempfile.TemporaryDirectory() as temporary:
        constraints, report = Path(temporary, "constraints.txt"), Path(temporary, "report.json")
        constraints.write_text(as_lines(pins))
        command = [python, *PIP, "install", "--dry-run", "--ignore-installed", WHEELS]
        command += ["--report", str(report), "--constraint", str(constraints)]
        for name in requirements:
            command += ["--requirement", name]
        subprocess.run(command, cwd=ROOT, check=True)
        installed = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    return {normalized(package["name"]): package["version"] for package in installed}


def normalized(name: str) -> str:
    """Returns the package name in the form that all tools compare (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def as_lines(pins: dict[str, str]) -> str:
    """Returns the pins as a constraints file has them, one `name==version` per line."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def pin(others: list[str]) -> None:
    """Writes constraints.txt: the newest versions that this Python and the others can install."""
    pins = resolve(sys.executable, {}, "requirements-dev.txt", "requirements-gpu.txt")
    for python in others:
        # Packages that only this Python needs, such as audioop-lts on 3.13, join the pins.
        pins = resolve(python, pins, "requirements-dev.txt") | pins
    CONSTRAINTS.write_text(HEAD + as_lines(pins), encoding="utf-8")
    print(f"{CONSTRAINTS.name}: {len(pins)} packages.")


def check(python: str) -> None:
    """Raises CalledProcessError when a dependency or the code does not fit this Python."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = subprocess.check_output([python, "-c", code], text=True).strip()
    with tempfile.TemporaryDirectory() as temporary:
        wheels = Path(temporary, "wheels")
        command = [python, *PIP, "download", WHEELS, "--dest", str(wheels)]
        command += ["--constraint", CONSTRAINTS.name]
        command += ["--requirement", "requirements.txt", "--requirement", "requirements-train.txt"]
        subprocess.run(command, cwd=ROOT, check=True)
        count, size = 0, 0
        for wheel in wheels.glob("*.whl"):
            count, size = count + 1, size + wheel.stat().st_size
        subprocess.run(
            [python, "-m", "compileall", "-q", *CODE], cwd=ROOT, check=True,
            env=os.environ | {"PYTHONPYCACHEPREFIX": temporary},
        )  # fmt: skip
    target = f"py{version.replace('.', '')}"
    subprocess.run(
        # UP suggests syntax that the oldest supported Python lacks.
        [sys.executable, "-m", "ruff", "check", "--target-version", target, "--ignore", "UP",
         "--output-format", "concise"],
        cwd=ROOT, check=True,
    )  # fmt: skip
    print(f"Python {version}: {count} wheels, {size / 1e6:,.0f} MB; the code compiles and lints.")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("pin", "check"))
    parser.add_argument("pythons", nargs="*", metavar="PYTHON", help="other interpreters")
    arguments = parser.parse_args()
    if arguments.action == "pin":
        pin(arguments.pythons)
        return
    for python in arguments.pythons:
        check(python)


if __name__ == "__main__":
    main()
