"""A person as an answer shows them: the phone always masked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from platform_app.kit.masking import mask_name, mask_phone
from platform_app.kit.times import iso


def profile(row: Row[Any], provider_id: int) -> dict[str, Any]:
    """Somebody's own profile; `row` has the columns of users_user."""
    return {
        "id": row.id,
        "phone": mask_phone(row.phone),
        "name": row.name,
        "role": row.role,
        "provider_id": provider_id or None,
        "created_at": iso(row.created_at),
        "version": row.version,
    }


def profile_for_operators(row: Row[Any]) -> dict[str, Any]:
    """Anybody's profile as an operator sees it."""
    return {
        "id": row.id,
        "phone": mask_phone(row.phone) if row.deleted_at is None else None,
        "name": mask_name(row.name),
        "role": row.role,
        "created_at": iso(row.created_at),
        "deleted_at": iso(row.deleted_at),
    }
