"""Writes the figures as Markdown, with ratios, limits and goals."""

from . import goals


def number(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def verdict(row, own, reference, limit):
    if row.met is None or own is None:
        return "-"
    met = row.met(own, reference, limit)
    return "not comparable" if met is None else "met" if met else "**not met**"


def ratio(own, other):
    return f"{other / own:.3g}" if own and other is not None else "-"


def table(machine, names, book):
    """Ratios are the other master's figure divided by ours: above 1, ours needs less."""
    ours, others = names[0], names[1:]
    header = ["operation", "unit", ours]
    for name in others:
        header += [name.removeprefix("salt-master "), "ratio"]
    header += ["limit", "goal", ""]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    limits = machine.limits()
    for row in goals.ROWS:
        own = book.get(ours, row.key)
        if all(book.get(name, row.key) is None for name in names):
            continue
        cells = [row.title, row.unit, number(own)]
        for name in others:
            cells += [number(book.get(name, row.key)), ratio(own, book.get(name, row.key))]
        what, limit = limits.get(row.key, ("", None))
        reference = book.get(goals.REFERENCE, row.key)
        cells += [number(limit), row.goal, verdict(row, own, reference, limit)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def document(title, machine, names, book):
    """Gives the whole page: machine, table, what the limits are, what was seen beside."""
    parts = [f"# {title[0]}", "", title[1], "", machine.lines(), "", table(machine, names, book)]
    shown = {row.key for row in goals.ROWS if any(book.get(name, row.key) is not None for name in names)}
    limits = [
        f"* {goals.BY_KEY[key].title}: {what}, {number(limit)} ms"
        for key, (what, limit) in machine.limits().items() if key in shown
    ]
    if limits:
        parts += ["Limits:", "", *limits]
    notes = [f"* {name}: {note}" for name in names for note in book.notes.get(name, [])]
    if notes:
        parts += ["", "Seen on the way:", "", *notes]
    return "\n".join(parts) + "\n"
