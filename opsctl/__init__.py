"""opsctl: the operations platform that keeps an online booking business running."""

__version__ = "0.1.0"
