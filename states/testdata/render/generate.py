#!/usr/bin/env python3
"""Generates render cases from a seed, in the form that `record.py` reads.

    python3 states/testdata/render/generate.py DIRECTORY [--seed 1] [--count 4000]

Writes `yaml-generated.lines` (scalars), `yaml-generated.cases` (documents), `generated.lines` (expressions,
filters, methods, formats), `generated.cases` (statements and whitespace) and a copy of `context.json`.
The same seed gives the same cases everywhere. `compare.py` goes the whole way.
"""

import argparse
import pathlib
import random
import shutil

HERE = pathlib.Path(__file__).resolve().parent


class Yaml:
    """Scalars and small documents of YAML 1.1."""

    def __init__(self, rng):
        self.rng = rng

    def digits(self, alphabet, low=1, high=6):
        return "".join(self.rng.choice(alphabet) for _ in range(self.rng.randint(low, high)))

    def number(self):
        sign = self.rng.choice(["", "", "-", "+"])
        decimal = "0123456789"
        form = self.rng.randrange(12)
        if form == 0:
            body = self.digits(decimal, 1, 20)
        elif form == 1:
            body = "0" + self.digits("01234567")
        elif form == 2:
            body = "0" + self.digits(decimal)
        elif form == 3:
            body = "0x" + self.digits("0123456789abcdefABCDEF_", 1, 12)
        elif form == 4:
            body = "0b" + self.digits("01_", 1, 12)
        elif form == 5:
            body = "0o" + self.digits("01234567")
        elif form == 6:
            parts = [self.digits(decimal, 1, 3)]
            parts += [str(self.rng.choice([0, 5, 9, 10, 59, 60, 61])) for _ in range(self.rng.randint(1, 3))]
            body = ":".join(parts) + self.rng.choice(["", "", ".5", "."])
        elif form == 7:
            body = self.digits(decimal + "_", 1, 8)
        elif form == 8:
            body = self.digits(decimal, 0, 4) + "." + self.digits(decimal + "_", 0, 6)
        elif form == 9:
            body = self.digits(decimal, 1, 3) + self.rng.choice(["", ".", ".5"]) + self.rng.choice("eE")
            body += self.rng.choice(["", "+", "-"]) + self.digits(decimal, 1, 3)
        elif form == 10:
            body = self.rng.choice([".inf", ".Inf", ".INF", ".iNF", ".nan", ".NaN", ".NAN", "inf", "nan"])
        else:
            body = self.rng.choice(["0", "00", "08", "1_000", "0_7", "1.", ".5", ".", "1.0.0", "1,5", "1e5", "1.e5"])
        return sign + body

    def word(self):
        return self.rng.choice([
            "yes", "Yes", "YES", "yEs", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "y", "Y", "n", "N",
            "true", "True", "TRUE", "tRue", "false", "False", "FALSE", "null", "Null", "NULL", "nUll", "~", "None",
            "", "=", "<<", "-", "--", "?", ":", "a:b", "a: b", "a :b", "a#b", "a #b", "#a", "@a", "`a`", "%a", "!a",
            "!!str", "&a", "&a b", "*a", "|", ">", "{", "}", "[", "]", "{}", "[]", ",", "a,b", "{a", "a}", "a]", "x y",
            "ä", "日本", "😀", "\u00a0", "a\u2028b", "\ufeffa", "'", '"', "it's", "''", "a'b", 'a"b', "/dev/vda", "52:54:00:00:00:01",
            "12:34:56:10:20:30", "192.168.1.1", "1.2.3", "v1.0", "1e", "e5", "0x", "0b", "0xg", "a\tb", "\ta", "a\t", "- a",
            "a: [b", "---", "...", "--- a", "? a", "salt://x", "{{ x }}", "%d", "100%", "$x", "a\\b", "\\", "C:\\x",
        ])

    def stamp(self):
        date = self.rng.choice(["2001-12-14", "2001-1-4", "2020-02-30", "0001-01-01", "2001-13-01", "20011214", "2024-02-29"])
        time = self.rng.choice(["", "t21:59:43.10-05:00", " 21:59:43.10 -5", "T21:59:43Z", " 1:2:3", " 01:02:03.123456789",
                                "t21:59", " 24:00:00", " 21:59:43 +05:30", "T21:59:43.1"])
        return date + time

    def double(self):
        bits = ["a", " ", "\\n", "\\t", "\\\\", '\\"', "\\x41", "\\u00e9", "\\U0001F600", "\\0", "\\e", "\\_", "\\N", "\\L", "\\P",
                "\\/", "\\ ", "ä", "'", "{", ": ", " #", "\\a", "\\v", "\\xZZ", "\\q", "\\u12", "1"]
        return '"' + "".join(self.rng.choice(bits) for _ in range(self.rng.randint(0, 5))) + self.rng.choice(['"'] * 12 + [""])

    def single(self):
        bits = ["a", " ", "''", '"', "\\n", "ä", ": ", " #", "1", "{"]
        return "'" + "".join(self.rng.choice(bits) for _ in range(self.rng.randint(0, 5))) + self.rng.choice(["'"] * 12 + [""])

    def scalar(self):
        kind = self.rng.randrange(10)
        if kind < 4:
            return self.number()
        if kind < 7:
            return self.word()
        return [self.stamp, self.double, self.single][kind - 7]()

    def tagged(self):
        tag = self.rng.choice(["!!str", "!!int", "!!float", "!!bool", "!!null", "!!binary", "!!timestamp", "!", "!x", "!!x",
                               "!!python/unicode", "!!python/tuple", "!<tag:yaml.org,2002:int>"])
        return f"{tag} {self.scalar()}"

    def line(self):
        value = self.tagged() if self.rng.random() < 0.12 else self.scalar()
        form = self.rng.randrange(8)
        if form < 2:
            return value or "~"
        if form < 5:
            return f"k: {value}"
        if form == 5:
            return f"[{value}, {self.scalar()}]"
        if form == 6:
            return "{" + f"{self.scalar()}: {value}, b: {self.scalar()}" + "}"
        return f"{value}: {self.scalar()}"

    def plain(self):
        return self.rng.choice(["a", "b c", "1", "yes", "~", "1:30", "'q'", '"d"', "[1, 2]", "{x: 1}", "0o7", "017", "a-b", "2001-12-14"])

    def block(self, depth, indent):
        """Lines of a block node at an indent."""
        pad = " " * indent
        form = self.rng.randrange(8) if depth else 7
        lines = []
        if form < 3:
            for number in range(self.rng.randint(1, 3)):
                key = self.rng.choice(["a", "b", "c", "1", "yes", "'q'", "? x", "<<"]) if self.rng.random() < 0.3 else f"k{number}"
                lines += self.under(pad + key + ":", depth, indent)
        elif form < 5:
            for _ in range(self.rng.randint(1, 3)):
                lines += self.under(pad + "-", depth, indent)
        elif form == 5:
            lines.append(pad + "x: &anchor")
            lines += self.block(depth - 1, indent + 2)
            lines.append(pad + self.rng.choice(["y: *anchor", "<<: *anchor", "y: {<<: *anchor, z: 1}", "y: [*anchor]"]))
        else:
            lines.append(pad + self.plain())
        if self.rng.random() < 0.1:
            lines.insert(self.rng.randint(0, len(lines)), self.rng.choice(["", "# c", pad + "# c", "  ", "\t", pad + " x: 1"]))
        return lines

    def under(self, head, depth, indent):
        form = self.rng.randrange(6)
        if form < 2:
            return [f"{head} {self.plain()}"]
        if form == 2:
            text = [" " * (indent + 2) + self.rng.choice(["one", " two", "", "three  ", "# no comment", "- x", "k: v"])
                    for _ in range(self.rng.randint(1, 4))]
            mark = self.rng.choice("|>") + self.rng.choice(["", "", "-", "+", "2", "1", "3-"])
            return [f"{head} {mark}"] + text
        if form == 3:
            return [head]
        deeper = self.rng.choice([2, 2, 2, 1, 4])
        return [head] + self.block(depth - 1 if depth else 0, indent + deeper)

    def document(self):
        lines = self.block(3, 0)
        if self.rng.random() < 0.1:
            lines.insert(0, self.rng.choice(["%YAML 1.1", "---", "# head", ""]))
        return "\n".join(lines) + "\n"


