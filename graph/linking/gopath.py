"""Go repositories without a go.mod: the import path of the repository, as its own imports of its folders say it."""

from __future__ import annotations

from collections import Counter, defaultdict
from posixpath import dirname

from graph.linking.corpus import Corpus

_HOST = 3  # github.com/owner/name


def import_paths(corpus: Corpus, known: frozenset[str]) -> dict[str, str]:
    """Repository to the import path of its root, for repositories that name none.

    Args:
        corpus: the facts.
        known: repositories that have a go.mod.
    """
    folders: dict[str, set[str]] = defaultdict(set)
    imports: dict[str, list[str]] = defaultdict(list)
    for (repository, path), index in corpus.files.items():
        if path.endswith(".go") and repository not in known:
            folders[repository].add(dirname(path))
            imports[repository] += [module for pairs in index.imports.values() for module, _ in pairs]
            imports[repository] += index.stars
    found: dict[str, str] = {}
    for repository, modules in imports.items():
        count = Counter(prefix for module in modules for prefix in _prefixes(module, repository, folders[repository]))
        if count:
            found[repository] = min(count, key=lambda prefix: (-count[prefix], prefix))
    return found


def _prefixes(module: str, repository: str, folders: set[str]) -> list[str]:
    """What of an import path may be the repository: the rest is a folder of its with Go code."""
    parts = module.split("/")
    if len(parts) < _HOST or "." not in parts[0]:
        return []
    inner = ["/".join(parts[:n]) for n in range(_HOST, len(parts)) if "/".join(parts[n:]) in folders]
    whole = parts[-1].lower() == repository.rpartition("/")[2].lower() and "" in folders
    return [*inner, module] if whole else inner
