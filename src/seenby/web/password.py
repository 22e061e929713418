"""Passwords for the pages: argon2id (RFC 9106), two at a time, so that guessing fills neither memory nor processor.

People choose them, so unlike the passwords we make (docs/adr/0016) they need a hash that is slow on purpose.
"""

import asyncio
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHash

FEWEST_CHARACTERS: Final = 12  # NIST SP 800-63B 5.1.1.2 asks for eight; length is what helps
MOST_CHARACTERS: Final = 200
_HASHER: Final = PasswordHasher()  # 64 MiB, three passes: the library's defaults follow RFC 9106 section 4
_AT_ONCE: Final = asyncio.Semaphore(2)


@lru_cache(maxsize=1)
def _nobody() -> str:
    """A hash of nobody's password, made when it is first needed: it takes as long as any, at no program's start."""
    return _HASHER.hash("whoever has no password takes as long to be told so")


def refusal(password: str, *, address: str) -> str:
    """Why this is no good password for this address, in words; empty when it is."""
    if len(password) < FEWEST_CHARACTERS:
        return f"Too short: take {FEWEST_CHARACTERS} characters or more; several words are easy to remember."
    if len(set(password)) < 5 or address.partition("@")[0].lower() in password.lower():
        return "Too easy to guess: it repeats itself, or holds your address."
    return ""


async def hash_password(password: str) -> str:
    """The hash to be kept."""
    async with _AT_ONCE:
        return await asyncio.to_thread(_HASHER.hash, password)


async def is_password(kept: str, password: str) -> bool:
    """Whether it is the password; it takes as long where there is none."""
    async with _AT_ONCE:
        return await asyncio.to_thread(_verify, kept, password)


def _verify(kept: str, password: str) -> bool:
    try:
        is_right = _HASHER.verify(kept or _nobody(), password)
    except (Argon2Error, InvalidHash):
        return False
    return bool(kept) and is_right
