"""Imports go down only, and dangerous libraries have one door each."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, modules, product_files

ONLY_IN_GUARD = {"yaml", "git", "subprocess", "re2"}
DECLARING = {
    "scanners/languages", "scanners/packs", "scanners/manifests", "flows/actions", "agents/llm/providers",
    "embeddings/embedders", "testmesh/forges", "testmesh/environments", "graph/queries", "testmesh/cli",
}  # fmt: skip
SIBLINGS = ("agents", "scanners/packs", "scanners/languages", "flows/actions", "agents/llm/providers", "graph/queries")
OURS = ("graph", "scanners", "agents", "embeddings", "api", "prompts", "flows", "testmesh", "evals")


def test_import_linter_finds_nothing() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(program)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_no_contract_has_an_ignore_list() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert contracts
    assert not [c["name"] for c in contracts if c.get("ignore_imports")]


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every absolute import in a module, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


@pytest.mark.parametrize("path", product_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_dangerous_libraries_are_imported_by_guard_only(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    if relative.startswith(("testmesh/guard/", "evals/")):
        return
    bad = [
        f"{relative}:{line} {name}"
        for name, line in imported(ast.parse(path.read_text()))
        if name.split(".")[0] in ONLY_IN_GUARD or name == "asyncio.subprocess"
    ]
    assert not bad
    assert "create_subprocess_" not in path.read_text()


def module_level(tree: ast.Module) -> Iterator[str]:
    """Top-level packages imported when the module is, TYPE_CHECKING blocks left out."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", product_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_declaring_modules_import_nothing_third_party(path: Path) -> None:
    folder = path.relative_to(ROOT).parent.as_posix()
    if folder not in DECLARING:
        return
    names = set(module_level(ast.parse(path.read_text())))
    foreign = {n for n in names if n not in sys.stdlib_module_names and n not in OURS}
    assert not foreign


def test_importing_every_action_and_pack_loads_no_third_party_module() -> None:
    script = (
        "import sys\n"
        "from testmesh.kernel.discovery import module_names\n"
        "import importlib\n"
        "for p in ('flows.actions','scanners.packs','scanners.manifests','scanners.languages',"
        "'agents.llm.providers','embeddings.embedders','testmesh.environments','testmesh.forges','graph.queries'):\n"
        "    for n in module_names(p): importlib.import_module(f'{p}.{n}')\n"
        "print('\\n'.join(sorted({m.split('.')[0] for m in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-S", "-c", "import site; site.main()\n" + script], cwd=ROOT,
                          capture_output=True, text=True, check=True)  # fmt: skip
    names = "import sys; print('\\n'.join(m.split('.')[0] for m in sys.modules))"
    baseline = subprocess.run([sys.executable, "-c", names], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split()) - set(baseline.stdout.split())
    foreign = {m for m in loaded if m not in sys.stdlib_module_names and m not in OURS and not m.startswith("_")}
    assert not foreign


@pytest.mark.parametrize("folder", SIBLINGS)
def test_siblings_do_not_import_each_other(folder: str) -> None:
    package = folder.replace("/", ".")
    names = {name for name in modules(folder)}
    bad = []
    for name, path in modules(folder).items():
        files = [path] if path.is_file() else sorted(path.rglob("*.py"))
        for file in files:
            for target, line in imported(ast.parse(file.read_text())):
                other = target.removeprefix(package + ".").split(".")[0]
                if target.startswith(package + ".") and other in names and other != name and other not in SHARED:
                    bad.append(f"{file.relative_to(ROOT)}:{line} imports {target}")
    assert not bad


SHARED = {"agent", "llm"}
