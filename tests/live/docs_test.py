"""The pages say what the program prints: every sample is run and compared, every command and
option has its place, and every link leads somewhere.

A sample is a block ```text whose first line is `$ rejig …`. The commands of one page are run in
order against a shop of the page's own, whose pid takes the place of the word Shop; numbers and
the like are masked on both sides. A line `^C` stands for the keys: they are sent once all lines
above it are there. A comment `<!-- beside: COMMAND -->` above a block is a rejig that runs
beside it. With REJIG_DOCS_WRITE=1 the blocks are written anew instead of compared.
"""

import difflib
import os
import re
import shlex
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rejig_live import LIMIT, REJIG, LiveTest, Lines, app, main, masked, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = os.path.join(ROOT, "docs", "commands")
BLOCK = re.compile(r"(?:<!-- beside: (?P<beside>.*?) -->\n)?```text\n(?P<text>\$ rejig .*?)```", re.DOTALL)
WRITE = os.environ.get("REJIG_DOCS_WRITE") == "1"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def sample_pages():
    """The pages whose samples are run, below docs/commands."""
    return [*page_names(), os.path.join("..", "completeness.md")]


def page_names():
    return sorted(name for name in os.listdir(PAGES) if name.endswith(".md"))


def samples(block):
    """The commands of a block, each with the lines that it prints."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line, []))
        else:
            found[-1][1].append(line)
    return found


def fit(command, lines, pid):
    """Leaves out what depends on the machine: other processes, and how it keeps time."""
    lines = [line for line in lines if not line.startswith("  times are read by clock_gettime")]
    if command.startswith("$ rejig ps"):
        lines = [line for line in lines
                 if "PID" in line or re.match(rf"\s*{pid}\s", line) or f'"pid":{pid},' in line]
    if command == "$ rejig status":
        at = next((i for i, line in enumerate(lines) if line.startswith(f"pid {pid} ")), len(lines))
        lines = lines[at:at + 2]
    return lines


def as_installed(line):
    """No page names the folders of whoever wrote it anew."""
    line = re.sub(r"/\S*/Shop\.dll", "/srv/shop/Shop.dll", line)
    return re.sub(r"/\S*/librejig\.so", "/usr/local/lib/rejig/librejig.so", line)


class Commands(LiveTest):
    def shop(self):
        """A shop that is open, started in its own folder."""
        dll = app("Shop")
        return self.program(["dotnet", "Shop.dll", "300"], ready="shop is open",
                            folder=os.path.dirname(dll))

    def arguments(self, line, pid):
        words = shlex.split(line[len("$ rejig "):])
        end = words.index("--") if "--" in words else len(words)
        return [str(pid) if word == "Shop" and i < end else word for i, word in enumerate(words)]

    def run_sample(self, line, before_keys, pid):
        """Everything that it prints, as on a terminal: both streams in one."""
        process = subprocess.Popen(
            [os.path.abspath(REJIG), *self.arguments(line, pid)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=os.path.dirname(app("Shop")))
        lines = Lines(process.stdout)
        try:
            keys_at = None
            if before_keys is not None:
                wait_for(lambda: len(lines.lines) >= before_keys or lines.closed, f"the lines of {line}")
                keys_at = len(lines.lines)
                process.send_signal(signal.SIGINT)
            process.wait(LIMIT)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        wait_for(lambda: lines.closed, "the end of the stream")
        printed = list(lines.lines)
        if keys_at is not None:
            printed.insert(keys_at, "^C")
        return printed

    def start_beside(self, command, pid):
        if not command:
            return None
        beside = self.rejig(*self.arguments("$ rejig " + command, pid))
        beside.probing()
        return beside

    def check_page(self, name):
        path = os.path.join(PAGES, name)
        page = read(path)
        shop = self.shop()
        written, at, count = [], 0, 0
        for block in BLOCK.finditer(page):
            beside = self.start_beside(block.group("beside"), shop.pid)
            printed_block = []
            for line, shown in samples(block.group("text")):
                count += 1
                keys = shown.index("^C") if "^C" in shown else None
                printed = fit(line, self.run_sample(line, keys, shop.pid), shop.pid)
                printed_block += [line, *(as_installed(text) for text in printed)]
                difference = list(difflib.unified_diff(
                    masked("\n".join(shown)), masked("\n".join(printed)), name, line, lineterm=""))
                if not WRITE:
                    self.assertEqual(difference, [], "\n".join(difference + ["", *printed]))
            if beside:
                beside.end()
            written.append(page[at:block.start("text")] + "\n".join(printed_block) + "\n")
            at = block.end("text")
        self.assertGreater(count, 0, f"{name} shows no sample")
        if WRITE:
            with open(path, "w", encoding="utf-8") as file:
                file.write("".join(written) + page[at:])
        shop.kill()

    def test_samples(self):
        for name in sample_pages():
            with self.subTest(page=name):
                self.check_page(name)


class Words(unittest.TestCase):
    """What help lists, and what the pages say of it."""

    def help(self, *words):
        done = subprocess.run([REJIG, *words], capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_each_command_has_a_page(self):
        commands = set(re.findall(r"^  (\w+)  ", self.help("help").split("commands:")[1], re.MULTILINE))
        self.assertGreater(len(commands), 6)
        pages = {name[:-len(".md")] for name in page_names()}
        self.assertEqual(commands - {"help", "version"}, pages)
        index = read(os.path.join(ROOT, "docs", "README.md"))
        for command in commands:
            self.assertIn(f"rejig {command}", index)

    def test_each_option_is_on_its_page(self):
        seen = set()
        for name in page_names():
            text = self.help(name[:-len(".md")], "--help")
            page = read(os.path.join(PAGES, name))
            for usage in re.findall(r"(?:usage:|^      ) (rejig .*)", text, re.MULTILINE):
                self.assertIn(usage, page, name)
            for option in re.findall(r"^(?:  -\w, |      )(--[\w-]+)", text, re.MULTILINE):
                seen.add(option)
                if option != "--help":
                    self.assertIn(f"`{option}", page, f"{name} does not mention {option}")
        table = read(os.path.join(ROOT, "src", "cli", "command", "command_options.def"))
        known = {"--" + option for option in re.findall(r'^OPTION\(\w+, "([\w-]+)"', table, re.MULTILINE)}
        self.assertEqual(known - seen, {"--version"})


class Links(unittest.TestCase):
    def test_links_lead_to_files(self):
        done = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                              cwd=ROOT, capture_output=True, text=True)
        files = done.stdout.split() if done.returncode == 0 else []
        if not files:
            self.skipTest("this is no clone: which files are the project's is not known")
        for file in files:
            path = os.path.join(ROOT, file)
            if not os.path.exists(path):
                continue
            text = re.sub(r"```.*?```", "", read(path), flags=re.DOTALL)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"\w+:", target):
                    continue
                name, _, anchor = target.partition("#")
                there = os.path.join(os.path.dirname(path), name) if name else path
                with self.subTest(file=file, link=target):
                    self.assertTrue(os.path.exists(there), f"{file}: {target} leads nowhere")
                    if anchor:
                        titles = re.findall(r"^#+ (.*)$", read(there), re.MULTILINE)
                        anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
                        self.assertIn(anchor, anchors)


if __name__ == "__main__":
    main()