class Expressions:
    """Expressions over mixed types, as text."""

    def __init__(self, rng):
        self.rng = rng

    def integer(self):
        return str(self.rng.choice([0, 1, 2, 3, 7, 10, -1, -7, 255, 1000, 65536, 2**31, 2**53, 2**63, -(2**63), 2**64 + 1, 10**20]))

    def floating(self):
        return self.rng.choice(["0.0", "1.5", "-2.25", "1e16", "1e-5", "0.1", "123456789.125", "1e100", "3.0", "2.5", "-0.0", "1e15", "0.30000000000000004"])

    def text(self):
        return self.rng.choice(["''", "'a'", "'abc'", "'Hello World'", "'a,b,,c'", "'  x  '", "'12'", "'-3'", "'1.5'", "'äöü€'", "'a\\nb\\nc'", "'true'",
                                "'it\\'s'", "'x=1;y=2'", "'a b  c'", "'ABC'", "'0x1f'", "'None'", "'%s'", "'a:b:c'", "'/etc/passwd'", "'ß'", "'tab\\there'"])

    def items(self):
        return self.rng.choice(["[]", "[1, 2, 3]", "['b', 'a', 'c']", "[3, 1, 2]", "[1, 'a', None]", "[[1, 2], [3]]", "(1, 2)", "(1,)", "[True, False]",
                                "[1.5, 2]", "['a', 'B', 'c']", "[{'n': 2, 'v': 'x'}, {'n': 1, 'v': 'y'}]", "range(4)", "['1', '2']", "[0, '', None, [], 5]"])

    def mapping(self):
        return self.rng.choice(["{}", "{'a': 1}", "{'b': 2, 'a': 1}", "{'k': [1, 2], 'm': {'x': None}}", "{1: 'one', 'two': 2}", "pillar.users", "{'a': True, 'b': 1.0}"])

    def leaf(self):
        kind = self.rng.randrange(12)
        if kind < 3:
            return self.integer()
        if kind < 5:
            return self.floating()
        if kind < 8:
            return self.text()
        if kind < 10:
            return self.items()
        if kind == 10:
            return self.mapping()
        return self.rng.choice(["None", "True", "False", "grains.id", "grains.ratio", "pillar.none", "pillar.disks", "grains.num_cpus", "pillar.uni", "pillar['yes']"])

    def filter(self):
        f = self.rng.choice
        return f([
            "abs", "batch(2)|list", "batch(2, 'x')|list", "capitalize", "center(9)", "count", "default('d')", "default('d', true)", "dictsort",
            "dictsort(by='value')", "dictsort(reverse=true)", "escape", "filesizeformat", "filesizeformat(true)", "first", "float", "float(2.5)", "int", "int(7)", "int(base=16)",
            "indent", "indent(2, true)", "indent(2, blank=true)", "indent('> ')", "items|list", "join", "join(', ')", "join('-', attribute='n')", "last", "length", "list", "lower",
            "map('upper')|list", "map('string')|list", "map(attribute='n')|list", "map(attribute='q', default=0)|list", "max", "min", "max(attribute='n')", "pprint",
            "reject('none')|list", "reject|list", "rejectattr('n', 'eq', 1)|list", "replace('a', 'X')", "replace('a', 'X', 1)", "reverse|list", "reverse", "round", "round(1)", "round(2, 'floor')",
            "round(0, 'ceil')", "round(-1)", "select('number')|list", "select|list", "selectattr('n')|list", "slice(2)|list", "slice(2, 'f')|list", "sort", "sort(reverse=true)", "sort(true)",
            "sort(attribute='n')", "sort(case_sensitive=true)", "string", "striptags", "sum", "sum(start=10)", "sum(attribute='n')", "title", "tojson", "tojson(indent=1)", "trim", "trim('a')",
            "truncate(5)", "truncate(5, true)", "truncate(5, true, '..', 0)", "upper", "urlencode", "wordcount", "wordwrap(5)", "wordwrap(4, false)", "xmlattr",
            "yaml", "yaml(false)", "json", "json(indent=2)", "json(sort_keys=false)", "python", "yaml_encode", "yaml_dquote", "yaml_squote", "quote", "to_bool", "strftime('%Y-%m-%d')",
            "exactly_n_true(2)", "exactly_one_true", "regex_search('(a)(b)?')", "regex_match('(.)(.*)')", "regex_replace('[abc]', 'Z')", "regex_escape", "substring_in_list(['abc', 'x'])",
            "check_whitelist_blacklist(whitelist='a*')", "to_num", "avg", "union([1, 9])", "intersect([1, 2])", "difference([1])", "symmetric_difference([1, 7])", "md5", "sha256", "sha512",
            "base64_encode", "base64_decode", "base64_encode|base64_decode", "hmac('k', 'abc')", "is_ip", "ipaddr", "is_ipv4", "is_hex", "contains_whitespace", "to_bytes", "compare_lists([1, 2])",
            "compare_dicts({'a': 2})", "traverse('a')", "traverse('k:0', 'dflt')", "traverse('a:b')", "method_call('upper')", "human_to_bytes", "to_snake_case", "to_camelcase", "flatten", "flatten(levels=1)",
            "combinations(2)|list", "permutations(2)|list", "product(repeat=2)|list", "zip([7, 8])|list", "zip_longest([7], fillvalue=0)|list", "random_seedless", "ifelse(1, 2)", "set_dict_key_value('n:m', 1)",
            "update_dict_key_value('m', {'z': 1})", "append_dict_key_value('k', 3)", "extend_dict_key_value('k', [4])", "tojson|load_json", "dict_to_sls_yaml_params", "jsonify", "raise", "unique|length", "wordcount(2)",
        ])

    def method(self):
        return self.rng.choice([
            "upper()", "lower()", "title()", "capitalize()", "swapcase()", "casefold()", "strip()", "strip('a')", "lstrip()", "rstrip('c')", "split()", "split(',')", "split(',', 1)", "rsplit(',', 1)",
            "splitlines()", "splitlines(true)", "partition(',')", "rpartition(':')", "join(['a', 'b'])", "replace('a', 'b')", "replace('', '-')", "startswith('a')", "endswith(('c', 'x'))", "find('b')",
            "rfind('b')", "index('b')", "count('a')", "count('a', 1)", "zfill(5)", "ljust(6, '.')", "rjust(6)", "center(7, '*')", "isdigit()", "isalpha()", "isalnum()", "isspace()", "isupper()", "istitle()",
            "isidentifier()", "isnumeric()", "isdecimal()", "expandtabs(4)", "encode()", "encode('utf-8')", "format(1, 2)", "removeprefix('a')", "removesuffix('c')", "items()", "items()|list", "keys()|list",
            "values()|list", "get('a')", "get('zz', 5)", "get('zz')", "pop('a')", "pop()", "pop(0)", "copy()", "append(4)", "extend([5])", "insert(0, 9)", "remove(1)", "index(2)", "count(1)", "sort()",
            "reverse()", "clear()", "update({'z': 9})", "setdefault('q', 3)", "popitem()", "bit_length()", "is_integer()", "as_integer_ratio()", "hex()", "conjugate()", "nope()", "translate({97: 'X'})",
        ])

    def test(self):
        return self.rng.choice(["defined", "undefined", "none", "number", "integer", "float", "string", "mapping", "iterable", "sequence", "boolean", "true", "false", "odd", "even", "callable",
                                "divisibleby(3)", "eq(1)", "ne(1)", "lt(2)", "ge 2", "in([1, 2])", "sameas(true)", "lower", "upper", "escaped", "match('a.*')", "equalto('a')", "filter", "test"])

    def slice(self):
        part = lambda: self.rng.choice(["", "", "0", "1", "2", "-1", "-2", "5", "100", "-100"])
        step = self.rng.choice(["", "", ":", ":1", ":2", ":-1", ":-2", ":0"])
        return f"[{part()}:{part()}{step}]"

    def percent(self):
        flag = self.rng.choice(["", "", "-", "+", " ", "0", "#", "-0", "+0"])
        width = self.rng.choice(["", "", "5", "10", "2", "*"])
        precision = self.rng.choice(["", "", ".0", ".2", ".5", ".10", ".*"])
        conversion = self.rng.choice("sdifFeEgGxXorca%uq")
        argument = self.rng.choice([self.leaf, self.integer, self.floating, self.text])()
        stars = [self.rng.choice(["7", "-7", "3"]) for star in (width, precision) if "*" in star]
        packed = f"({', '.join(stars + [argument])},)" if stars or self.rng.random() < 0.6 else argument
        before = self.rng.choice(["", "<", "%%"])
        return f"'{before}%{flag}{width}{precision}{conversion}>' % {packed}"

    def format(self):
        fill = self.rng.choice(["", "", "", "*", "0", "x"])
        align = self.rng.choice(["", "", "<", ">", "^", "="])
        sign = self.rng.choice(["", "", "+", "-", " "])
        alternative = self.rng.choice(["", "", "", "#"])
        zero = self.rng.choice(["", "", "0"])
        width = self.rng.choice(["", "", "5", "12", "1"])
        comma = self.rng.choice(["", "", "", ",", "_"])
        precision = self.rng.choice(["", "", ".0", ".2", ".6", ".12"])
        kind = self.rng.choice(["", "", "s", "d", "f", "F", "e", "E", "g", "G", "x", "X", "o", "b", "c", "n", "%", "q"])
        spec = f"{fill if align else ''}{align}{sign}{alternative}{zero}{width}{comma}{precision}{kind}"
        argument = self.rng.choice([self.leaf, self.integer, self.integer, self.floating, self.floating, self.text])()
        field = self.rng.choice(["", "", "0", "0", "x", "1", "0[a]", "0[0]", "0.real", "0!r", "0!s", "!r", "!a"])
        named = f"x={argument}" if field.startswith("x") else argument
        return f"'<{{{field}{':' + spec if spec else ''}}}>'.format({named})"

    def expression(self, depth):
        if depth <= 0:
            return self.leaf()
        kind = self.rng.randrange(16)
        inner = lambda: self.expression(depth - 1 - self.rng.randrange(2))
        if kind < 3:
            operator = self.rng.choice(["+", "-", "*", "/", "//", "%", "**", "~", "+", "-", "*"])
            # Powers of powers only show that there is a limit.
            right = self.rng.choice(["2", "-1", "0.5", "3", "64", "0"]) if operator == "**" else inner()
            left = self.leaf() if operator == "**" else inner()
            return f"({left}) {operator} ({right})"
        if kind == 3:
            return f"({inner()}) {self.rng.choice(['==', '!=', '<', '<=', '>', '>=', 'in', 'not in'])} ({inner()})"
        if kind == 4:
            return f"({inner()}) {self.rng.choice(['and', 'or'])} ({inner()})"
        if kind == 5:
            return self.rng.choice(["not ({})", "-({})", "+({})", "[{}]", "({},)", "{{'k': {}}}"]).format(inner())
        if kind < 9:
            return f"({inner()})|{self.filter()}"
        if kind == 9:
            return f"({inner()}).{self.method()}"
        if kind == 10:
            return f"({inner()}) is {self.rng.choice(['', 'not '])}{self.test()}"
        if kind == 11:
            return f"({self.rng.choice([self.text, self.items, inner])()}){self.slice()}"
        if kind == 12:
            return self.percent()
        if kind == 13:
            return self.format()
        if kind == 14:
            return f"({inner()}) if ({inner()}) else ({inner()})"
        return f"({inner()})[{self.rng.choice(['0', '-1', chr(39) + 'a' + chr(39), '1', '99', 'None'])}]"

    def line(self):
        text = self.expression(self.rng.choice([1, 1, 2, 2, 3]))
        # A brace behind a brace would end the expression early.
        return "{{ " + text.replace("{{", "{ {").replace("}}", "} }") + " }}"


