"""Faust compilers and running programs: text to arrays. Nothing else starts a process."""
