# Runs one file of the renderer py and talks to the master in lines of JSON. Started as `-c` text;
# works with any Python from 3.6 on and needs nothing but the standard library.
import base64, collections, datetime, json, os, sys, traceback

talk_in = os.fdopen(os.dup(0), "r", encoding="utf-8")
talk_out = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)


def encode(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if -(2 ** 63) <= value < 2 ** 63 else ["i", str(value)]
    if isinstance(value, float):
        return value if value - value == 0 else ["f", str(value)]
    if isinstance(value, (bytes, bytearray)):
        return ["b", base64.b64encode(bytes(value)).decode()]
    if isinstance(value, collections.abc.Mapping):
        return ["m"] + [[encode(k), encode(v)] for k, v in value.items()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return ["l"] + [encode(v) for v in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    raise TypeError("run() gives a %s, which is no data" % type(value).__name__)


def decode(value):
    if not isinstance(value, list):
        return value
    kind, rest = value[0], value[1:]
    if kind == "l":
        return [decode(v) for v in rest]
    if kind == "m":
        return collections.OrderedDict((decode(k), decode(v)) for k, v in rest)
    if kind == "b":
        return base64.b64decode(rest[0])
    return int(rest[0]) if kind == "i" else float(rest[0])


def say(message):
    talk_out.write(json.dumps(message) + "\n")
    talk_out.flush()


class Functions(dict):
    def __missing__(self, name):
        def call(*args, **kwargs):
            say({"call": name, "args": encode(args), "kwargs": encode(kwargs)})
            answer = json.loads(talk_in.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"])
            return decode(answer["value"])

        call.__name__ = str(name)
        self[name] = call
        return call


def main():
    begin = json.loads(talk_in.readline())
    salt = Functions()
    for name in begin["functions"]:
        salt[name] = salt.__missing__(name)
    path = begin["path"] or "<template>"
    names = {
        "__name__": "sls",
        "__file__": path,
        "__salt__": salt,
        "__pillar__": decode(begin["pillar"]),
        "__grains__": decode(begin["grains"]),
        "__opts__": decode(begin["opts"]),
        "__env__": begin["env"],
        "__sls__": begin["sls"],
    }
    names.update(
        salt=salt,
        pillar=names["__pillar__"],
        grains=names["__grains__"],
        opts=names["__opts__"],
        saltenv=begin["env"],
        sls=begin["sls"],
    )
    names.update(decode(begin["extra"]))
    try:
        exec(compile(begin["text"], path, "exec"), names)
        if "run" not in names:
            raise NameError("the file has no function run()")
        say({"return": encode(names["run"]())})
    except BaseException as error:
        lines = traceback.extract_tb(error.__traceback__)
        places = [line for line in lines if line.filename == path]
        where = ", line %d" % places[-1].lineno if places else ""
        say({"error": "%s: %s (%s%s)" % (type(error).__name__, error, path, where)})


main()
