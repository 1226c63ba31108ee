"""Go's text/template: for rule files and Alertmanager templates only. Pure, bounded, no reach into Python objects."""

from opsctl.gotemplate.errors import TemplateError
from opsctl.gotemplate.execute import Bounds
from opsctl.gotemplate.template import Functions, Template
from opsctl.gotemplate.text import go_text, sprintf

__all__ = ["Bounds", "Functions", "Template", "TemplateError", "go_text", "sprintf"]
