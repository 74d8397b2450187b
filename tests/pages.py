"""Parses the Markdown pages of the repository: README.md, docs/ and the files beside them."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.commands import ROOT


@dataclass(frozen=True)
class Page:
    """A Markdown file; `str(page)` is its path from the root of the repository."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Returns (language, text) of each fenced block."""
        return re.findall(r"```(\w*)\n(.*?)```", self.text, re.DOTALL)

    @property
    def commands(self) -> list[str]:
        """Returns the lines of the bash blocks."""
        return [line for name, text in self.blocks if name == "bash" for line in text.splitlines()]

    @property
    def snippets(self) -> list[str]:
        """Returns the Python blocks."""
        return [text for language, text in self.blocks if language == "python"]

    @property
    def code_spans(self) -> list[str]:
        """Returns the texts between backticks, outside of blocks."""
        prose = re.sub(r"```.*?```", "", self.text, flags=re.DOTALL)
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]

    @property
    def links(self) -> list[str]:
        """Returns the targets of all links and images."""
        return re.findall(r"\]\(([^)]+)\)", self.text) + re.findall(
            r'(?:src|srcset)="([^"]+)"', self.text
        )

    @property
    def anchors(self) -> set[str]:
        """Returns the anchors of the headings, as GitHub and the Hub generate them."""
        titles = re.findall(r"^#+ (.+)$", self.text, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}

    def section(self, title: str) -> str:
        """Returns the text below a heading of level 2 whose title starts with `title`."""
        return self.text.partition(f"\n## {title}")[2].partition("\n## ")[0]


README = Page(ROOT / "README.md")
# Every command and snippet of these pages is run by the tests.
GUIDES = [README, *map(Page, sorted((ROOT / "docs").glob("*.md")))]
# Paths, links and targets of these pages are checked too.
DEVELOPER_PAGES = [
    Page(ROOT / name)
    for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "tests/README.md")
]
PAGES = GUIDES + DEVELOPER_PAGES
