"""The tools that judge templates have nothing to say that is not answered by a written reason."""

import json
import re
from pathlib import Path
from typing import Any

from tests.template.deployments import SMALLEST
from tests.template.tools import CFN_LINT, CHECKOV, PROJECT, SAM, SAM_PYTHON, TEMPLATE, run


def test_cfn_lint_on_the_source() -> None:
    result = run(CFN_LINT, "--include-checks", "I", "--", TEMPLATE)
    assert (result.returncode, result.stdout) == (0, "")


def test_cfn_lint_on_the_translation(translated: dict[str, Any], tmp_path: Path) -> None:
    """Some faults show only here, circular dependencies for one."""
    template = tmp_path / "translated.json"
    template.write_text(json.dumps(translated), encoding="utf-8")
    result = run(CFN_LINT, template)
    assert (result.returncode, result.stdout) == (0, "")


def test_sam_validate() -> None:
    """Without its `--lint`: that is cfn-lint on the source."""
    result = run(SAM, "validate", "--region", "us-east-1", "--template-file", TEMPLATE)
    assert result.returncode == 0, result.stderr
    assert "is a valid SAM Template" in result.stdout


def test_checkov(templates: dict[str, Any], tmp_path: Path) -> None:
    """It knows no YAML merge keys, so it is given the template as SAM reads it."""
    template = tmp_path / "template.json"
    template.write_text(json.dumps(templates["source"]), encoding="utf-8")
    result = run(CHECKOV, "--file", template, "--config-file", ".checkov.yaml", "--output", "json")
    report = json.loads(result.stdout)
    assert [check["check_id"] for check in report["results"]["failed_checks"]] == []
    assert (result.returncode, report["summary"]["parsing_errors"]) == (0, 0)
    assert report["summary"]["passed"] > 0


def test_what_checkov_skips_has_its_reason() -> None:
    lines = (PROJECT / ".checkov.yaml").read_text(encoding="utf-8").splitlines()
    skipped = [line for line in lines if "CKV" in line]
    assert skipped
    assert [line for line in skipped if not re.fullmatch(r" *- CKV\w+ # \S.{30,}", line)] == []


def test_translation_rejects_what_is_no_template(tmp_path: Path) -> None:
    """The translator that these tests stand on is the real one: it finds what linters pass."""
    bucket_of_another_stack = tmp_path / "template.yaml"
    text = TEMPLATE.read_text(encoding="utf-8").replace("          Type: SQS", "          Type: S3", 1)
    bucket_of_another_stack.write_text(text, encoding="utf-8")
    translate = Path(__file__).with_name("translate.py")
    result = run(SAM_PYTHON, translate, bucket_of_another_stack, json.dumps(SMALLEST))
    assert result.returncode != 0
