"""Names, docstrings and tests keep to the house style."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture import tree

BANNED_NAMES = re.compile(r"(Manager|Helper|Helpers|Utils|Util|Base)$")
OURS = "|".join(tree.PACKAGES)
MOCK_OF_OURS = re.compile(rf"""(patch|setattr)\w*(\.object)?\(\s*["']({OURS})\.""")
SWALLOWED = re.compile(r"except[^\n]*:\s*\n?\s*pass\b")
FILE_WORDS = re.compile(r"(^|_)(utils?|helpers?|misc|common|managers?)$")


@pytest.mark.parametrize("path", tree.product_files(), ids=lambda p: str(p.relative_to(tree.ROOT)))
def test_product_module_says_why_it_exists_and_swallows_nothing(path: Path) -> None:
    text = path.read_text()
    module = ast.parse(text)
    assert not text.strip() or ast.get_docstring(module), "a module needs one sentence of why"
    assert not SWALLOWED.search(text)
    assert not FILE_WORDS.search(path.stem)
    classes = [n.name for n in ast.walk(module) if isinstance(n, ast.ClassDef)]
    assert not [name for name in classes if BANNED_NAMES.search(name)]


@pytest.mark.parametrize("path", tree.product_files(), ids=lambda p: str(p.relative_to(tree.ROOT)))
def test_public_functions_and_classes_have_docstrings(path: Path) -> None:
    module = ast.parse(path.read_text())
    missing = [
        f"{node.name}:{node.lineno}"
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not missing


@pytest.mark.parametrize("path", tree.testing_files(), ids=lambda p: str(p.relative_to(tree.ROOT)))
def test_tests_never_mock_our_own_code(path: Path) -> None:
    if path == Path(__file__).resolve():
        return
    text = path.read_text()
    assert not re.search(r"^\s*(from unittest(\.mock)? import .*mock|import unittest\.mock)", text, re.M)
    assert not MOCK_OF_OURS.search(text)


def test_our_dependencies_own_none_of_our_names() -> None:
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    ours = ("graph", "scanners", "agents", "embeddings", "api", "prompts", "flows", "testmesh")
    assert not {name: owners[name] for name in ours if set(owners.get(name, [])) - {"testmesh"}}


def test_no_registry_host_is_committed() -> None:
    hosts = re.compile(r"(pypi\.org|pythonhosted|registry\.npmjs|repo1?\.maven|proxy\.golang|deb\.debian)")
    import subprocess

    listed = subprocess.run(["git", "ls-files", "-z"], cwd=tree.ROOT, capture_output=True, text=True, check=True)
    bad = []
    for name in listed.stdout.split("\0"):
        path = tree.ROOT / name
        if (
            name
            and path.is_file()
            and path != Path(__file__).resolve()
            and hosts.search(path.read_text(errors="replace"))
        ):
            bad.append(name)
    assert not bad
