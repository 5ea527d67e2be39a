"""What the real agent understands and says: a closed grammar, and replies made with tools."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from loadstone.reference.database import Database

# What pocketsphinx listens for, all that ships as speech among it; whatever else is said is heard as the likeliest of these, or as nothing.
GRAMMAR = """#JSGF V1.0;
grammar calls;
<hello> = hello | good morning;
<backchannel> = okay | right | uh huh | mm hmm;
<time> = what time is it | what is the time now;
<coffee> = i would like to order ( a | one | two | three ) ( large | small ) ( coffee | coffees );
<weather> = can you tell me the weather in ( berlin | london | paris ) tomorrow | will it rain in ( berlin | london | paris ) tomorrow;
<taxi> = i need a taxi [ to the main station | <train> ] | to the main station | <train>;
<train> = and then a train to milano;
<lights> = turn ( on | off ) the lights in the kitchen | open the window in the kitchen now;
<digit> = zero | one | two | three | four | five | six | seven | eight | nine;
<number> = my number is <digit> <digit> <digit> <digit> <digit> <digit> <digit>;
<hotel> = [ good morning ] i booked a room for two nights but i would like to stay until friday is that possible;
<wait> = wait | stop | wait stop | wait a moment;
<bye> = goodbye | thank you | thank you goodbye;
public <said> = <hello> | <backchannel> | <time> | <coffee> | <weather> | <taxi> | <lights> | <number> | <hotel> | <wait> | <bye>
  | yes | yes please | yes i do | no | no thank you;
"""
_WORDS_OF_BACKCHANNEL = frozenset({"okay", "right", "uh huh", "mm hm", "mm hmm"})
NOT_UNDERSTOOD = "I am sorry, I did not understand that. Could you please say it again in other words?"
TOOLS: dict[str, Callable[[Database, str], str]] = {}


@dataclass(frozen=True, slots=True)
class Rule:
    """When all these words were said, this is replied; `{}` is what the tool gives."""

    words: frozenset[str]
    reply: str
    tool: str = ""


def tool(work: Callable[[Database, str], str]) -> Callable[[Database, str], str]:
    """Enters a function into the registry, under its own name."""
    TOOLS[work.__name__] = work
    return work


@tool
def clock(database: Database, said: str) -> str:
    """The time of day, to the quarter: so that few replies differ."""
    del database, said
    now = time.localtime()
    return f"{now.tm_hour % 12 or 12} {('', 'fifteen', 'thirty', 'forty five')[now.tm_min // 15]}".strip()


@tool
def weather(database: Database, said: str) -> str:
    """Tomorrow's weather, which depends on the city alone."""
    del database
    city = next((name for name in ("berlin", "london", "paris") if name in said), "the city")
    return f"in {city} it will be {Random(city).choice(['sunny', 'cloudy', 'rainy'])}"


@tool
def order(database: Database, said: str) -> str:
    """Puts down an order and reads it back."""
    what = said.removeprefix("i would like to order ")
    database.write("INSERT INTO items (name, price, tags) VALUES (?, ?, ?)", (what, 4.5, '["order"]'))
    return what


@tool
def number(database: Database, said: str) -> str:
    """Repeats a telephone number."""
    del database
    return said.removeprefix("my number is ")


RULES = (
    Rule(frozenset({"time"}), "My clock says that it is {}. Is there anything else that I can do for you today?", "clock"),
    Rule(frozenset({"order"}), "I have put down {} for you. Would you like to have anything else with that?", "order"),
    Rule(frozenset({"weather"}), "Tomorrow {}, with a light wind from the west in the afternoon.", "weather"),
    Rule(frozenset({"rain"}), "Tomorrow {}, with a light wind from the west in the afternoon.", "weather"),
    Rule(frozenset({"taxi"}), "A taxi to the station is on its way to you. It will be there in about ten minutes."),
    Rule(frozenset({"station"}), "A taxi to the station is on its way to you. It will be there in about ten minutes."),
    Rule(frozenset({"train"}), "Your seat in the train to Milano is booked. It leaves from the main station."),
    Rule(frozenset({"lights"}), "The lights in the kitchen are now as you want them. Good night."),
    Rule(frozenset({"window"}), "The window in the kitchen is open now. Please mind the rain."),
    Rule(frozenset({"number"}), "I have noted your number. It is {}. Thank you very much.", "number"),
    Rule(frozenset({"booked"}), "Yes, that is possible. Your room is yours until Friday, for the same price a night."),
    Rule(frozenset({"wait"}), "Of course, I am waiting. Please tell me what I can do for you."),
    Rule(frozenset({"stop"}), "Of course, I have stopped. Please tell me what I can do for you."),
    Rule(frozenset({"goodbye"}), "Thank you for calling. Goodbye."),
    Rule(frozenset({"yes"}), "Very well, it is done. You will get a message from us in a minute."),
    Rule(frozenset({"no"}), "All right, then we leave it as it is. Thank you for telling me."),
    Rule(frozenset({"thank"}), "You are welcome. Goodbye."),
    Rule(frozenset({"hello"}), "Hello, and welcome. What can I do for you today?"),
    Rule(frozenset({"morning"}), "Good morning, and welcome. What can I do for you today?"),
)


def plain(said: str) -> str:
    """Words as the grammar has them: a free recogniser writes capitals, commas and hyphens."""
    return " ".join("".join(sign if sign.isalnum() or sign == "'" else " " for sign in said.lower()).split())


def is_backchannel(said: str) -> bool:
    """A sign of listening, to which nobody replies."""
    return plain(said) in _WORDS_OF_BACKCHANNEL


def rule_for(said: str) -> Rule | None:
    """The first rule that fits a sentence as it was recognised."""
    words = set(plain(said).split())
    return next((rule for rule in RULES if rule.words <= words), None)


def needs_tool(said: str) -> bool:
    """Is a tool asked before this is replied to?"""
    rule = rule_for(said)
    return rule is not None and bool(rule.tool)


def reply_to(said: str, database: Database) -> str:
    """What is answered to a sentence as it was recognised."""
    said = plain(said)
    rule = rule_for(said)
    if rule is None:
        return NOT_UNDERSTOOD
    return rule.reply.format(TOOLS[rule.tool](database, said) if rule.tool else "")


class Conversations:
    """What was said in which call, kept in SQLite: as sessions and messages of the backend, beside those of its chat."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last = int((database.row("SELECT count(*) AS n FROM sessions WHERE user = 'caller'") or {"n": 0})["n"])

    def begin(self) -> str:
        """A new conversation; gives its name."""
        self._last += 1
        name = f"call-{self._last}"
        self._database.write("INSERT OR REPLACE INTO sessions (id, user, created) VALUES (?, 'caller', ?)", (name, time.time()))
        return name

    def keep(self, name: str, role: str, text: str) -> None:
        """One thing that was said."""
        self._database.write("INSERT INTO messages (session, role, text, created) VALUES (?, ?, ?, ?)", (name, role, text, time.time()))

    def said(self, name: str, most: int = 6) -> list[dict[str, str]]:
        """The last that was said, in order, as a chat model takes it."""
        rows = self._database.rows("SELECT role, text FROM messages WHERE session = ? ORDER BY id DESC LIMIT ?", (name, most))
        return [{"role": row["role"], "content": row["text"]} for row in reversed(rows)]

    def reply(self, name: str, said: str) -> str:
        """Keep what the caller said, and decide on the answer and keep it; empty to a backchannel."""
        self.keep(name, "user", said)
        answer = "" if is_backchannel(said) else reply_to(said, self._database)
        if answer:
            self.keep(name, "assistant", answer)
        return answer
