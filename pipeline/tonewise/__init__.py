"""Routes a live conversation to the right model by what is said and by how it is said."""

import os

__version__ = "0.1.0"

# ONNX Runtime, once imported, writes to the user's cache what machine and process it runs in, and
# posts that to its maker. Nothing is stored and nothing is sent here, unless the user wants it so.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
