"""How long tests wait for what may take longer in this build: FERRY_PATIENCE (set by the build, tests/CMakeLists.txt) times what
they would grant the release build.
"""
import os

PATIENCE = int(os.environ.get("FERRY_PATIENCE", "1"))


def patient(seconds):
    """For `timeout=`."""
    return seconds * PATIENCE


def patient_option(seconds):
    """For ferry's --timeout."""
    return f"{seconds * PATIENCE}s"
