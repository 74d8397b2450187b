"""Writes handler.py and requirements.txt, with which Inference Endpoints serve a published model.

An endpoint has the model repository, but not this package. So handler.py is
`pix2pix/endpoint/handler.py` with the functions and constants that it imports from the package
written into it, each with what it needs itself. `Translator` never runs this file.
"""

import ast
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix.artifacts import HANDLER_FILE, REQUIREMENTS_FILE
from pix2pix.files import write_text

SOURCE = "pix2pix.endpoint.handler"
# Ranges, because the endpoint's image has packages of its own that need NumPy and Pillow too.
REQUIREMENTS = "onnxruntime>=1.20,<2\nnumpy>=1.26,<3\npillow>=11.3,<14\n"
HEADER = "# Written by pix2pix; the next publish of the model replaces changes.\n"
PACKAGE = "pix2pix."


def write_handler(folder: Path) -> None:
    """Writes handler.py and requirements.txt into a folder of artifacts."""
    write_text(folder / HANDLER_FILE, bundle(SOURCE))
    write_text(folder / REQUIREMENTS_FILE, REQUIREMENTS)


def bundle(name: str) -> str:
    """Returns the source of a module, rewritten so that it does not import the package.

    Raises `ValueError` if two modules define the same name that it needs.
    """
    main, bundled = _Module.read(name), _Bundle()
    for statement in main.tree.body[1:]:
        for defined in _defined_names(statement):
            bundled.add(main, defined)
    docstring = ast.get_source_segment(main.text, main.tree.body[0])
    imports = "\n".join(sorted(bundled.imports))
    definitions = "\n\n\n".join(bundled.definitions)
    head = f"{HEADER}{docstring}\n\nfrom __future__ import annotations"
    return f"{head}\n\n{imports}\n\n\n{definitions}\n"


@dataclass(frozen=True)
class _Module:
    """The source of a module: its statements by the names that they define or import."""

    name: str
    text: str
    tree: ast.Module
    statements: dict[str, ast.stmt]

    @classmethod
    def read(cls, name: str) -> "_Module":
        spec = importlib.util.find_spec(name)
        text = Path(spec.origin).read_text(encoding="utf-8")  # type: ignore[union-attr, arg-type]
        tree = ast.parse(text)
        statements = {name: node for node in tree.body for name in _defined_names(node)}
        return cls(name, text, tree, statements)

    def source(self, statement: ast.stmt) -> str:
        """Returns a statement with its decorators and the comment above it."""
        lines, decorators = self.text.splitlines(), getattr(statement, "decorator_list", [])
        first = min(node.lineno for node in (statement, *decorators)) - 1
        while first and lines[first - 1].startswith("#"):
            first -= 1
        return "\n".join(lines[first : statement.end_lineno])


@dataclass
class _Bundle:
    """The definitions and imports that were collected, each after those that it needs."""

    definitions: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    owners: dict[str, str] = field(default_factory=dict)

    def add(self, module: _Module, name: str) -> None:
        """Adds the definition of `name` in `module`, once; built-in names have none."""
        statement = module.statements.get(name)
        if statement is None:
            return
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._add_import(statement, name)
            return
        if name in self.owners:
            if self.owners[name] != module.name:
                raise ValueError(f"{module.name} and {self.owners[name]} both define {name}")
            return
        self.owners |= dict.fromkeys(_defined_names(statement), module.name)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                self.add(module, node.id)
        self.definitions.append(module.source(statement))

    def _add_import(self, statement: ast.Import | ast.ImportFrom, name: str) -> None:
        (alias,) = (a for a in statement.names if name == (a.asname or a.name.split(".")[0]))
        if isinstance(statement, ast.Import):
            self.imports.add(ast.unparse(ast.Import([alias])))
        elif (statement.module or "").startswith(PACKAGE):
            self.add(_Module.read(statement.module or ""), alias.name)
        else:
            self.imports.add(ast.unparse(ast.ImportFrom(statement.module, [alias], 0)))


def _defined_names(statement: ast.stmt) -> list[str]:
    """Returns the names that a statement at module level defines or imports."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in statement.names]
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    targets += [statement.target] if isinstance(statement, ast.AnnAssign) else []
    nodes = (node for target in targets for node in ast.walk(target))
    return [node.id for node in nodes if isinstance(node, ast.Name)]
