"""Java servers from Maven Central, checked against committed sums and cached under a lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.servers.process import Unavailable

SUMS = Path(__file__).parent
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>fetch</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>
</dependency></dependencies></project>"""


def cache_folder() -> Path:
    """Where fetched servers are kept between runs."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(root) / "testmesh" / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def jars(group: str, artifact: str, version: str) -> Path:
    """A folder with an artifact's jars and all their dependencies.

    Args:
        group: Maven group id.
        artifact: Maven artifact id.
        version: exact version.

    Raises:
        Unavailable: no Java or Maven, or a download that differs from the committed sums.
    """
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Unavailable(f"'{tool}' is not installed")
    target = cache_folder() / f"{artifact}-{version}"
    with (cache_folder() / f"{artifact}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _fetch(target, POM.format(group=group, artifact=artifact, version=version))
        _check(target, SUMS / f"{artifact}-{version}.sha256")
    return target


def unpacked(group: str, artifact: str, version: str, classifier: str) -> Path:
    """A folder with the content of an artifact that is a tar archive.

    Args:
        group: Maven group id.
        artifact: Maven artifact id.
        version: exact version.
        classifier: which of its archives.

    Raises:
        Unavailable: no Maven, or a download that differs from the committed sum.
    """
    if shutil.which("mvn") is None:
        raise Unavailable("'mvn' is not installed")
    target = cache_folder() / f"{artifact}-{version}"
    with (cache_folder() / f"{artifact}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=target.parent) as work:
                name = f"{artifact}-{version}-{classifier}.tar.gz"
                _copy(Path(work), f"{group}:{artifact}:{version}:tar.gz:{classifier}")
                _check(Path(work) / "got", SUMS / f"{artifact}-{version}.sha256")
                with tarfile.open(Path(work) / "got" / name) as archive:
                    archive.extractall(Path(work) / "all", filter="data")
                (Path(work) / "all").rename(target)
    return target


def _copy(work: Path, artifact: str) -> None:
    command = [
        "mvn", "-B", "-q", f"-Dmaven.repo.local={work}/m2",
        "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
        f"-Dartifact={artifact}", "-DoutputDirectory=got",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        raise Unavailable(f"Maven could not fetch it: {(done.stdout + done.stderr)[-600:]}")


def _fetch(target: Path, pom: str) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        (Path(work) / "pom.xml").write_text(pom)
        command = [
            "mvn", "-B", "-q", f"-Dmaven.repo.local={work}/m2",
            "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
            "-DoutputDirectory=lib", "-DincludeScope=runtime",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode != 0:
            raise Unavailable(f"Maven could not fetch it: {(done.stdout + done.stderr)[-600:]}")
        (Path(work) / "lib").rename(target)


def sums(folder: Path) -> dict[str, str]:
    """File name to SHA-256 hex of every file in a folder.

    Args:
        folder: flat folder.
    """
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}


def _check(folder: Path, expected: Path) -> None:
    wanted = dict(reversed(line.split(maxsplit=1)) for line in expected.read_text().splitlines())
    found = sums(folder)
    if found != wanted:
        differing = sorted(set(found.items()) ^ set(wanted.items()))[:4]
        shutil.rmtree(folder)
        raise Unavailable(f"{folder.name}: downloaded files differ from {expected.name}: {differing}")
