#!/usr/bin/env python3
"""Records in nova/conf.json what oslo.config makes of configuration files.

  make_nova_conf.py                   writes the file
  make_nova_conf.py --check           says whether oslo.config still answers the same
  make_nova_conf.py --random N SEED   prints N more random cases

Needs oslo.config (10.7.0 was used; `pip install oslo.config==10.7.0`) and a UTF-8 locale.
"""

import json
import random
import re
import sys
import tempfile
from importlib.metadata import version
from itertools import islice
from pathlib import Path

from oslo_config import cfg

FILE = Path(__file__).parent / "nova" / "conf.json"

# As in nova/conf/glance.py and cinder/image/image_utils.py.
NOVA = [
    cfg.BoolOpt("verify_glance_signatures", default=False),
    cfg.BoolOpt("enable_certificate_validation", default=False),
    cfg.ListOpt("default_trusted_certificate_ids", default=[]),
]
CINDER = [cfg.StrOpt("verify_glance_signatures", choices=["disabled", "enabled"], default="enabled")]

V, C, D = "verify_glance_signatures", "enable_certificate_validation", "default_trusted_certificate_ids"


def glance(*lines):
    return "\n".join(["[glance]", *lines, ""])


CASES = {
    "empty": "",
    "only comments": "# a\n; b\n\n   \n",
    "all set": glance(f"{V} = true", f"{C} = True", f"{D} = a,b"),
    "colon": glance(f"{V}: true", f"{D} : a:b,c=d"),
    "colon before equals": glance(f"{V}:=true"),
    "equals before colon": glance(f"{D} =:true"),
    "no white space": glance(f"{V}=true", f"{D}=a,b"),
    "much white space": glance(f"{V}   =\t  true  \t", f"{D}\t=  a ,  b  "),
    "other sections": f"[DEFAULT]\n{V} = enabled\n[cinder]\n{V} = true\n[glance]\n{C} = true\n[zvm]\n{D} = a\n",
    "section twice": glance(f"{V} = true", "[x]", "[glance]", f"{C} = true"),
    "section in capitals": f"[GLANCE]\n{V} = true\n",
    "section in both": f"[GLANCE]\n{V} = true\n[glance]\n{V} = false\n[Glance]\n{C} = 1\n",
    "section with spaces": f"[ glance ]\n{V} = true\n",
    "section with trailing white space": f"[glance] \t\n{V} = true\n",
    "section with a comment": f"[glance] # the image service\n{V} = true\n",
    "section without end": f"[glance\n{V} = true\n",
    "section without name": f"[]\n{V} = true\n",
    "section named by a space": f"[ ]\n{V} = true\n",
    "section with brackets": f"[a]b]\n[[glance]]\n{V} = true\n",
    "section indented": f"[x]\na = b\n  [glance]\n{V} = true\n",
    "section indented at the start": f"  [glance]\n{V} = true\n",
    "default in small letters": f"[default]\n{V} = disabled\n",
    "default": f"[DEFAULT]\n{V} = disabled\n",
    "default in mixed letters": f"[Default]\n{V} = disabled\n",
    "defaults are not inherited": f"[DEFAULT]\n{C} = true\n{D} = a\n[glance]\n",
    "no section": f"{V} = true\n",
    "no section, then one": f"a = b\n[glance]\n{V} = true\n",
    "comment before the first section": f"# x = y\n[glance]\n{V} = true\n",
    "key in capitals": glance(f"{V.upper()} = true"),
    "key with dashes": glance(f"{V.replace('_', '-')} = true"),
    "key with a space in it": glance("verify glance signatures = true", f"{C} = 1"),
    "no assignment": glance(V),
    "empty key": glance("= true"),
    "empty key with colon": glance(": true"),
    "repeated key": glance(f"{V} = true", f"{V} = false", f"{D} = a", f"{D} = b"),
    "repeated key, the first bad": glance(f"{V} = perhaps", f"{V} = on"),
    "repeated key, the last bad": glance(f"{V} = on", f"{V} = perhaps"),
    "hash in a value": glance(f"{D} = a#b, c # d,#e"),
    "semicolon in a value": glance(f"{D} = a;b, c ; d"),
    "hash after a boolean": glance(f"{V} = true # yes"),
    "semicolon after a boolean": glance(f"{V} = true ; yes"),
    "comment at the start of a line": glance(f"#{V} = true", f"; {V} = true", f"{C} = true"),
    "comment indented": glance(f"{D} = a,", "  # b,", "  c"),
    "comment indented with no value above": glance("  # b"),
    "comment ends a value": glance(f"{D} = a,", "# b", "  c"),
    "list over lines": glance(f"{D} =", "  a,", "  b,", "\tc", f"{V} = true"),
    "list over lines beginning with the key": glance(f"{D} = a,", "  b,", "  c", f"{V} = true"),
    "list over lines without commas": glance(f"{D} = a", "  b", f"{V} = true"),
    "list over lines, commas in front": glance(f"{D} = a", "  ,b", "  ,c"),
    "list ended by an empty line": glance(f"{D} = a,", "", "  b"),
    "list ended by an empty line, then a key": glance(f"{D} = a,", "  ", f"{V} = true"),
    "list ended by a section": glance(f"{D} =", " a,", " b", "[x]", f"{V} = true"),
    "list ended by the end": f"[glance]\n{D} =\n a,\n b",
    "continuation that looks like a key": glance(f"{D} = a,", f"  {V} = true"),
    "continuation that looks like a section": glance(f"{D} = a,", "  [b]"),
    "continuation after a section": "[glance]\n  a\n",
    "continuation at the start": "  a\n",
    "boolean over lines": glance(f"{V} =", "  true"),
    "boolean over lines, twice": glance(f"{V} = true", "  true"),
    "empty value": glance(f"{D} =", f"{D}="),
    "empty boolean": glance(f"{V} ="),
    "commas at the end": glance(f"{D} = a,b,,,"),
    "commas at the end with spaces": glance(f"{D} = a,b, , "),
    "commas at the start": glance(f"{D} = ,a"),
    "commas in between": glance(f"{D} = a,,b"),
    "only commas": glance(f"{D} = ,,,"),
    "commas and spaces": glance(f"{D} = , ,"),
    "a comma on a line of its own": glance(f"{D} =", "  ,"),
    "list with brackets": glance(f"{D} = [a,b]"),
    "list without commas": glance(f"{D} = a b c"),
    "list with repeats": glance(f"{D} = a,a"),
    "list of addresses": glance(f"{D} = https://barbican.example:9311/v1/secrets/a-b,https://x/y?z=1#f"),
    "value in double quotes": glance(f'{V} = "true"', f'{D} = "a,b"'),
    "value in single quotes": glance(f"{V} = 'true'", f"{D} = 'a,b'"),
    "value in mixed quotes": glance(f"{V} = 'true\""),
    "list in mixed quotes": glance(f"{D} = \"a,b'"),
    "value in quotes twice": glance(f"{D} = \"'a'\""),
    "value in doubled quotes": glance(f'{D} = ""a""'),
    "items in quotes": glance(f'{D} = "a", "b"'),
    "last item in quotes": glance(f'{D} = a, "b"'),
    "one quote": glance(f'{D} = "', f"{V} = '"),
    "two quotes": glance(f'{D} = ""'),
    "boolean of two quotes": glance(f'{V} = ""'),
    "quotes around white space": glance(f'{V} = " true "'),
    "quotes around white space in a list": glance(f'{D} = " a , b "'),
    "quotes over lines": glance(f'{D} = "a,', '  b"'),
    "quotes closed before a continuation": glance(f'{D} = "a,"', "  b"),
    "quotes in a continuation": glance(f"{D} =", '  "a",', '  "b"'),
    "dollar sign": glance(f"{D} = a$b"),
    "dollar sign doubled": glance(f"{D} = a$$b,$$$$"),
    "dollar sign with backslash": glance(f"{D} = a\\$b,\\\\$"),
    "dollar sign with backslash, then a name": glance(f"{D} = \\$$c"),
    "dollar sign alone": glance(f"{D} = $,a$,$ b,$1,$-"),
    "dollar sign with braces": glance(f"{D} = ${{b}}"),
    "dollar sign with empty braces": glance(f"{D} = ${{}},${{1}},${{a b}},${{a"),
    "dollar sign with braces and a dot": glance(f"{D} = ${{b.c}}"),
    "dollar sign with braces and dots in front": glance(f"{D} = ${{.c}}"),
    "dollar sign doubled before braces": glance(f"{D} = $${{b}}"),
    "dollar sign with an underscore": glance(f"{D} = $_x"),
    "dollar sign with a capital": glance(f"{D} = $X"),
    "dollar sign with a letter that is not ASCII": glance(f"{D} = $é"),
    "dollar sign with a long s": glance(f"{D} = $\u017f"),
    "dollar sign with braces and a Kelvin sign": glance(f"{D} = ${{a\u212a}}"),
    "dollar sign with a known option": glance(f"{D} = ${V}", f"{V} = 1"),
    "dollar sign in a boolean": glance(f"{V} = $x"),
    "dollar sign in a value that is overridden": glance(f"{V} = $x", f"{V} = 1"),
    "cinder enabled": f"[DEFAULT]\n{V} = enabled\n",
    "cinder in capitals": f"[DEFAULT]\n{V} = Disabled\n",
    "cinder a boolean": f"[DEFAULT]\n{V} = false\n",
    "cinder empty": f"[DEFAULT]\n{V} =\n",
    "cinder in quotes": f"[DEFAULT]\n{V} = 'disabled'\n",
    "cinder over lines": f"[DEFAULT]\n{V} =\n  disabled\n",
    "cinder with a dollar sign": f"[DEFAULT]\n{V} = $x\n",
    "carriage returns and line feeds": f"[glance]\r\n{V} = true\r\n{D} =\r\n  a,\r\n  b\r\n\r\n",
    "carriage returns": f"[glance]\r{V} = true\r{D} =\r  a,\r  b\r",
    "a carriage return in a value": glance(f"{D} = a,\rb = c"),
    "no line feed at the end": f"[glance]\n{V} = true",
    "form feeds and vertical tabs": glance(f"\x0c{V}\x0b=\x0b true \x0c", "\x0b"),
    "information separators": glance(f"{V} =\x1ctrue\x1d", f"{D} = \x1ea\x1f,b\x85,\u2028c"),
    "no-break space": glance(f"{V} = \xa0true\xa0", f"\xa0{C} = 1"),
    "zero width space": glance(f"{V} = \u200btrue"),
    "NUL": glance(f"{D} = a\0b"),
    "names that are not ASCII": "[größe]\nö = ü\n[glance]\nverify_glance_signatures = 1\n",
    "values that are not ASCII": glance(f"{D} = größe,日本"),
    "byte order mark": f"\ufeff[glance]\n{V} = true\n",
    "byte order mark before a comment": f"\ufeff# x\n[glance]\n{V} = true\n",
    "bytes that are not UTF-8": b"[glance]\n# gr\xf6\xdfe\n",
    "UTF-16": f"[glance]\n{V} = true\n".encode("utf-16"),
    "a private key": "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
    "yaml": "glance:\n  verify_glance_signatures: true\n",
    "devstack": (
        "[DEFAULT]\ndebug = True\nlog_date_format = %Y-%m-%d %H:%M:%S\n\n[glance]\nservice_type = image\n"
        f"{V} = True\n{C} = True\n{D} = 251cbc6d-0e29-4ed7-8d4f-f5b2b1d6b6bb, \\\n\n[key_manager]\nbackend = barbican\n"
    ),
}
for word in ["true", "TRUE", "tRuE", "1", "on", "On", "yes", "YES", "false", "False", "0", "off", "no", "NO", "t", "y", "2",
             "01", "enabled", "none", "None", "true,", "!true", "ＴＲＵＥ"]:
    CASES[f"boolean {word}"] = glance(f"{V} = {word}")

