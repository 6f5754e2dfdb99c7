"""atheris has wheels for x86-64 only; elsewhere nothing is fuzzed but the stored corpus tried."""

import platform

collect_ignore = [] if platform.machine() == "x86_64" else ["test_fuzz.py"]
