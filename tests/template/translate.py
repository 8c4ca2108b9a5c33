"""Translates template.yaml as CloudFormation does; run by the SAM CLI's own interpreter, prints JSON."""

import json
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

LOCAL_CODE = ("CodeUri", "ContentUri")
UPLOADED = "s3://artifacts/code.zip"


class NoManagedPolicies:
    """The template names no managed policy, so none is looked up."""

    def load(self) -> dict[str, str]:
        return {}


def uploaded(template: dict[str, Any]) -> dict[str, Any]:
    """The template as it is after packaging."""
    for resource in template["Resources"].values():
        for name in LOCAL_CODE:
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = UPLOADED
    return template


def main(path: str, parameters: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    translated = transform(uploaded(yaml_parse(text)), json.loads(parameters), NoManagedPolicies())
    json.dump({"source": yaml_parse(text), "translated": translated}, sys.stdout, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
