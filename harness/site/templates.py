"""Pages from templates: everything that comes from submissions is text, never markup.

Templates escape by default, and every text that is not markup of ours first loses what misleads the
eye (`harness.render.escape.plain`). The content security policy lets a page load the site's own
files and nothing else; its only inline script is named by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import MissingExtraError
from harness.render.escape import plain

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent
THEME_SCRIPT = (
    "document.documentElement.classList.add('scripts');"
    "try{const t=localStorage.getItem('joulemark-theme');"
    "if(t==='dark'||t==='light')document.documentElement.dataset.theme=t}catch{}"
)
"""Runs before anything is drawn, so that no page flashes in the other theme, and what needs scripts
takes its place at once."""


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


MAX_SHORT = 400
"""Characters of a text that is looked at before it is cleaned."""
POLICY = (
    f"default-src 'none'; script-src 'self' '{_digest(THEME_SCRIPT)}'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Content security policy of every page."""


@cache
def environment() -> Environment:
    """Return the templates.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError:
        raise MissingExtraError(
            "the board needs the extra `board`", fix="pip install 'joulemark[board]'"
        ) from None
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    templates.globals.update(
        policy=Markup(POLICY),
        theme_script=Markup(THEME_SCRIPT),
    )
    return templates


def render(name: str, **context: Any) -> str:
    """Return the page of a template."""
    return environment().get_template(name).render(**context)


def _harmless(value: object) -> object:
    """Return a value as it is printed: texts of strangers without what misleads the eye."""
    if value is None:
        return ""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return value if _is_plain(value) else plain(value)


def _is_plain(text: str) -> bool:
    """Return whether `plain` would leave a text as it is; most are short and ASCII."""
    is_one_line = text.isascii() and text.isprintable() and len(text) <= MAX_SHORT
    return is_one_line and "  " not in text and text == text.strip()


def stylesheet_and_scripts() -> dict[str, bytes]:
    """Return the site's own style and scripts by their paths inside the site."""
    return {
        f"assets/{path.name}": path.read_bytes() for path in sorted((FOLDER / "assets").iterdir())
    }
