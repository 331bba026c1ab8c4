"""What only the tests with real servers and processes need."""

import pytest
from s3_server import IGNORING, REFUSING, S3Server, answer_always


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """A real S3 server (moto) on loopback, with keys for it in the environment; rows are kept in its own folder."""
    server = S3Server()
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestrator.rows.cache_root", lambda: cache)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        server.make_buckets("sharptune", IGNORING, REFUSING)
        yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_uri(s3_server):
    """URIs in a bucket there, by path; each carries the endpoint."""
    return s3_server.uri


@pytest.fixture
def answering():
    """Serve one answer to everything: `answering(status, body, headers)` returns the port."""
    servers = []

    def serve(*answer: str) -> int:
        servers.append(answer_always(*answer))
        return servers[-1].server_address[1]

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
