"""Do imported tests give the verdicts that the tools they come from give?

Every file below ``evals/importers/FORMAT`` is run against a fresh shop (`evals.importer_shop`). ``verdicts.json`` says
what the original tool said of it, with that tool's version and the command; ``--record`` asks the tools again, where
they are installed. A file with something that could not be carried over must not be green unless the tool's verdict is.

    python -m evals.importers [FORMAT...]
    python -m evals.importers --record --tools /path/with/bin hurl
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evals.importer_shop import shop

CORPUS = Path(__file__).parent / "importers"
VERDICTS = CORPUS / "verdicts.json"
VARIABLES = {"quantity": "2", "who": "Ada"}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that tests come from.

    Args:
        version: command that prints it.
        run: (executable, file, base URL) → the command line.
        name: of the executable.
        suffixes: of its files.
    """

    name: str
    version: tuple[str, ...]
    run: Callable[[str, Path, str], list[str]]
    suffixes: tuple[str, ...]


def _hurl(executable: str, file: Path, base: str) -> list[str]:
    return [executable, "--test", *_given("--variable", base), str(file)]


def _given(option: str, base: str) -> list[str]:
    return [word for name, value in {"base": base, **VARIABLES}.items() for word in (option, f"{name}={value}")]


def _newman(executable: str, file: Path, base: str) -> list[str]:
    return [executable, "run", str(file), "--reporters", "cli", *_given("--env-var", base)]


def _httpyac(executable: str, file: Path, base: str) -> list[str]:
    return [executable, "send", str(file), "--all", "--bail", "-o", "none", *_given("--var", base)]


def _tavern(executable: str, file: Path, base: str) -> list[str]:
    return [executable, str(file)]


TOOLS: Mapping[str, Tool] = {
    "hurl": Tool("hurl", ("--version",), _hurl, (".hurl",)),
    "postman": Tool("newman", ("--version",), _newman, (".json",)),
    "http_file": Tool("httpyac", ("--version",), _httpyac, (".http",)),
    "tavern": Tool("tavern-ci", ("--help",), _tavern, (".tavern.yaml",)),
}


def files_of(form: str) -> list[Path]:
    """The corpus of one format.

    Args:
        form: its name.
    """
    suffixes = TOOLS[form].suffixes if form in TOOLS else (".yaml", ".yml", ".json")
    return sorted(path for path in (CORPUS / form).iterdir() if path.name.endswith(suffixes))


def record(form: str, tools: str) -> dict[str, dict[str, str]]:
    """What the original tool says of each file.

    Args:
        form: whose corpus.
        tools: folders with executables, joined as in PATH; empty = PATH.
    """
    tool = TOOLS[form]
    executable = shutil.which(tool.name, path=tools or None)
    if executable is None:
        print(f"{form}: {tool.name} is not installed; its verdicts stay", file=sys.stderr)
        return {}
    said = subprocess.run([executable, *tool.version], capture_output=True, text=True, check=False, timeout=60)
    words = (said.stdout or said.stderr).strip().splitlines()[0].split(" (")[0].removeprefix(f"{tool.name} ")
    version = words if words[:1].isdigit() else ""
    found: dict[str, dict[str, str]] = {}
    for file in files_of(form):
        with shop() as server, tempfile.TemporaryDirectory() as folder:
            shutil.copytree(file.parent, folder, dirs_exist_ok=True)
            command = tool.run(executable, Path(folder, file.name), server.url)
            env = {**os.environ, "base": server.url, **VARIABLES}
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=120, env=env, cwd=folder
            )
            shown = " ".join([tool.name, *command[1:]]).replace(server.url, "BASE").replace(f"{folder}/", "")
            verdict = "passed" if done.returncode == 0 else "failed"
            found[f"{form}/{file.name}"] = {"verdict": verdict, "tool": f"{tool.name} {version}".strip(), "how": shown}
    return found


