"""What only the tests with real servers and processes need."""

import os

import pytest


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
