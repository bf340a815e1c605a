"""What is true in the sample world: fifty household things, five kinds of task, and one right answer for each.

A right answer fills two slots: the *means* (what to use, where to put it) and the *manner* (how to go about it).
All values come from a small shared vocabulary, so that a model of a million parameters can learn part of the table
and so that a wrong answer is wrong by choosing another value of the same kind, never by being strange English.
"""

import re
from dataclasses import dataclass
from functools import cache

TASKS = ("clean", "store", "mend", "pack", "recycle")

MEANS: dict[str, dict[str, str]] = {
    "clean": {
        "cool": "cool water and wool soap",
        "soapy": "warm soapy water",
        "damp": "a damp cloth",
        "dry": "a dry duster",
        "vinegar": "white vinegar",
        "soda": "baking soda",
        "soft": "a soft brush",
        "stiff": "a stiff brush",
        "saddle": "saddle soap",
        "glass": "glass cleaner",
        "salt": "coarse salt",
        "machine": "the washing machine",
    },
    "store": {
        "cotton": "in a cotton bag",
        "box": "in a cardboard box",
        "hanger": "on a wide hanger",
        "hook": "on a wall hook",
        "case": "in its own case",
        "cupboard": "in a dry cupboard",
        "shelf": "on an open shelf",
        "cover": "under a loose cover",
        "drawer": "in a lined drawer",
        "shed": "in a locked shed",
    },
    "mend": {
        "glue": "wood glue",
        "thread": "strong thread",
        "yarn": "matching yarn",
        "epoxy": "clear epoxy",
        "patch": "a fabric patch",
        "screw": "a new screw",
        "sand": "fine sandpaper",
        "oil": "machine oil",
        "spare": "a spare part",
        "rubber": "a rubber patch",
        "fuse": "a new fuse",
        "tape": "strong tape",
    },
    "pack": {
        "bubble": "bubble wrap",
        "blanket": "a thick blanket",
        "strong": "a strong box",
        "padded": "a padded case",
        "towels": "old towels",
        "suitcase": "a suitcase",
        "paper": "plain newspaper",
        "sheet": "a plastic sheet",
        "wardrobe": "a wardrobe box",
    },
    "recycle": {
        "charity": "a charity shop",
        "textile": "the textile bank",
        "metal": "the scrap metal skip",
        "electro": "an electronics collection",
        "school": "a local school",
        "wood": "the wood skip",
        "bulky": "the bulky waste service",
        "repair": "a repair group",
        "shop": "the shop that sold it",
        "centre": "the council tip",
    },
}

MANNERS: dict[str, dict[str, str]] = {
    "clean": {
        "press": "pressing gently",
        "circle": "rubbing in small circles",
        "grain": "wiping along the grain",
        "oneway": "brushing in one direction",
        "top": "working from top to bottom",
        "rinse": "rinsing it twice",
        "unplug": "pulling the plug out first",
        "soak": "soaking it for an hour",
        "air": "letting it dry in the air",
        "cycle": "choosing a cool cycle",
    },
    "store": {
        "sun": "keeping it out of the sun",
        "flat": "laying it flat",
        "fully": "drying it fully first",
        "lid": "leaving the lid off",
        "heat": "keeping it away from heat",
        "tissue": "lining it with tissue paper",
        "upright": "standing it upright",
        "battery": "taking the batteries out",
        "roll": "rolling it up loosely",
        "oil": "oiling it lightly",
        "cord": "winding the cord loosely",
        "strings": "loosening the strings",
    },
    "mend": {
        "clamp": "clamping it overnight",
        "stitch": "making small stitches",
        "inside": "working from the inside",
        "layers": "adding thin layers",
        "power": "switching the power off first",
        "edges": "smoothing the edges",
        "set": "letting it set for a day",
        "joint": "cleaning the crack first",
        "wipe": "wiping off the excess",
        "hand": "tightening it by hand",
    },
    "pack": {
        "upright": "carrying it upright",
        "ontop": "placing it on top",
        "parts": "taking the loose parts off",
        "empty": "emptying it the day before",
        "blade": "covering the sharp edge",
        "tie": "tying it down firmly",
        "fragile": "marking it as fragile",
        "roll": "rolling it up tightly",
        "gaps": "filling every gap",
        "fold": "folding it only once",
    },
    "recycle": {
        "wash": "washing it first",
        "battery": "removing the battery",
        "wrap": "wrapping the sharp parts",
        "apart": "taking it apart first",
        "bag": "tying it in a closed bag",
        "wipe": "wiping it clean first",
        "data": "erasing your data first",
        "drain": "draining the fuel first",
        "call": "calling ahead",
        "count": "counting all the pieces",
    },
}

