"""Runs code in an interpreter that can import only the packages of requirements.txt.

python tests/serving_imports_only.py ROOT CODE
"""

import sys
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def dependency_closure(lines: list[str]) -> set[str]:
    """Returns the distributions that installing `lines` installs."""
    closure, waiting = set(), [(Requirement(line), frozenset()) for line in lines]
    while waiting:
        requirement, extras = waiting.pop()
        environments = [{"extra": extra} for extra in extras] or [{"extra": ""}]
        if requirement.marker and not any(map(requirement.marker.evaluate, environments)):
            continue
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in closure:
            continue
        closure.add(key)
        try:
            dependencies = requires(requirement.name) or []
        except PackageNotFoundError:
            continue
        waiting += [(Requirement(line), key[1]) for line in dependencies]
    return {name for name, _ in closure}


class FilteredPathFinder(PathFinder):
    """Finds modules on sys.path except the hidden ones."""

    hidden: frozenset[str] = frozenset()

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> object:
        return None if name.split(".")[0] in cls.hidden else super().find_spec(name, path, target)


root, code = Path(sys.argv[1]), sys.argv[2]
text = (root / "requirements.txt").read_text(encoding="utf-8")
lines = [line.partition("#")[0].strip() for line in text.splitlines()]
# An editable install makes this project a distribution too.
allowed = dependency_closure([line for line in lines if line]) | {"pix2pix-hub"}
hidden = {
    module
    for module, owners in packages_distributions().items()
    if not {canonicalize_name(owner) for owner in owners} & allowed
}
print("hidden:", *sorted(hidden))
FilteredPathFinder.hidden = frozenset(hidden - set(sys.modules))
sys.meta_path = [FilteredPathFinder if finder is PathFinder else finder for finder in sys.meta_path]
sys.path.insert(0, str(root))
exec(code)
