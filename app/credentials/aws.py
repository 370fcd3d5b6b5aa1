"""Resolve `aws:NAME` in AWS Secrets Manager.

NAME is the name or the ARN of a secret. `aws:NAME#KEY` is one key of a secret that is a JSON object. The region and the
credentials are those of the standard chain of boto3: `AWS_REGION`, a role of the task, of the pod or of the machine.
"""

import json
import os
from importlib import import_module
from typing import Final

from app.settings.reading import SettingsError

SECONDS: Final = 5.0


def fetch(name: str) -> str:
    """Return the present value. Blocks. Raises SettingsError, which names the reference and AWS's code, no value."""
    try:
        boto3, config, exceptions = map(import_module, ("boto3", "botocore.config", "botocore.exceptions"))
    except ImportError:
        raise SettingsError(f"aws:{name} needs boto3, which is not installed: pip install 'lockstitch[aws]'.") from None
    secret, _, key = name.partition("#")
    try:
        client = boto3.client(
            "secretsmanager",
            region_name=os.environ.get("AWS_REGION"),
            config=config.Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 3}),
        )
        answer = client.get_secret_value(SecretId=secret)
    except exceptions.ClientError as error:
        raise SettingsError(f"aws:{name} cannot be read: {error.response['Error']['Code']}.") from None
    except exceptions.BotoCoreError as error:
        raise SettingsError(f"aws:{name} cannot be read: {type(error).__name__}.") from None
    text: str = answer["SecretString"] if "SecretString" in answer else answer["SecretBinary"].decode()
    return _key_of(name, text, key) if key else text.removesuffix("\n")


def _key_of(name: str, text: str, key: str) -> str:
    try:
        value = json.loads(text)[key]
    except (ValueError, LookupError, TypeError):
        raise SettingsError(f"aws:{name}: the secret is no JSON object with the key {key}.") from None
    if not isinstance(value, str):
        raise SettingsError(f"aws:{name}: the value of {key} is no text.")
    return value
