"""What all tests share: one thread, fakes that Ray workers can import, and no way to anyone's own cache or storage."""

import os
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent / "support"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SUPPORT), os.environ.get("PYTHONPATH")]))
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
sys.path.insert(0, str(SUPPORT))


@pytest.fixture(autouse=True, scope="session")
def dataset_cache(tmp_path_factory):
    """One dataset cache for the whole session, so that nothing depends on what lies on this machine."""
    root = tmp_path_factory.mktemp("cache")
    before = os.environ.get("SHARPTUNE_CACHE")
    os.environ["SHARPTUNE_CACHE"] = str(root)
    yield root
    if before is None:
        del os.environ["SHARPTUNE_CACHE"]
    else:
        os.environ["SHARPTUNE_CACHE"] = before


@pytest.fixture(scope="session")
def s3_uri():
    """URIs in a bucket on a real S3 server (moto) on loopback, by path; each carries the endpoint."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    before = {name: os.environ.get(name) for name in keys}
    os.environ.update(keys)
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1")
    client.create_bucket(Bucket="sharptune")
    client.close()
    yield lambda path: f"s3://sharptune/{path}?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    server.stop()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep all tests that start Ray in one process of the test runner: two Rays at once are two machines' work."""
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group("ray"))