class Statements:
    """Templates of several lines: nesting, scopes and whitespace control."""

    def __init__(self, rng):
        self.rng = rng
        self.expressions = Expressions(rng)

    def open(self):
        return self.rng.choice(["{%", "{%", "{%-", "{%+"])

    def close(self):
        return self.rng.choice(["%}", "%}", "-%}", "+%}"])

    def tag(self, body):
        return f"{self.open()} {body} {self.close()}"

    def space(self):
        return self.rng.choice(["", "", " ", "\n", "\n  ", "  \n", "\n\n", "\t", "\r\n"])

    def variable(self):
        names = ["x", "y", "ns.a", "loop.index", "loop.last", "pillar.mode", "grains.os", "m(1)", "x|default('none')", "y|default(0) + 1", "loop.cycle('a', 'b')",
                 "loop.previtem|default('-')", "loop.length", "loop.revindex0", "loop.depth", "loop.changed(x)", "d", "lst"]
        opening = self.rng.choice(["{{", "{{", "{{-", "{{+"])
        closing = self.rng.choice(["}}", "}}", "-}}"])
        return f"{opening} {self.rng.choice(names)} {closing}"

    def body(self, depth):
        return "".join(self.space() + self.piece(depth) for _ in range(self.rng.randint(1, 4))) + self.space()

    def piece(self, depth):
        kind = self.rng.randrange(16) if depth > 0 else self.rng.randrange(5)
        inner = lambda: self.body(depth - 1)
        if kind == 0:
            return self.rng.choice(["text", "a: b", "- c", "# hash", "}", "{", "%", "##", "-"])
        if kind < 3:
            return self.variable()
        if kind == 3:
            return self.rng.choice(["{#", "{#-"]) + " note " + self.rng.choice(["#}", "-#}"])
        if kind == 4:
            name = self.rng.choice(["x", "y", "d", "lst", "ns.a", "x, y"])
            value = self.rng.choice(["1", "'s'", "[1, 2]", "{'k': 1}", "(1, 2)", "x|default(3)", "namespace(a=1)", "loop.index|default(0)"])
            return self.tag(f"set {name} = {value}")
        if kind < 7:
            test = self.rng.choice(["x is defined", "y|default(1) > 0", "loop is defined and loop.first", "pillar.none", "not x|default(false)", "'a' in 'abc'"])
            middle = self.rng.choice(["", "", self.tag("else") + inner(), self.tag("elif 1") + inner()])
            return self.tag(f"if {test}") + inner() + middle + self.tag("endif")
        if kind < 10:
            over = self.rng.choice(["x in [1, 2, 3]", "x in range(2)", "x, y in {'a': 1, 'b': 2}.items()", "x in []", "x in 'ab'", "x in [1, 2, 3] if x != 2", "x in pillar.disks", "y in lst|default([1])"])
            ends = self.rng.choice(["", "", "", self.tag("break"), self.tag("if loop.first") + self.tag("continue") + self.tag("endif"), self.tag("else") + inner()])
            return self.tag(f"for {over}") + inner() + ends + self.tag("endfor")
        if kind == 10:
            return self.tag("macro m(a, b=2)") + "<{{ a }}{{ b }}{{ caller() if caller else '' }}>" + inner() + self.tag("endmacro")
        if kind == 11:
            return self.tag("set x") + inner() + self.tag("endset")
        if kind == 12:
            return self.tag(f"filter {self.rng.choice(['upper', 'trim', 'indent(2)', 'replace(chr, 1)', 'length'])}") + inner() + self.tag("endfilter")
        if kind == 13:
            return self.tag("with x = 5, y = x|default(0)") + inner() + self.tag("endwith")
        if kind == 14:
            return self.tag("raw") + "{{ x }}" + self.space() + self.tag("endraw")
        return self.rng.choice([
            self.tag("do lst.append(1)"), self.tag("set ns = namespace(a=0)"), self.tag("set d = {'a': 1}"), self.tag("do d.update({'b': x|default(1)})"), self.tag("set lst = []"),
            self.tag("call m(3)") + inner() + self.tag("endcall"), self.tag("load_yaml as d") + "a: [yes, 1:30]" + self.tag("endload"), self.tag("from 'lib.j2' import hello") + "{{ hello('n') }}",
            self.tag("import 'lib.j2' as lib") + "{{ lib.version }}", self.tag("include 'inc.j2'"), self.tag("set x = 1") + self.tag("include 'inc.j2' ignore missing without context"),
        ])

    def case(self):
        context = ""
        if self.rng.random() < 0.25:
            options = self.rng.choice(['"trim_blocks": true', '"lstrip_blocks": true', '"trim_blocks": true, "lstrip_blocks": true',
                                       '"line_statement_prefix": "%"', '"line_comment_prefix": "##"'])
            context = '--- context\n{"opts": {"jinja_env": {' + options + '}, "jinja_sls_env": {' + options + '}}}\n'
        text = self.body(self.rng.choice([1, 2, 3]))
        if self.rng.random() < 0.7:
            # Else most cases end at an undefined name.
            text = ("{% set ns = namespace(a=0) %}{% set x = 'x' %}{% set y = 2 %}{% set d = {'q': 1} %}{% set lst = [7] %}"
                    "{% macro m(a, b=2) %}[{{ a }}|{{ b }}]{% endmacro %}" + text)
        for mark in ("=== ", "--- "):
            text = text.replace("\n" + mark, "\n" + mark.strip())
        return text + "\n", context


