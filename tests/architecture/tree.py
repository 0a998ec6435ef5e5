"""The product's files, for architecture tests."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("graph", "scanners", "agents", "embeddings", "api", "prompts", "flows", "testmesh", "evals")


def product_files() -> list[Path]:
    """Every Python file that ships or measures."""
    return sorted(f for package in PACKAGES for f in (ROOT / package).rglob("*.py"))


def testing_files() -> list[Path]:
    """Every Python file that tests."""
    return sorted((ROOT / "tests").rglob("*.py"))


def modules(folder: str) -> dict[str, Path]:
    """Module name to its file, or to its folder when it is a package.

    Args:
        folder: repository-relative.
    """
    found = {}
    for path in sorted((ROOT / folder).iterdir()):
        if path.suffix == ".py" and path.stem != "__init__":
            found[path.stem] = path
        elif path.is_dir() and (path / "__init__.py").exists():
            found[path.name] = path
    return found
