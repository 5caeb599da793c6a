"""What pyproject.toml cannot say: which modules are compiled, and where.  The build backend decides."""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).parent / ".build"))  # pip has put it there already; other callers have not

from tcpfsm_build import setup_arguments

setup(**setup_arguments())
