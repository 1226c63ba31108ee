"""Roles: each may do what the ones before it may."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.core.errors import Forbidden

ROLES = ("viewer", "operator", "approver", "admin")


@dataclass(frozen=True)
class Principal:
    """Who calls: a token's name and its role."""

    name: str
    role: str

    def require(self, role: str) -> None:
        """Raises Forbidden unless this principal's role includes `role`."""
        if ROLES.index(self.role) < ROLES.index(role):
            raise Forbidden(f"{self.name} is {self.role}; this needs {role}", f"opsctl … --as {role}")
