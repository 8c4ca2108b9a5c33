"""How long what has to wait rests: an eighth of its age, so that a long outage costs few attempts.

A message's age is SQS's own, from the first time it was sent; never the count of its receives, which throttles and
crashes drive up.
"""

SHORTEST_SECONDS = 15
LONGEST_SECONDS = 1800
HIDDEN_LONGEST_SECONDS = 3600
"""Most that a pause may be asked for by others, such as a Retry-After."""
SPREAD = 0.2
CRASH_SECONDS = 15
"""Longer than the invocation may still take: nobody else gets the message while it lasts."""
EXPIRY_SECONDS = 12 * 86_400
"""Then a message ends as a dead letter with its reason: SQS deletes silently after 14 days, the longest there is."""
GIVE_UP_SECONDS = 13 * 86_400
"""Then what waits in its item ends: whatever message it waited for has ended before."""
FETCH_SECONDS = EXPIRY_SECONDS
"""How long a recording is offered that Coval cannot fetch: a bucket's policy may have to be mended."""
FETCH_TOLD_SECONDS = 600
"""Then the operator is told that Coval cannot fetch it: what was late has come."""
FIRST_SWEEP_SECONDS = 60
SWEEP_LATE_SECONDS = 15
"""How long after its beginning a sweep may come to a call: what rests whole minutes from there misses a later one."""
MISSING_TEXT_LONGEST_SECONDS = 3600
"""Most that a transcript rests that is not where it should be: most come with an event of their own."""


def by_age(age: int, chance: float) -> int:
    """The pause in seconds for what has waited for `age` seconds; `chance` lies in [0, 1)."""
    eighth = min(max(age // 8, SHORTEST_SECONDS), LONGEST_SECONDS)
    return round(eighth * (1 - SPREAD + 2 * SPREAD * chance))


def of_message(age: int, asked: float, chance: float) -> int:
    """The pause of a message of this age that something asks to wait `asked` seconds; upward only of what is asked."""
    wanted = min(max(asked, 0), HIDDEN_LONGEST_SECONDS) * (1 + SPREAD * chance)
    return min(max(round(wanted), by_age(age, chance)), HIDDEN_LONGEST_SECONDS)


def while_worked_on(remaining: float, age: int) -> int:
    """How long nobody else gets a message whose invocation has `remaining` seconds left, a crash of it included."""
    return int(remaining) + CRASH_SECONDS + min(max(age, 0) // 8, LONGEST_SECONDS)


def of_sweep(sweeps: int, longest: int = LONGEST_SECONDS) -> int:
    """How long a call rests that the sweep has brought back `sweeps` times without progress."""
    return min(FIRST_SWEEP_SECONDS << min(sweeps, 10), longest)


def tried_for(sweeps: int) -> int:
    """For how long a call has been tried in vain that so many sweeps have brought back."""
    return sum(of_sweep(earlier) for earlier in range(sweeps - 1))


def of_fetch(failing_for: int) -> int:
    """How long a recording rests that Coval has failed to fetch for so long."""
    return min(max(failing_for // 8, FIRST_SWEEP_SECONDS), LONGEST_SECONDS)
