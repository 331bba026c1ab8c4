"""A real S3 server (moto) on loopback that counts its requests, and has buckets that know no conditional writes."""

import socket
import socketserver
import threading

IGNORING, REFUSING = "ignoring", "refusing"
"""The buckets in which If-None-Match is passed over, and answered as something unknown."""


class S3Server:
    """Serves from a thread until it is stopped; `requests` holds what arrived, such as `GET /bucket/path?query`."""

    def __init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Silent(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_request(self, *_) -> None:
                pass

        self.requests: list[str] = []
        self._atomic = threading.Lock()
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Silent)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def uri(self, path: str, bucket: str = "sharptune") -> str:
        return f"s3://{bucket}/{path}?endpoint_override=127.0.0.1:{self.port}&scheme=http&region=us-east-1"

    def make_buckets(self, *names: str) -> None:
        import boto3

        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1")
        for name in names:
            client.create_bucket(Bucket=name)
        client.close()

    def put(self, path: str, data: bytes, bucket: str = "sharptune") -> None:
        """Put an object there without a request, a thousandth as dear."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, path, data)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ, start_response):
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        self.requests.append(f"{environ['REQUEST_METHOD']} {path}" + (f"?{query}" if query else ""))
        bucket = path.split("/")[1]
        if bucket in (IGNORING, REFUSING) and environ.pop("HTTP_IF_NONE_MATCH", None) and bucket == REFUSING:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            body = b"<Error><Code>NotImplemented</Code><Message>A header is not implemented</Message></Error>"
            start_response("501 Not Implemented", [("Content-Length", str(len(body)))])
            return [body]
        if "HTTP_IF_NONE_MATCH" in environ or "HTTP_IF_MATCH" in environ:
            with self._atomic:  # moto looks whether the object is there, and then puts it, which S3 does in one
                return self._app(environ, start_response)
        return self._app(environ, start_response)


def answer_always(status: str, body: str, headers: str = "") -> socketserver.ThreadingTCPServer:
    """Serve one answer to everything, from a thread, until `shutdown`."""
    answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n{body}".encode()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(answer)
            self.request.shutdown(socket.SHUT_WR)
            while self.request.recv(65536):  # a socket closed with something unread breaks the connection
                pass

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server
