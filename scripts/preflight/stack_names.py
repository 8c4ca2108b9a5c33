"""A stack's name in those that CloudFormation makes."""

LONGEST_ROLE, LONGEST_RULE, LONGEST_QUEUE = 64, 64, 80
"""Characters of a name; CloudFormation cuts what is longer, the stack's part too."""
DRAWN = 13
"""Characters of its end, at most."""
LONGEST_STACK = LONGEST_ROLE - DRAWN - len("--SubmitTranscriptRole")
"""Of a stack whose roles bear its whole name."""


def stack_of(name: str, logical_id: str, own: str, longest: int) -> str:
    """Of a resource's name; the own one where it may have been cut. Empty where it is no such resource."""
    stack, found, _ = name.partition(f"-{logical_id}-")
    may_be_cut = len(name) >= longest - 1
    return "" if not found else own if may_be_cut and own.startswith(stack) else stack
