"""A real S3 server (moto) on loopback which for a while is busy, breaks connections, or is slow."""

import socket
import threading
import time
from typing import Literal

Trouble = Literal["busy", "gone", "slow"]
_BUSY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
SLOW_SECONDS = 0.05


class FaultyS3:
    """Of its requests the `first` and the `count` - 1 after it meet the trouble; `met` counts them."""

    def __init__(self, trouble: Trouble, first: int, count: int) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Silent(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"

            def log(self, *_) -> None:
                pass

        self._app = DomainDispatcherApplication(create_backend_app)
        self._trouble = trouble
        self._troubled = range(first, first + count)
        self._lock = threading.Lock()
        self.seen = self.met = 0
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Silent)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ, start_response):
        with self._lock:
            self.seen += 1
            troubled = self.seen in self._troubled
            self.met += troubled
        if troubled and self._trouble == "busy":
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("503 Slow Down", [("Content-Length", str(len(_BUSY)))])
            return [_BUSY]
        if troubled and self._trouble == "gone":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            start_response("500 Gone", [("Content-Length", "0")])
            return []
        if troubled:
            time.sleep(SLOW_SECONDS)
        return self._app(environ, start_response)