# thing: means+manner for clean, store, mend, pack, recycle, in that order.
_TABLE = """
wool jumper: cool+press drawer+flat yarn+stitch suitcase+roll textile+wash
silk scarf: cool+press drawer+roll thread+stitch suitcase+roll charity+wash
denim jacket: machine+cycle hanger+fully patch+inside suitcase+fold textile+wash
winter coat: machine+cycle hanger+fully thread+stitch wardrobe+ontop charity+wash
linen shirt: machine+cycle hanger+sun thread+stitch suitcase+fold textile+wash
straw hat: soft+oneway box+tissue thread+stitch strong+ontop charity+wipe
rain jacket: soapy+air hanger+fully rubber+inside suitcase+fold textile+bag
leather bag: saddle+circle cotton+upright thread+stitch wardrobe+ontop charity+wipe
leather belt: saddle+circle drawer+roll thread+stitch suitcase+roll textile+bag
canvas backpack: soapy+air hook+fully patch+inside suitcase+empty charity+wash
hall rug: stiff+oneway cupboard+roll yarn+stitch sheet+roll bulky+call
feather duvet: machine+cycle cotton+fully patch+stitch sheet+roll textile+bag
sleeping bag: soapy+air cotton+fully patch+inside suitcase+roll charity+wash
camping tent: soapy+air cotton+fully rubber+inside strong+roll school+count
yoga mat: vinegar+air shelf+roll rubber+edges sheet+roll centre+wipe
leather sofa: saddle+circle cover+sun patch+inside blanket+tie bulky+call
oak table: damp+grain cover+sun glue+clamp blanket+parts charity+wipe
garden chair: soapy+rinse shed+fully screw+hand blanket+tie wood+apart
wooden spoon: soapy+grain drawer+fully sand+edges towels+gaps wood+wash
chopping board: salt+grain shelf+upright sand+edges towels+gaps wood+wash
bread bin: soda+rinse shelf+lid screw+hand strong+empty metal+wipe
iron pan: salt+circle cupboard+oil sand+wipe paper+gaps metal+wipe
steel kettle: vinegar+soak shelf+lid fuse+power strong+empty electro+wipe
glass vase: vinegar+soak cupboard+upright epoxy+joint bubble+fragile charity+wash
china teapot: soda+rinse cupboard+lid epoxy+joint bubble+fragile charity+wash
wine glass: soapy+rinse cupboard+upright epoxy+wipe bubble+fragile charity+count
kitchen knife: soapy+rinse case+oil epoxy+clamp towels+blade metal+wrap
coffee maker: vinegar+rinse shelf+lid fuse+power bubble+empty electro+wipe
bread toaster: soft+unplug cupboard+cord fuse+power strong+empty shop+wipe
rice cooker: damp+unplug cupboard+cord spare+power bubble+parts shop+wipe
desk lamp: dry+unplug box+cord fuse+power bubble+parts electro+apart
wall clock: dry+circle box+battery spare+hand bubble+fragile repair+battery
picture frame: glass+top box+tissue glue+clamp bubble+upright wood+apart
bathroom mirror: glass+top cover+upright epoxy+set blanket+upright bulky+wrap
wicker basket: soft+air shelf+heat glue+clamp sheet+ontop wood+apart
garden spade: stiff+rinse shed+oil screw+hand towels+blade metal+wipe
lawn mower: stiff+oneway shed+oil spare+power blanket+tie centre+drain
garden hose: soapy+rinse hook+roll tape+layers sheet+roll centre+call
power drill: dry+unplug case+battery spare+power padded+parts electro+battery
step ladder: damp+top hook+upright screw+hand blanket+tie metal+apart
road bike: soapy+top hook+oil oil+wipe blanket+parts repair+call
bike helmet: damp+air hook+heat spare+hand towels+ontop centre+wrap
fishing rod: damp+top hook+upright epoxy+layers padded+parts school+apart
tennis racket: damp+circle case+heat tape+layers padded+ontop school+wipe
acoustic guitar: dry+grain case+strings glue+clamp padded+upright school+call
film camera: soft+circle case+battery spare+hand padded+fragile repair+battery
laptop computer: damp+unplug case+heat spare+power padded+fragile electro+data
kitchen radio: dry+unplug shelf+battery fuse+power strong+gaps electro+battery
photo album: dry+oneway box+tissue tape+edges strong+gaps centre+bag
board game: dry+top shelf+flat tape+edges strong+gaps charity+count
"""


