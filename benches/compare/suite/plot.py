"""Draws the ratios as an SVG: a bar for each operation and python master, on a log scale."""

import html
import math

from . import goals

BAR, GAP, LEFT, WIDTH, TOP, RIGHT = 13, 10, 330, 860, 48, 120
COLOURS = ("#4477aa", "#cc6677", "#228833")


def plot(names, book):
    ours, others = names[0], names[1:]
    rows = [
        row for row in goals.ROWS
        if row.is_in_plot and book.get(ours, row.key) and any(book.get(name, row.key) for name in others)
    ]
    ratios = [book.get(name, row.key) / book.get(ours, row.key) for row in rows for name in others if book.get(name, row.key)]
    decades = max(1, math.ceil(math.log10(max([10.0, *ratios]))))
    height = TOP + len(rows) * (BAR * len(others) + GAP) + 30

    def x(ratio):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(max(ratio, 1.0)) / decades

    def text(left, top, words, **style):
        more = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in style.items())
        return f'<text x="{left:.1f}" y="{top:.1f}" {more}>{html.escape(words)}</text>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        text(8, 18, "How many times more CPU python's salt-master uses than Brine (logarithmic)", font_size=14),
    ]
    left = LEFT
    for name, colour in zip(others, COLOURS):
        parts += [f'<rect x="{left}" y="27" width="10" height="10" fill="{colour}"/>', text(left + 14, 36, name)]
        left += 190
    for decade in range(decades + 1):
        at = x(10 ** decade)
        parts.append(f'<line x1="{at:.1f}" y1="{TOP - 4}" x2="{at:.1f}" y2="{height - 20}" stroke="#ddd"/>')
        parts.append(text(at, height - 6, f"{10 ** decade}", text_anchor="middle", fill="#666"))
    top = TOP
    for row in rows:
        middle = top + BAR * len(others) / 2 + 4
        parts.append(text(LEFT - 8, middle, row.title.replace("`", ""), text_anchor="end"))
        for name, colour in zip(others, COLOURS):
            own, other = book.get(ours, row.key), book.get(name, row.key)
            if other:
                parts.append(
                    f'<rect x="{LEFT}" y="{top}" width="{max(x(other / own) - LEFT, 1):.1f}" height="{BAR - 2}" fill="{colour}"/>'
                )
                parts.append(text(x(other / own) + 4, top + BAR - 3, f"{other / own:.3g}", fill="#333"))
            top += BAR
        top += GAP
    return "\n".join([*parts, "</svg>\n"])
