"""The product's one unique name: kernel and guard at the bottom, composition and the CLI at the top."""

from __future__ import annotations

__version__ = "0.1.0"