@dataclass(frozen=True, slots=True)
class Compared:
    """One file.

    Args:
        name: format and file.
        wanted: verdict of the original tool.
        got: of the imported flows together: passed, failed, or refused with the reason.
        notes: what was not carried over.
        weaker: something that could fail was not carried over.
    """

    name: str
    wanted: str
    got: str
    notes: tuple[str, ...]
    weaker: bool

    @property
    def same(self) -> bool:
        """The verdict of the original tool."""
        return self.wanted == self.got

    @property
    def greener(self) -> bool:
        """We pass what the original tool fails: never."""
        return self.got == "passed" and self.wanted != "passed"


def compare(form: str, file: Path, wanted: str) -> Compared:
    """Imports a file and runs its flows.

    Args:
        form: its format.
        file: of the corpus.
        wanted: what the original tool says.
    """
    from flows.actions import catalogue
    from flows.importers import Source, importers
    from flows.importers.finishing import every_note, finished, notes_in_words
    from testmesh.cli._writing import beside
    from testmesh.kernel.errors import UserError

    name = f"{form}/{file.name}"
    source = Source(file.name, file.read_text(), lambda other: beside(file.parent / other))
    try:
        imported = importers()[form].read(source)
        flows = finished(imported, source, catalogue())
    except UserError as problem:
        return Compared(name, wanted, f"refused: {problem.message}", (), False)
    notes = every_note(imported)
    with tempfile.TemporaryDirectory() as folder, shop() as server:
        for flow in flows:
            Path(folder, f"{flow.stem}.yaml").write_text(flow.text)
        for other in file.parent.glob("*.bin"):
            shutil.copy(other, folder)
        got = _verdict(Path(folder), server.url)
    return Compared(name, wanted, got, tuple(notes_in_words(file.name, notes)), any(n.checks for n in notes))


def _verdict(folder: Path, base: str) -> str:
    from testmesh.cli import dispatch

    given = [word for name, value in {"base": base, **VARIABLES}.items() for word in ("--var", f"{name}={value}")]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = dispatch(["run", str(folder), "--json", "-C", str(folder), *given])
    if code == 2 and '"verdict":"error"' not in out.getvalue():
        return f"refused: {out.getvalue()[:300]} {err.getvalue()[:300]}"
    return "passed" if code == 0 else "failed"


def compare_all(forms: list[str]) -> list[Compared]:
    """Every file of some formats.

    Args:
        forms: names.
    """
    said = json.loads(VERDICTS.read_text())
    return [compare(form, file, said[f"{form}/{file.name}"]["verdict"]) for form in forms for file in files_of(form)]


def formats() -> list[str]:
    """The formats that have a corpus."""
    return sorted(path.name for path in CORPUS.iterdir() if path.is_dir())


def main() -> int:
    """Prints what differs; 1 when a flow is greener, or has another verdict although all of it was carried over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--tools", default="")
    parser.add_argument("--verbose", "-v", action="store_true")
    parser.add_argument("formats", nargs="*")
    options = parser.parse_args()
    forms = options.formats or formats()
    if options.record:
        known = json.loads(VERDICTS.read_text()) if VERDICTS.exists() else {}
        for form in forms:
            known.update(record(form, options.tools) if form in TOOLS else {})
        kept = {name: said for name, said in known.items() if (CORPUS / name).exists()}
        VERDICTS.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    compared = compare_all(forms)
    for one in compared:
        if not one.same or options.verbose:
            print(f"{one.name}: {one.wanted} there, {one.got} here; {len(one.notes)} notes")
            for note in one.notes:
                print(f"    {note}")
    wrong = [one for one in compared if one.greener or (not one.same and not one.weaker)]
    for form in forms:
        of = [one for one in compared if one.name.startswith(f"{form}/")]
        red = sum(one.wanted != "passed" for one in of)
        print(f"{form}: {sum(one.same for one in of)}/{len(of)} same verdict ({red} red), "
              f"{sum(one.greener for one in of)} greener, {sum(one.weaker for one in of)} missing parts")  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
