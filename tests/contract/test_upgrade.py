"""Roles that start at the same moment on an empty PostgreSQL: one makes the tables, the others find them made."""

import asyncio
import secrets
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.postgres import database_url

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]
OPEN = """
import asyncio, sys
from pathlib import Path
from seenby.store import open_store

async def main():
    store = await open_store(database_url=sys.argv[1], data=Path())
    print(".", end="", flush=True)
    await store.close()

sys.stdin.readline()
asyncio.run(main())
"""


async def ask(host: str, database: str, question: str) -> object:
    connection = await asyncpg.connect(user="postgres", database=database, host=host)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def test_four_roles_that_start_at_once_on_an_empty_database_all_come_up(postgres: str, tmp_path: Path) -> None:
    name = f"e{secrets.token_hex(6)}"
    asyncio.run(ask(postgres, "postgres", f"create database {name}"))
    roles = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, database_url(postgres, name)],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for role in roles:  # all have loaded what they need and go at the same word
        assert role.stdin is not None
        role.stdin.write("go\n")
        role.stdin.flush()
    said = [role.communicate(timeout=60) for role in roles]
    assert [(out, error) for out, error in said] == [(".", "")] * 4
    assert asyncio.run(ask(postgres, name, "select count(*) from alembic_version")) == 1
