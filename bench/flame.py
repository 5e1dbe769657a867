"""Flame graphs: collapsed stacks in, one small SVG out, nothing in it that needs a script.

Each box is a function, as wide as its share of the samples, on top of its caller (Brendan Gregg, "The Flame Graph",
ACM Queue 14(2), 2016). Boxes too narrow to be seen are left out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

WIDTH = 1200
ROW = 16
LIMIT_BYTES = 150_000
LETTER = 6.2  # of the font below, on average
NARROWEST = 1.5
_LINE = re.compile(r":\d+\)$")
RUNS_THE_LOOP = "Runner.run (asyncio/runners.py)"
EVENT_LOOP = "event loop (uvloop)"
# The desk's own code, its libraries, Python itself.
COLOURS = {"own": "#e07b39", "library": "#6f9ed6", "python": "#b5b5b5"}

Stack = tuple[str, ...]


@dataclass
class _Box:
    samples: int = 0
    above: "dict[str, _Box]" = field(default_factory=dict)


def parse(collapsed: str) -> dict[Stack, int]:
    """`frame;frame;… count` per line, the outermost first, as `py-spy record --format raw` writes them.

    What every stack begins with, up to the event loop, says nothing and is left out.
    """
    stacks: dict[Stack, int] = {}
    for line in collapsed.splitlines():
        frames, _, count = line.rpartition(" ")
        stack = tuple(_LINE.sub(")", frame) for frame in frames.split(";"))
        if RUNS_THE_LOOP in stack:
            stack = stack[stack.index(RUNS_THE_LOOP) + 1 :] or (EVENT_LOOP,)
        stacks[stack] = stacks.get(stack, 0) + int(count)
    return stacks


def origin(frame: str) -> str:
    """Whose function it is: `own`, `library` or `python`."""
    place = frame.rpartition(" (")[2]
    if place.startswith(("services/", "shared/", "desk/")):
        return "own"
    return "python" if place.startswith(("asyncio/", "<frozen", "runpy", "threading", "json/")) else "library"


def svg(stacks: Mapping[Stack, int], title: str) -> str:
    """The picture, at most LIMIT_BYTES of it: the narrowest boxes go first."""
    root = _tree(stacks)
    narrowest = NARROWEST
    while len(picture := _draw(root, title, narrowest)) > LIMIT_BYTES:
        narrowest *= 1.25
    return picture


def _tree(stacks: Mapping[Stack, int]) -> _Box:
    root = _Box()
    for stack, count in stacks.items():
        root.samples += count
        box = root
        for frame in stack:
            box = box.above.setdefault(frame, _Box())
            box.samples += count
    return root


def _draw(root: _Box, title: str, narrowest: float) -> str:
    boxes: list[str] = []
    deepest = 0

    def draw(box: _Box, left: float, depth: int) -> None:
        nonlocal deepest
        for frame, above in sorted(box.above.items()):
            width = above.samples / root.samples * WIDTH
            if width >= narrowest:
                deepest = max(deepest, depth)
                boxes.append(_drawn(frame, above.samples / root.samples, left, depth, width))
                draw(above, left, depth + 1)
            left += width

    draw(root, 0.0, 1)
    height = (deepest + 2) * ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="11"><rect width="{WIDTH}" height="{height}" fill="#fff"/>'
        f'<text x="4" y="12" font-weight="bold">{escape(title)}</text>'
        # Depth counts upwards, as a flame does.
        f'<g transform="translate(0 {height - ROW})">{"".join(boxes)}</g></svg>\n'
    )


def _drawn(frame: str, share: float, left: float, depth: int, width: float) -> str:
    place = f'x="{left:.1f}" y="{-depth * ROW}"'
    drawn = f'<rect {place} width="{width:.1f}" height="{ROW - 1}" fill="{COLOURS[origin(frame)]}"/>'
    letters = int(width / LETTER) - 1
    if letters > 2:
        name = frame.partition(" (")[0]
        text = name if len(name) <= letters else name[: letters - 1] + "…"
        drawn += f'<text x="{left + 2:.1f}" y="{-depth * ROW + 12}">{escape(text)}</text>'
    return f"<g><title>{escape(frame)} {share:.1%}</title>{drawn}</g>"
