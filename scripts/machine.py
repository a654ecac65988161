"""Which machine a figure was measured on: figures without it say little."""

import os
import platform
import re
from pathlib import Path


def machine() -> str:
    """Processor, cores, how busy they are, and Python, in one line."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", info.read_text()) if info.is_file() else None
    processor = found[1] if found else platform.processor() or platform.machine()
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{processor}, {os.cpu_count()} cores{busy}, {system}"
