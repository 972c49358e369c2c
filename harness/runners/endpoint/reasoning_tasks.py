"""Questions of reasoning-gym: tasks that are generated from a seed, with their answers.

``reasoning-gym/TASK:COUNT`` names a set. Only tasks that accept a single answer are taken: those
are graded by comparison, as an audit can do without the package. A task with a verifier of its own
runs code on what a model wrote, and would have to run it on what a submission holds.

Needs ``reasoning_gym``: ``pip install 'joulemark[reasoning]'``.
"""

from __future__ import annotations

import re
from typing import Any

from harness.core.errors import UsageError
from harness.core.suggestions import unknown_name
from harness.runners.endpoint.questions import REASONING, Question

MAX_TOKENS = 64
INSTRUCTION = "Give the final answer only."


def reasoning_questions(task: str, seed: int, count: int) -> list[Question]:
    """Generate questions of a task.

    Args:
        task: Name of the task, such as ``basic_arithmetic``.
        seed: Seed of the questions.
        count: How many.

    Raises:
        UsageError: The package is missing, there is no such task, or it accepts several answers.
    """
    factory, base = _package()
    names = {
        name
        for name, (kind, _) in factory.DATASETS.items()
        if kind.score_answer is base.score_answer
    }
    if task not in names:
        if task in factory.DATASETS:
            raise UsageError(
                "accepts several answers, which only its own verifier can judge",
                where=f"{REASONING}{task}",
                expected="a task with a single answer",
                fix=f"For example {REASONING}basic_arithmetic.",
            )
        raise unknown_name("no such task", task, sorted(names))
    items = factory.create_dataset(task, size=count, seed=seed)
    return [_question(task, number, item) for number, item in enumerate(items)]


def _question(task: str, number: int, item: dict[str, Any]) -> Question:
    answer = str(item["answer"]).strip()
    is_number = re.fullmatch(r"-?\d+(\.\d+)?", answer, re.ASCII) is not None
    return Question(
        id=f"{task}-{number}",
        prompt=f"{item['question']}\n{INSTRUCTION}",
        answer=answer,
        grader="number" if is_number else "exact",
        max_tokens=MAX_TOKENS,
    )


def _package() -> tuple[Any, Any]:
    try:
        from reasoning_gym import factory
        from reasoning_gym.dataset import ProceduralDataset
    except ImportError:
        raise UsageError(
            "questions of reasoning-gym need a package that is not installed",
            got="no reasoning_gym",
            fix="pip install 'joulemark[reasoning]'",
        ) from None
    return factory, ProceduralDataset
