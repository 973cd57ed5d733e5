#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What Sphinx does not see of the book:

    scripts/book.py messages   lines of the log: the sources' are those of messages.rst
    scripts/book.py commands   commands, files and options that the book names exist
    scripts/book.py pages      each page is in the table of contents, links lead somewhere
    scripts/book.py extract D  write the blocks that a scenario runs into directory D
    scripts/book.py list       print the messages of the sources

A line of the log is described by ".. message::" in Documentation/messages.rst, as it is
printed, with <something> for what varies.
"""
import argparse
import glob
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCS = os.path.join(TOP, "Documentation")
errors = []


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as f:
        return f.read()


def names(*patterns):
    found = []
    for pattern in patterns:
        found += sorted(glob.glob(os.path.join(TOP, pattern), recursive=True))
    return [os.path.relpath(n, TOP) for n in found]


# ------------------------------------------------------------------ messages

SOURCES = ("drivers/**/*.c", "drivers/**/*.h", "include/virtback/*.h")
# Who prints what it is given: the line, with {} for each text among the arguments.
PRINTERS = {
    "pr_err": "{}", "pr_warn": "{}", "pr_info": "{}", "pr_notice": "{}",
    "pr_err_ratelimited": "{}", "pr_warn_ratelimited": "{}",
    "pr_err_once": "{}", "pr_warn_once": "{}", "pr_info_once": "{}",
    "dev_err": "{}", "dev_warn": "{}", "dev_info": "{}", "dev_notice": "{}",
    "virtback_guest_err": "<>: guest: {}",
    "virtback_device_break": "<>: guest: {}, the device needs a reset",
    "virtback_xen_refuse": "<>: {}: {} (<>)",
    "loop_refuse": "<>: {}: {} (<>)",
    "blk_refuse_off": "<>: features_off: {} cannot be withheld: {}",
    "virtback_backing_refuse": "<>: backing=<>: {} (<>)",
    "virtback_node_refuse": "<>: {}: {}",
    # Says which range.
    "virtback_parse_number": "<>: <>: {}",
}
# Functions that return the reason which one of these lines ends with.
REASONS = {
    "virtback_xen_why_not": ["<>: domid: {} (<>)", "no guests of Xen can be served: {}"],
    "virtback_xen_guest_start": ["<>: domid: {} failed: <>"],
    "virtback_xen_guest_ioreq": ["<>: domid: {} failed: <>"],
    "blk_unfit": ["<>: backing=<>: {} (<>)"],
    "bdev_open_reason": ["<>: backing=<>: {} (<>)"],
    "file_open_reason": ["<>: backing=<>: {} (<>)"],
    "virtback_cut_reason": ["<>: <>: {}", "<>: {}"],
}
# Lines of which each part varies: described where their reasons are, if at all.
FRAMES = {"<>: <>: <> (<>)", "<>: <>: <>", "<>: <>"}
# What drivers/control says of an option is one reason for many lines.
OPTION = "<>: <>"
STRING = re.compile(r'"(?:\\.|[^"\\])*"')
SPEC = re.compile(r"%(?:\*?p[a-zA-Z]*|[-#0 +]*[\d.]*(?:hh|h|ll|l|z)?[a-zA-Z])")


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def closing(text, start):
    """index behind the parenthesis that closes the one at @start"""
    depth, i = 0, start
    while True:
        c = text[i]
        if c == '"':
            i = STRING.match(text, i).end()
            continue
        depth += (c == "(") - (c == ")")
        i += 1
        if not depth:
            return i


def arguments(text):
    """the arguments in "(a, b)", cut at the commas between them"""
    parts, depth, last, i = [], 0, 1, 1
    while i < len(text) - 1:
        c = text[i]
        if c == '"':
            i = STRING.match(text, i).end()
            continue
        depth += (c in "([") - (c in ")]")
        if c == "," and not depth:
            parts.append(text[last:i])
            last = i + 1
        i += 1
    return parts + [text[last:-1]]


def literals(arg, macros):
    """the texts that an argument can be: one, or those of a conditional; [] if none"""
    arg = re.sub(r"\b(VIRTBACK_[A-Z_]+)\b", lambda m: macros.get(m[1], m[0]), arg)
    texts = [t[1:-1] for t in STRING.findall(arg)]
    rest = STRING.sub("", arg)
    if "?" in rest:
        return texts
    return ["".join(texts)] if texts and not rest.strip() else []


def plain(text):
    """a format or a described line, with <> for all that varies"""
    text = text.replace('\\"', '"').replace("\\n", "").replace("%%", "\0")
    text = re.sub(r"<[^<>]*>", "<>", SPEC.sub("<>", text)).replace("\0", "%")
    return text.strip()


def source_messages():
    """{message: where}"""
    found = {}
    macros = {}
    for name in names(*SOURCES):
        macros.update(re.findall(r'^#define (VIRTBACK_[A-Z_]+)\s+("[^"\n]*")$', read(name), re.M))

    def add(line, where):
        line = re.sub(r"(: out of range, ).*", r"\1<>", plain(line))
        if line not in FRAMES:
            found.setdefault(line, where)

    for name in names(*SOURCES):
        text = strip_comments(read(name))
        for call in re.finditer(r"\b(\w*(?:refuse\w*|_err|_warn|_info|_notice|_break|_ratelimited|_once|parse_number))\(", text):
            printer = call[1]
            where = "%s:%d" % (name, text.count("\n", 0, call.start()) + 1)
            args = arguments(text[call.end() - 1:closing(text, call.end() - 1)])
            texts = [t for t in (literals(a, macros) for a in args) if t]
            # Defined, not called; or nothing but variables, which reasons() has.
            line = text[text.rfind("\n", 0, call.start()) + 1:call.start()]
            if line and not line[0].isspace() or not texts:
                continue
            if printer not in PRINTERS:
                if re.search(r"refuse|^pr_|^dev_|guest_err", printer):
                    errors.append("%s: scripts/book.py does not know %s()" % (where, printer))
                continue
            frame = PRINTERS[printer]
            if frame.count("{}") == 1:
                # Of a printf the format is the first text; the others are values, of
                # which one that is a choice of texts says more than the frame.
                for t in texts[0]:
                    for value in texts[1] if len(texts) > 1 else ["<>"]:
                        line = plain(t)
                        line = line[:-2] + value if line.endswith("<>") else line
                        add(frame.replace("{}", line), where)
            elif len(texts) >= 2:
                for a in texts[0]:
                    for b in texts[1]:
                        add(frame.replace("{}", a, 1).replace("{}", b, 1), where)
            # else one text of two: the other is a reason or an option's name.
        for assigned in re.finditer(r'(?:\*|\b)\w*why = ((?:"(?:\\.|[^"\\])*"|\s|VIRTBACK_[A-Z_]+)+);', text):
            where = "%s:%d" % (name, text.count("\n", 0, assigned.start()) + 1)
            for t in literals(assigned[1], macros):
                add("%s: %s" % (OPTION, t), where)
        # Functions, from the name to the brace that closes it in the first column.
        for body in re.finditer(r"^[^\s#/][^\n;={}]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", text, re.M | re.S):
            returns = re.findall(r'return ((?:"(?:\\.|[^"\\])*"|[^;"])*);', body[2])
            texts = [t[1:-1] for r in returns for t in STRING.findall(r)
                     if not re.search(r"\w\(", STRING.sub("", r))]
            if body[1] in REASONS:
                for frame in REASONS[body[1]]:
                    for t in texts:
                        add(frame.replace("{}", t), name)
            elif texts and not re.search(r"sysfs|state_name|_name$", body[1]) and \
                    any(" " in t for t in texts):
                errors.append("%s: scripts/book.py does not know what %s() is for" % (name, body[1]))
    return found


def described_messages():
    found = {}
    text = read("Documentation/messages.rst")
    for block in re.finditer(r"^\.\. message:: (.*\n(?:             .*\n)*)((?:\n|   .*\n)*)", text, re.M):
        if len(block[2].split()) < 3:
            errors.append("messages.rst: nothing is said about %s" % block[1].strip())
        for line in block[1].splitlines():
            if plain(line) in FRAMES:
                continue
            if plain(line) in found:
                errors.append("messages.rst: twice: %s" % line.strip())
            found[plain(line)] = line.strip()
    return found


def check_messages():
    sources, book = source_messages(), described_messages()
    for line, where in sorted(sources.items(), key=lambda kv: kv[1]):
        if line not in book:
            errors.append("%s: not in messages.rst: %s" % (where, line))
    for line, as_written in book.items():
        if line not in sources:
            errors.append("messages.rst: nobody prints: %s" % as_written)
    if len(sources) < 100:
        errors.append("too few messages were found")
    return "%d messages" % len(sources)


# ------------------------------------------------------------------ commands

PAGES = ("Documentation/*.rst", "README.md", "SECURITY.md", "CONTRIBUTING.md")
SCENARIO = re.compile(r"(?<![\w-])(\d\d-[a-z][a-z0-9-]*)(?![\w-])")
COMMAND = re.compile(r"(?:[A-Z_]+=(?:'[^']*'|\S+) )*"
                     r"(virtbackctl|insmod|modprobe|options|make|scripts/[\w./-]+)\b ?(.*)")
DISK_LINE = re.compile(r"'phy:/[\w/.-]+,xvd[a-z]+,[rw],backendtype=standalone,"
                       r"specification=virtio(,grant_usage=[01])?'")


class Known:
    """What the tree has."""
    def __init__(self):
        self.parameters = dict(re.findall(r'MODULE_PARM_DESC\((\w+), "(.*)"\);',
                                          read("drivers/main.c")))
        self.options = set(re.findall(r'= "(\w+)"', re.search(
            r"virtback_option_names\[.*?\{(.*?)\};", read("drivers/control/options.c"), re.S)[1]))
        abi = "".join(read(n) for n in names("Documentation/ABI/testing/*"))
        self.writable, self.files = set(), set()
        for entry in abi.split("What:")[1:]:
            what, _, rest = entry.partition("Description:")
            self.files |= set(what.split())
            if rest.lstrip().startswith("(RW)"):
                self.writable |= {w.split("/")[-1] for w in what.split()}
        ctl = read("tools/virtbackctl")
        self.commands = set(re.search(r"^(list\|.*)\) ;;$", ctl, re.M)[1].split("|"))
        self.help = dict(re.findall(r"^\t(\w+)\)\s(.*?);;", read("tools/ctl/help.sh"), re.M | re.S))
        self.targets = set(re.findall(r"^([a-z][\w.-]*):", read("Makefile"), re.M))


def code(name):
    """(line number, text) of all that is set as code, and of indented lines"""
    for number, line in enumerate(read(name).splitlines(), 1):
        inline = re.findall(r"``([^`]+)``", line) or re.findall(r"`([^`:<>]+)`", line)
        for text in inline:
            yield number, text
        if re.match(r"\t|    |   \S", line) and not inline:
            yield number, line.strip()


def check_pairs(where, text, allowed, known):
    """key=value pairs: the keys exist, and numbers are in the range of the parameter"""
    for pair in re.findall(r"\w+=(?:\"[^\"]*\"|[^\s;\"]*)", text):
        key, _, value = pair.partition("=")
        if key not in allowed:
            errors.append("%s: no such option here: %s" % (where, pair))
            continue
        if key in ("devices", "defaults"):
            check_pairs(where, value.strip('"').replace(";", " "), known.options, known)
        span = re.search(r"(-?\d+) to (-?\d+)", known.parameters.get(key, ""))
        if span and re.fullmatch(r"-?\d+", value) and \
                not int(span[1]) <= int(value) <= int(span[2]) and value != "0":
            errors.append("%s: out of range: %s" % (where, pair))


def check_ctl(where, words, known):
    words = [w for w in words if w not in ("--json", "-j")]
    if not words or words[0] in ("--help", "--version", "-h", "-V") or words[0].isupper():
        return
    command = words[0]
    if command not in known.commands:
        errors.append("%s: virtbackctl has no command %s" % (where, command))
        return
    for word in words[1:]:
        if word.startswith(("|", ">", "<", "#")):
            return
        if re.fullmatch(r"--?[a-z]+", word) and word != "--help" and \
                not re.search(r"(?<![\w-])%s\b" % word, known.help.get(command, "")):
            errors.append("%s: virtbackctl %s has no %s" % (where, command, word))
    text = " ".join(words[1:])
    if command == "add":
        check_pairs(where, text, known.options, known)
    elif command == "set":
        module = "-m" in words or "--module" in words
        check_pairs(where, text, known.writable & set(known.parameters)
                    if module else known.writable, known)


def check_line(where, text, known):
    found = COMMAND.fullmatch(text.lstrip("$ "))
    if not found:
        return
    program, words = found[1], found[2].split()
    if program == "virtbackctl":
        check_ctl(where, words, known)
    elif program in ("insmod", "modprobe", "options"):
        if words and words[0] in ("virtback", "virtback.ko"):
            check_pairs(where, found[2], set(known.parameters), known)
    elif program == "make":
        for word in words:
            if word.startswith(("#", "-", "&", "|", ";")):
                break
            if "=" not in word and re.fullmatch(r"[a-z][\w.-]*", word.rstrip(",;")) and \
                    word.rstrip(",;") not in known.targets:
                errors.append("%s: make has no target %s" % (where, word))
    elif not os.path.exists(os.path.join(TOP, program)):
        errors.append("%s: there is no %s" % (where, program))


def check_files(where, text, known):
    for path in re.findall(r"/sys/(?:class|module)/virtback/[\w./<>*$-]*", text):
        path = path.rstrip("./")
        generic = re.sub(r"/(dom[0-9<][\w.<>]*|<device>|loop\.\d)", "/<device>", path)
        generic = re.sub(r"/vq(\d+|<n>|\*)/", "/vq<n>/", generic)
        if "$" in path or path in ("/sys/class/virtback", "/sys/module/virtback/parameters",
                                   "/sys/module/virtback/holders"):
            continue
        if generic not in known.files:
            errors.append("%s: not in Documentation/ABI: %s" % (where, path))
    added = re.search(r'echo "([^"]*)" > ?/sys/class/virtback/add', text)
    if added:
        check_pairs(where, added[1], known.options, known)
    for line in re.findall(r"'phy:[^']*(?:specification|backendtype)=[^']*'", text):
        if not DISK_LINE.fullmatch(line):
            errors.append("%s: not a disk line: %s" % (where, line))


def check_commands():
    known, seen = Known(), 0
    for name in names(*PAGES):
        if name.endswith("messages.rst"):
            continue
        for number, text in code(name):
            where = "%s:%d" % (name, number)
            seen += bool(COMMAND.fullmatch(text.lstrip("$ ")))
            check_line(where, text, known)
            check_files(where, text, known)
            for scenario in SCENARIO.findall(text):
                if not names("scripts/*/scenarios/%s.sh" % scenario):
                    errors.append("%s: there is no scenario %s" % (where, scenario))
    if seen < 50:
        errors.append("too few commands were found")
    return "%d commands" % seen


# --------------------------------------------------------------------- pages

def check_pages():
    listed = set(re.findall(r"^   ([a-z][\w-]*)$", read("Documentation/index.rst"), re.M))
    hidden = set(re.findall(r'"([\w-]+)\.rst"', re.search(
        r"exclude_patterns = \[(.*?)\]", read("Documentation/conf.py"), re.S)[1]))
    there = {os.path.basename(n)[:-4] for n in names("Documentation/*.rst")} - {"index"}
    every = "".join(read(n) for n in names("Documentation/*.rst"))
    for page in sorted(there - listed - hidden):
        errors.append("Documentation/%s.rst: not in the table of contents of index.rst" % page)
    for page in sorted(listed - there):
        errors.append("Documentation/index.rst: there is no %s.rst" % page)
    for page in sorted(hidden):
        if ".. include:: %s.rst" % page not in every:
            errors.append("Documentation/%s.rst: left out of the book, and not included" % page)
    for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", read(name)):
            if not os.path.exists(os.path.join(TOP, link)):
                errors.append("%s: there is no %s" % (name, link))
    return "%d pages" % len(there)


# ------------------------------------------------------------------- extract

BLOCK = re.compile(r"^\.\. book: (\w+)\n\n\.\. code-block:: \w+\n\n((?:\t.*\n|\n)+)", re.M)


def extract(directory):
    """the marked blocks, each into a file of its own"""
    os.makedirs(directory, exist_ok=True)
    seen = set()
    for name in names("Documentation/*.rst"):
        for block in BLOCK.finditer(read(name)):
            if block[1] in seen:
                sys.exit("%s: a second block %s" % (name, block[1]))
            seen.add(block[1])
            with open(os.path.join(directory, block[1]), "w", encoding="utf-8") as f:
                f.write("".join(line[1:] + "\n" for line in block[2].strip("\n").split("\n")))
    if not seen:
        sys.exit("no block is marked")


def main():
    commands = {"messages": check_messages, "commands": check_commands,
                "pages": check_pages}
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", help="messages, commands, pages, list, or extract DIRECTORY")
    args = parser.parse_args()
    if args.what[0] == "list":
        print("\n".join(sorted(source_messages())))
        return
    if args.what[0] == "extract" and len(args.what) == 2:
        extract(args.what[1])
        return
    if not set(args.what) <= set(commands):
        parser.error("unknown: " + " ".join(args.what))
    done = [commands[w]() for w in args.what]
    print("\n".join(errors or done))
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
