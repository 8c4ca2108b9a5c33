"""A picture of a terminal, as SVG, from what a command printed: make demo | python -m local.pages.terminal > FILE."""

import sys
from html import escape

CHARACTER, LINE, MARGIN = 7.2, 17, 16
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
PROMPT = "$ make demo"
TABLE_BEGINS = "scenario "


def shown(output: str) -> list[str]:
    """The first line, and everything from the table on; the story between is left out."""
    lines = output.strip().splitlines()
    table = next(number for number, line in enumerate(lines) if line.startswith(TABLE_BEGINS))
    return [PROMPT, lines[0], "  …", "", *lines[table:]]


def picture(lines: list[str]) -> str:
    width = round(max(map(len, lines)) * CHARACTER + 2 * MARGIN)
    height = len(lines) * LINE + 2 * MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
            f'<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>',
            f'<g font-family="{FONT}" font-size="12" fill="#e6edf3" xml:space="preserve">',
            *(_text(number, line) for number, line in enumerate(lines) if line),
            "</g>",
            "</svg>",
            "",
        ]
    )


def _text(number: int, line: str) -> str:
    place = f'x="{MARGIN}" y="{MARGIN + (number + 1) * LINE - 5}" textLength="{len(line) * CHARACTER:.1f}"'
    return f"<text {place}>{escape(line)}</text>"


if __name__ == "__main__":
    sys.stdout.write(picture(shown(sys.stdin.read())))