def one_line(text):
    return text.replace("\r", "").replace("\n", " ") if "\n" in text or "\r" in text else text


def write(folder, seed, count):
    rng = random.Random(seed)
    yaml, expressions, statements = Yaml(rng), Expressions(rng), Statements(rng)
    folder.mkdir(parents=True, exist_ok=True)
    if folder != HERE:
        shutil.copy(HERE / "context.json", folder / "context.json")

    def lines(name, draw, number):
        # Line separators of Unicode stay inside of a line.
        drawn = dict.fromkeys(one_line(draw()) for _ in range(number))
        kept = [line for line in drawn if line.strip() and not line.startswith("##")]
        (folder / name).write_text("\n".join(kept) + "\n", encoding="utf-8", newline="")

    def cases(name, draw, number):
        blocks = []
        for index in range(number):
            text, context = draw()
            blocks.append(f"=== {index}\n{text}{context}")
        (folder / name).write_text("".join(blocks), encoding="utf-8", newline="")

    lines("yaml-generated.lines", yaml.line, count * 3 // 10)
    cases("yaml-generated.cases", lambda: (yaml.document(), ""), count // 10)
    lines("generated.lines", expressions.line, count * 4 // 10)
    cases("generated.cases", statements.case, count * 2 // 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=4000)
    given = parser.parse_args()
    write(given.directory.resolve(), given.seed, given.count)


if __name__ == "__main__":
    main()
