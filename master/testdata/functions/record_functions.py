"""Asks Salt what functions answer: python record_functions.py > answers.json

Needs Salt 3006.30. Reads cases.yaml beside it; a call that fails is recorded as {"error": text}.
"""

import json
import os
import sys
import tempfile

import yaml

import salt.config
import salt.loader

GRAINS = {
    "id": "web1",
    "os": "SUSE",
    "os_family": "Suse",
    "roles": ["db", "web"],
    "nest": {"a": "b"},
    "empty": "",
    "num": 4,
    "ipv4": ["10.0.0.7", "127.0.0.1"],
    "ipv6": ["::1"],
}
PILLAR = {
    "a": {"b": 1, "l": [1, 2]},
    "k": {"x": {"y": 1}},
    "colour": "blue",
}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "cases.yaml")) as file:
        cases = yaml.safe_load(file)
    with tempfile.TemporaryDirectory() as root:
        opts = salt.config.minion_config(None, minion_id="web1")
        opts.update(
            file_client="local",
            root_dir=root,
            cachedir=root,
            grains=GRAINS,
            pillar=PILLAR,
            custom={"x": 1},
        )
        opts["mysql.host"] = "db"
        functions = salt.loader.minion_mods(opts, utils=salt.loader.utils(opts))
        answers = []
        for case in cases:
            fun, args = case[0], case[1]
            kwargs = case[2] if len(case) > 2 else {}
            try:
                answer = functions[fun](*args, **kwargs)
                answers.append({"value": json.loads(json.dumps(answer))})
            except Exception as error:  # Whatever it is, it is what Salt does.
                answers.append({"error": "%s: %s" % (type(error).__name__, error)})
    json.dump(answers, sys.stdout, indent=1)
    print()


main()
