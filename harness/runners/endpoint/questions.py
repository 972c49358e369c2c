"""Question sets and how answers are graded.

A set is a JSONL file, one question per line:

    {"id": "fr", "prompt": "...", "answer": "Paris", "grader": "words", "chance": 0.0}

Graders (each looks at the whole reply, and none runs anything that a set brings):

- ``exact``: the reply equals the answer, but for case, spaces and final punctuation.
- ``words``: the answer occurs in the reply as whole words, case aside.
- ``number``: the last number of the reply equals the answer.
- ``choice``: the first of ``options`` that stands in the reply as a whole word equals the answer.
- ``regex``: the pattern ``answer`` is found in the reply.

Bundled sets are generated from a seed, so a fresh one is always at hand: ``capitals`` (facts: the
UN's list of member states and their capitals), ``arithmetic``, ``letters`` and ``comparisons``.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError, UsageError
from harness.core.files import read_bytes
from harness.core.patterns import ends_soon

MAX_QUESTIONS = 100_000
REASONING = "reasoning-gym/"
"""Begin of the names of sets that reasoning-gym generates."""
MAX_PATTERN_CHARS = 200
MAX_NUMBER = 1e18
MAX_GRADED_CHARS = 4_000
"""A grader looks at no more of a reply than this."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        id: Its name within the set.
        prompt: What is sent.
        answer: What counts as right, as the grader reads it.
        grader: Name of the grader.
        options: The choices, for ``choice``.
        chance: Probability of a right answer by guessing.
        max_tokens: Longest reply that is asked for.
    """

    id: str
    prompt: str
    answer: str
    grader: str = "words"
    options: tuple[str, ...] = ()
    chance: float = 0.0
    max_tokens: int = 32

    def document(self) -> dict[str, Any]:
        """Return the question as one line of a set."""
        fixed = {"id": self.id, "prompt": self.prompt, "answer": self.answer, "grader": self.grader}
        options = {"options": list(self.options)} if self.options else {}
        return fixed | options | {"chance": self.chance, "max_tokens": self.max_tokens}


def is_correct(question: Question, reply: str) -> bool:
    """Grade one reply."""
    return GRADERS[question.grader](question, reply[:MAX_GRADED_CHARS])


def load_questions(name: str, seed: int = 1, option: str = "--questions") -> list[Question]:
    """Return a set by name, generated from ``seed``, or the set in a file.

    Args:
        name: Name of a bundled set, with the number of questions or without, or a file.
        seed: Seed of a bundled set.
        option: What the user stated the name with, for messages.

    Raises:
        UsageError: if no bundled set and no file has this name.
        UnreadableError: if a line of the file is not a question.
    """
    bundled, colon, count = name.partition(":")
    if bundled.startswith(REASONING):
        from harness.runners.endpoint.reasoning_tasks import reasoning_questions

        size = _count(option, count) if colon else DEFAULT_COUNT
        return reasoning_questions(bundled.removeprefix(REASONING), seed, size)
    if bundled in BUNDLED:
        return BUNDLED[bundled](seed, _count(option, count) if colon else DEFAULT_COUNT)
    path = Path(name)
    if not path.is_file():
        raise UsageError(
            "is no set of questions",
            where=option,
            got=name,
            expected=f"one of {', '.join(BUNDLED)}, {REASONING}TASK, or a JSONL file",
        )
    return parse_questions(read_bytes(path), str(path))


def _count(option: str, text: str) -> int:
    """Return the number of questions that the name of a set asks for.

    Raises:
        UsageError: if it is no count from 1 to ``MAX_QUESTIONS``.
    """
    count = int(text) if re.fullmatch(r"\d{1,6}", text, re.ASCII) else 0
    if not 1 <= count <= MAX_QUESTIONS:
        raise UsageError(
            "is no number of questions",
            where=option,
            got=text[:20] or "nothing",
            expected=f"1 to {MAX_QUESTIONS}",
        )
    return count


def parse_questions(content: bytes, where: str) -> list[Question]:
    """Read a set.

    Raises:
        UnreadableError: if a line is not a question, or there is none.
    """
    questions: list[Question] = []
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            questions.append(_question(line, f"{where}:{number}"))
        if len(questions) > MAX_QUESTIONS:
            raise UnreadableError("too many questions", where=where, expected=str(MAX_QUESTIONS))
    if not questions:
        raise UnreadableError("no question in the set", where=where)
    return questions


def _question(line: bytes, where: str) -> Question:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        item = None
    if not isinstance(item, dict):
        raise UnreadableError("is not a question", where=where, expected="a JSON object")
    faults = list(_faults(item))
    if faults:
        raise UnreadableError("is not a question", where=where, got="; ".join(faults))
    return Question(
        id=item["id"],
        prompt=item["prompt"],
        answer=item["answer"],
        grader=item.get("grader", "words"),
        options=tuple(item.get("options", ())),
        chance=float(item.get("chance", 0.0)),
        max_tokens=item.get("max_tokens", 32),
    )


def _faults(item: Mapping[str, Any]) -> Iterator[str]:
    """Say what keeps an object from being a question."""
    for name in ("id", "prompt", "answer"):
        if not isinstance(item.get(name), str):
            yield f"{name} is no text"
    grader, options, answer = (
        item.get("grader", "words"),
        item.get("options", []),
        item.get("answer"),
    )
    if not isinstance(grader, str) or grader not in GRADERS:
        yield f"the grader is none of {', '.join(GRADERS)}"
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        yield "options is no list of texts"
    elif grader == "choice" and answer not in options:
        yield "the answer is none of the options"
    if grader == "regex" and not _is_pattern(answer):
        yield f"the answer is no plain pattern of at most {MAX_PATTERN_CHARS} characters"
    if grader == "number" and not _is_decimal(answer):
        yield "the answer is no number"
    chance, max_tokens = item.get("chance", 0.0), item.get("max_tokens", 32)
    if not _is_number(chance) or not 0 <= chance < 1:
        yield "chance is not in 0 to 1"
    if not _is_number(max_tokens) or max_tokens not in range(1, 1_000_001):
        yield "max_tokens is no count"


def _is_decimal(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"-?\d+(\.\d+)?", text, re.ASCII) is not None


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < MAX_NUMBER


def _is_pattern(text: object) -> bool:
    """Whether a text is a short pattern that ends soon on any reply."""
    if not isinstance(text, str) or len(text) > MAX_PATTERN_CHARS:
        return False
    return ends_soon(text, MAX_GRADED_CHARS)


# Graders


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!?,;:\"'`*")


def _grade_exact(question: Question, reply: str) -> bool:
    return _plain(reply) == _plain(question.answer)


def _grade_words(question: Question, reply: str) -> bool:
    pattern = rf"(?<!\w){re.escape(_plain(question.answer))}(?!\w)"
    return re.search(pattern, _plain(reply)) is not None


def _grade_number(question: Question, reply: str) -> bool:
    numbers = re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", reply.replace(",", ""), re.ASCII)
    return bool(numbers) and float(numbers[-1]) == float(question.answer)


def _grade_choice(question: Question, reply: str) -> bool:
    matches: list[tuple[int, str]] = []
    for option in question.options:
        match = re.search(rf"(?<!\w){re.escape(option)}(?!\w)", reply, re.IGNORECASE)
        if match:
            matches.append((match.start(), option))
    return bool(matches) and min(matches)[1] == question.answer


def _grade_regex(question: Question, reply: str) -> bool:
    return re.search(question.answer, reply, re.IGNORECASE) is not None


GRADERS: dict[str, Callable[[Question, str], bool]] = {
    "exact": _grade_exact,
    "words": _grade_words,
    "number": _grade_number,
    "choice": _grade_choice,
    "regex": _grade_regex,
}

# Bundled sets

DEFAULT_COUNT = 40
CAPITALS = (
    "Afghanistan:Kabul Albania:Tirana Algeria:Algiers Angola:Luanda Argentina:Buenos_Aires"
    " Armenia:Yerevan Australia:Canberra Austria:Vienna Azerbaijan:Baku Bangladesh:Dhaka"
    " Belgium:Brussels Brazil:Brasilia Bulgaria:Sofia Cambodia:Phnom_Penh Canada:Ottawa"
    " Chile:Santiago China:Beijing Colombia:Bogota Croatia:Zagreb Cuba:Havana Cyprus:Nicosia"
    " Denmark:Copenhagen Ecuador:Quito Egypt:Cairo Estonia:Tallinn Ethiopia:Addis_Ababa"
    " Finland:Helsinki France:Paris Georgia:Tbilisi Germany:Berlin Ghana:Accra Greece:Athens"
    " Hungary:Budapest Iceland:Reykjavik India:New_Delhi Indonesia:Jakarta Iran:Tehran"
    " Iraq:Baghdad Ireland:Dublin Italy:Rome Jamaica:Kingston Japan:Tokyo Jordan:Amman"
    " Kenya:Nairobi Latvia:Riga Lebanon:Beirut Libya:Tripoli Lithuania:Vilnius "
    "Madagascar:Antananarivo"
    " Mali:Bamako Malta:Valletta Mexico:Mexico_City Mongolia:Ulaanbaatar Morocco:Rabat"
    " Mozambique:Maputo Nepal:Kathmandu Netherlands:Amsterdam New_Zealand:Wellington Nigeria:Abuja"
    " Norway:Oslo Pakistan:Islamabad Paraguay:Asuncion Peru:Lima Philippines:Manila Poland:Warsaw"
    " Portugal:Lisbon Qatar:Doha Romania:Bucharest Russia:Moscow Rwanda:Kigali Saudi_Arabia:Riyadh"
    " Senegal:Dakar Serbia:Belgrade Slovakia:Bratislava Slovenia:Ljubljana South_Korea:Seoul"
    " Spain:Madrid Sudan:Khartoum Sweden:Stockholm Syria:Damascus Thailand:Bangkok Tunisia:Tunis"
    " Uganda:Kampala Ukraine:Kyiv United_Kingdom:London Uruguay:Montevideo Uzbekistan:Tashkent"
    " Venezuela:Caracas Vietnam:Hanoi Zambia:Lusaka Zimbabwe:Harare"
)


def _capitals(seed: int, count: int) -> list[Question]:
    pairs = [item.replace("_", " ").split(":") for item in CAPITALS.split()]
    chosen = random.Random(seed).sample(pairs, min(count, len(pairs)))
    return [
        Question(
            f"capital-{number}",
            f"What is the capital of {country}? Answer with the name of the city only.",
            capital,
            "words",
            max_tokens=16,
        )
        for number, (country, capital) in enumerate(chosen)
    ]


def _arithmetic(seed: int, count: int) -> list[Question]:
    draw = random.Random(seed)
    questions = []
    for number in range(count):
        a, b = draw.randint(2, 60), draw.randint(2, 40)
        sign, result = draw.choice([("+", a + b), ("-", a - b)])
        prompt = f"What is {a} {sign} {b}? Answer with the number only."
        questions.append(Question(f"sum-{number}", prompt, str(result), "number", max_tokens=16))
    return questions


def _letters(seed: int, count: int) -> list[Question]:
    draw = random.Random(seed)
    words = [item.split(":")[0].replace("_", " ") for item in CAPITALS.split()]
    questions = []
    for number in range(count):
        word = draw.choice(words)
        letter = draw.choice(sorted(set(word.lower()) - {" "}))
        prompt = (
            f'How many times does the letter "{letter}" occur in "{word}"? Answer with a number.'
        )
        answer = str(word.lower().count(letter))
        questions.append(
            Question(f"letter-{number}", prompt, answer, "number", chance=0.5, max_tokens=16)
        )
    return questions


def _comparisons(seed: int, count: int) -> list[Question]:
    draw = random.Random(seed)
    questions = []
    for number in range(count):
        a, b = draw.sample(range(10, 1000), 2)
        answer = "yes" if a > b else "no"
        prompt = f"Is {a} greater than {b}? Answer yes or no."
        questions.append(
            Question(
                f"compare-{number}", prompt, answer, "choice", ("yes", "no"), 0.5, max_tokens=8
            )
        )
    return questions


def _mixed(seed: int, count: int) -> list[Question]:
    """Take a quarter of each of the others, in turn."""
    quarter = -(-count // 4)
    sets: Sequence[list[Question]] = [
        make(seed, quarter) for make in (_capitals, _arithmetic, _letters, _comparisons)
    ]
    in_turn = [question for four in zip(*sets, strict=False) for question in four]
    return in_turn[:count]


BUNDLED: dict[str, Callable[[int, int], list[Question]]] = {
    "mixed": _mixed,
    "capitals": _capitals,
    "arithmetic": _arithmetic,
    "letters": _letters,
    "comparisons": _comparisons,
}
