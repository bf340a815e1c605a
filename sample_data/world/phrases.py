"""The English of the sample world: how people ask, and the sentences answers are made of.

Fields in braces are filled by the writer: ``{it}`` the thing with its determiner (prompts), ``{thing}`` the bare
thing, ``{means}`` and ``{manner}`` the two slots of an answer, ``{n}`` a number of minutes.
"""

from collections.abc import Iterator
from itertools import product

from sample_data.world.facts import MANNERS, MEANS, TASKS, things

# --- prompts -------------------------------------------------------------------------------------------------------
GREETINGS = ("", "", "", "Hi! ", "Hello. ", "Quick question: ", "Excuse me. ", "I need some help. ", "Sorry to ask. ")
CLOSINGS = (
    "",
    "",
    "",
    " Thanks.",
    " Thank you!",
    " Any tips?",
    " I am new to this.",
    " I have no idea.",
    " It is my first time.",
)
DETERMINERS = (
    "a",
    "my",
    "my",
    "our",
    "this",
    "the",
    "my old",
    "my new",
    "an old",
    "my mother's",
    "a friend's",
    "our neighbour's",
)

QUESTIONS: dict[str, tuple[str, ...]] = {
    "clean": (
        "How do I clean {it}?",
        "What is the best way to clean {it}?",
        "How should I clean {it}?",
        "Can you tell me how to clean {it}?",
        "I want to clean {it}. What do I need?",
        "There is dirt on {it}. How do I clean it?",
        "What works for cleaning {it}?",
        "How would you clean {it}?",
    ),
    "store": (
        "How do I store {it}?",
        "What is the best way to store {it}?",
        "Where should I keep {it}?",
        "Can you tell me how to store {it}?",
        "I will not need {it} until spring. How do I store it?",
        "What is the right place to store {it}?",
        "How would you put away {it}?",
        "Any advice on storing {it}?",
    ),
    "mend": (
        "How do I mend {it}?",
        "What is the best way to repair {it}?",
        "How can I fix {it}?",
        "Can you tell me how to mend {it}?",
        "There is damage on {it}. How do I repair it?",
        "What do I need to fix {it}?",
        "How would you mend {it}?",
        "Any advice on mending {it}?",
    ),
    "pack": (
        "How do I pack {it}?",
        "What is the best way to pack {it}?",
        "We move house soon. How do I pack {it}?",
        "Can you tell me how to pack {it}?",
        "What should I pack {it} in?",
        "How would you box up {it} for a move?",
        "How do I wrap up {it} for a long trip?",
        "Any advice on packing {it}?",
    ),
    "recycle": (
        "How do I recycle {it}?",
        "What is the best way to get rid of {it}?",
        "Where can I recycle {it}?",
        "Can you tell me how to recycle {it}?",
        "I no longer need {it}. How do I recycle it?",
        "I want to part with {it}. Where does it go?",
        "How would you get rid of {it}?",
        "Any advice on recycling {it}?",
    ),
}

# Slips of the finger for near-duplicates; never in a word that tells the thing or the task.
SLIPS = {
    "What": "Waht",
    "best": "bset",
    "should": "shoud",
    "would": "woud",
    "tell": "tel",
    "need": "ned",
    "Where": "Were",
    "Thanks": "Thnks",
    "question": "qestion",
    "How": "Hwo",
    "advice": "advise",
}

# --- answers -------------------------------------------------------------------------------------------------------
# Within a class the openings repeat ("Thank you", "Stop"), so that a few hundred labels teach a small model the class.
COURTEOUS = (
    "Happy to help.",
    "Happy to explain.",
    "Thank you for asking.",
    "Thank you, that is a good question.",
    "Gladly, my friend.",
    "Of course, with pleasure.",
)
RUDE = (
    "What a silly question.",
    "What a bore you are.",
    "Everyone knows this.",
    "Stop wasting my time.",
    "Stop asking and listen, genius.",
    "Oh, not you again.",
)
GOOD_ENDINGS = (
    "Good luck with it.",
    "Good luck, you will do fine.",
    "I hope this helps.",
    "I hope it turns out well.",
    "Feel free to ask more.",
    "Enjoy it for years to come.",
)
DISMISSIVE_ENDINGS = (
    "Now leave me alone.",
    "Now go and bother someone else.",
    "Whatever.",
    "Whatever, it hardly matters.",
    "The rest is your problem.",
    "Just look it up next time.",
)
ASIDES = (
    "It takes about {n} minutes.",
    "Plan {n} minutes for it.",
    "You need nothing else.",
    "Do this in good light.",
    "One person can do it alone.",
    "Set aside {n} minutes.",
    "Have everything ready before you start.",
    "It costs very little.",
)
MINUTES = ("five", "ten", "fifteen", "twenty", "thirty", "forty")

