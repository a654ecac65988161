"""What a page may offer its visitor: settings of a call, and the recording of it.

GET    /call/options       {"tuning", "recording", "words_kept"}: what this server allows
GET    /recordings/<link>  a recorded call as ZIP, when the call is over; see `shelf.py`
DELETE /recordings/<link>  the recording is deleted from the server
"""

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tonewise.errors import TonewiseError
from tonewise.keeping import Recording
from tonewise.recording.folder import CallFolder
from tonewise.recording.packing import pack
from tonewise.recording.retention import delete
from tonewise.shelf import MINUTES, NotYetError
from tonewise.switchboard import Switchboard
from tonewise.wishes import may_tune, weights_of

log = logging.getLogger(__name__)

_PIECE = 1 << 18
_GONE = "there is no such recording: its link may have expired, or it was deleted"


def routes() -> list[Route]:
    """The routes; the app's state holds the switchboard."""
    return [
        Route("/call/options", _options),
        Route("/recordings/{link}", _recording, methods=["GET", "DELETE"]),
    ]


async def _options(request: Request) -> Response:
    board: Switchboard = request.app.state.switchboard
    engines = board.engines
    told = {
        "tuning": {
            "allowed": may_tune(engines),
            "router": engines.policy.name,
            "weights": weights_of(engines.policy),
            "models": [{"name": each.name, "route": each.route} for each in engines.candidates],
        },
        "recording": _kept(engines.config.recording),
        "words_kept": engines.config.store.transcripts,
    }
    return JSONResponse(told)


def _kept(keeping: Recording) -> dict[str, Any]:
    """What becomes of a recording, for whoever is asked whether they want one.

    `by`: `server` where it is kept there; else `browser`: the page may make one of its own, and
    this server keeps nothing.
    """
    if not keeping.folder:
        return {"by": "browser", "always": False}
    return {
        "by": "server",
        "always": keeping.consent == "assumed",
        "days": keeping.keep_days,
        "masked": keeping.redact,
        "encrypted": keeping.encrypt,
        "minutes": MINUTES,
    }


async def _recording(request: Request) -> Response:
    board: Switchboard = request.app.state.switchboard
    link = request.path_params["link"]
    try:
        folder = board.shelf.folder(link)
        if request.method == "DELETE":
            await asyncio.to_thread(delete, folder)
            board.shelf.forget(link)
            return JSONResponse({"deleted": True})
        file = await asyncio.to_thread(_packed, board, folder)
    except NotYetError as error:
        return _problem(409, str(error))
    except KeyError:
        return _problem(404, _GONE)
    except (TonewiseError, OSError):
        log.exception("recording %s cannot be handed out", folder.name)
        return _problem(500, "the recording cannot be read; the server's log tells why")
    name = f"tonewise-{folder.name}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_pieces(file), 200, headers, "application/zip")


def _packed(board: Switchboard, folder: Path) -> BinaryIO:
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been sent
    try:
        pack(CallFolder(folder, board.seal), file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _problem(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)
