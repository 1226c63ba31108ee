"""Notification templates: the built-in ones, then the files of `templates`, in Go's template syntax."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from opsctl.alerts.batch import Batch
from opsctl.alerts.notification_data import Data, template_data
from opsctl.alerts.notification_functions import notification_functions
from opsctl.alerts.route_labels import RouteLabels
from opsctl.core.document import nearest
from opsctl.core.errors import DocumentError, Problem
from opsctl.gotemplate import Bounds, Template, TemplateError

_FILES = Path(__file__).parent / "files"
_BUILT_IN = ("default.tmpl", "email.tmpl")
_BOUNDS = Bounds(steps=2_000_000, output=8_000_000)
_KEPT = 512


class Templates:
    """What the texts of receivers may call by name. `text` and `html` fill one in; both raise TemplateError."""

    def __init__(self, base: Template) -> None:
        self._base = base
        self._parsed = lru_cache(maxsize=_KEPT)(self._parse)

    def check(self, text: str) -> None:
        """Parses a text and looks for the templates that it calls. Raises TemplateError."""
        missing = self._parsed(text).undefined()
        if missing:
            names = sorted(self._base.defined)
            raise TemplateError(f'template "{missing[0]}" not defined', hint=nearest(missing[0], names))

    def parse(self, text: str) -> Template:
        """Parses a text, as it is done before it is filled in. Raises TemplateError."""
        return self._parsed(text)

    def data(self, batch: Batch, most: int = 0) -> Data:
        """What the texts see of a batch, of its first `most` alerts (0: all). Raises TemplateError."""
        return template_data(batch, most, self.route_labels(batch))

    def route_labels(self, batch: Batch) -> dict[str, str]:
        """The labels of the batch's route, filled in; one that cannot be is left out, as in Alertmanager."""
        if not batch.route_labels:
            return {}
        texts, found = dict(batch.route_labels), {}
        data = template_data(replace(batch, cause=""), route_labels=texts)
        filling = RouteLabels(texts, lambda text, labels: self._filled(text, data, batch.now, False, labels))
        for name in texts:
            with suppress(TemplateError):
                found[name] = filling[name]
        return found

    def text(self, text: str, data: Data, now: float) -> str:
        """A text filled in; `now` is the time of the flush."""
        return self._filled(text, data, now, html=False)

    def html(self, text: str, data: Data, now: float) -> str:
        """As `text`, each value escaped for its place in the page."""
        return self._filled(text, data, now, html=True)

    def _filled(
        self, text: str, data: Data, now: float, html: bool, route_labels: Mapping[str, str] | None = None
    ) -> str:
        if "{{" not in text and not html:
            return text
        functions = notification_functions(now, data.fields["RouteLabels"] if route_labels is None else route_labels)
        return self._parsed(text).render(data, functions, html)

    def _parse(self, text: str) -> Template:
        return Template.parse(text, name="", base=self._base, bounds=_BOUNDS)


def read_templates(folder: Path, patterns: Iterable[str], refuse: Callable[[int, str], Exception]) -> Templates:
    """The templates of `patterns` (globs, relative to `folder`) over the built-in ones.

    A pattern without a file is no mistake, as in Alertmanager; `refuse` makes the error for a bad pattern's place.
    Raises DocumentError for a file that cannot be read or parsed.
    """
    base = built_in()
    for n, pattern in enumerate(patterns):
        if not pattern:
            continue
        try:
            names = sorted(glob.glob(os.path.join(folder, pattern)))
        except (ValueError, OSError) as error:
            raise refuse(n, f"not a pattern: {error}") from error
        for name in names:
            base = _with_file(base, Path(name))
    return Templates(base)


@lru_cache(maxsize=1)
def built_in() -> Template:
    """The templates that are always there."""
    base = Template.parse("", notification_functions(0.0, {}), name="", bounds=_BOUNDS)
    for name in _BUILT_IN:
        base = _with_file(base, _FILES / name)
    return base


def plain_templates() -> Templates:
    """The built-in ones alone."""
    return Templates(built_in())


def _with_file(base: Template, path: Path) -> Template:
    """`base` and what a file defines, itself by its name among that."""
    try:
        made = Template.parse(path.read_text(encoding="utf-8"), name=path.name, base=base, bounds=_BOUNDS)
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError([Problem(str(path), 0, "", f"cannot be read: {error}")]) from error
    except TemplateError as error:
        raise DocumentError([Problem(str(path), error.line, "", error.reason)]) from error
    return Template(made.name, made.nodes, made.functions, {**made.defined, path.name: made.nodes}, _BOUNDS)
