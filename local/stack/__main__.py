"""`python -m local.stack up|down|status [--folder FOLDER]`."""

import argparse
import os
import sys

from local.stack.build import BuildFailed
from local.stack.deploy import stack_name
from local.stack.paths import Files
from local.stack.server_processes import ServerFailed
from local.stack.stack import (
    Stack,
    aws_server,
    default_files,
    down,
    simulator_server,
    status,
    up,
)
from local.webhooks import function_url, http_api


def main() -> int:
    """Run one command; the exit status is 1 where the stack does not come up."""
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "status"))
    parser.add_argument("--folder", help="where the stack keeps its files (another folder: another stack)")
    arguments = parser.parse_args()
    files = default_files(arguments.folder)
    try:
        {"up": _up, "down": _down, "status": _status}[arguments.command](files)
    except (BuildFailed, ServerFailed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _up(files: Files) -> None:
    print("Starting the local AWS and the Coval simulator, building, deploying ...", flush=True)
    print(_hints(files, up(files)))


def _down(files: Files) -> None:
    ended = down(files)
    print(f"ended: {', '.join(ended)}" if ended else "nothing ran")


def _status(files: Files) -> None:
    for name, state in status(files).items():
        print(f"{name:10}  {state}")


def _hints(files: Files, stack: Stack) -> str:
    environment = os.path.relpath(files.environment)
    return f"""
  local AWS        {stack.aws_url}   log {os.path.relpath(aws_server(files).log)}
  Coval simulator  {stack.coval_url}    log {os.path.relpath(simulator_server(files).log)}
  webhooks         {function_url(stack.aws_url, stack.outputs).url}PLATFORM
                   {http_api(stack.aws_url, stack.outputs).url}PLATFORM

Try:

  make demo                                          # the scenarios, on this stack
  . {environment}              # from here on, this shell sees the local AWS only
  .venv-sam/bin/sam remote invoke SubmitTranscriptFunction --stack-name {stack_name()} \\
    --event-file events/call_ended_inline.json
  curl -s {stack.coval_url}/_simulator/conversations | python3 -m json.tool
  .venv-sam/bin/sam logs --stack-name {stack_name()} --name SubmitTranscriptFunction
  aws dynamodb scan --table-name {stack.table}       # with the AWS CLI, where there is one
  make down
"""


if __name__ == "__main__":
    sys.exit(main())
