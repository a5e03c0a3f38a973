#!/usr/bin/env python3
"""Says of each tree how what two releases of Salt compile it to differs, kind by kind.

    cp -r states/testdata/compile /tmp/newer
    TREES=/tmp/newer VENV-3008.5/bin/python states/testdata/record_compile.py
    python3 states/testdata/compare_releases.py states/testdata/compile /tmp/newer

A tree is of the first kind that explains it whole:

    same      nothing differs
    keys      but for keys that only the newer release adds to a chunk
    order     the same chunks, in another order (and such keys)
    prereq    the same but for how a prereq is noted at what it names
    watch     the same but for a watch that is noted as a require
    refused   the newer release refuses what the older one compiles
    words     both refuse, in other words
    other     none of these; what differs first is shown
"""

import json
import pathlib
import sys

# What the newer release notes in a chunk or a declaration for itself.
OWN_KEYS = {"__sls_included_from__", "__prereq__", "__prerequiring__"}


def read(tree, part):
    path = tree / f"expected.{part}.json"
    return json.loads(path.read_text()) if path.exists() else None


def without_own(value):
    if isinstance(value, dict):
        return {key: without_own(item) for key, item in value.items() if key not in OWN_KEYS}
    if isinstance(value, list):
        return [without_own(item) for item in value]
    return value


def in_any_order(low):
    return sorted(json.dumps(chunk, sort_keys=True) for chunk in low or [])


def noted_alike(low, is_watch):
    """Gives chunks without how a prereq is noted, or with every watch among the requires.

    What a prereq names is in the newer list twice: to be asked, and to be run.
    """
    alike = []
    for chunk in low or []:
        chunk = dict(chunk)
        chunk.pop("prerequired", None)
        if is_watch:
            needs = chunk.pop("require", []) + chunk.pop("watch", [])
            chunk["require"] = sorted(json.dumps(need) for need in needs)
        alike.append(chunk)
    return sorted(set(in_any_order(alike)))


def keys_added(value, found):
    if isinstance(value, dict):
        found |= OWN_KEYS & value.keys()
        for item in value.values():
            keys_added(item, found)
    elif isinstance(value, list):
        for item in value:
            keys_added(item, found)
    return found


def kind_of(old, new):
    """Gives the kind, and a line that shows it."""
    if old == new:
        return "same", ""
    if old["errors"] != new["errors"]:
        if old["errors"] is None:
            return "refused", new["errors"][0]
        if new["errors"] is None:
            return "other", f"only the older one refuses: {old['errors'][0]}"
        return "words", f"{old['errors'][0]} / {new['errors'][0]}"
    plain = without_own(new)
    added = ", ".join(sorted(keys_added(new, set())))
    if plain == without_own(old):
        return "keys", added
    same_high = plain["high"] == without_own(old["high"])
    if same_high and in_any_order(plain["low"]) == in_any_order(without_own(old["low"])):
        names = [chunk["__id__"] for chunk in old["low"]], [chunk["__id__"] for chunk in new["low"]]
        return "order", f"{' '.join(map(str, names[0]))} / {' '.join(map(str, names[1]))}"
    for kind, is_watch in (("prereq", False), ("watch", True)):
        lows = (noted_alike(without_own(low), is_watch) for low in (old["low"], new["low"]))
        if same_high and next(lows) == next(lows):
            return kind, added
    for part in ("matches", "high", "low"):
        if plain[part] != without_own(old[part]):
            return "other", f"{part}: {json.dumps(old[part])[:300]} / {json.dumps(new[part])[:300]}"
    return "other", ""


def main():
    older, newer = map(pathlib.Path, sys.argv[1:3])
    kinds = {}
    for tree in sorted(path for path in older.iterdir() if path.is_dir()):
        parts = ("matches", "errors", "high", "low")
        old, new = ({part: read(root / tree.name, part) for part in parts} for root in (older, newer))
        kind, shown = kind_of(old, new)
        kinds.setdefault(kind, []).append((tree.name, shown))
    for kind in ("same", "keys", "order", "prereq", "watch", "refused", "words", "other"):
        trees = kinds.get(kind, [])
        print(f"{kind}: {len(trees)}")
        if kind != "same":
            for name, shown in trees:
                print(f"  {name}: {shown}")


if __name__ == "__main__":
    main()