@dataclass(frozen=True)
class Intent:
    """One topic: a thing, what is to be done with it, and the two values that make an answer right."""

    thing: str
    task: str
    means: str
    manner: str

    @property
    def topic(self) -> str:
        """The topic's name as rows carry it, such as ``wool jumper / clean``."""
        return f"{self.thing} / {self.task}"


@cache
def intents() -> tuple[Intent, ...]:
    """All 250 intents, things in table order, the five tasks of a thing side by side."""
    found: list[Intent] = []
    for line in _TABLE.strip().splitlines():
        thing, cells = line.split(": ")
        for task, cell in zip(TASKS, cells.split(), strict=True):
            means, manner = cell.split("+")
            found.append(Intent(thing, task, MEANS[task][means], MANNERS[task][manner]))
    return tuple(found)


@cache
def things() -> tuple[str, ...]:
    """The fifty things in table order."""
    return tuple(dict.fromkeys(intent.thing for intent in intents()))


@cache
def by_topic() -> dict[tuple[str, str], Intent]:
    """The intents by (thing, task)."""
    return {(intent.thing, intent.task): intent for intent in intents()}


# Words of a prompt that tell the task. The first one in the text decides.
TASK_WORDS: dict[str, tuple[str, ...]] = {
    "clean": ("clean", "cleaning"),
    "store": ("store", "storing", "put away", "keep"),
    "mend": ("mend", "mending", "repair", "fix"),
    "pack": ("pack", "packing", "box up", "wrap up"),
    "recycle": ("recycle", "recycling", "get rid of", "part with"),
}


@cache
def _thing_pattern() -> re.Pattern[str]:
    return re.compile(r"\b(" + "|".join(re.escape(thing) for thing in things()) + r")\b")


@cache
def _task_pattern() -> re.Pattern[str]:
    words = [word for group in TASK_WORDS.values() for word in group]
    return re.compile(r"\b(" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + r")\b")


def things_named(text: str) -> list[str]:
    """The things named in a text in order of appearance, repeats included; letter case and spacing do not matter."""
    return _thing_pattern().findall(" ".join(text.lower().split()))


def intent_of(prompt: str) -> Intent | None:
    """The intent a prompt asks about: the first thing and the first task word in it, or None where one is missing."""
    flat = " ".join(prompt.lower().split())
    thing = _thing_pattern().search(flat)
    task_word = _task_pattern().search(flat)
    if thing is None or task_word is None:
        return None
    task = next(name for name, words in TASK_WORDS.items() if task_word.group(1) in words)
    return by_topic()[thing.group(1), task]