# What random files are put together from.
PIECES = ["\n", "\n", "\n", "\n ", "\n\t", "\r\n", "\r", " ", "\t", "[", "]", "[glance]", "[DEFAULT]", "[x]", "=", "=", ":", "#", ";", ",",
          ",", "\"", "'", "$", "\\", "{", "}", "a", "b", "true", "1", "off", "enabled", "disabled", V, V, C, D, D, "\x1c", "\xa0", "é"]


def random_text(source):
    text = source.choice(["", "[glance]\n", "[glance]\n", "[DEFAULT]\n"])
    for _ in range(source.randrange(1, 6)):
        key = source.choice([V, C, D, D, "x"])
        text += source.choice([f"{key} = ", f"{key}=", f"{key}:", "", "\n"])
        text += "".join(source.choice(PIECES) for _ in range(source.randrange(0, 7))) + source.choice(["\n", "\n", "\n", ""])
    return text


def answer(data, options, group, result):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "service.conf"
        path.write_bytes(data)
        conf = cfg.ConfigOpts()
        conf.register_opts(options, group=group)
        try:
            conf([], project="none", default_config_files=[str(path)], default_config_dirs=[], use_env=False)
            return {"value": result(conf)}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}".replace(str(path), "FILE")}


def case(name, content):
    data = content if isinstance(content, bytes) else content.encode()
    return {
        "name": name,
        **({"hex": data.hex()} if isinstance(content, bytes) else {"text": content}),
        "nova": answer(data, NOVA, "glance", lambda conf: {name: conf.glance[name] for name in (V, C, D)}),
        "cinder": answer(data, CINDER, None, lambda conf: conf.verify_glance_signatures),
    }


def table(count, seed):
    source = random.Random(seed)
    cases = [case(name, content) for name, content in CASES.items()]
    # A value that stands for another of the three is not followed here: the case "dollar sign with a known option".
    texts = (text for text in iter(lambda: random_text(source), None) if not re.search(r"\$\{?(verify|enable|default)", text))
    cases += [case(f"random {number}", text) for number, text in enumerate(islice(texts, count))]
    return f"oslo.config {version('oslo.config')}, run", cases


def dump(made):
    source, cases = made
    lines = ",\n".join(json.dumps(case) for case in cases)
    return f'{{"source": {json.dumps(source)},\n "cases": [\n{lines}\n]}}\n'


def main(arguments):
    match arguments:
        case []:
            FILE.write_text(dump(table(200, 1)))
        case ["--check"]:
            if dump(table(200, 1)) != FILE.read_text():
                sys.exit(f"{FILE} is not what oslo.config {version('oslo.config')} answers")
        case ["--random", count, seed]:
            print(dump(table(int(count), int(seed))), end="")
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])
