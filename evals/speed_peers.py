"""The same steps for other runners, to be measured beside ours in the same run against the same server.

Installed from registries: Hurl (`cargo install hurl --version 8.0.1`), Venom (`go install
github.com/ovh/venom/cmd/venom@v1.1.0`), Tavern (`pip install tavern`, in an environment of its own) and Step CI
(`npm install stepci`). runn cannot be had through the module proxy that this project may use.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Peer:
    """Another runner.

    Args:
        program: its command.
        suffix: of its files.
        text: (name, URL, steps) → a file with that many requests, each with two assertions.
        argv: (program, files or folder, scratch folder) → arguments that run one file, with a JUnit report.
        many: the same for a folder of files, eight at once where it can; None = it cannot.
        env: for the process.
    """

    program: str
    suffix: str
    text: Callable[[str, str, int], str]
    argv: Callable[[str, Path, Path], Sequence[str]]
    many: Callable[[str, Path, Path], Sequence[str]] | None = None
    env: Mapping[str, str] = field(default_factory=dict)


def found(name: str, given: Mapping[str, str]) -> str | None:
    """The program of a peer, or None when it is not installed.

    Args:
        name: of the peer.
        given: name to program, from the command line.
    """
    return given.get(name) or shutil.which(PEERS[name].program)


def _hurl(name: str, url: str, steps: int) -> str:
    entry = 'POST {url}/orders\n{{"n": {n}}}\nHTTP 200\n[Asserts]\njsonpath "$.ok" == true\n\n'
    return "".join(entry.format(url=url, n=n) for n in range(steps))


def _venom(name: str, url: str, steps: int) -> str:
    step = {"type": "http", "method": "POST", "url": f"{url}/orders", "headers": {"Content-Type": "application/json"}}
    checks = ["result.statuscode ShouldEqual 200", "result.bodyjson.ok ShouldEqual true"]
    body = [step | {"body": json.dumps({"n": n}), "assertions": checks} for n in range(steps)]
    return json.dumps({"name": name, "testcases": [{"name": name, "steps": body}]})


def _tavern(name: str, url: str, steps: int) -> str:
    answer = {"status_code": 200, "json": {"ok": True}, "strict": False}
    stages = [
        {
            "name": f"s{n}",
            "request": {"url": f"{url}/orders", "method": "POST", "json": {"n": n}},
            "response": answer,
        }
        for n in range(steps)
    ]
    return json.dumps({"test_name": name, "stages": stages})


def _stepci(name: str, url: str, steps: int) -> str:
    check = {"status": 200, "jsonpath": {"$.ok": True}}
    body = [
        {"name": f"s{n}", "http": {"url": f"{url}/orders", "method": "POST", "json": {"n": n}, "check": check}}
        for n in range(steps)
    ]
    return json.dumps({"version": "1.1", "name": name, "tests": {"t": {"steps": body}}})


def _hurl_arguments(program: str, out: Path) -> list[str]:
    return [program, "--test", "--jobs", "8", "--report-junit", f"{out}/hurl.xml", "--report-json", f"{out}/hurl"]


def _tavern_arguments(program: str, file: Path, out: Path) -> list[str]:
    python = str(Path(program).with_name("python"))
    return [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={out}/tavern.xml", str(file)]


PEERS: Mapping[str, Peer] = {
    "hurl": Peer(
        "hurl",
        ".hurl",
        _hurl,
        lambda program, file, out: [*_hurl_arguments(program, out), str(file)],
        lambda program, folder, out: [*_hurl_arguments(program, out), *sorted(map(str, folder.glob("*.hurl")))],
    ),
    "venom": Peer(
        "venom",
        ".venom.yaml",
        _venom,
        lambda program, file, out: [program, "run", str(file), "--output-dir", f"{out}/venom", "--format", "xml"],
    ),
    "tavern": Peer("tavern-ci", ".tavern.yaml", _tavern, _tavern_arguments),
    "stepci": Peer(
        "stepci",
        ".stepci.yaml",
        _stepci,
        lambda program, file, out: [program, "run", str(file)],
        env={"STEPCI_DISABLE_ANALYTICS": "1"},
    ),
}
