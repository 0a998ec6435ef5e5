"""Does our reading of pacts agree with the specification's own test cases? `python -m evals.pact_cases CLONE`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.clients.pact.comparing import message_differences, request_differences, response_differences
from flows.clients.pact.matchers import Unverifiable
from flows.clients.pact.reading import part
from flows.clients.pact.records import Json
from flows.language.values import parse_json
from testmesh.guard import process
from testmesh.guard.process import Command

VERSIONS = (2, 3, 4)
_COMPARE = {"request": request_differences, "response": response_differences, "message": message_differences}


@dataclass(frozen=True, slots=True)
class Case:
    """One published test case.

    Args:
        version: of the specification.
        name: path below `testcases`.
        match: whether the two sides agree, by the specification.
        expected: the contract's side.
        actual: the other side.
    """

    version: int
    name: str
    match: bool
    expected: Json
    actual: Json

    def differences(self) -> list[str]:
        """What we find."""
        compare = _COMPARE[self.name.partition("/")[0]]
        try:
            return list(compare(part(self.expected, self.version), part(self.actual, self.version)))
        except Unverifiable as problem:
            return [f"unverifiable: {problem.reason}"]

    @property
    def agrees(self) -> bool:
        """We say what the specification says."""
        return (not self.differences()) == self.match


def cases(clone: Path) -> Iterator[Case]:
    """Every case of every version.

    Args:
        clone: of pact-foundation/pact-specification, bare or not.
    """
    git = ("git", "-C", str(clone))
    for version in VERSIONS:
        for branch in (f"version-{version}", f"origin/version-{version}"):
            listed = process.run(
                Command(("git", "-C", str(clone), "ls-tree", "-r", "--name-only", branch, "testcases"))
            )
            if not listed.ok:
                continue
            for path in filter(lambda p: p.endswith(".json"), listed.text().splitlines()):
                shown = process.run(Command((*git, "show", f"{branch}:{path}")))
                data: Json = parse_json(shown.text())
                name = path.removeprefix("testcases/").removesuffix(".json")
                yield Case(version, name, data["match"], data["expected"], data["actual"])
            break


def measure(clone: Path) -> dict[str, object]:
    """Everything the eval says.

    Args:
        clone: of the specification.
    """
    found = list(cases(clone))
    wrong = [case for case in found if not case.agrees]
    return {
        "cases": len(found),
        "agree": len(found) - len(wrong),
        "by_version": {
            str(v): f"{sum(c.version == v and c.agrees for c in found)}/{sum(c.version == v for c in found)}"
            for v in VERSIONS
        },
        "disagree": [f"v{c.version} {c.name}: expected match {c.match}, found {c.differences()}" for c in wrong],
    }


def main() -> int:
    """Measure and print; `--json FILE` keeps it."""
    parser = argparse.ArgumentParser(prog="python -m evals.pact_cases", description=__doc__)
    parser.add_argument("clone", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure(options.clone)
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
