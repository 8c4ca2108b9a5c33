"""The project's pages, as the tests read them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[3]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Page:
    """A page: its prose, without what stands in fences, and the fenced blocks, by language."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(PROJECT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        return FENCE.sub("", self.text)

    def blocks(self, language: str) -> Iterator[str]:
        for indent, found, content in FENCE.findall(self.text):
            if found == language:
                yield re.sub(f"^{indent}", "", content, flags=re.MULTILINE)

    def languages(self) -> set[str]:
        return {language for _, language, _ in FENCE.findall(self.text)}

    def links(self) -> list[str]:
        return LINK.findall(re.sub(r"`[^`\n]*`", "", self.prose))

    def anchors(self) -> set[str]:
        """As the repository's host makes them of headings."""
        words = (re.sub(r"[`*]", "", heading).strip().lower() for heading in HEADING.findall(self.prose))
        return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in words}


PAGES = [Page(path) for path in (*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md")))]
BY_PATH = {page.path: page for page in PAGES}


def commands() -> Iterator[tuple[str, str]]:
    """Every line of every shell block, joined where it goes on, without its comment."""
    for page in PAGES:
        for block in page.blocks("sh"):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                if command := re.sub(r"\s+# .*$", "", line).strip():
                    yield page.name, command
