"""The ways to sign in besides links and passwords: passkeys, and the team's identity provider."""
