"""A document in an SSM parameter (String), with its versions."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from coval_relay.domain.errors import RetryableError
from coval_relay.domain.ports import ParameterVersion

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmConfiguration:
    """Read as it is: a SecureString is not decrypted."""

    def __init__(self, client: "SSMClient", name: str) -> None:
        self._client = client
        self.name = name

    def read(self, number: int | None = None) -> ParameterVersion:
        """That version, or the newest; raises RetryableError."""
        name = self.name if number is None else f"{self.name}:{number}"
        try:
            found = self._client.get_parameter(Name=name, WithDecryption=False)["Parameter"]
        except ClientError as error:
            raise RetryableError(f"ssm_{error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise RetryableError("ssm_unreachable") from error
        return ParameterVersion(found["Version"], found["Value"])
