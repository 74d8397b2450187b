"""The rules of the source tree: import order, file names, sizes, and who may print."""

import ast
import graphlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import ROOT

PACKAGE = ROOT / "pix2pix"
# The style asks for 250 and 40 lines; these are the limits that nothing may exceed.
MAX_FILE_LINES, MAX_FUNCTION_LINES = 280, 60

# Modules that every other part of the package may import.
BASE = {
    "errors", "version", "files", "formats", "runtime", "fields", "threads", "environment",
    "memory", "names", "palettes",
}  # fmt: skip
SERVING = {"artifacts", "config", "geometry", "images", "pixels", "tiles"}
# Which parts of the package (modules and subpackages) each part imports at module level, besides
# BASE. A part may only name those above it, so that imports run one way.
ALLOWED = {
    "pixels": set(),
    "pair_settings": {"pixels"},
    "validation_settings": set(),
    "config": {"pair_settings", "validation_settings"},
    "options": set(),
    "flags": {"config", "options"},
    "console": set(),
    "picture_files": set(),
    "images": set(),
    "legend": set(),
    "tiles": {"images"},
    "geometry": {"images"},
    "data": {"config", "images", "legend", "pixels", "geometry"},
    "networks": {"config"},
    "losses": {"config"},
    "labels": {"config"},
    "artifacts": {"config"},
    "training": {"config", "images", "data", "networks", "losses", "artifacts"},
    "gallery": {"artifacts"},
    "browser": {"config", "artifacts", "labels"},
    "evaluation": {"config", "images", "legend", "artifacts"},
    "endpoint": {"artifacts", "geometry", "images", "pixels", "tiles"},
    "export": {"config", "images", "networks", "artifacts"},
    "card": {
        "pair_settings", "config", "flags", "labels", "images", "artifacts", "evaluation",
    },
    "hub": {"config", "artifacts", "browser", "training"},
    "pairing": {"flags", "picture_files", "images", "pixels", "data", "hub"},
    "translate": SERVING,
    "geotiff": SERVING | {"translate"},
    "png_results": {"translate"},
    "bulk": {"picture_files", "data", "hub", "pairing", "translate"},
    "artifact_writer": {
        "config", "images", "legend", "data", "training", "artifacts", "gallery", "evaluation",
        "export", "endpoint", "card", "translate",
    },
    "space": SERVING | {"browser", "gallery", "evaluation", "hub", "labels", "translate"},
    "output_folder": {"artifacts", "training"},
    "preflight": {"flags", "options", "artifacts"},
    "commands": SERVING | {
        "options", "flags", "console", "legend", "picture_files", "data", "networks", "training",
        "gallery", "evaluation", "export", "endpoint", "card", "hub",
        "translate", "geotiff", "png_results", "artifact_writer", "output_folder", "preflight",
        "browser", "pairing", "bulk", "validation_settings",
    },
    "__main__": {"console", "preflight", "commands"},
}  # fmt: skip
# Imports inside functions that module level does not have: they load TensorFlow or the Hub client
# only when a call needs them.
ALLOWED_IN_FUNCTIONS = {
    "export": {"translate"},
    "translate": {"hub"},
    "preflight": {"hub", "data"},
}
# `pix2pix/__init__.py` imports Translator on first use.
ALLOWED_IN_INIT = {"errors", "version", "translate"}
# Each package may have its own errors; a command's module has the name that users type.
REPEATED_FILE_NAMES = {"__init__.py", "__main__.py", "errors.py"}
MAY_PRINT = ("commands/", "__main__.py", "console.py", "evaluation/__main__.py")


@dataclass(frozen=True)
class Import:
    """One import of a package module by another; `deferred` if it is inside a function."""

    importer: str
    imported: str
    deferred: bool


