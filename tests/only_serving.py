"""Runs code where only what requirements.txt leads to can be imported: only_serving.py ROOT CODE"""

import sys
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(lines: list[str]) -> set[str]:
    """The distributions that installing `lines` brings."""
    found, waiting = set(), [(Requirement(line), frozenset()) for line in lines]
    while waiting:
        requirement, extras = waiting.pop()
        environments = [{"extra": extra} for extra in extras] or [{"extra": ""}]
        if requirement.marker and not any(map(requirement.marker.evaluate, environments)):
            continue
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in found:
            continue
        found.add(key)
        try:
            below = requires(requirement.name) or []
        except PackageNotFoundError:
            continue
        waiting += [(Requirement(line), key[1]) for line in below]
    return {name for name, _ in found}


class Visible(PathFinder):
    """Finds modules on sys.path, but for the hidden ones."""

    hidden: frozenset[str] = frozenset()

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> object:
        return None if name.split(".")[0] in cls.hidden else super().find_spec(name, path, target)


root, code = Path(sys.argv[1]), sys.argv[2]
text = (root / "requirements.txt").read_text(encoding="utf-8")
lines = [line.partition("#")[0].strip() for line in text.splitlines()]
allowed = closure([line for line in lines if line])
hidden = {
    module
    for module, owners in packages_distributions().items()
    if not {canonicalize_name(owner) for owner in owners} & allowed
}
print("hidden:", *sorted(hidden))
Visible.hidden = frozenset(hidden - set(sys.modules))
sys.meta_path = [Visible if finder is PathFinder else finder for finder in sys.meta_path]
sys.path.insert(0, str(root))
exec(code)
