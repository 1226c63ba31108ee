"""Texts that a template's author vouches for, so that HTML leaves them alone. Source: html/template/content.go."""

from __future__ import annotations


class SafeHtml(str):
    """Is HTML already."""


class SafeUrl(str):
    """Is a URL of any scheme."""