def module_name(path: Path) -> str:
    """Returns the dotted name of a module of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imports_of(name: str) -> Iterator[Import]:
    """Yields what a module imports from the package, without imports for type checking."""
    is_package = MODULES[name].name == "__init__.py"
    package = name if is_package else name.rpartition(".")[0]

    def visit(node: ast.AST, deferred: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for imported in imported_names(child, package):
                if imported.split(".")[0] == "pix2pix":
                    yield Import(name, imported, deferred)
            yield from visit(child, deferred or in_function)

    return visit(TREES[name], False)


def imported_names(node: ast.AST, package: str) -> list[str]:
    """Returns the full names of the modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        parents = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*parents, *([node.module] if node.module else [])])
    names = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in MODULES else base for name in names]


IMPORTS = [item for name in MODULES for item in imports_of(name)]


def part(module: str) -> str:
    """Returns the part of the package that a module belongs to: its module or subpackage."""
    names = module.split(".")
    if names[-1] == "__main__":
        return "__main__"
    return names[1] if len(names) > 1 else "__init__"


def test_the_package_is_found():
    assert {"pix2pix", "pix2pix.config", "pix2pix.hub", "pix2pix.space"} <= MODULES.keys()
    assert Import("pix2pix.tiles", "pix2pix.images", False) in IMPORTS


def test_the_table_of_imports_has_one_direction():
    parts = list(ALLOWED)
    for number, name in enumerate(parts):
        assert ALLOWED[name] <= set(parts[:number]), f"{name} may import only parts above it"


def test_every_part_of_the_package_is_in_the_table():
    parts = {part(name) for name in MODULES} - {"__init__"}
    assert parts <= ALLOWED.keys() | BASE, "add the new part to ALLOWED, or to BASE"


def test_imports_follow_the_table():
    wrong = []
    for item in IMPORTS:
        importer, imported = part(item.importer), part(item.imported)
        if importer == "__init__":
            allowed = ALLOWED_IN_INIT
        elif importer in BASE:
            allowed = BASE
        else:
            allowed = ALLOWED[importer] | BASE | {"__init__"}
        if item.deferred:
            allowed = allowed | ALLOWED_IN_FUNCTIONS.get(importer, set())
        if imported not in allowed | {importer}:
            level = "in a function" if item.deferred else "at module level"
            wrong.append(f"{item.importer} imports {item.imported} {level}")
    assert not wrong


def test_imports_have_no_circle():
    """Imports inside functions count too, except the package's own lazy attributes."""
    graph: dict[str, set[str]] = defaultdict(set)
    for item in IMPORTS:
        if item.importer != "pix2pix" and item.imported != item.importer:
            graph[item.importer].add(item.imported)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError with the circle


def test_the_package_imports_no_script_and_no_tests():
    scripts = {"app", "train_hub", "tests", "benchmarks", "tools"}
    wrong = [
        f"{name} imports {imported}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        for imported in imported_names(node, name)
        if imported.split(".")[0] in scripts
    ]
    assert not wrong


def test_no_two_modules_share_a_file_name():
    paths = defaultdict(list)
    for path in MODULES.values():
        if path.name not in REPEATED_FILE_NAMES and path.parent.name != "commands":
            paths[path.name].append(str(path.relative_to(ROOT)))
    assert not [same for same in paths.values() if len(same) > 1]


@pytest.mark.parametrize("path", [*MODULES.values(), ROOT / "app.py", ROOT / "train_hub.py"])
def test_files_and_functions_are_short(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, node.name


def test_only_commands_print():
    wrong = [
        f"{name}, line {node.lineno}"
        for name, tree in TREES.items()
        if not MODULES[name].relative_to(PACKAGE).as_posix().startswith(MAY_PRINT)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    assert not wrong, "library modules log; only commands print"


def test_no_test_module_imports_from_another():
    """Searches the text, since some tests also run code in a string."""
    pattern = re.compile(r"(?:from|import)\s+tests\.test_\w+|from\s+tests\s+import\s.*\btest_\w+")
    wrong = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for folder in ("tests", "benchmarks", "tools")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not wrong
