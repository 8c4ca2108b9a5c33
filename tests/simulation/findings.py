"""What the simulation has found, each as its shortest story."""

from dataclasses import replace

from tests.simulation.stage import Fault
from tests.simulation.stories import DAY, Happening, Sound, Story

STEREO = Sound(10, channels=2, agent_on=1)
OBJECT = Happening(29, "recording", 1, sound=STEREO, by="key")
NAMELESS = Happening(1, "recording", 1, sound=STEREO, by="leg")
FOUND = {
    "what waits for its call has gone when its time is up": Story(
        135, 135, (NAMELESS, Happening(706, "object deleted", 1, (), sound=STEREO, by="leg")), ()
    ),
    "what waits for its call was replaced when its time is up": Story(
        135, 135, (NAMELESS, Happening(706, "replaced", 1, sound=Sound(13, channels=2), by="leg")), ()
    ),
    "an old link comes again when its call's item has gone": Story(
        189,
        189,
        (
            Happening(12, "recording", 1, sound=STEREO, by="link"),
            Happening(3 * DAY, "item forgotten", 1, ()),
        ),
        (),
    ),
    "a call's end takes over from a submit that did not know the agent's side": Story(
        2626,
        1,
        (OBJECT, Happening(57, "call ends", 1, (844,), transcript="none", side=1)),
        (Fault("coval.submit", 1, "freezes", 517),),
    ),
    "an object goes while its first upload dies": Story(
        4794,
        4794,
        (OBJECT, Happening(231, "object deleted", 1, (), sound=STEREO, by="key")),
        (Fault("calls.save", 2, "dies before it"),),
    ),
    "a worker dies before it has stored the utterances": Story(
        7186,
        7186,
        (Happening(0, "utterances", 1), Happening(6, "call ends", 1, transcript="utterances")),
        (Fault("utterances.add", 1, "dies before it"),),
        gentle=True,
    ),
    "a recording counts as attached where another one is": Story(
        62863,
        62863,
        (
            Happening(5, "call ends", 1, (148,), transcript="inline"),
            Happening(45, "recording", 1, sound=replace(STEREO, number=11), by="metadata"),
            Happening(72, "recording", 1, (394,), sound=Sound(12), by="key"),
            Happening(2097, "replaced", 1, sound=Sound(15), by="key"),
        ),
        (Fault("coval.submit", 1, "freezes", 333),),
    ),
    "an object is replaced while a copy of it is being attached": Story(
        9212528,
        10,
        (
            Happening(0, "utterances", 3),
            Happening(16, "call ends", 3, transcript="utterances"),
            Happening(95, "recording", 3, (45,), sound=Sound(31), by="key"),
            Happening(233, "replaced", 3, sound=Sound(34), by="key"),
        ),
        (Fault("s3.read", 1, "freezes", 122), Fault("coval.attach", 1, "is done, its answer lost")),
    ),
    "a submit lands late, when its call was given up": Story(
        1,
        1,
        (
            Happening(38, "recording", 1, (156,), sound=Sound(10, agent_on=1, big=True), by="key"),
            Happening(65, "fetches fail", 1, (), times=592),
        ),
        (Fault("coval.submit", 592, "lands later", 1900),),
    ),
    "an attach lands late, when its recording was given up": Story(
        7135,
        7135,
        (
            Happening(28, "call ends", 1, (13,), transcript="pending", side=1, names=True, expected=False),
            Happening(28, "transcript object", 1, (3, 7)),
            Happening(82, "recording", 1, sound=Sound(10, agent_on=1), by="key"),
            Happening(123, "object deleted", 1, (), sound=Sound(10, agent_on=1), by="key"),
            Happening(223, "replaced", 1, sound=Sound(13, agent_on=1), by="key"),
        ),
        (Fault("calls.save", 9, "freezes", 255),),
        versioned=True,
    ),
    "a large recording was replaced before it is submitted": Story(
        259341,
        259341,
        (
            Happening(39, "call ends", 1, transcript="pending", side=1),
            Happening(99, "recording", 1, sound=Sound(11, agent_on=1, big=True), by="key"),
            Happening(124, "replaced", 1, sound=replace(STEREO, number=13, big=True, flaw="short"), by="key"),
        ),
        (),
        gentle=True,
    ),
    "a recording is replaced while Coval fetches it": Story(
        7113276,
        7113276,
        (
            Happening(9, "call ends", 1, transcript="inline", side=1),
            Happening(43, "recording", 1, (12,), sound=Sound(11, agent_on=1), by="key", is_copy=True),
            Happening(92, "recording", 1, sound=STEREO, by="key", rank=1),
        ),
        (Fault("coval.attach", 1, "takes", 38),),
    ),
    "a worker that was held up sends long after another one took over": Story(
        2008071,
        2008071,
        (
            Happening(0, "call ends", 2, transcript="inline", names=True, side=1),
            Happening(1, "call ends", 1, transcript="reference"),
        ),
        (Fault("s3.transcript", 1, "freezes", 523), Fault("coval.submit", 3, "lands later", 558)),
    ),
    "a submit lands late, when its call is known to be a simulation": Story(
        298495,
        0,
        (
            Happening(12, "call ends", 1, (639,), transcript="pending", side=0, simulated=True),
            Happening(12, "no transcript", 1),
            Happening(16, "recording", 1, sound=Sound(10, channels=2), by="metadata"),
        ),
        (Fault("coval.submit", 1, "lands later", 307),),
    ),
}
