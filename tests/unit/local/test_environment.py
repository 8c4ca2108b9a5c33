"""Nothing of the user's AWS reaches the local stack."""

import os
from pathlib import Path

import boto3
import pytest

from local.stack import environment

USERS = {
    "PATH": "/bin",
    "HTTPS_PROXY": "http://proxy.example:3128",
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_ENDPOINT_URL": "https://elsewhere.example",
    "AWS_ENDPOINT_URL_S3": "https://elsewhere.example",
    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/real",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
    "SAM_CLI_POLL_DELAY": "60",
    "COVAL_API_KEY": "real",
}
LOOPBACK = "127.0.0.1,localhost,::1"


def test_cleaning_keeps_only_what_steers_no_aws_tool() -> None:
    assert environment.cleaned(USERS) == {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }


def test_isolation_leaves_one_account_one_endpoint_and_empty_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in USERS.items():
        monkeypatch.setenv(name, value)

    environment.isolate("https://127.0.0.1:4567", tmp_path)

    left = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    assert left == {
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local-only",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "https://127.0.0.1:4567",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CA_BUNDLE": str(tmp_path / "certificate.pem"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert (tmp_path / "config").read_text() == (tmp_path / "credentials").read_text() == ""


def test_a_client_made_after_isolation_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in USERS.items():
        monkeypatch.setenv(name, value)

    environment.isolate("https://127.0.0.1:4567", tmp_path)

    session = boto3.Session()
    credentials = session.get_credentials()
    assert credentials is not None
    assert (session.profile_name, credentials.access_key) == ("default", "000000000000")
    endpoints = {session.client(name).meta.endpoint_url for name in ("s3", "sqs", "dynamodb")}
    assert endpoints == {"https://127.0.0.1:4567"}
