"""An exception of our own inside a flow: one step or flow is in error, and everything else goes on (FLOWS §3)."""

from __future__ import annotations

import sys
import traceback

from flows.engine.masking import Masks


def reported(bug: Exception, masks: Masks) -> str:
    """What is said of the step; the traceback goes to standard error, for whoever mends it.

    Args:
        bug: the exception.
        masks: of the run.
    """
    sys.stderr.write(masks.text("".join(traceback.format_exception(bug))))
    sys.stderr.write("this is a bug in TestMesh; please report it with the lines above\n")
    where = traceback.extract_tb(bug.__traceback__)[-1]
    return f"bug in TestMesh: {type(bug).__name__}: {bug} ({where.filename.rpartition('/')[2]}:{where.lineno})"
