# SPDX-License-Identifier: GPL-2.0
"""What the book takes from the tree when it is built, so that nothing is typed twice:

.. virtback-parameters::        the module's parameters, from MODULE_PARM_DESC
.. virtback-abi:: FILE          a file of Documentation/ABI/testing
.. virtback-manual:: FILE       a manual of tools/man, by mandoc
.. message:: LINE               a line of the kernel's log (see scripts/book.py)
"""
import os
import re
import subprocess
import textwrap

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.util.nodes import nested_parse_with_titles

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def parameters():
    """[(name, description)] in the order of the sources"""
    with open(os.path.join(TOP, "drivers/main.c"), encoding="utf-8") as f:
        found = re.findall(r'MODULE_PARM_DESC\((\w+), "(.*)"\);', f.read())
    if not found:
        raise ValueError("drivers/main.c describes no parameter")
    return found


def abi_entries(name):
    """[{tag: text}] of a file in the format of the kernel's Documentation/ABI"""
    with open(os.path.join(TOP, "Documentation/ABI/testing", name), encoding="utf-8") as f:
        lines = f.read().expandtabs(8).splitlines()
    entries, tag = [], None
    for line in lines:
        start = re.match(r"(What|Date|KernelVersion|Contact|Description|Users):\s*(.*)", line)
        if start:
            tag = start[1]
            if tag == "What":
                entries.append({})
            # The first line stands where the others are indented to.
            entries[-1][tag] = [" " * 16 + start[2]] if start[2] else []
        elif tag and (not line or line.startswith(" ")):
            entries[-1][tag].append(line)
        else:
            raise ValueError("%s: neither a tag nor indented: %s" % (name, line))
    return [{t: textwrap.dedent("\n".join(v)).strip("\n") for t, v in e.items()}
            for e in entries]


class FromTree(Directive):
    """Text made by text() is parsed where the directive stands."""

    def run(self):
        rst = StringList(self.text().splitlines(), source=self.name)
        node = nodes.section()
        node.document = self.state.document
        nested_parse_with_titles(self.state, rst, node)
        return node.children


class Parameters(FromTree):
    def text(self):
        rows = []
        for name, what in parameters():
            # Underscores and asterisks are meant as they are.
            what = re.sub(r"([*_`|\\])", r"\\\1", what)
            rows.append("``%s``\n    %s\n" % (name, what))
        return "\n".join(rows)


class Abi(FromTree):
    required_arguments = 1

    def text(self):
        rows = []
        for entry in abi_entries(self.arguments[0]):
            # VIRTIO_F_ is no reference.
            body = re.sub(r"(\w)_(?!\w)", r"\1\\_", entry["Description"])
            if entry.get("Users"):
                body += "\n\nUsers: " + entry["Users"]
            names = "\n".join("| ``%s``" % n for n in entry["What"].split())
            rows.append("%s\n\n%s\n" % (names, textwrap.indent(body, "    ")))
        return "\n".join(rows)


class Manual(Directive):
    required_arguments = 1

    def run(self):
        path = os.path.join(TOP, "tools/man", self.arguments[0])
        page = subprocess.run(["mandoc", "-Tutf8", "-Owidth=78", path], check=True,
                              capture_output=True, encoding="utf-8").stdout
        page = re.sub(".\b", "", page)
        return [nodes.literal_block(page, page, language="none")]


def setup(app):
    app.add_directive("virtback-parameters", Parameters)
    app.add_directive("virtback-abi", Abi)
    app.add_directive("virtback-manual", Manual)
    app.add_object_type("message", "logline")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