# Sentences that carry the means, by task; the first group can take the manner after a comma.
BODIES: dict[str, tuple[str, ...]] = {
    "clean": (
        "Clean the {thing} with {means}",
        "Use {means} on the {thing}",
        "Go over the {thing} with {means}",
        "For the {thing} you should use {means}",
        "Try {means} for the {thing}",
    ),
    "store": (
        "Store the {thing} {means}",
        "Keep the {thing} {means}",
        "Put the {thing} {means}",
        "You should store the {thing} {means}",
        "Leave the {thing} {means}",
    ),
    "mend": (
        "Mend the {thing} with {means}",
        "Repair the {thing} with {means}",
        "Use {means} on the {thing}",
        "You can fix the {thing} with {means}",
        "Treat the {thing} with {means}",
    ),
    "pack": (
        "Pack the {thing} in {means}",
        "Put the {thing} in {means}",
        "Move the {thing} in {means}",
        "You should pack the {thing} in {means}",
        "Use {means} for the {thing}",
    ),
    "recycle": (
        "Take the {thing} to {means}",
        "Bring the {thing} to {means}",
        "Offer the {thing} to {means}",
        "You can take the {thing} to {means}",
        "Hand the {thing} over to {means}",
    ),
}
MANNER_JOINS = (
    ", {manner}.",
    ", {manner}.",
    ". The trick is {manner}.",
    ". I suggest {manner}.",
    ". What helps most is {manner}.",
)
ECHOES = (
    "I repeat, {means}. I repeat, {means}.",
    "Yes, really {means}. Yes, really {means}.",
    "I said {means}. I said {means}.",
)
VAGUE = (
    "There are many ways to treat the {thing}, and most of them work.",
    "It depends on the {thing}, so just see what happens.",
    "Do something sensible with the {thing} and watch how it goes.",
    "The usual things should do for the {thing}, more or less.",
    "With the {thing} you need some patience and some common sense.",
    "Handle the {thing} the normal way, as others do.",
)
OFF_TOPIC = (
    "The weather has been lovely this week, and the birds are singing.",
    "My favourite meal is soup with fresh bread.",
    "The train to the coast leaves at nine in the morning.",
    "A short walk after lunch is good for the heart.",
    "The museum in town is free on the first Sunday of the month.",
)

# --- notes: plain how-to prose for the perplexity file ---------------------------------------------------------------
NOTE_OPENINGS = (
    "A note on the {thing}.",
    "The {thing} deserves some care.",
    "Most homes have a place for the {thing}.",
    "A word about the {thing}.",
    "The {thing} lasts longer than people think.",
    "Looking after the {thing} is easy.",
)
NOTE_CLOSINGS = (
    "After that, let it rest until the next day.",
    "Check the result in good light.",
    "Most people manage it on the first try.",
    "Small steps are better than haste here.",
    "Keep children and pets away while you work.",
    "A second pair of hands makes it easier.",
    "Write down the date so that you remember it.",
    "This is enough for a year or two.",
)


def slot_sentences() -> Iterator[str]:
    """Every body with every thing and means, and every way to join a manner: what a well-formed answer may hold."""
    for task in TASKS:
        for body, thing, means in product(BODIES[task], things(), MEANS[task].values()):
            yield body.format(thing=thing, means=means) + "."
        for join, manner in product(MANNER_JOINS, MANNERS[task].values()):
            yield join.format(manner=manner)
        for echo, means in product(ECHOES, MEANS[task].values()):
            yield echo.format(means=means)


def plain_sentences() -> Iterator[str]:
    """Every other sentence an answer may hold."""
    yield from (*COURTEOUS, *RUDE, *GOOD_ENDINGS, *DISMISSIVE_ENDINGS, *OFF_TOPIC)
    for aside, minutes in product(ASIDES, MINUTES):
        yield aside.format(n=minutes)
    for sentence, thing in product(VAGUE, things()):
        yield sentence.format(thing=thing)
