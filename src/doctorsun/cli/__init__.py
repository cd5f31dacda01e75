"""The command `sun`: the one room that reads the environment, prints, and exits."""
